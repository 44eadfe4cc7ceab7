from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Client

PATH = "/api/2.0/sql/warehouses"


def test_the_one_warehouse_runs(warehouse: Warehouse, client: Client) -> None:
    (listed,) = client.call("GET", PATH).json["warehouses"]
    assert client.call("GET", f"{PATH}/local").json == listed
    assert (listed["id"], listed["state"]) == ("local", "RUNNING")
    assert listed["odbc_params"]["path"] == warehouse.http_path
    assert listed["odbc_params"]["port"] == warehouse.port
    assert client.call("POST", f"{PATH}/local/start", {}).json == {}


def test_another_does_not_exist(client: Client) -> None:
    for method, path in (("GET", "/other"), ("POST", "/other/start")):
        answer = client.call(method, PATH + path)
        assert answer.status == 404
        assert answer.json["error_code"] == "NOT_FOUND"
