from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .conftest import SQL

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Client

SHOWN = [
    ("GetCatalogs", "SHOW CATALOGS", "TABLE_CAT"),
    ("GetSchemas", "SHOW SCHEMAS IN ALL CATALOGS", "TABLE_SCHEM"),
    ("GetTables", "SHOW TABLES IN CATALOG main", "REF_GENERATION"),
    ("GetColumns", "SHOW COLUMNS IN CATALOG main", "IS_AUTO_INCREMENT"),
    ("GetFunctions", "SHOW FUNCTIONS IN CATALOG main", "SPECIFIC_NAME"),
    ("GetPrimaryKeys", "SHOW KEYS IN CATALOG main IN SCHEMA native_s IN TABLE child", "PK_NAME"),
    (
        "GetCrossReference",
        "SHOW FOREIGN KEYS IN CATALOG main IN SCHEMA native_s IN TABLE child",
        "DEFERRABILITY",
    ),
]


@pytest.fixture(autouse=True)
def _tables(client: Client) -> None:
    client.rows("CREATE SCHEMA IF NOT EXISTS main.native_s")
    client.rows("CREATE OR REPLACE TABLE main.native_s.parent (id INT PRIMARY KEY)")
    client.rows(
        "CREATE OR REPLACE TABLE main.native_s.child (id INT PRIMARY KEY, "
        "p INT REFERENCES main.native_s.parent, d DECIMAL(10,2))"
    )
    client.rows("CREATE OR REPLACE FUNCTION main.native_s.f(x INT) RETURNS INT RETURN x")


def ask(client: Client, operation: str, sql: str) -> Any:
    body = {
        "warehouse_id": "local",
        "session_id": client.session_id,
        "statement": sql,
        "disposition": "INLINE",
        "format": "JSON_ARRAY",
    }
    headers = {
        "x-databricks-require-thrift-native-metadata": "true",
        "x-databricks-metadata-operation-type": operation,
    }
    return client.call("POST", SQL + "/statements", body, **headers).json


@pytest.mark.parametrize(("operation", "sql", "last"), SHOWN)
def test_the_final_shape_comes_where_it_is_switched_on(
    warehouse: Warehouse, client: Client, operation: str, sql: str, last: str
) -> None:
    warehouse.settings(native_metadata=True)
    answer = ask(client, operation, sql)
    assert answer["manifest"]["is_native_metadata_result"] is True
    assert last in [column["name"] for column in answer["manifest"]["schema"]["columns"]]
    assert answer["result"]["data_array"]


def test_by_default_it_does_not(client: Client) -> None:
    answer = ask(client, *SHOWN[0][:2])
    assert "is_native_metadata_result" not in answer["manifest"]
    assert answer["manifest"]["schema"]["columns"][0]["name"] == "catalog"


def test_types_and_codes_are_those_of_jdbc(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(native_metadata=True)
    sql = "SHOW COLUMNS IN CATALOG main SCHEMA LIKE 'native_s' TABLE LIKE 'child'"
    answer = ask(client, "GetColumns", sql)
    names = [column["name"] for column in answer["manifest"]["schema"]["columns"]]
    rows = [dict(zip(names, row, strict=True)) for row in answer["result"]["data_array"]]
    assert [(row["COLUMN_NAME"], row["DATA_TYPE"], row["IS_NULLABLE"]) for row in rows] == [
        ("id", "4", "NO"),
        ("p", "4", "YES"),
        ("d", "3", "YES"),
    ]
