"""Entra ID: service principals in every cloud, managed identities, the Azure CLI."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

from .conftest import one

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from databricks_sql_warehouse import Warehouse

    from .conftest import Connect

_RESOURCE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Databricks/workspaces/w"


def principal(warehouse: Warehouse) -> dict[str, Any]:
    return {
        "azure_client_id": warehouse.client_id,
        "azure_client_secret": warehouse.client_secret,
    }


def hosts(warehouse: Warehouse) -> set[str]:
    """The hosts that were called through the proxy."""
    return {entry["path"].partition(":")[0] for entry in warehouse.log(to="proxy")}


def test_a_service_principal_in_the_tenant_of_the_workspace(
    azure: Connect, running_tls_warehouse: Warehouse
) -> None:
    warehouse = running_tls_warehouse
    assert one(azure(auth_type="azure-sp-m2m", **principal(warehouse))) == 1
    assert warehouse.token_requests()["azure_v2"] == 1
    assert "login.microsoftonline.com" in hosts(warehouse)
    assert next(entry["path"] for entry in warehouse.log(to="api")) == "/aad/auth"


@pytest.mark.parametrize(
    ("host", "login"),
    [
        ("adb-1.2.databricks.azure.us", "login.microsoftonline.us"),
        ("adb-1.2.databricks.azure.cn", "login.chinacloudapi.cn"),
    ],
)
def test_a_service_principal_in_a_sovereign_cloud(
    azure: Connect, running_tls_warehouse: Warehouse, host: str, login: str
) -> None:
    warehouse = running_tls_warehouse
    tenant = warehouse.azure_tenant_id
    assert one(azure(host, azure_tenant_id=tenant, **principal(warehouse))) == 1
    assert login in hosts(warehouse)


def test_a_principal_with_a_role_on_the_resource_shows_two_tokens(
    azure: Connect, running_tls_warehouse: Warehouse
) -> None:
    warehouse = running_tls_warehouse
    warehouse.settings(log_secrets=True, federation="refuse")
    connection = azure(azure_workspace_resource_id=_RESOURCE, **principal(warehouse))
    assert one(connection) == 1
    assert {"azure_v1": 1, "azure_v2": 1}.items() <= warehouse.token_requests().items()
    statement = next(entry for entry in warehouse.log(to="api") if entry["statement"])
    headers = dict(statement["raw"]["headers"])
    assert headers["x-databricks-azure-workspace-resource-id"] == _RESOURCE
    assert headers["x-databricks-azure-sp-management-token"].count(".") == 2


def test_a_wrong_secret_is_told_with_the_words_of_entra_id(azure: Connect) -> None:
    with pytest.raises(dbapi.OperationalError, match="AADSTS7000215") as raised:
        azure(azure_client_id="nobody", azure_client_secret="wrong-s3cret")
    assert "login.microsoftonline.com" in str(raised.value)
    assert "s3cret" not in repr(raised.value)


def test_a_machine_in_azure_has_an_identity(
    azure: Connect, running_tls_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARM_USE_MSI", "true")
    assert one(azure()) == 1
    assert running_tls_warehouse.token_requests()["managed_identity"] == 1
    assert one(azure(auth_type="azure-msi", azure_workspace_resource_id=_RESOURCE)) == 1


_AZ = """\
import sys
assert sys.argv[1:3] == ["account", "get-access-token"], sys.argv
print({output!r})
print("Please run az login", file=sys.stderr)
sys.exit({status})
"""


def test_whoever_is_signed_in_with_the_azure_cli(
    azure: Connect, running_tls_warehouse: Warehouse, program: Callable[[str, str], Path]
) -> None:
    token = running_tls_warehouse.issue_token()
    document = json.dumps({"accessToken": token, "expires_on": int(time.time()) + 3600})
    program("az", _AZ.format(output=document, status=0))
    assert one(azure()) == 1
    assert one(azure(auth_type="azure-cli")) == 1
    program("az", _AZ.format(output=token, status=1))
    with pytest.raises(dbapi.OperationalError, match="Please run az login") as raised:
        azure()
    assert token not in repr(raised.value)
    program("az", _AZ.format(output=token, status=0))
    with pytest.raises(dbapi.OperationalError, match="no document") as raised:
        azure()
    assert token not in repr(raised.value)


def test_an_azure_cli_that_is_not_there_is_named(
    azure: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(dbapi.OperationalError, match=r"the Azure CLI \('az'\) cannot be run"):
        azure(auth_type="azure-cli")
