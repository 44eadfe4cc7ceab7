"""The official kernel lists catalogs, schemas, tables, columns, keys, functions and procedures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from . import peers

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    from .conftest import Client

    Ask = Callable[..., list[dict[str, Any]]]

_PROGRAM = """\
import json, os, sys
import databricks_sql_kernel
assert databricks_sql_kernel.__version__ == "1.3.0"
options, call, arguments = json.loads(sys.argv[1])
session = databricks_sql_kernel.Session(**options)
rows = getattr(session.metadata(), call)(**arguments).fetch_all_arrow().to_pylist()
session.close()
print(json.dumps(rows), flush=True)
os._exit(0)
"""
TABLE = {"catalog": "main", "schema": "official_s", "table": "child"}


@pytest.fixture(autouse=True)
def _tables(client: Client) -> None:
    client.rows("CREATE SCHEMA IF NOT EXISTS main.official_s")
    client.rows("CREATE OR REPLACE TABLE main.official_s.parent (id INT PRIMARY KEY)")
    client.rows(
        "CREATE OR REPLACE TABLE main.official_s.child (id BIGINT PRIMARY KEY COMMENT 'key', "
        "p INT REFERENCES main.official_s.parent (id), d DECIMAL(10,2)) COMMENT 'a child'"
    )
    client.rows("CREATE OR REPLACE FUNCTION main.official_s.f(x INT) RETURNS INT RETURN x")
    client.rows("CREATE OR REPLACE PROCEDURE main.official_s.pr() LANGUAGE SQL AS BEGIN END")


@pytest.fixture(params=[False, True], ids=["shown", "native"])
def ask(warehouse: Warehouse, peer_python: str, request: pytest.FixtureRequest) -> Ask:
    """Call a method of the kernel's metadata, served by SHOW or in its final shape."""
    warehouse.settings(native_metadata=request.param)

    def call(method: str, **arguments: Any) -> list[dict[str, Any]]:
        options = {
            "host": warehouse.server_hostname,
            "http_path": warehouse.http_path,
            "access_token": warehouse.access_token,
        }
        given = json.dumps([options, method, arguments])
        rows: list[dict[str, Any]] = peers.answer(peer_python, _PROGRAM, given)
        return rows

    return call


def test_catalogs_and_schemas(ask: Ask) -> None:
    names = [row["TABLE_CAT"] for row in ask("list_catalogs")]
    assert {"main", "samples", "system"} <= set(names)
    (schema,) = ask("list_schemas", catalog="main", schema_pattern="official%")
    assert schema == {"TABLE_SCHEM": "official_s", "TABLE_CATALOG": "main"}
    everywhere = ask("list_schemas", catalog=None, schema_pattern=None)
    assert {"TABLE_SCHEM": "tpch", "TABLE_CATALOG": "samples"} in everywhere


@pytest.mark.parametrize("catalog", ["main", None, "ma%"])
def test_tables(ask: Ask, catalog: str | None) -> None:
    rows = ask(
        "list_tables",
        catalog=catalog,
        schema_pattern="official\\_s",
        table_pattern="%",
        table_types=["TABLE"],
    )
    assert [(row["TABLE_NAME"], row["REMARKS"]) for row in rows] == [
        ("child", "a child"),
        ("parent", ""),
    ]


@pytest.mark.parametrize("catalog", ["main", None])
def test_columns(ask: Ask, catalog: str | None) -> None:
    rows = ask(
        "list_columns",
        catalog=catalog,
        schema_pattern="official_s",
        table_pattern="child",
        column_pattern="%",
    )
    names = ("COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "NULLABLE", "ORDINAL_POSITION", "REMARKS")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("id", -5, "BIGINT", 0, 1, "key"),
        ("p", 4, "INT", 1, 2, ""),
        ("d", 3, "DECIMAL(10,2)", 1, 3, ""),
    ]


def test_keys(ask: Ask) -> None:
    (primary,) = ask("primary_keys", **TABLE)
    assert (primary["COLUMN_NAME"], primary["KEY_SEQ"]) == ("id", 1)
    assert primary["PK_NAME"] == "child_pk"
    (foreign,) = ask("foreign_keys", **{f"foreign_{name}": value for name, value in TABLE.items()})
    assert (foreign["PKTABLE_NAME"], foreign["PKCOLUMN_NAME"]) == ("parent", "id")
    assert (foreign["FKTABLE_NAME"], foreign["FKCOLUMN_NAME"]) == ("child", "p")
    assert foreign["FK_NAME"] == "child_p_fk"


def test_functions_and_procedures(ask: Ask) -> None:
    (function,) = ask("functions", catalog="main", schema_pattern="official%", name_pattern="f")
    assert (function["FUNCTION_CAT"], function["FUNCTION_NAME"]) == ("main", "f")
    (procedure,) = ask("procedures", catalog="main", schema_pattern="official%", name_pattern="p%")
    assert (procedure["PROCEDURE_SCHEM"], procedure["PROCEDURE_NAME"]) == ("official_s", "pr")


def test_what_is_not_there_is_no_row(ask: Ask) -> None:
    assert ask("list_schemas", catalog="nowhere", schema_pattern=None) == []
    assert ask("primary_keys", **{**TABLE, "table": "nothing"}) == []
