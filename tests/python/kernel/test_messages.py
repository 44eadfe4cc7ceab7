"""Messages point to arguments of `Session`, by the names that they have there."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import databricks_sql_kernel as kernel

from .conftest import execute

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

# What the same things are called by the DB-API, and not here.
OTHERS = [
    "server_hostname",
    "tls_trusted_ca_file",
    "tls_additional_ca_file",
    "tls_client_cert_file",
    "socket_timeout",
    "connect_timeout",
    "login_timeout",
    "use_cloud_fetch",
    "oauth_redirect_port",
]


def fails(warehouse: Warehouse, **arguments: Any) -> kernel.KernelError:
    """The error of a session that must fail, at the latest when it fetches."""
    address: dict[str, Any] = {
        "host": warehouse.server_hostname,
        "http_path": warehouse.http_path,
        "access_token": warehouse.access_token,
        "retry_max_attempts": 1,
    }
    with pytest.raises(kernel.KernelError) as caught:
        execute(kernel.Session(**{**address, **arguments}), "SELECT 1").fetch_all_arrow()
    for name in OTHERS:
        assert name not in str(caught.value)
    return caught.value


def authority(warehouse: Warehouse) -> bytes:
    assert warehouse.ca
    return Path(warehouse.ca).read_bytes()


@pytest.mark.parametrize("name", ["tls_ca_cert", "tls_client_cert"])
def test_certificates_that_are_none(warehouse: Warehouse, name: str) -> None:
    both = {"tls_client_cert": b"nothing", "tls_client_key": b"nothing"}
    given = both if name == "tls_client_cert" else {name: b"nothing"}
    error = fails(warehouse, **given)
    assert f"{name} holds no PEM certificate" in str(error)


def test_a_key_that_is_none(tls_warehouse: Warehouse) -> None:
    assert tls_warehouse.client_cert
    certificate = Path(tls_warehouse.client_cert).read_bytes()
    error = fails(tls_warehouse, tls_client_cert=certificate, tls_client_key=b"nothing")
    assert "tls_client_key holds no private key" in str(error)


def test_an_authority_that_nobody_trusts(tls_warehouse: Warehouse) -> None:
    error = fails(tls_warehouse)
    assert "issued by nobody who is trusted here; tls_ca_cert takes" in str(error)
    assert (error.code, error.retryable) == ("NetworkError", False)


def test_a_certificate_for_another_host(tls_warehouse: Warehouse) -> None:
    tls_warehouse.settings(certificate="wrong_host")
    given = {"tls_ca_cert": authority(tls_warehouse)}
    assert "its certificate is not for" in str(fails(tls_warehouse, **given))
    with_any_name: dict[str, Any] = {**given, "tls_skip_hostname_verify": True}
    address = (tls_warehouse.server_hostname, tls_warehouse.http_path)
    token = tls_warehouse.access_token
    kernel.Session(*address, access_token=token, **with_any_name).close()


def test_a_server_that_wants_a_certificate(tls_warehouse: Warehouse) -> None:
    tls_warehouse.settings(client_certificate=True)
    given = {"tls_ca_cert": authority(tls_warehouse)}
    assert "asked for, which tls_client_cert takes" in str(fails(tls_warehouse, **given))


def test_a_server_that_says_nothing(warehouse: Warehouse) -> None:
    warehouse.fault(match={"path": "sessions$"}, action={"delay": 5}, times=None)
    error = fails(warehouse, request_timeout_secs=0.3)
    assert "within request_timeout_secs" in str(error)
    assert (error.code, error.retryable) == ("NetworkError", True)


def test_a_name_that_nobody_knows(warehouse: Warehouse) -> None:
    error = fails(warehouse, host="workspace.invalid")
    assert "the workspace cannot be reached; check host," in str(error)
    assert "host 'a b' " in str(fails(warehouse, host="a b"))


def test_storage_that_cannot_be_reached(warehouse: Warehouse) -> None:
    warehouse.settings(storage_network="refused", inline_limit_bytes=0)
    assert "session_conf={'cloudfetch_enabled': 'false'} asks for" in str(fails(warehouse))
    warehouse.settings(storage_network="refused", inline_limit_bytes=0)
    address = (warehouse.server_hostname, warehouse.http_path)
    session = kernel.Session(
        *address,
        access_token=warehouse.access_token,
        session_conf={"cloudfetch_enabled": "false"},
    )
    assert execute(session, "SELECT 1").fetch_all_arrow().num_rows == 1
    session.close()


def test_ports_that_are_in_use(warehouse: Warehouse) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        given: dict[str, Any] = {
            "auth_type": "oauth-u2m",
            "access_token": None,
            "redirect_ports": [port],
        }
        error = fails(warehouse, **given, token_cache_enabled=False)
    assert "redirect_ports names another one" in str(error)
