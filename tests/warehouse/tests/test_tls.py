from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_warehouse import Warehouse

from .network import ask, trusting, works

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNKNOWN = "unable to get local issuer certificate|self-signed certificate in certificate chain"
SQL = "/api/2.0/sql"


@pytest.fixture(scope="module")
def running_tls() -> Iterator[Warehouse]:
    with Warehouse.start(tls=True, storage_tls="other") as warehouse:
        yield warehouse


@pytest.fixture
def secure(running_tls: Warehouse) -> Iterator[Warehouse]:
    yield running_tls
    running_tls.reset()


def mutual(warehouse: Warehouse, *authorities: str | None) -> ssl.SSLContext:
    assert warehouse.client_cert is not None
    assert warehouse.client_key is not None
    return trusting(*authorities, client=(warehouse.client_cert, warehouse.client_key))


def link_of(warehouse: Warehouse, **options: Any) -> str:
    """Run a statement over TLS and give the link of its result."""
    body = {
        "warehouse_id": "local",
        "statement": "SELECT 1",
        "disposition": "EXTERNAL_LINKS",
        "format": "ARROW_STREAM",
    }
    url = warehouse.server_hostname + SQL + "/statements"
    headers = {"authorization": f"Bearer {warehouse.access_token}"}
    options.setdefault("tls", trusting(warehouse.ca))
    answer = ask(url, "POST", headers=headers, body=body, **options).json
    return str(answer["result"]["external_links"][0]["external_link"])


def test_the_authority_vouches_for_the_workspace_only(secure: Warehouse) -> None:
    assert secure.server_hostname.startswith("https://")
    assert works(secure, secure.access_token, tls=trusting(secure.ca)) == 200
    for context in (ssl.create_default_context(), trusting(secure.other_ca)):
        with pytest.raises(ssl.SSLCertVerificationError, match=_UNKNOWN):
            works(secure, secure.access_token, tls=context)


def test_the_storage_has_an_authority_of_its_own(secure: Warehouse) -> None:
    link = link_of(secure)
    assert link.startswith("https://")
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(link, tls=trusting(secure.ca))
    assert ask(link, tls=trusting(secure.other_ca)).status == 200


def test_the_storage_can_do_without_tls() -> None:
    with Warehouse.start(tls=True, storage_tls="off") as warehouse:
        link = link_of(warehouse)
        assert link.startswith("http://")
        assert ask(link).status == 200


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("wrong_host", "Hostname mismatch"),
        ("expired", "certificate has expired"),
        ("unknown_ca", _UNKNOWN),
    ],
)
def test_a_bad_certificate_is_shown_on_demand(secure: Warehouse, kind: str, message: str) -> None:
    link = link_of(secure)
    secure.settings(certificate=kind)
    with pytest.raises(ssl.SSLCertVerificationError, match=message):
        works(secure, secure.access_token, tls=trusting(secure.ca))
    secure.settings(certificate="valid", storage_certificate=kind)
    assert works(secure, secure.access_token, tls=trusting(secure.ca)) == 200
    with pytest.raises(ssl.SSLCertVerificationError, match=message):
        ask(link, tls=trusting(secure.other_ca))


def test_a_client_certificate_is_demanded(secure: Warehouse) -> None:
    secure.settings(client_certificate=True)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        works(secure, secure.access_token, tls=trusting(secure.ca))
    assert works(secure, secure.access_token, tls=mutual(secure, secure.ca)) == 200
    link = link_of(secure, tls=mutual(secure, secure.ca))
    assert ask(link, tls=trusting(secure.other_ca)).status == 200
    secure.settings(storage_client_certificate=True)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(link, tls=trusting(secure.other_ca))
    assert ask(link, tls=mutual(secure, secure.other_ca)).status == 200


def test_the_certificate_is_good_for_names_of_the_service(secure: Warehouse) -> None:
    context = trusting(secure.ca)
    for name in (
        "adb-123456.7.azuredatabricks.net",
        "adb-1.2.databricks.azure.us",
        "login.microsoftonline.com",
        "::1",
    ):
        with (
            socket.create_connection(("127.0.0.1", secure.port)) as plain,
            context.wrap_socket(plain, server_hostname=name) as wrapped,
        ):
            assert wrapped.version() in ("TLSv1.2", "TLSv1.3")


def test_the_key_of_the_client_comes_encrypted_too(secure: Warehouse) -> None:
    secure.settings(client_certificate=True)
    context = trusting(secure.ca)
    assert secure.client_cert is not None
    passphrase = secure.client_key_passphrase
    context.load_cert_chain(secure.client_cert, secure.encrypted_client_key, passphrase)
    assert works(secure, secure.access_token, tls=context) == 200


def test_private_files_are_the_owners(secure: Warehouse) -> None:
    for path in (secure.client_key, secure.client_cert):
        assert path is not None
        with open(path) as opened:  # noqa: PTH123
            assert opened.readline().startswith("-----BEGIN")
