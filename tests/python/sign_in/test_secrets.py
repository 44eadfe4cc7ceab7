"""Secrets are planted everywhere, and looked for wherever they must not be."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from databricks_sql_warehouse import Warehouse

from databricks_sql_kernel import dbapi

from .conftest import key_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TOKEN = "dapi0s3cret-token"  # noqa: S105
_CLIENT = ("principal", "s3cret-client")
_PASSPHRASE = "s3cret-passphrase"  # noqa: S105
_PROXY = "user:s3cret-proxy"
_PLANTED = (_TOKEN, _CLIENT[1], _PASSPHRASE, "s3cret-proxy", "s3cret-assertion")
_FAULTS: tuple[dict[str, Any], ...] = (
    {},
    {"status": 400},
    {"status": 401},
    {"status": 403, "body": f"<html>{_TOKEN}</html>"},
    {"status": 503, "retry_after": 0},
    {"drop": "before"},
    {"drop": "mid"},
    {"body": _TOKEN, "status": 200},
)


class Witness(logging.Handler):
    """Remembers all that is logged, raised, printed and shown."""

    def __init__(self) -> None:
        super().__init__(level=1)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.name} {record.getMessage()} {vars(record)}")

    def saw(self, error: BaseException) -> None:
        self.texts += [
            str(error),
            repr(error),
            repr(vars(error)),
            *traceback.format_exception(error),
        ]
        self.texts.append(repr(pickle.dumps(error)))
        if error.__cause__ is not None:
            self.saw(error.__cause__)

    def finds(self, secret: str) -> list[str]:
        return [text for text in self.texts if secret in text]


@pytest.fixture
def witness() -> Iterator[Witness]:
    handler, root = Witness(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def planted() -> Iterator[Warehouse]:
    with Warehouse.start(token=_TOKEN, tls=True) as warehouse:
        warehouse.add_client(*_CLIENT)
        yield warehouse


def ways(warehouse: Warehouse, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Options of every way to sign in that needs a secret."""
    private, public = key_pair("P-256", _PASSPHRASE)
    key = tmp_path / "key.pem"
    key.write_bytes(private)
    warehouse.add_client("signer", keys={"k": public})
    yield {"access_token": _TOKEN}
    yield {"oauth_client_id": _CLIENT[0], "oauth_client_secret": _CLIENT[1]}
    yield {
        "oauth_client_id": "signer",
        "oauth_jwt_key_file": key,
        "oauth_jwt_kid": "k",
        "oauth_jwt_passphrase": _PASSPHRASE,
        "oauth_jwt_algorithm": "ES256",
    }
    yield {"azure_client_id": _CLIENT[0], "azure_client_secret": _CLIENT[1]}
    yield {
        "azure_client_id": _CLIENT[0],
        "azure_client_secret": _CLIENT[1],
        "azure_tenant_id": warehouse.azure_tenant_id,
        "azure_workspace_resource_id": "/resource",
    }
    yield {"access_token": warehouse.issue_foreign_token(sub="u")}
    yield {
        "access_token": warehouse.issue_foreign_token(sub="u"),
        "identity_federation_client_id": "nobody",
    }
    yield {"credentials_provider": lambda: _TOKEN}
    yield {"credentials_provider": lambda: {"Authorization": f"Basic {_TOKEN}"}}


def run(options: dict[str, Any], witness: Witness, during: Callable[[], object]) -> None:
    """Connects, fetches, lets the token end and fetches again; errors are what may come of it."""
    try:
        with dbapi.connect(**options) as connection:
            witness.texts += [repr(connection), str(connection)]
            cursor = connection.cursor()
            witness.texts.append(repr(cursor))
            cursor.execute("SELECT id FROM range(3000)").fetchmany(10)
            during()
            cursor.fetchall()
            cursor.execute("SELECT id FROM range(3000)").fetchall()
    except (dbapi.Error, TypeError) as error:
        witness.saw(error)


def authorizations(entries: list[dict[str, Any]]) -> set[str]:
    """The credentials that these requests brought."""
    headers = [dict(entry["raw"]["headers"]) for entry in entries]
    found = {header.get("authorization", "").partition(" ")[2] for header in headers}
    found |= {header.get("x-databricks-azure-sp-management-token", "") for header in headers}
    return found - {""}


def links(entries: list[dict[str, Any]]) -> set[str]:
    """The signatures of the links to storage that were used."""
    return {entry["raw"]["url"].partition("?")[2] for entry in entries} - {""}


@pytest.mark.timeout(300)
def test_no_secret_is_found_where_it_does_not_belong(
    planted: Warehouse,
    witness: Witness,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RUST_LOG", "trace")
    settings = {"log_secrets": True, "chunk_rows": 500, "inline_limit_bytes": 0, "first_links": 1}
    planted.settings(**settings, proxy_credentials=_PROXY)
    proxy = f"http://{_PROXY}@{planted.proxy_url.removeprefix('http://')}"
    address: dict[str, Any] = {
        "server_hostname": "adb-1.2.azuredatabricks.net",
        "http_path": planted.http_path,
        "tls_trusted_ca_file": planted.ca,
        "proxy": proxy,
        "retry_delay_min": 0.001,
        "retry_delay_max": 0.002,
        "retry_stop_after_attempts_count": 2,
        "max_buffered_bytes": 20_000,
    }
    wrong = {**address, "proxy": proxy.replace("s3cret", "s3cret-wrong")}
    entries: list[dict[str, Any]] = []
    for number, fault in enumerate(_FAULTS):
        for options in ways(planted, tmp_path):
            if fault:
                planted.fault(action=fault, every=3, times=None)
            run({**address, **options}, witness, planted.expire_tokens)
            if not number:
                run({**wrong, **options}, witness, planted.expire_tokens)
                run({**address, **options, "tls_trusted_ca_file": None}, witness, lambda: None)
            planted.clear_faults()
            entries += planted.log()
            planted.clear_log()
    assert {"api", "storage", "idp", "proxy"} == {entry["to"] for entry in entries}
    by_server = {
        name: [entry for entry in entries if entry["to"] == name]
        for name in ("api", "storage", "idp", "proxy")
    }
    tokens = authorizations(by_server["api"])
    assert len(tokens) > 10
    signatures = links(by_server["storage"])
    assert len(signatures) > 10
    printed = capfd.readouterr()
    witness.texts += [printed.out, printed.err]
    for secret in {*_PLANTED, *tokens, *signatures}:
        assert not witness.finds(secret), secret
    # Storage gets no credentials of anybody, and identity providers none of the workspace.
    storage = json.dumps(by_server["storage"])
    providers = json.dumps(by_server["idp"])
    bearers = {token for token in tokens if token.count(".") == 2 or token == _TOKEN}
    for secret in {*_PLANTED, *tokens}:
        assert secret not in storage
    for secret in {_TOKEN, *bearers, *signatures}:
        assert secret not in providers
    through = json.dumps(by_server["proxy"])
    for secret in {*tokens, _CLIENT[1], *signatures}:
        assert secret not in through


_PATH = "/sql/1.0/warehouses/0123456789abcdef"
_PEM = "-----BEGIN PRIVATE KEY-----\ns3cret-key\n-----END PRIVATE KEY-----\n"
_JDBC = f"jdbc:databricks://localhost:1;httpPath={_PATH};AuthMech=3;UID=token;PWD=s3cret"
_MISPLACED: dict[str, tuple[dict[str, Any], str]] = {
    "a token as http_path": ({"http_path": _TOKEN}, "are the arguments swapped"),
    "a token as server_hostname": ({"server_hostname": _TOKEN}, "are the arguments swapped"),
    "a token as warehouse_id": (
        {"http_path": None, "warehouse_id": _TOKEN + "\n"},
        "it looks like '0123456789abcdef'",
    ),
    "a token in quotes as http_path": ({"http_path": f'"{_TOKEN}"'}, "are the arguments swapped"),
    "a line of an environment as http_path": (
        {"http_path": f"DATABRICKS_TOKEN={_TOKEN}"},
        "are the arguments swapped",
    ),
    "a line of an environment as server_hostname": (
        {"server_hostname": "token=s3cret"},
        "are the arguments swapped",
    ),
    "a token in the path of server_hostname": (
        {"server_hostname": f"https://localhost:1/{_TOKEN}"},
        "are the arguments swapped",
    ),
    "a JDBC URL as server_hostname": ({"server_hostname": _JDBC}, "are the arguments swapped"),
    "a JDBC URL as http_path": ({"http_path": _JDBC}, "are the arguments swapped"),
    "a token as profile": ({"profile": _TOKEN}, "no profile"),
    "a token as on_truncated": ({"on_truncated": _TOKEN}, "must be 'raise' or 'warn'"),
    "a token as naive_datetime": ({"naive_datetime": _TOKEN}, "must be 'timestamp' or"),
    "a token as proxy_auth_method": ({"proxy_auth_method": _TOKEN}, "must be 'basic'"),
    "a token as auth_type": ({"access_token": None, "auth_type": _TOKEN}, "must be one of"),
    "a token in the query of server_hostname": (
        {"server_hostname": "https://localhost:1/?token=s3cret-query"},
        r"'https://localhost:1/\?...' holds more than a host",
    ),
    "a key as the path of its file": (
        {
            "access_token": None,
            "auth_type": "oauth-m2m-jwt",
            "oauth_client_id": "principal",
            "oauth_jwt_key_file": _PEM,
            "oauth_jwt_kid": "kid",
            "token_url": "https://localhost:1/token",
        },
        "the path of a file with it is wanted",
    ),
    "a key as the path of the file of a client's key": (
        {"tls_client_cert_file": __file__, "tls_client_cert_key_file": _PEM},
        "the path of a file with it is wanted",
    ),
    "a value in the name of a header": (
        {"http_headers": [("x-key: s3cret-header", "1")]},
        r"header 'x-key...' cannot be sent",
    ),
    "a password without a host of its proxy": (
        {"proxy": "http://user:s3cret-proxy"},
        "'http://user:...', which is no URL like",
    ),
    "a password with a mark that ends it": (
        {"proxy": "http://user:s3cret-proxy?@localhost:1"},
        "which is no URL like",
    ),
}


@pytest.mark.parametrize("mistake", _MISPLACED)
def test_a_secret_in_a_wrong_place_is_not_repeated(witness: Witness, mistake: str) -> None:
    wrong, advice = _MISPLACED[mistake]
    options = {"server_hostname": "https://localhost:1", "http_path": _PATH, "access_token": "t"}
    with pytest.raises(dbapi.Error, match=advice) as raised:
        dbapi.connect(**{**options, **wrong})
    witness.texts += [str(raised.value), repr(raised.value), repr(vars(raised.value))]
    witness.texts.append(repr(pickle.dumps(raised.value)))
    assert not witness.finds("s3cret")


def test_a_token_as_the_name_of_an_option_is_not_repeated() -> None:
    wrong: dict[str, Any] = {_TOKEN: 1}
    with pytest.raises(TypeError, match="are the arguments swapped") as raised:
        dbapi.connect("https://localhost:1", _PATH, "t", **wrong)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    "proxy", ["http://user:s3cret-proxy", "http://localhost:99999/?key=s3cret-query"]
)
def test_a_secret_in_a_wrong_proxy_of_the_environment_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.delenv("https_proxy", raising=False)
    with pytest.raises(dbapi.Error, match="the proxy in the environment is 'http://") as raised:
        dbapi.connect("https://localhost:1", _PATH, "t")
    assert "s3cret" not in str(raised.value) + repr(vars(raised.value))
