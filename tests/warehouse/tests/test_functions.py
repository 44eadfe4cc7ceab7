from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import Client, needs_duckdb_2

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
        pytest.param(
            'parse_json(\'{"b":1,"a":"x"}\')',
            "VARIANT",
            '{"a":"x","b":1}',
            marks=needs_duckdb_2,
        ),
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
        ("date_trunc('MONTH', DATE'2024-02-29')", "TIMESTAMP", "2024-02-01T00:00:00.000Z"),
        ("trunc(DATE'2024-02-29', 'YEAR')", "DATE", "2024-01-01"),
        ("quarter(DATE'2024-05-01') + weekofyear(DATE'2024-01-08')", "INT", "4"),
        ("DATE('2024-02')", "DATE", "2024-02-01"),
        ("TIMESTAMP('2024-02-29 01')", "TIMESTAMP", "2024-02-29T01:00:00.000Z"),
        ("TIMESTAMP('2024-02-29 11:00:00+04:00')", "TIMESTAMP", "2024-02-29T07:00:00.000Z"),
        ("typeof(array(1))", "STRING", "array<int>"),
        ("pmod(-5, 3)", "INT", "1"),
        ("isnull(NULL)", "BOOLEAN", "true"),
        ("every(true)", "BOOLEAN", "true"),
        ("crc32('a')", "BIGINT", "3904355907"),
        ("try_divide(1, 0)", "DOUBLE", None),
        ("array(1, 2)[1]", "INT", "2"),
        ("array(1, NULL)[1]", "INT", None),
        ("array(1, 2)[CAST(NULL AS INT)]", "INT", None),
        ("CAST(NULL AS ARRAY<INT>)[0]", "INT", None),
        ("array(array(1), array(2, 3))[1][1]", "INT", "3"),
        ("get(array(1, 2), 1)", "INT", "2"),
        ("get(array(1, 2), 2)", "INT", None),
        ("get(array(1, 2), -2)", "INT", None),
        ("element_at(array(1, 2), -2)", "INT", "1"),
        ("try_element_at(array(1, 2), 3)", "INT", None),
        ("map(1, 'x')[1]", "STRING", "x"),
        ("map('k', 'x')['z']", "STRING", None),
        ("element_at(map(1, 'x'), 1)", "STRING", "x"),
        ("parse_json('[7, 8]')[0]", "VARIANT", "7"),
        ("CAST(INTERVAL '1-2' YEAR TO MONTH AS STRING)", "STRING", "INTERVAL '1-2' YEAR TO MONTH"),
        ("CAST(INTERVAL '14' MONTH AS STRING)", "STRING", "INTERVAL '14' MONTH"),
        ("CAST(INTERVAL '-3' YEAR AS STRING)", "STRING", "INTERVAL '-3' YEAR"),
        ("CAST(INTERVAL '-1' DAY AS STRING)", "STRING", "INTERVAL '-1' DAY"),
        ("CAST(INTERVAL '5' HOUR AS STRING)", "STRING", "INTERVAL '05' HOUR"),
        ("CAST(INTERVAL '-61.25' SECOND AS STRING)", "STRING", "INTERVAL '-61.25' SECOND"),
        (
            "string(INTERVAL '3 04:05:06.7' DAY TO SECOND)",
            "STRING",
            "INTERVAL '3 04:05:06.7' DAY TO SECOND",
        ),
        ("CAST(CAST(NULL AS INTERVAL DAY) AS STRING)", "STRING", None),
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
        ("array(1, 2)[2]", "22003"),
        ("array(1, 2)[-2]", "22003"),
        ("CAST(array() AS ARRAY<INT>)[0]", "22003"),
        ("element_at(array(1, 2), 3)", "22003"),
        ("element_at(array(1, 2), 0)", "22003"),
    ],
)
def test_failures(warehouse: Warehouse, client: Client, expression: str, state: str) -> None:
    assert client.error(f"SELECT {expression}")[0] == state
    if state in ("22018", "22012", "22003"):
        lenient = Client(warehouse, session_confs={"ANSI_MODE": "false"})
        assert lenient.rows(f"SELECT {expression}") == [[None]]


def test_an_index_may_be_a_column(client: Client) -> None:
    sql = (
        "SELECT a[i] AS x, m[k] AS y, n[i] AS z, d[e] AS w FROM (SELECT array(5, 6) AS a, 1 AS i, "
    )
    sql += "map('k', 7) AS m, 'k' AS k, map(1, 8) AS n, "
    sql += "map(DATE'2024-01-01', 9) AS d, DATE'2024-01-01' AS e)"
    assert client.rows(sql) == [["6", "7", "8", "9"]]
    state, message = client.error("SELECT array(5, 6, 7)[id] FROM range(4)")
    assert state == "22003"
    assert message.startswith(
        "[INVALID_ARRAY_INDEX] The index 3 is out of bounds. The array has 3 elements. Use the "
        "SQL function `get()` to tolerate"
    )


@pytest.mark.parametrize(
    ("projections", "names"),
    [
        ("explode(array(1, 2))", ["col"]),
        ("1 AS a, explode(array(1, 2))", ["a", "col"]),
        ("explode(array(1, 2)) AS x", ["x"]),
        ("posexplode(array(1, 2))", ["pos", "col"]),
    ],
)
def test_rows_of_an_array_have_a_name(client: Client, projections: str, names: list[str]) -> None:
    columns = client.columns(f"SELECT {projections}")
    assert [column["name"] for column in columns] == names


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


def test_a_range_takes_numbers_of_any_type(client: Client) -> None:
    assert client.rows("SELECT * FROM range(2.0)") == [["0"], ["1"]]
    assert client.rows("SELECT * FROM RANGE(1.0, 3) AS r") == [["1"], ["2"]]
