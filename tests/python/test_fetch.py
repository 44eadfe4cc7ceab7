"""Fetching: any mix of methods gives the rows of a result once, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from databricks_sql_warehouse import Warehouse


def numbers(rows: Any) -> list[int]:
    return [row[0] for row in rows]


def test_fetchone_ends_with_none_for_good(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT id FROM range(2)")
    assert [cursor.fetchone() for _ in range(4)] == [(0,), (1,), None, None]


def test_fetchmany_ends_with_an_empty_list_for_good(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT id FROM range(5)")
    assert [numbers(cursor.fetchmany(2)) for _ in range(5)] == [[0, 1], [2, 3], [4], [], []]


def test_fetchmany_takes_its_size_by_name(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT id FROM range(5)")
    assert numbers(cursor.fetchmany(size=3)) == [0, 1, 2]
    assert cursor.fetchmany(0) == []
    assert numbers(cursor.fetchmany(100)) == [3, 4]


def test_fetchall_gives_the_rest_and_then_nothing(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT id FROM range(5)")
    cursor.fetchone()
    rows = cursor.fetchall()
    assert type(rows) is list
    assert numbers(rows) == [1, 2, 3, 4]
    assert cursor.fetchall() == []


def test_iteration_gives_the_rest(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT id FROM range(5)")
    assert next(cursor) == (0,)
    assert iter(cursor) is cursor
    assert numbers(cursor) == [1, 2, 3, 4]
    with pytest.raises(StopIteration):
        next(cursor)


def test_iteration_goes_on_where_it_was_left(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT id FROM range(10)")
    for row in cursor:
        if row[0] == 3:
            break
    assert numbers(cursor.fetchmany(2)) == [4, 5]
    assert numbers(cursor) == [6, 7, 8, 9]


def test_rows_that_are_false_end_no_iteration(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT CASE WHEN id < 3 THEN NULL ELSE 0 END AS a FROM range(5) ORDER BY id")
    assert numbers(cursor) == [None, None, None, 0, 0]


@pytest.mark.parametrize("false", [None, 0, "", False, ()])
def test_what_a_factory_makes_may_be_false(connection: dbapi.Connection, false: object) -> None:
    cursor = connection.cursor(row_factory=lambda _, __: false)
    cursor.execute("SELECT id FROM range(3)")
    assert list(cursor.fetchmany(2)) == [false, false]
    assert cursor.fetchone() == false
    assert cursor.rownumber == 3


def test_a_factory_that_makes_none_ends_no_iteration(connection: dbapi.Connection) -> None:
    cursor = connection.cursor(row_factory=lambda _, __: None)
    assert list(cursor.execute("SELECT id FROM range(3)")) == [None, None, None]


def test_the_row_number_counts_what_was_fetched(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT id FROM range(10)")
    found = [cursor.rownumber]
    cursor.fetchone()
    found.append(cursor.rownumber)
    cursor.fetchmany(3)
    found.append(cursor.rownumber)
    cursor.fetchmany_arrow(2)
    found.append(cursor.rownumber)
    cursor.fetchall()
    found.append(cursor.rownumber)
    cursor.fetchone()
    found.append(cursor.rownumber)
    assert found == [0, 1, 4, 6, 10, 10]


def test_arraysize_is_what_fetchmany_fetches(cursor: dbapi.Cursor) -> None:
    assert cursor.arraysize == 1
    cursor.execute("SELECT id FROM range(10)")
    assert numbers(cursor.fetchmany()) == [0]
    cursor.arraysize = 4
    assert numbers(cursor.fetchmany()) == [1, 2, 3, 4]
    assert cursor.fetchmany_arrow().num_rows == 4
    assert cursor.arraysize == 4


@pytest.mark.parametrize("size", [-1, 1.5, "3"])
def test_what_is_no_size_is_refused(cursor: dbapi.Cursor, size: Any) -> None:
    cursor.execute("SELECT id FROM range(10)")
    errors = (dbapi.ProgrammingError, TypeError, ValueError, OverflowError)
    with pytest.raises(errors):
        cursor.fetchmany(size)
    with pytest.raises(errors):
        cursor.arraysize = size
    assert len(cursor.fetchall()) == 10


def test_an_arraysize_of_nothing_is_refused(
    connection: dbapi.Connection, cursor: dbapi.Cursor
) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="arraysize must be at least 1, not 0"):
        connection.cursor(arraysize=0)
    with pytest.raises(dbapi.ProgrammingError, match="arraysize must be at least 1, not 0"):
        cursor.arraysize = 0
    assert cursor.arraysize == 1


def test_a_result_without_rows(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT id, 'x' AS b FROM range(0)")
    assert cursor.description is not None
    assert cursor.rowcount == 0
    assert cursor.fetchone() is None
    assert cursor.fetchmany(3) == []
    assert cursor.fetchall() == []
    assert list(cursor) == []
    assert cursor.fetchall_arrow().num_rows == 0


FETCHES = [
    lambda cursor: cursor.fetchone(),
    lambda cursor: cursor.fetchmany(),
    lambda cursor: cursor.fetchmany(2),
    lambda cursor: cursor.fetchall(),
    lambda cursor: cursor.fetchall_arrow(),
    lambda cursor: cursor.fetchmany_arrow(2),
    next,
    list,
]


@pytest.mark.parametrize("fetch", FETCHES)
def test_nothing_can_be_fetched_before_a_statement(cursor: dbapi.Cursor, fetch: Any) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="no result"):
        fetch(cursor)


@pytest.mark.parametrize("fetch", FETCHES)
def test_nothing_can_be_fetched_after_a_definition(
    cursor: dbapi.Cursor, table: str, fetch: Any
) -> None:
    cursor.execute("SELECT 1")
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    with pytest.raises(dbapi.ProgrammingError, match="no result"):
        fetch(cursor)


@pytest.mark.parametrize("fetch", FETCHES)
def test_nothing_can_be_fetched_after_closing(cursor: dbapi.Cursor, fetch: Any) -> None:
    cursor.execute("SELECT 1")
    cursor.close()
    with pytest.raises(dbapi.InterfaceError, match="closed"):
        fetch(cursor)


def test_a_new_statement_replaces_the_result(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT id FROM range(10)")
    cursor.fetchmany(3)
    cursor.execute("SELECT 'x' AS a")
    assert cursor.rownumber == 0
    assert cursor.fetchall() == [("x",)]


def test_a_large_result_comes_whole(cursor: dbapi.Cursor) -> None:
    rows = cursor.execute("SELECT id, id * 2 AS twice FROM range(300000)").fetchall()
    assert len(rows) == 300_000
    assert all(row[0] == place and row[1] == 2 * place for place, row in enumerate(rows))


ROWS = 4000
METHODS = ["one", "many", "next", "arrow", "all", "all_arrow", "default"]
steps = st.lists(st.tuples(st.sampled_from(METHODS), st.integers(0, 1500)), max_size=12)


@pytest.fixture(scope="module")
def shared(running_warehouse: Warehouse) -> Iterator[dbapi.Connection]:
    arguments: dict[str, Any] = {**running_warehouse.connect_args()}
    with dbapi.connect(**arguments) as connection:
        yield connection


def step(cursor: dbapi.Cursor, method: str, size: int) -> list[int]:
    """What one call gives."""
    if method in ("one", "next"):
        row = cursor.fetchone() if method == "one" else next(cursor, None)
        return [] if row is None else [row[0]]
    if method == "default":
        cursor.arraysize = size
        return numbers(cursor.fetchmany())
    if method == "many":
        return numbers(cursor.fetchmany(size))
    if method == "all":
        return numbers(cursor.fetchall())
    table = cursor.fetchmany_arrow(size) if method == "arrow" else cursor.fetchall_arrow()
    values: list[int] = table.column("id").to_pylist()
    return values


def length(method: str, size: int, left: int) -> int:
    """How many rows one call gives."""
    if method in ("one", "next"):
        size = 1
    elif method in ("all", "all_arrow"):
        size = left
    return min(size, left)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(steps=steps, chunk_rows=st.sampled_from([700, 1024, 5000]), factory=st.booleans())
def test_any_mix_of_methods_gives_each_row_once(
    shared: dbapi.Connection,
    running_warehouse: Warehouse,
    steps: list[tuple[str, int]],
    chunk_rows: int,
    *,
    factory: bool,
) -> None:
    running_warehouse.settings(chunk_rows=chunk_rows, batch_rows=300, inline_limit_bytes=20_000)
    make: Callable[[dbapi.Cursor, tuple[Any, ...]], Any] | None = None
    if factory:

        def make(_: dbapi.Cursor, row: tuple[Any, ...]) -> list[Any]:
            return list(row)

    with shared.cursor(row_factory=make) as cursor:
        cursor.execute(f"SELECT id FROM range({ROWS})")
        at = 0
        for method, size in [*steps, ("all", 0)]:
            count = length(method, size, ROWS - at)
            assert step(cursor, method, size) == list(range(at, at + count)), (method, size, at)
            at += count
            assert cursor.rownumber == at
        assert at == ROWS
        assert cursor.fetchone() is None


def test_an_error_of_a_factory_comes_through_at_its_row(connection: dbapi.Connection) -> None:
    def refuse_one(_: dbapi.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        if row[0] == 3:
            raise LookupError("not this row")
        return row

    cursor = connection.cursor(row_factory=refuse_one)
    cursor.execute("SELECT id FROM range(6)")
    assert [cursor.fetchone() for _ in range(3)] == [(0,), (1,), (2,)]
    with pytest.raises(LookupError, match="not this row"):
        cursor.fetchone()


@pytest.mark.parametrize(
    "fetch",
    [lambda cursor: cursor.fetchmany(3), lambda cursor: [cursor.fetchone() for _ in range(3)]],
)
def test_a_value_that_python_cannot_hold_hides_no_row_before_it(
    cursor: dbapi.Cursor, fetch: Any
) -> None:
    cursor.execute(
        "SELECT CASE WHEN id = 3 THEN DATE '10000-01-01' ELSE DATE '2024-01-01' END AS d "
        "FROM range(5) ORDER BY id"
    )
    assert len(fetch(cursor)) == 3
    with pytest.raises(dbapi.DataError, match="'d', row 3"):
        cursor.fetchone()


def test_arrow_holds_what_python_cannot(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT DATE '10000-01-01' AS d")
    with pytest.raises(dbapi.DataError):
        cursor.fetchone()
    assert cursor.fetchall_arrow().column("d").cast("int32").to_pylist() == [2_932_897]


FAILS_AT_THE_END = (
    "SELECT id, CASE WHEN id = 2999 THEN DATE '10000-01-01' ELSE DATE '2024-01-01' END AS d "
    "FROM range(3000) ORDER BY id"
)


@pytest.mark.parametrize("before", [0, 1, 1500])
@pytest.mark.parametrize("factory", [None, lambda _, row: row])
def test_a_call_that_fails_takes_no_rows_away(
    connection: dbapi.Connection, warehouse: Warehouse, before: int, factory: Any
) -> None:
    warehouse.settings(chunk_rows=700, inline_limit_bytes=0)
    cursor = connection.cursor(row_factory=factory).execute(FAILS_AT_THE_END)
    assert [cursor.fetchone()[0] for _ in range(before)] == list(range(before))
    for fetch in (cursor.fetchall, lambda: cursor.fetchmany(5000)):
        with pytest.raises(dbapi.DataError, match="'d', row 2999"):
            fetch()
        assert (cursor.rownumber or 0) == before
    rows = [cursor.fetchone(), *cursor.fetchmany(1000)]
    while len(rows) < 2999 - before:
        rows.append(cursor.fetchone())
    assert [row[0] for row in rows] == list(range(before, 2999))
    with pytest.raises(dbapi.DataError, match="'d', row 2999"):
        cursor.fetchone()
    assert cursor.fetchall_arrow().column("id").to_pylist() == [2999]


def test_rows_that_a_failed_call_made_are_not_left_out_of_arrow(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    warehouse.settings(chunk_rows=700, inline_limit_bytes=0)
    cursor.execute(FAILS_AT_THE_END)
    with pytest.raises(dbapi.DataError, match="'d', row 2999"):
        cursor.fetchall()
    with pytest.raises(dbapi.DataError, match=r"\(2800\) .* fetch them as rows"):
        cursor.fetchall_arrow()
    assert len(cursor.fetchmany(2800)) == 2800
    assert cursor.fetchall_arrow().num_rows == 200


def test_rows_that_a_factory_refused_come_again(connection: dbapi.Connection) -> None:
    refuses = [True]

    def refuse_once(_: dbapi.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        if row[0] == 3 and refuses.pop():
            raise LookupError("not this row")
        return row

    cursor = connection.cursor(row_factory=refuse_once)
    cursor.execute("SELECT id FROM range(6)")
    assert cursor.fetchone() == (0,)
    with pytest.raises(LookupError, match="not this row"):
        cursor.fetchall()
    refuses.append(False)
    assert cursor.fetchall() == [(number,) for number in range(1, 6)]
