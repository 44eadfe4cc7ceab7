from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from databricks_sql_warehouse import information_schema

if TYPE_CHECKING:
    from .conftest import Client

RELATIONS = information_schema.relations()


@pytest.fixture(autouse=True)
def _tables(client: Client) -> None:
    client.rows("CREATE SCHEMA IF NOT EXISTS main.info_s COMMENT 'a schema'")
    client.rows(
        "CREATE OR REPLACE TABLE main.info_s.t (id INT NOT NULL COMMENT 'first', "
        "d DECIMAL(10,2) DEFAULT 1.5, i INTERVAL DAY TO HOUR, g GEOMETRY(4326)) COMMENT 'a table'"
    )
    client.rows("CREATE OR REPLACE VIEW main.info_s.v AS SELECT id FROM main.info_s.t")


@pytest.mark.parametrize("catalog", ["main", "system"])
@pytest.mark.parametrize("relation", RELATIONS)
def test_every_relation_can_be_read(client: Client, catalog: str, relation: str) -> None:
    name = f"{catalog}.information_schema.{relation}"
    declared = [column.name for column in information_schema.columns(relation, "UTC")]
    assert [column["name"] for column in client.columns(f"SELECT * FROM {name}")] == declared
    described = client.rows(f"DESCRIBE TABLE {name}")
    assert [row[0] for row in described] == declared


def test_tables_and_views_are_listed(client: Client) -> None:
    assert client.rows(
        "SELECT table_name, table_type, comment, data_source_format "
        "FROM main.information_schema.tables WHERE table_schema = 'info_s' ORDER BY table_name"
    ) == [
        ["t", "MANAGED", "a table", "DELTA"],
        ["v", "VIEW", None, "UNKNOWN_DATA_SOURCE_FORMAT"],
    ]
    assert client.rows(
        "SELECT table_name, view_definition FROM main.information_schema.views "
        "WHERE table_schema = 'info_s'"
    ) == [["v", "SELECT id FROM main.info_s.t"]]
    assert client.rows(
        "SELECT comment FROM main.information_schema.schemata WHERE schema_name = 'info_s'"
    ) == [["a schema"]]


def test_columns_have_their_types(client: Client) -> None:
    assert client.rows(
        "SELECT column_name, ordinal_position, is_nullable, data_type, full_data_type, "
        "numeric_precision, numeric_scale, interval_type, comment "
        "FROM main.information_schema.columns "
        "WHERE table_schema = 'info_s' AND table_name = 't' ORDER BY ordinal_position"
    ) == [
        ["id", "0", "NO", "INT", "int", "32", "0", None, "first"],
        ["d", "1", "YES", "DECIMAL", "decimal(10,2)", "10", "2", None, None],
        ["i", "2", "YES", "INTERVAL", "interval day to hour", None, None, "DAY TO HOUR", None],
        ["g", "3", "YES", "GEOMETRY", "geometry(4326)", None, None, None, None],
    ]


def test_routines_are_listed(client: Client) -> None:
    client.rows(
        "CREATE OR REPLACE FUNCTION main.info_s.f(x INT, y STRING) RETURNS INT COMMENT 'doubles' "
        "RETURN x * 2"
    )
    client.rows(
        "CREATE OR REPLACE PROCEDURE main.info_s.p(x INT) LANGUAGE SQL COMMENT 'does' "
        "AS BEGIN SELECT 1; END"
    )
    assert client.rows(
        "SELECT routine_catalog, routine_schema, routine_name, comment, specific_name "
        "FROM system.information_schema.routines WHERE routine_type = 'PROCEDURE' "
        "AND routine_schema LIKE 'info%' AND routine_name LIKE 'p' ORDER BY 1, 2, 3"
    ) == [["main", "info_s", "p", "does", "p"]]
    assert client.rows(
        "SELECT routine_name, data_type, routine_definition FROM main.information_schema.routines "
        "WHERE routine_type = 'FUNCTION' AND routine_schema = 'info_s'"
    ) == [["f", "INT", "RETURN x * 2"]]
    assert client.rows(
        "SELECT parameter_name, data_type FROM main.information_schema.parameters "
        "WHERE specific_schema = 'info_s' AND specific_name = 'f' ORDER BY ordinal_position"
    ) == [["x", "INT"], ["y", "STRING"]]
    client.rows("DROP PROCEDURE main.info_s.p")
    assert client.error("DROP PROCEDURE main.info_s.p")[0] == "42883"


def test_the_current_catalog_is_meant_by_a_name_without(client: Client) -> None:
    sql = "SELECT DISTINCT table_catalog FROM information_schema.tables"
    assert client.rows(sql) == [["main"]]
    client.rows("USE CATALOG samples")
    assert client.rows(sql) == [["samples"]]
    client.rows("USE SCHEMA information_schema")
    assert client.rows("SELECT DISTINCT table_catalog FROM tables") == [["samples"]]


def test_relations_can_be_joined_and_named(client: Client) -> None:
    assert client.rows(
        "SELECT count(*) FROM main.information_schema.tables t "
        "JOIN main.information_schema.columns c USING (table_schema, table_name) "
        "WHERE t.table_schema = 'info_s' AND c.table_name = 't'"
    ) == [["4"]]


def test_what_is_not_there_is_an_error(client: Client) -> None:
    assert client.error("SELECT * FROM main.information_schema.nothing")[0] == "42P01"


def test_volumes_are_listed(client: Client) -> None:
    client.rows("CREATE VOLUME IF NOT EXISTS main.info_s.files")
    for catalog in ("main", "system"):
        sql = f"SELECT volume_name FROM {catalog}.information_schema.volumes"
        assert client.rows(f"{sql} WHERE volume_schema = 'info_s'") == [["files"]]
