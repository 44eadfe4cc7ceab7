from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Client


@pytest.fixture(autouse=True)
def _tables(client: Client) -> None:
    client.execute("CREATE SCHEMA IF NOT EXISTS main.show_s")
    client.execute(
        "CREATE OR REPLACE TABLE main.show_s.first (id INT NOT NULL, d DECIMAL(10,2), "
        "a ARRAY<STRING>, i INTERVAL DAY)"
    )
    client.execute("CREATE OR REPLACE VIEW main.show_s.second AS SELECT 1 AS one")


def names(client: Client, sql: str) -> list[str]:
    return [column["name"] for column in client.columns(sql)]


def test_catalogs(client: Client) -> None:
    shown = client.rows("SHOW CATALOGS")
    assert shown == sorted(shown)
    assert [name for (name,) in shown if name in ("main", "samples", "system")] == [
        "main",
        "samples",
        "system",
    ]
    assert client.rows("SHOW CATALOGS LIKE 'samp*'") == [["samples"]]
    assert names(client, "SHOW CATALOGS") == ["catalog"]


def test_schemas(client: Client) -> None:
    assert client.rows("SHOW SCHEMAS IN `main` LIKE 'show*|nothing'") == [["show_s"]]
    assert ["tpch", "samples"] in client.rows("SHOW SCHEMAS IN ALL CATALOGS")
    assert names(client, "SHOW SCHEMAS IN ALL CATALOGS") == ["databaseName", "catalog"]


def test_tables_of_a_schema(client: Client) -> None:
    rows = [["show_s", "first", "false"], ["show_s", "second", "false"]]
    assert client.rows("SHOW TABLES IN main.show_s") == rows
    assert client.rows("SHOW TABLES IN show_s LIKE 'f*'") == rows[:1]


def test_tables_for_metadata_calls(client: Client) -> None:
    sql = "SHOW TABLES IN CATALOG `main` SCHEMA LIKE 'show.s' LIKE '*'"
    assert client.rows(sql) == [
        ["show_s", "first", "false", None, "main", "TABLE", None],
        ["show_s", "second", "false", None, "main", "VIEW", None],
    ]
    assert names(client, "SHOW TABLES IN ALL CATALOGS") == names(client, sql)


def test_columns_for_metadata_calls(client: Client) -> None:
    sql = "SHOW COLUMNS IN CATALOG `main` SCHEMA LIKE 'show_s' TABLE LIKE 'first' LIKE '*'"
    found = [dict(zip(names(client, sql), row, strict=True)) for row in client.rows(sql)]
    assert [(row["col_name"], row["columnType"], row["isNullable"]) for row in found] == [
        ("id", "INT", "false"),
        ("d", "DECIMAL(10,2)", "true"),
        ("a", "ARRAY<STRING>", "true"),
        ("i", "INTERVAL DAY", "true"),
    ]
    assert (found[1]["columnSize"], found[1]["decimalDigits"]) == ("10", "2")
    assert [row["ordinalPosition"] for row in found] == ["1", "2", "3", "4"]
    client.execute('CREATE OR REPLACE TABLE main.show_s.`quo"te` (a INT)')
    assert len(client.rows("SHOW COLUMNS IN CATALOG `main` TABLE LIKE 'quo\"te' LIKE '*'")) == 1
    client.execute('DROP TABLE main.show_s.`quo"te`')


def test_describe(client: Client) -> None:
    rows = [["id", "int", None], ["d", "decimal(10,2)", None]]
    assert client.rows("DESCRIBE TABLE main.show_s.first")[:2] == rows
    assert client.rows("DESCRIBE QUERY SELECT id, d FROM main.show_s.first") == rows
    assert names(client, "DESCRIBE main.show_s.first") == ["col_name", "data_type", "comment"]


def test_a_new_catalog(client: Client) -> None:
    client.execute("CREATE CATALOG IF NOT EXISTS show_c")
    client.execute("CREATE OR REPLACE TABLE show_c.default.t AS SELECT 1 AS a")
    assert client.rows("SELECT * FROM show_c.default.t") == [["1"]]
    client.execute("DROP CATALOG show_c CASCADE")
    assert client.rows("SHOW CATALOGS LIKE 'show*'") == []


def test_the_hive_metastore_knows_no_kinds(client: Client) -> None:
    client.execute("CREATE CATALOG IF NOT EXISTS hive_metastore")
    client.execute("CREATE OR REPLACE TABLE hive_metastore.default.t (id INT)")
    sql = "SHOW TABLES IN CATALOG hive_metastore SCHEMA LIKE 'default'"
    assert client.rows(sql) == [["default", "t", "false", None, "hive_metastore", "", None]]
    client.execute("DROP CATALOG hive_metastore CASCADE")
