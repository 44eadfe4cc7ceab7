"""Every kind of sign-in that the local warehouse knows, by the arguments of `Session`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)
from databricks_sql_warehouse import Warehouse

import databricks_sql_kernel as kernel

from .conftest import execute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Open


def works(session: kernel.Session) -> bool:
    return bool(execute(session, "SELECT 1").fetch_all_arrow().num_rows == 1)


def test_by_the_secret_of_a_service_principal(warehouse: Warehouse, open_session: Open) -> None:
    client_id, secret = warehouse.add_client()
    session = open_session(
        auth_type="oauth-m2m", access_token=None, client_id=client_id, client_secret=secret
    )
    assert works(session)
    assert warehouse.token_requests() == {"client_credentials": 1}
    with pytest.raises(kernel.KernelError) as caught:
        open_session(
            auth_type="oauth-m2m", access_token=None, client_id=client_id, client_secret="wr0ng"
        )
    assert caught.value.code == "Unauthenticated"
    assert "wr0ng" not in str(caught.value)


def test_by_the_key_of_a_service_principal(
    warehouse: Warehouse, open_session: Open, tmp_path: Path
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    sealed = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")
    )
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    client_id, _ = warehouse.add_client(keys={"key-1": public.decode()})
    file = tmp_path / "key.pem"
    file.write_bytes(sealed)
    arguments = {
        "auth_type": "oauth-m2m-jwt",
        "access_token": None,
        "client_id": client_id,
        "jwt_key_file": str(file),
        "jwt_kid": "key-1",
        "jwt_passphrase": "passphrase",
    }
    assert works(open_session(**arguments, jwt_algorithm="PS256"))
    for wrong in ({"jwt_passphrase": "x"}, {"jwt_algorithm": "ES256"}, {"jwt_algorithm": "none"}):
        with pytest.raises(kernel.KernelError) as caught:
            open_session(**{**arguments, **wrong})
        assert caught.value.code == "InvalidArgument"


def test_by_a_browser(
    warehouse: Warehouse, open_session: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport sys, urllib.request\n"
        "urllib.request.urlopen(sys.argv[1], timeout=30).read()\n"
    )
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    arguments = {"auth_type": "oauth-u2m", "access_token": None}
    assert works(open_session(**arguments, redirect_ports=[0x2F31, 0x2F32]))
    assert warehouse.token_requests() == {"authorization_code": 1}
    assert works(open_session(**arguments))  # by what was kept


@pytest.fixture(scope="module")
def running_tls_warehouse() -> Iterator[Warehouse]:
    """One that nobody is connected to yet: its proxy sees connections, not requests."""
    with Warehouse.start(tls=True) as warehouse:
        yield warehouse


@pytest.fixture
def azure(
    tls_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., kernel.Session]]:
    """Open sessions of a workspace in Azure by its name, through the proxy of the warehouse."""
    warehouse = tls_warehouse
    monkeypatch.setenv("HTTPS_PROXY", warehouse.proxy_url)
    opened: list[kernel.Session] = []

    def open_one(**arguments: Any) -> kernel.Session:
        assert warehouse.ca
        session = kernel.Session(
            "adb-1.2.azuredatabricks.net",
            warehouse.http_path,
            auth_type="azure-sp-m2m",
            tls_ca_cert=Path(warehouse.ca).read_bytes(),
            **{
                "azure_client_id": warehouse.client_id,
                "azure_client_secret": warehouse.client_secret,
                **arguments,
            },
        )
        opened.append(session)
        return session

    yield open_one
    for session in opened:
        session.close()


def test_by_entra_id_in_the_tenant_of_the_workspace(
    azure: Callable[..., kernel.Session], tls_warehouse: Warehouse
) -> None:
    warehouse = tls_warehouse
    assert works(azure())
    assert warehouse.token_requests()["azure_v2"] == 1
    assert next(entry["path"] for entry in warehouse.log(to="api")) == "/aad/auth"
    hosts = {entry["path"].partition(":")[0] for entry in warehouse.log(to="proxy")}
    assert hosts == {"adb-1.2.azuredatabricks.net", "login.microsoftonline.com"}


def test_by_entra_id_in_a_tenant_that_is_named(
    azure: Callable[..., kernel.Session], tls_warehouse: Warehouse
) -> None:
    warehouse = tls_warehouse
    assert works(azure(azure_tenant_id=warehouse.azure_tenant_id))
    assert "/aad/auth" not in {entry["path"] for entry in warehouse.log(to="api")}


def test_by_entra_id_with_a_role_on_the_resource(
    azure: Callable[..., kernel.Session], tls_warehouse: Warehouse
) -> None:
    warehouse = tls_warehouse
    warehouse.settings(log_secrets=True, federation="refuse")
    resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Databricks/workspaces/w"
    assert works(azure(azure_workspace_resource_id=resource))
    assert {"azure_v1": 1, "azure_v2": 1}.items() <= warehouse.token_requests().items()
    statement = next(entry for entry in warehouse.log(to="api") if entry["statement"])
    headers = dict(statement["raw"]["headers"])
    assert headers["x-databricks-azure-workspace-resource-id"] == resource
    assert headers["x-databricks-azure-sp-management-token"].count(".") == 2


def test_entra_id_tells_why_it_refuses(azure: Callable[..., kernel.Session]) -> None:
    with pytest.raises(kernel.KernelError, match="AADSTS7000215") as caught:
        azure(azure_client_secret="wr0ng")
    assert caught.value.code == "Unauthenticated"
    assert "wr0ng" not in str(caught.value)
