"""Values are those of the connector; where it corrupts them they are right."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

if TYPE_CHECKING:
    from .conftest import Cursor, Open

NTZ = datetime.datetime(2020, 1, 2, 3, 4, 5, 6)  # noqa: DTZ001
UTC = datetime.timezone.utc
SCALARS = [
    ("true", True),
    ("CAST(1 AS TINYINT)", 1),
    ("9223372036854775807", 9223372036854775807),
    ("CAST(1.5 AS FLOAT)", 1.5),
    ("CAST(1.10 AS DECIMAL(5,2))", Decimal("1.10")),
    ("'text'", "text"),
    ("X'00ff'", b"\x00\xff"),
    ("DATE '2020-02-29'", datetime.date(2020, 2, 29)),
    ("TIMESTAMP '2020-01-02 03:04:05.000006+00:00'", NTZ.replace(tzinfo=UTC)),
    ("TIMESTAMP_NTZ '2020-01-02 03:04:05.000006'", NTZ),
    ("CAST(NULL AS INT)", None),
    ("NULL", None),
    ("named_struct('a', 1, 'b', 'x')", {"a": 1, "b": "x"}),
    ("map('k', 1)", [("k", 1)]),
]


@pytest.mark.parametrize(("expression", "expected"), SCALARS)
def test_values_are_plain_objects(cursor: Cursor, expression: str, expected: object) -> None:
    value = cursor.execute(f"SELECT {expression} AS c").fetchone().c
    assert (value, type(value)) == (expected, type(expected))
    if isinstance(value, Decimal):
        assert str(value) == str(expected)


ARRAYS = [
    ("array(1, 2)", "int32", [1, 2]),
    ("array(CAST(1 AS BIGINT))", "int64", [1]),
    ("array(CAST(1 AS TINYINT), CAST(2 AS TINYINT))", "int8", [1, 2]),
    ("array(CAST(1.5 AS DOUBLE))", "float64", [1.5]),
    ("array(true, false)", "bool", [True, False]),
    ("array('a', NULL)", "object", ["a", None]),
    ("array(1.10)", "object", [Decimal("1.10")]),
    ("array(DATE '2020-01-01')", "object", [datetime.date(2020, 1, 1)]),
    ("array(TIMESTAMP_NTZ '2020-01-02 03:04:05.000006')", "object", [NTZ]),
    # The connector gives floats for these, NaN among them.
    ("array(1, NULL)", "object", [1, None]),
    ("array(true, NULL)", "object", [True, None]),
    ("array(CAST(1.5 AS DOUBLE), NULL)", "object", [1.5, None]),
]


@pytest.mark.parametrize(("expression", "dtype", "items"), ARRAYS)
def test_arrays_are_those_of_numpy(
    cursor: Cursor, expression: str, dtype: str, items: list[Any]
) -> None:
    value = cursor.execute(f"SELECT {expression} AS c").fetchone().c
    assert isinstance(value, np.ndarray)
    assert (value.dtype, value.shape, list(value)) == (np.dtype(dtype), (len(items),), items)
    assert value.flags.writeable


def test_arrays_of_many_rows_are_their_own(cursor: Cursor) -> None:
    sql = """
        SELECT id, IF(id % 3 = 0, NULL, array(id, IF(id % 5 = 0, NULL, -id))) AS numbers,
               array(concat('s', id), NULL) AS texts, array(array(id), array(id, id)) AS nested
        FROM range(3000) ORDER BY id
    """
    for row in cursor.execute(sql).fetchall():
        n = row.id
        if n % 3 == 0:
            assert row.numbers is None
        else:
            assert list(row.numbers) == [n, None if n % 5 == 0 else -n]
        assert list(row.texts) == [f"s{n}", None]
        assert [list(inner) for inner in row.nested] == [[n], [n, n]]
        assert row.nested.dtype == np.dtype("object")


def test_nested_arrays_are_arrays_inside_of_structs_and_maps(cursor: Cursor) -> None:
    sql = "SELECT named_struct('a', array(1)) AS s, map('k', array(1, 2)) AS m, array() AS e"
    row = cursor.execute(sql).fetchone()
    assert isinstance(row.s["a"], np.ndarray)
    assert list(row.m[0][1]) == [1, 2]
    assert len(row.e) == 0


def test_without_pandas_arrays_are_lists(open_connection: Open) -> None:
    cursor = open_connection(_disable_pandas=True).cursor()
    row = cursor.execute("SELECT array(1, NULL) AS a, map('k', array('x')) AS m").fetchone()
    assert row == ([1, None], [("k", ["x"])])


def test_nan_stays_nan(cursor: Cursor) -> None:
    row = cursor.execute("SELECT CAST('NaN' AS DOUBLE) AS d, CAST(NULL AS DOUBLE) AS n").fetchone()
    assert math.isnan(row.d)
    assert row.n is None


def test_intervals_do_not_crash(cursor: Cursor, way: str) -> None:
    row = cursor.execute("SELECT INTERVAL '1-2' YEAR TO MONTH AS m, INTERVAL 1 DAY AS d").fetchone()
    if way == "use_sea":
        assert row == ("1-2", datetime.timedelta(days=1))
    else:  # as texts, which is what the connector asks its kernel for
        assert row == ("1-2", "1 00:00:00.000000000")
    cursor.execute("SELECT INTERVAL '1-2' YEAR TO MONTH AS m")
    assert cursor.fetchall_arrow().to_pylist() == [{"m": "1-2"}]


def test_without_cloud_fetch_moments_have_milliseconds(open_connection: Open) -> None:
    cursor = open_connection(use_cloud_fetch=False).cursor()
    cursor.execute("""
        SELECT TIMESTAMP_NTZ '2020-01-02 03:04:05.123456' AS n, array(1, 2) AS a, X'00ff' AS b,
               named_struct('x', map('k', 1)) AS s
    """)
    row = cursor.fetchone()
    assert row.n == NTZ.replace(microsecond=123000)
    assert (list(row.a), row.b, row.s) == ([1, 2], b"\x00\xff", {"x": [("k", 1)]})


def test_nested_values_come_as_texts_where_asked(open_connection: Open) -> None:
    cursor = open_connection(_use_arrow_native_complex_types=False).cursor()
    cursor.execute("SELECT array(1, 2) AS a, named_struct('x', map('k', 1)) AS s")
    assert [column[1] for column in cursor.description] == ["array", "struct"]
    assert cursor.fetchone() == ("[1,2]", '{"x":{"k":1}}')


def test_shapes_come_as_binary_where_asked(open_connection: Open) -> None:
    sql = "SELECT ST_GeomFromText('POINT(1 2)', 4326) AS g"
    text = open_connection().cursor().execute(sql).fetchone().g
    assert text == "SRID=4326;POINT(1 2)"
    shape = open_connection(enable_geospatial_support=True).cursor().execute(sql).fetchone().g
    assert shape["srid"] == 4326
    assert isinstance(shape["wkb"], bytes)


def test_tables_are_those_of_pyarrow(cursor: Cursor) -> None:
    cursor.execute("SELECT id, array(id) AS a FROM range(3) ORDER BY id")
    table = cursor.fetchall_arrow()
    assert isinstance(table, pa.Table)
    assert table.to_pylist() == [{"id": n, "a": [n]} for n in range(3)]


def test_descriptions_name_types_as_the_connector_does(cursor: Cursor, way: str) -> None:
    sql = """SELECT 1 AS i, CAST(1 AS DECIMAL(10,2)) AS d, NULL AS v, INTERVAL 1 DAY AS t,
             TIMESTAMP_NTZ '2020-01-01 00:00:00' AS n, parse_json('1') AS j"""
    cursor.execute(sql)
    codes = [column[1] for column in cursor.description]
    expected = {
        "use_sea": ["int", "decimal", "null", "interval_day_time", "timestamp_ntz", "variant"],
        "use_kernel": ["int", "decimal", "string", "string", "timestamp", "variant"],
    }
    assert codes == expected[way]
    assert cursor.description[1][4:6] == (10, 2)
