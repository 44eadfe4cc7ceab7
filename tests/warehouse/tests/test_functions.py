from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import Client

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

POINT = "st_geomfromtext('POINT(1 2)', 4326)"


@pytest.mark.parametrize(
    ("expression", "kind", "text"),
    [
        (POINT, "GEOMETRY(4326)", "SRID=4326;POINT(1 2)"),
        ("st_geogfromtext('POINT(1 2)')", "GEOGRAPHY(4326)", "SRID=4326;POINT(1 2)"),
        ("st_point(1, 2.5)", "GEOMETRY(0)", "POINT(1 2.5)"),
        (f"st_setsrid({POINT}, 3857)", "GEOMETRY(3857)", "SRID=3857;POINT(1 2)"),
        (f"st_astext({POINT})", "STRING", "POINT(1 2)"),
        (f"st_srid({POINT})", "INT", "4326"),
        (f"array({POINT})", "ARRAY<GEOMETRY(4326)>", '["SRID=4326;POINT(1 2)"]'),
        ("CAST(NULL AS GEOGRAPHY(4326))", "GEOGRAPHY(4326)", None),
        ('parse_json(\'{"b":1,"a":"x"}\')', "VARIANT", '{"a":"x","b":1}'),
        ('parse_json(\'{"a":{"b":"x"}}\'):a.b', "VARIANT", '"x"'),
        ('parse_json(\'{"a":{"b":"x"}}\'):a.b::string', "STRING", "x"),
        ("variant_get(parse_json('{\"a\":[7]}'), '$.a[0]', 'int')", "INT", "7"),
        ("try_parse_json('{')", "VARIANT", None),
        ("to_variant_object(named_struct('a', 1))", "VARIANT", '{"a":1}'),
        ('from_json(\'{"a":1,"b":["x"]}\', \'a INT, b ARRAY<STRING>\')', None, None),
        (
            "array(INTERVAL '1' DAY, INTERVAL '2' DAY)",
            "ARRAY<INTERVAL DAY>",
            '["1 00:00:00.000000000","2 00:00:00.000000000"]',
        ),
        (
            "map('k', array(INTERVAL '1-2' YEAR TO MONTH))",
            "MAP<STRING, ARRAY<INTERVAL YEAR TO MONTH>>",
            '{"k":["1-2"]}',
        ),
        (
            "named_struct('a', named_struct('b', INTERVAL '5' HOUR))",
            "STRUCT<a: STRUCT<b: INTERVAL HOUR>>",
            '{"a":{"b":"0 05:00:00.000000000"}}',
        ),
        ("make_ym_interval(1, 2)", "INTERVAL YEAR TO MONTH", "1-2"),
        ("make_dt_interval(1, 2, 3, 4.5)", "INTERVAL DAY TO SECOND", "1 02:03:04.500000000"),
        ("date_add(DATE '2024-02-28', 2)", "DATE", "2024-03-01"),
        ("DATE '2024-02-28' + INTERVAL 2 DAYS", "DATE", "2024-03-01"),
        ("DATE('2024-02')", "DATE", "2024-02-01"),
        ("TIMESTAMP('2024-02-29 01')", "TIMESTAMP", "2024-02-29T01:00:00.000Z"),
        ("TIMESTAMP('2024-02-29 11:00:00+04:00')", "TIMESTAMP", "2024-02-29T07:00:00.000Z"),
        ("typeof(array(1))", "STRING", "array<int>"),
        ("pmod(-5, 3)", "INT", "1"),
        ("isnull(NULL)", "BOOLEAN", "true"),
        ("every(true)", "BOOLEAN", "true"),
        ("crc32('a')", "BIGINT", "3904355907"),
        ("try_divide(1, 0)", "DOUBLE", None),
    ],
)
def test_values_and_types(
    client: Client, expression: str, kind: str | None, text: str | None
) -> None:
    sql = f"SELECT {expression} AS c"
    (column,) = client.columns(sql)
    if kind is not None:
        assert column["type_text"] == kind
        assert client.rows(sql) == [[text]]
    assert client.table(sql).num_rows == 1


def test_types_last_through_tables_views_and_queries(client: Client) -> None:
    client.rows("CREATE OR REPLACE TABLE lineage_t (g GEOMETRY(4326), a ARRAY<INTERVAL DAY>)")
    client.rows(f"INSERT INTO lineage_t VALUES ({POINT}, array(INTERVAL '1' DAY))")
    client.rows("CREATE OR REPLACE VIEW lineage_v AS SELECT g AS h, a[0] AS d, a FROM lineage_t")
    client.rows("CREATE OR REPLACE TABLE lineage_c AS SELECT * FROM lineage_v")
    sql = "WITH q AS (SELECT * FROM lineage_c) SELECT max(h) AS h, first(d) AS d, first(a) FROM q"
    assert [column["type_text"] for column in client.columns(sql)] == [
        "GEOMETRY(4326)",
        "INTERVAL DAY",
        "ARRAY<INTERVAL DAY>",
    ]
    assert client.rows(sql)[0][:2] == ["SRID=4326;POINT(1 2)", "1 00:00:00.000000000"]


def test_nested_intervals_are_native_in_arrow(client: Client) -> None:
    sql = "SELECT named_struct('d', INTERVAL '1' DAY, 'n', CAST(NULL AS INTERVAL DAY)) AS s"
    table = client.table(sql)
    assert str(table.schema.field("s").type) == "struct<d: duration[us], n: duration[us]>"
    assert str(table.column("s").to_pylist()[0]["d"]) == "1 day, 0:00:00"
    assert table.column("s").to_pylist()[0]["n"] is None


def test_nested_values_can_come_as_json_text(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(nested_as_json=True)
    sql = "SELECT array(1, 2) AS a, named_struct('x', 1) AS s, 3 AS i"
    assert client.columns(sql)[0]["type_text"] == "ARRAY<INT>"
    table = client.table(sql)
    assert table.to_pylist() == [{"a": "[1,2]", "s": '{"x":1}', "i": 3}]


@pytest.mark.parametrize(
    ("expression", "state"),
    [
        ("parse_json('{')", "22023"),
        ("st_geomfromtext('CIRCLE(1)', 4326)", "22023"),
        ("CAST('x' AS INT)", "22018"),
        ("1 / 0", "22012"),
    ],
)
def test_failures(warehouse: Warehouse, client: Client, expression: str, state: str) -> None:
    assert client.error(f"SELECT {expression}")[0] == state
    if state in ("22018", "22012"):
        lenient = Client(warehouse, session_confs={"ANSI_MODE": "false"})
        assert lenient.rows(f"SELECT {expression}") == [[None]]


def test_settings_are_shown_as_they_were_written(client: Client) -> None:
    assert client.rows("SET ansi_mode = FALSE") == [["ansi_mode", "FALSE"]]
    assert client.rows("SET ansi_mode") == [["ansi_mode", "FALSE"]]
    client.rows("RESET ansi_mode")
    assert client.rows("SET ANSI_MODE") == [["ANSI_MODE", "true"]]


def test_a_path_gives_what_it_is_a_path_of(client: Client) -> None:
    client.rows("CREATE OR REPLACE TABLE paths_t (v VARIANT, s STRING)")
    text = '{"a": {"b": "x"}, "n": 7}'
    client.rows(f"INSERT INTO paths_t SELECT parse_json('{text}'), '{text}'")
    sql = "SELECT v:a.b AS vb, s:a.b AS sb, v:n AS vn, s:n AS sn, v:a.b:: STRING AS t, s:a AS o"
    sql += " FROM paths_t WHERE s:a.b = 'x' AND v:n::int = 7"
    kinds = [column["type_text"] for column in client.columns(sql)]
    assert kinds == ["VARIANT", "STRING", "VARIANT", "STRING", "STRING", "STRING"]
    assert client.rows(sql) == [['"x"', "x", "7", "7", "x", '{"b":"x"}']]
    client.rows("CREATE OR REPLACE TABLE paths_u AS SELECT s:a.b AS b FROM paths_t")
    assert client.columns("SELECT * FROM paths_u")[0]["type_text"] == "STRING"
