"""The official kernel signs in: a client that was not written with this warehouse in mind."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from . import peers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from databricks_sql_warehouse import Warehouse

    SignIn = Callable[..., dict[str, Any]]

# Ends by _exit: the kernel closes statements in the background and would go on trying for minutes.
_PROGRAM = """\
import json, os, pathlib, sys
import databricks_sql_kernel
assert databricks_sql_kernel.__version__ == "1.3.0"
options = json.loads(sys.argv[1])
ca = pathlib.Path(options.pop("ca")).read_bytes()
session = databricks_sql_kernel.Session(**options, tls_ca_cert=ca)
statement = session.statement()
statement.set_sql("SELECT 'signed in' AS a")
rows = statement.execute().fetch_all_arrow().to_pylist()
session.close()
print(json.dumps(rows), flush=True)
os._exit(0)
"""
_BROWSER = """\
#!/bin/sh
exec curl --silent --location --cacert "$BROWSER_CA" "$1" >/dev/null 2>&1
"""


@pytest.fixture
def sign_in(secure: Warehouse, peer_python: str) -> SignIn:
    """Sign in by the official kernel, run a query, and give the counters of token requests."""

    def run(environment: dict[str, str] | None = None, **options: Any) -> dict[str, Any]:
        given = {
            "host": secure.server_hostname,
            "http_path": secure.http_path,
            "ca": secure.ca,
            **options,
        }
        rows = peers.answer(peer_python, _PROGRAM, json.dumps(given), environment=environment)
        assert rows == [{"a": "signed in"}]
        return secure.token_requests()

    return run


def test_a_personal_access_token(secure: Warehouse, sign_in: SignIn) -> None:
    assert sign_in(access_token=secure.access_token) == {}


def test_a_client_secret(secure: Warehouse, sign_in: SignIn) -> None:
    secret = {"client_id": secure.client_id, "client_secret": secure.client_secret}
    assert sign_in(auth_type="oauth-m2m", **secret) == {"client_credentials": 1}


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS384", "ES256", "ES384"])
def test_a_signed_assertion(
    secure: Warehouse, sign_in: SignIn, tmp_path: Path, algorithm: str
) -> None:
    options = assertion_options(secure, tmp_path, algorithm)
    assert sign_in(**options) == {"client_assertion": 1}


def test_an_assertion_at_the_customers_provider_and_an_exchange(
    secure: Warehouse, sign_in: SignIn, tmp_path: Path
) -> None:
    options = assertion_options(secure, tmp_path, "RS256")
    url = secure.idp_url + "/oauth2/v1/token"
    assert sign_in(**options, token_url=url) == {"provider": 1, "jwt_bearer": 1}


def test_a_browser(secure: Warehouse, sign_in: SignIn, tmp_path: Path) -> None:
    browser = tmp_path / "xdg-open"
    browser.write_text(_BROWSER)
    browser.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "BROWSER_CA": str(secure.ca),
        "DISPLAY": ":0",
    }
    counted = sign_in(environment, auth_type="oauth-u2m", token_cache_enabled=False)
    assert counted == {"authorization_code": 1}


def test_entra_id_by_the_names_of_production_behind_a_proxy(
    secure: Warehouse, sign_in: SignIn
) -> None:
    secure.settings(proxy_credentials="user:password")
    proxy = secure.proxy_url.replace("://", "://user:password@")
    environment = {"HTTPS_PROXY": proxy, "NO_PROXY": "", "SSL_CERT_FILE": str(secure.ca)}
    counted = sign_in(
        environment,
        host="https://adb-1234.5.azuredatabricks.net",
        auth_type="azure-sp-m2m",
        azure_client_id=secure.client_id,
        azure_client_secret=secure.client_secret,
        azure_workspace_resource_id="/subscriptions/1",
    )
    assert counted == {"azure_v1": 1, "azure_v2": 1, "jwt_bearer": 1}
    hosts = {entry["path"] for entry in secure.log(to="proxy", status=200)}
    assert hosts == {"login.microsoftonline.com:443", "adb-1234.5.azuredatabricks.net:443"}


def assertion_options(warehouse: Warehouse, directory: Path, algorithm: str) -> dict[str, Any]:
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if algorithm.startswith("ES"):
        key = ec.generate_private_key(
            ec.SECP256R1() if algorithm.endswith("256") else ec.SECP384R1()
        )
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    layout = serialization.PublicFormat.SubjectPublicKeyInfo
    public = key.public_key().public_bytes(serialization.Encoding.PEM, layout)
    warehouse.add_client("signer", keys={"k": public.decode()})
    path = directory / "key.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return {
        "auth_type": "oauth-m2m-jwt",
        "client_id": "signer",
        "jwt_key_file": str(path),
        "jwt_kid": "k",
        "jwt_algorithm": algorithm,
    }
