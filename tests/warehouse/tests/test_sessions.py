from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import SQL, Client, needs_duckdb_2

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse


def test_a_session_has_its_own_time_zone(warehouse: Warehouse) -> None:
    client = Client(warehouse, session_confs={"timezone": "Asia/Tokyo"})
    rows = client.rows("SELECT current_timezone(), TIMESTAMP '2020-06-01 00:00:00'")
    assert rows == [["Asia/Tokyo", "2020-06-01T00:00:00.000+09:00"]]


@needs_duckdb_2
def test_an_offset_is_a_time_zone(warehouse: Warehouse) -> None:
    client = Client(warehouse, session_confs={"TIMEZONE": "+05:30"})
    assert client.rows("SELECT TIMESTAMP '2020-06-01 00:00:00'") == [
        ["2020-06-01T00:00:00.000+05:30"]
    ]


def test_an_unknown_time_zone_is_refused(client: Client) -> None:
    body = {"warehouse_id": "local", "session_confs": {"TIMEZONE": "Mars/Olympus"}}
    assert client.call("POST", SQL + "/sessions", body).status == 400


def test_catalog_and_schema_of_the_session_complete_names(warehouse: Warehouse) -> None:
    client = Client(warehouse, catalog="samples", schema="nyctaxi")
    assert client.rows("SELECT count(*) FROM trips") == [["21932"]]
    assert client.rows("SELECT current_catalog(), current_schema()") == [["samples", "nyctaxi"]]


def test_use_and_set_last_for_the_session(client: Client) -> None:
    client.execute("USE CATALOG samples")
    client.execute("USE SCHEMA tpch")
    client.execute("SET TIME ZONE 'Europe/Berlin'")
    shown = "SELECT current_catalog(), current_schema(), current_timezone()"
    assert client.rows(shown) == [["samples", "tpch", "Europe/Berlin"]]
    assert client.rows("SET timezone") == [["timezone", "Europe/Berlin"]]


def test_use_of_an_unknown_schema_fails(client: Client) -> None:
    assert client.error("USE SCHEMA nowhere")[0] == "42704"


def test_a_trailing_slash_is_tolerated(client: Client) -> None:
    assert client.call("POST", SQL + "/sessions/", {"warehouse_id": "local"}).status == 200


def test_another_warehouse_is_refused(client: Client) -> None:
    assert client.call("POST", SQL + "/sessions", {"warehouse_id": "other"}).status == 400


@pytest.mark.parametrize("query", ["", "?warehouse_id=local"])
def test_a_closed_session_is_gone(client: Client, query: str) -> None:
    path = f"{SQL}/sessions/{client.session_id}{query}"
    assert client.call("DELETE", path).json == {}
    assert client.call("DELETE", path).status == 404
    refused = client.post("SELECT 1")
    assert refused.status == 404
    assert client.session_id in refused.json["message"]


def test_session_id_excludes_catalog_and_schema(client: Client) -> None:
    answer = client.post("SELECT 1", catalog="main", schema="default")
    assert answer.status == 400
    assert "catalog and schema" in answer.json["message"]


def test_a_statement_needs_no_session(client: Client) -> None:
    fields = {"session_id": None, "catalog": "samples", "schema": "nyctaxi"}
    assert client.rows("SELECT count(*) FROM trips", **fields) == [["21932"]]


def test_session_versions_grow_with_the_state(warehouse: Warehouse) -> None:
    warehouse.settings(session_version=3)
    client = Client(warehouse)
    assert client.execute("SELECT 1")["status"]["session_version"] == {"version_id": 3}
    assert client.execute("USE samples.tpch")["status"]["session_version"] == {"version_id": 4}


def test_closing_a_session_cancels_its_statements(client: Client) -> None:
    statement_id = client.execute("SELECT sleep(60)", wait_timeout="0s")["statement_id"]
    client.call("DELETE", f"{SQL}/sessions/{client.session_id}")
    assert client.finish(statement_id)["status"]["state"] == "CANCELED"


def test_a_temporary_view_is_the_sessions_own(warehouse: Warehouse, client: Client) -> None:
    client.rows("CREATE OR REPLACE TABLE shadowed AS SELECT 'table' AS a")
    query = "SELECT 'view' AS a, id AS b FROM range(1)"
    client.rows(f"CREATE OR REPLACE TEMPORARY VIEW shadowed AS {query}")
    other = Client(warehouse)
    assert client.rows("SELECT a FROM shadowed") == [["view"]]
    assert other.rows("SELECT a FROM shadowed") == [["table"]]
    assert client.rows("SELECT a FROM main.default.shadowed") == [["table"]]
    assert ["", "shadowed", "true"] in client.rows("SHOW TABLES LIKE 'shadow*'")
    assert other.rows("SHOW TABLES LIKE 'shadow*'") == [["default", "shadowed", "false"]]
    assert client.rows("DESCRIBE shadowed") == [["a", "string", None], ["b", "bigint", None]]
    assert client.rows("SHOW CATALOGS LIKE '*temp*'") == []
    client.rows("DROP VIEW shadowed")
    assert client.rows("SELECT a FROM shadowed") == [["table"]]
