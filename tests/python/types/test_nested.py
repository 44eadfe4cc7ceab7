from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

UTC = dt.timezone.utc
VALUES: list[tuple[str, Any]] = [
    ("array(1, NULL, 3)", [1, None, 3]),
    ("array()", []),
    ("CAST(NULL AS ARRAY<INT>)", None),
    ("array(array(1), NULL, array())", [[1], None, []]),
    ("array('a', '', NULL)", ["a", "", None]),
    ("array(array(array('deep')))", [[["deep"]]]),
    ("map('a', 1, 'b', NULL)", [("a", 1), ("b", None)]),
    ("map(1, array('x', NULL))", [(1, ["x", None])]),
    ("CAST(NULL AS MAP<STRING, INT>)", None),
    ("map('k', map('l', map('m', 1)))", [("k", [("l", [("m", 1)])])]),
    ("named_struct('a', 1, 'b', NULL, 'c', 'x')", {"a": 1, "b": None, "c": "x"}),
    ("named_struct('a', named_struct('b', array(1, 2)))", {"a": {"b": [1, 2]}}),
    ("CAST(NULL AS STRUCT<a: INT>)", None),
    ("array(named_struct('a', 1), NULL)", [{"a": 1}, None]),
    ("map('k', named_struct('a', array(map(1, true))))", [("k", {"a": [[(1, True)]]})]),
    ("array(true, false, NULL)", [True, False, None]),
    ("array(DATE '2024-02-29', NULL)", [dt.date(2024, 2, 29), None]),
    ("array(CAST('1.50' AS DECIMAL(10,2)), NULL)", [Decimal("1.50"), None]),
    ("array(X'00ff', NULL)", [b"\x00\xff", None]),
    (
        "array(TIMESTAMP '2024-07-01 12:00:00+00:00')",
        [dt.datetime(2024, 7, 1, 12, tzinfo=UTC)],
    ),
    ("array(TIMESTAMP_NTZ '2024-07-01 12:00:00')", [dt.datetime(2024, 7, 1, 12)]),  # noqa: DTZ001
    ("array(CAST(0.5 AS DOUBLE), CAST('Infinity' AS DOUBLE))", [0.5, float("inf")]),
]


@pytest.mark.parametrize(("sql", "expected"), VALUES)
def test_nested_values(value: Callable[[str], Any], sql: str, expected: object) -> None:
    found = value(sql)
    assert found == expected
    assert type(found) is type(expected)
    assert repr(found) == repr(expected).replace(
        "datetime.timezone.utc", "zoneinfo.ZoneInfo(key='Etc/UTC')"
    )


def test_the_fields_of_a_struct_keep_their_order(value: Callable[[str], Any]) -> None:
    assert list(value("named_struct('z', 1, 'a', 2, 'm', 3)")) == ["z", "a", "m"]


def test_the_decimals_of_an_array_keep_their_scale(value: Callable[[str], Any]) -> None:
    found = value("array(CAST('1.50' AS DECIMAL(10,2)), CAST(0 AS DECIMAL(10,2)))")
    assert [str(item) for item in found] == ["1.50", "0.00"]


def test_lists_of_many_lengths_down_a_column(cursor: dbapi.Cursor) -> None:
    cursor.execute(
        "SELECT CASE WHEN id % 5 = 0 THEN NULL ELSE sequence(CAST(1 AS BIGINT), id % 7 + 1) END "
        "AS a FROM range(2000) ORDER BY id"
    )
    expected = [
        None if number % 5 == 0 else list(range(1, number % 7 + 2)) for number in range(2000)
    ]
    assert [row.a for row in cursor.fetchall()] == expected
    cursor.execute("SELECT id, array(id, id + 1) AS a FROM range(3000) ORDER BY id")
    assert [row.a for row in cursor] == [[number, number + 1] for number in range(3000)]


def test_values_of_one_row_are_not_shared(cursor: dbapi.Cursor) -> None:
    rows = cursor.execute("SELECT array('x') AS a, map(1, 2) AS m FROM range(2)").fetchall()
    rows[0].a.append("changed")
    rows[0].m.append("changed")
    assert rows[1].a == ["x"]
    assert rows[1].m == [(1, 2)]


def test_a_year_that_python_does_not_know_is_found_inside(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT array(named_struct('d', DATE '10000-01-01')) AS deep")
    with pytest.raises(dbapi.DataError, match=r"column 'deep.*row 0: year 10000"):
        cursor.fetchone()
