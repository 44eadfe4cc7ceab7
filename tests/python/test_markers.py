"""Markers: which there are, what is sent for them, and what is said when values do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse


def sent(warehouse: Warehouse) -> str:
    """The text of the last statement."""
    entries = warehouse.log(method="POST")
    return str([entry["statement"] for entry in entries if entry["statement"]][-1])


@pytest.mark.parametrize(
    ("sql", "given"),
    [
        ("SELECT :a, :b", {"a": 1, "b": "x"}),
        ("SELECT :`a`, :b", {"a": 1, "b": "x"}),
        ("SELECT ?, ?", [1, "x"]),
        ("SELECT %(a)s, %(b)s", {"a": 1, "b": "x"}),
        ("SELECT %(a)s, :b", {"a": 1, "b": "x"}),
        ("SELECT %s, %s", (1, "x")),
        ("SELECT ?::INT, ? ::STRING", [1, "x"]),
    ],
)
def test_all_forms_of_markers(cursor: dbapi.Cursor, sql: str, given: Any) -> None:
    assert cursor.execute(sql, given).fetchall() == [(1, "x")]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT :a, '%s %(a)s ? :b', 5 % 2 -- ? :c",
        "SELECT :a, 'it''s ?' /* :b /* ? */ */",
        "SELECT :a, 5 %(2)",
        r"SELECT :a, 'back\'slash :b ?'",
    ],
)
def test_statements_with_native_markers_are_sent_untouched(
    cursor: dbapi.Cursor, warehouse: Warehouse, sql: str
) -> None:
    cursor.execute(sql, {"a": 1})
    assert sent(warehouse) == sql


@pytest.mark.parametrize("sql", ["SELECT '100%%' AS c, 7 % 4 -- %s :a ?", "SELECT 'a%'"])
def test_statements_without_parameters_are_sent_untouched(
    cursor: dbapi.Cursor, warehouse: Warehouse, sql: str
) -> None:
    nothings: list[Any] = [None, {}, [], ()]
    for nothing in nothings:
        cursor.execute(sql, nothing)
        assert sent(warehouse) == sql


def test_only_percent_markers_are_rewritten(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    cursor.execute("SELECT 7 %% 4, %(a)s, '%%(a)s %(a)s' -- %(a)s", {"a": 1})
    assert sent(warehouse) == "SELECT 7 % 4, :a, '%%(a)s %(a)s' -- %(a)s"
    assert cursor.fetchall() == [(3, 1, "%%(a)s %(a)s")]


def test_a_name_that_is_no_word_is_quoted(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    rows = cursor.execute("SELECT %(a b)s, :`a b`", {"a b": 1}).fetchall()
    assert rows == [(1, 1)]
    assert sent(warehouse) == "SELECT :`a b`, :`a b`"


def test_only_values_without_a_parameter_type_are_literals(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    rows = cursor.execute("SELECT ?, ?, ?", [1, b"\xff", "x"]).fetchall()
    assert rows == [(1, b"\xff", "x")]
    assert sent(warehouse) == "SELECT ?, X'FF', ?"


def test_more_values_than_the_service_binds_are_literals(cursor: dbapi.Cursor) -> None:
    values = list(range(1000))
    markers = ", ".join("?" * len(values))
    assert cursor.execute(f"SELECT {markers}", values).fetchone() == tuple(values)
    rows = cursor.execute(f"SELECT id FROM range(2000) WHERE id IN ({markers})", values).fetchall()
    assert sorted(row.id for row in rows) == values
    named = {f"p{value}": value for value in values}
    markers = ", ".join(f":{name}" for name in named)
    assert cursor.execute(f"SELECT {markers}", named).fetchone() == tuple(values)


def test_a_path_into_a_value_is_no_marker(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    sql = "SELECT raw:a.b, raw:items[0].x FROM t WHERE id = :id"
    with pytest.raises(dbapi.ProgrammingError, match="TABLE_OR_VIEW_NOT_FOUND"):
        cursor.execute(sql, {"id": 1})
    assert sent(warehouse) == sql


@pytest.mark.parametrize(
    ("sql", "given", "message"),
    [
        ("SELECT :a, :b", {"a": 1}, "marker :b.*'a'"),
        ("SELECT %(b)s", {"a": 1}, r"marker %\(b\)s.*'a'"),
        ("SELECT ?", {"a": 1}, r"marker \?.*list or a tuple"),
        ("SELECT :a", [1], "marker :a.*mapping"),
        ("SELECT ?, ?", [1], r"2 \? markers for 1 value\b"),
        ("SELECT ?", [1, 2], r"1 \? marker for 2 values"),
        ("SELECT %s", [1, 2], "1 %s marker for 2 values"),
        ("SELECT '%s'", [1], "quotes"),
    ],
)
def test_what_does_not_fit_is_named_before_anything_is_sent(
    cursor: dbapi.Cursor, warehouse: Warehouse, sql: str, given: Any, message: str
) -> None:
    with pytest.raises(dbapi.ProgrammingError, match=message):
        cursor.execute(sql, given)
    assert not warehouse.log(statement=sql)


def test_the_value_of_a_wrong_marker_is_not_in_the_message(cursor: dbapi.Cursor) -> None:
    with pytest.raises(dbapi.ProgrammingError) as caught:
        cursor.execute("SELECT :b", {"a": "secret"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("setting", [True, "silent"])
def test_inline_parameters_are_written_into_the_text(
    connect: Callable[..., dbapi.Connection], warehouse: Warehouse, setting: Any
) -> None:
    cursor = connect(use_inline_params=setting).cursor()
    rows = cursor.execute("SELECT %(a)s, '100%%', %(b)s", {"a": 1, "b": "it's"}).fetchall()
    assert rows == [(1, "100%", "it's")]
    assert sent(warehouse) == r"SELECT 1, '100%', 'it\'s'"
    assert cursor.execute("SELECT %s, %s", (1, None)).fetchall() == [(1, None)]


def test_a_statement_that_values_make_too_long_is_refused(cursor: dbapi.Cursor) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="16777216"):
        cursor.execute("SELECT ?", [b"x" * (9 << 20)])
