from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .conftest import Client, needs_duckdb_2

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse


def positional(*pairs: tuple[str, str | None]) -> list[dict[str, Any]]:
    return [
        {"ordinal": ordinal, "type": kind, "value": value}
        for ordinal, (kind, value) in enumerate(pairs, 1)
    ]


@pytest.mark.parametrize(
    ("kind", "value", "text", "shown"),
    [
        ("TINYINT", "1", "TINYINT", "1"),
        ("BIGINT", "9223372036854775807", "BIGINT", "9223372036854775807"),
        ("DOUBLE", "NaN", "DOUBLE", "NaN"),
        ("DOUBLE", "1.7976931348623157E308", "DOUBLE", "1.7976931348623157E308"),
        ("FLOAT", "-Infinity", "FLOAT", "-Infinity"),
        ("DECIMAL(38,18)", "1.5", "DECIMAL(38,18)", "1.500000000000000000"),
        ("DECIMAL", "1.4", "DECIMAL(10,0)", "1"),
        ("BOOLEAN", "true", "BOOLEAN", "true"),
        ("STRING", 'it\'s \\n "x"', "STRING", 'it\'s \\n "x"'),
        ("DATE", "2020-02-29", "DATE", "2020-02-29"),
        ("TIMESTAMP", "2020-01-01 00:00:00", "TIMESTAMP", "2020-01-01T00:00:00.000+09:00"),
        ("TIMESTAMP", "2020-01-01T00:00:00Z", "TIMESTAMP", "2020-01-01T09:00:00.000+09:00"),
        ("TIMESTAMP_NTZ", "2020-01-01 00:00:00", "TIMESTAMP_NTZ", "2020-01-01T00:00:00.000"),
        ("BINARY", "é", "BINARY", "w6k="),
        ("INTERVAL YEAR TO MONTH", "1-2", "INTERVAL YEAR TO MONTH", "1-2"),
        ("INTERVAL", "1-2", "INTERVAL YEAR TO MONTH", "1-2"),
        ("INTERVAL", "3 04:05:06.5", "INTERVAL DAY TO SECOND", "3 04:05:06.500000000"),
        ("INTERVAL", "INTERVAL '5' DAY", "INTERVAL DAY", "5 00:00:00.000000000"),
        ("INT", None, "INT", None),
        ("STRING", None, "STRING", None),
        pytest.param("VOID", None, "VOID", None, marks=needs_duckdb_2),
    ],
)
def test_a_value_keeps_its_type(
    warehouse: Warehouse, kind: str, value: str | None, text: str, shown: str | None
) -> None:
    client = Client(warehouse, session_confs={"TIMEZONE": "Asia/Tokyo"})
    bound = {"parameters": [{"name": "p", "type": kind, "value": value}]}
    assert client.columns("SELECT :p AS c", **bound)[0]["type_text"] == text
    assert client.rows("SELECT :p AS c", **bound) == [[shown]]


def test_positions_follow_the_text(client: Client) -> None:
    sql = (
        "WITH a AS (SELECT ? AS x) SELECT x, ?, '?', \"?\" /* ? */ FROM a WHERE x = ? LIMIT ? -- ?"
    )
    bound = positional(("INT", "1"), ("STRING", "two"), ("INT", "1"), ("INT", "5"))
    assert client.rows(sql, parameters=bound) == [["1", "two", "?", "?"]]


def test_a_marker_can_be_cast(client: Client) -> None:
    bound = positional(("STRING", "5"))
    assert client.rows("SELECT ?::INT + 1", parameters=bound) == [["6"]]


def test_a_name_can_be_used_twice(client: Client) -> None:
    bound = [{"name": "a", "type": "INT", "value": "3"}]
    assert client.rows("SELECT :a + :a", parameters=bound) == [["6"]]


def test_values_can_be_inserted(client: Client) -> None:
    client.execute("CREATE OR REPLACE TABLE bound_t (id INT, s STRING, d DECIMAL(10,2))")
    bound = positional(("INT", "1"), ("STRING", None), ("DECIMAL(3,2)", "1.25"))
    client.rows("INSERT INTO bound_t VALUES (?, ?, ?)", parameters=bound)
    assert client.rows("SELECT * FROM bound_t") == [["1", None, "1.25"]]


@pytest.mark.parametrize(
    ("sql", "state"), [("SELECT :a", "42P02"), ("SELECT ?", "42P02"), ("SELECT ?, :a", "42613")]
)
def test_unbound_and_mixed_markers_fail(client: Client, sql: str, state: str) -> None:
    assert client.error(sql)[0] == state


def test_doubled_quotes_are_quotes(client: Client) -> None:
    sql = "SELECT 'it''s ?', \"say \"\"x\"\" ''\", 'a\"\"b', ?"
    bound = positional(("INT", "1"))
    assert client.rows(sql, parameters=bound) == [["it's ?", "say \"x\" ''", 'a""b', "1"]]
