from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from .conftest import Client, fetch, needs_duckdb_2

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

ZONE = "America/Los_Angeles"
CASES = [
    ("true", "BOOLEAN", "BOOLEAN", pa.bool_(), "true"),
    ("CAST(1 AS TINYINT)", "BYTE", "TINYINT", pa.int8(), "1"),
    ("CAST(1 AS SMALLINT)", "SHORT", "SMALLINT", pa.int16(), "1"),
    ("1", "INT", "INT", pa.int32(), "1"),
    ("CAST(1 AS BIGINT)", "LONG", "BIGINT", pa.int64(), "1"),
    ("length('abc')", "INT", "INT", pa.int32(), "3"),
    ("sum(1)", "LONG", "BIGINT", pa.int64(), "1"),
    ("CAST(1.5 AS FLOAT)", "FLOAT", "FLOAT", pa.float32(), "1.5"),
    ("CAST('NaN' AS DOUBLE)", "DOUBLE", "DOUBLE", pa.float64(), "NaN"),
    ("CAST('-Infinity' AS DOUBLE)", "DOUBLE", "DOUBLE", pa.float64(), "-Infinity"),
    ("CAST(12345678.9 AS DOUBLE)", "DOUBLE", "DOUBLE", pa.float64(), "1.23456789E7"),
    ("CAST(1 AS DECIMAL(10,2))", "DECIMAL", "DECIMAL(10,2)", pa.decimal128(10, 2), "1.00"),
    ("CAST(1 AS DECIMAL)", "DECIMAL", "DECIMAL(10,0)", pa.decimal128(10, 0), "1"),
    ("'é'", "STRING", "STRING", pa.string(), "é"),
    ("X'00ff'", "BINARY", "BINARY", pa.binary(), "AP8="),
    ("DATE '2020-02-29'", "DATE", "DATE", pa.date32(), "2020-02-29"),
    (
        "TIMESTAMP '2021-06-15 12:34:56.789'",
        "TIMESTAMP",
        "TIMESTAMP",
        pa.timestamp("us", ZONE),
        "2021-06-15T12:34:56.789-07:00",
    ),
    (
        "TIMESTAMP_NTZ '2021-06-15 12:34:56'",
        "TIMESTAMP_NTZ",
        "TIMESTAMP_NTZ",
        pa.timestamp("us"),
        "2021-06-15T12:34:56.000",
    ),
    pytest.param("NULL", "NULL", "VOID", pa.null(), None, marks=needs_duckdb_2),
    pytest.param(
        'parse_json(\'{"b": 1, "a": 2}\')',
        "VARIANT",
        "VARIANT",
        pa.string(),
        '{"a":2,"b":1}',
        marks=needs_duckdb_2,
    ),
    (
        "array(1, NULL)",
        "ARRAY",
        "ARRAY<INT>",
        pa.list_(pa.field("element", pa.int32())),
        "[1,null]",
    ),
    (
        "map('a', 1)",
        "MAP",
        "MAP<STRING, INT>",
        pa.map_(pa.string(), pa.int32()),
        '{"a":1}',
    ),
    (
        "named_struct('x', 1, 'y', 'z')",
        "STRUCT",
        "STRUCT<x: INT, y: STRING>",
        pa.struct({"x": pa.int32(), "y": pa.string()}),
        '{"x":1,"y":"z"}',
    ),
    (
        "INTERVAL '3 04:30:20.123' DAY TO SECOND",
        "INTERVAL",
        "INTERVAL DAY TO SECOND",
        pa.duration("us"),
        "3 04:30:20.123000000",
    ),
]


@pytest.mark.parametrize(("sql", "name", "text", "arrow", "shown"), CASES)
def test_a_type_in_manifest_arrow_and_json(
    warehouse: Warehouse, sql: str, name: str, text: str, arrow: pa.DataType, shown: str | None
) -> None:
    client = Client(warehouse, session_confs={"TIMEZONE": ZONE})
    (column,) = client.columns(f"SELECT {sql} AS c")
    assert (column["type_name"], column["type_text"]) == (name, text)
    assert client.table(f"SELECT {sql} AS c").schema.field("c").type == arrow
    assert client.rows(f"SELECT {sql} AS c") == [[shown]]


def test_decimals_tell_precision_and_scale(client: Client) -> None:
    (column,) = client.columns("SELECT CAST(1 AS DECIMAL(38,10)) AS c")
    assert column == {
        "name": "c",
        "type_text": "DECIMAL(38,10)",
        "type_name": "DECIMAL",
        "position": 0,
        "type_precision": 38,
        "type_scale": 10,
    }


INTERVALS = [
    ("INTERVAL '100' YEAR", "YEAR", "100-0"),
    ("INTERVAL '1200' MONTH", "MONTH", "100-0"),
    ("INTERVAL '-1-2' YEAR TO MONTH", "YEAR TO MONTH", "-1-2"),
    ("INTERVAL '3' DAY", "DAY", "3 00:00:00.000000000"),
    ("INTERVAL '3 4' DAY TO HOUR", "DAY TO HOUR", "3 04:00:00.000000000"),
    ("INTERVAL '3 04:30' DAY TO MINUTE", "DAY TO MINUTE", "3 04:30:00.000000000"),
    ("INTERVAL '-3 04:30:20.5' DAY TO SECOND", "DAY TO SECOND", "-3 04:30:20.500000000"),
    ("INTERVAL '27' HOUR", "HOUR", "1 03:00:00.000000000"),
    ("INTERVAL '27:15' HOUR TO MINUTE", "HOUR TO MINUTE", "1 03:15:00.000000000"),
    ("INTERVAL '27:15:20' HOUR TO SECOND", "HOUR TO SECOND", "1 03:15:20.000000000"),
    ("INTERVAL '5' MINUTE", "MINUTE", "0 00:05:00.000000000"),
    ("INTERVAL '90:30.5' MINUTE TO SECOND", "MINUTE TO SECOND", "0 01:30:30.500000000"),
    ("INTERVAL '45.789' SECOND", "SECOND", "0 00:00:45.789000000"),
]


def test_declared_interval_types_last(client: Client) -> None:
    names = [f"c{position}" for position in range(len(INTERVALS))]
    kinds = [qualifier for _, qualifier, _ in INTERVALS]
    declared = ", ".join(f"{n} INTERVAL {kind}" for n, kind in zip(names, kinds, strict=True))
    client.execute(f"CREATE OR REPLACE TABLE intervals_t ({declared})")
    values = ", ".join(literal for literal, _, _ in INTERVALS)
    client.execute(f"INSERT INTO intervals_t VALUES ({values})")
    for query in ("SELECT * FROM intervals_t", f"SELECT {', '.join(names)} FROM intervals_t AS t"):
        found = client.columns(query)
        assert [column["type_interval_type"] for column in found] == kinds
        assert client.rows(query) == [[shown for _, _, shown in INTERVALS]]


def test_year_month_intervals_arrive_as_month_interval(client: Client) -> None:
    table = client.table("SELECT INTERVAL '1-2' YEAR TO MONTH AS c")
    assert str(table.schema.field("c").type) == "month_interval"


def test_interval_kinds_pass_through_queries(client: Client) -> None:
    (column,) = client.columns(
        "WITH a AS (SELECT INTERVAL '1' YEAR AS y), "
        "b AS (SELECT y + INTERVAL '1' MONTH AS z FROM a) "
        "SELECT max(z) AS m FROM (SELECT * FROM b UNION ALL SELECT NULL)"
    )
    assert column["type_text"] == "INTERVAL YEAR TO MONTH"


def test_month_intervals_survive_the_rows_fault(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(match={"to": "storage"}, action={"rows": 1})
    answer = client.execute("SELECT 5 AS a, INTERVAL '1' YEAR AS b", result_compression="NONE")
    body = fetch(answer["result"]["external_links"][0]["external_link"]).body
    assert pa.ipc.open_stream(body).read_all().column(0).to_pylist() == [5, 5]


def test_nested_values_are_json_text(client: Client) -> None:
    sql = "SELECT array(named_struct('d', DATE '2020-01-01', 'n', 1.50, 'm', map(1, true)))"
    ((shown,),) = client.rows(sql)
    assert json.loads(shown) == [{"d": "2020-01-01", "n": "1.50", "m": {"1": True}}]


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("1", "1"),
        ("'abc'", "abc"),
        ("1 + 1", "(1 + 1)"),
        ("CAST(NULL AS DOUBLE)", "CAST(NULL AS DOUBLE)"),
        ("count(*)", "count(1)"),
        ("upper('x')", "upper(x)"),
        ("1 > 2 AND true", "((1 > 2) AND true)"),
    ],
)
def test_an_unaliased_expression_is_named_by_its_text(client: Client, sql: str, name: str) -> None:
    assert client.columns(f"SELECT {sql}")[0]["name"] == name


def test_names_may_repeat(client: Client) -> None:
    names = [column["name"] for column in client.columns("SELECT 1 AS a, 2 AS a, id FROM range(1)")]
    assert names == ["a", "a", "id"]
