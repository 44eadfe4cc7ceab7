"""`executemany`: one statement for many sets of parameters."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from databricks_sql_warehouse import Warehouse


@pytest.fixture
def people(cursor: dbapi.Cursor, table: str) -> str:
    cursor.execute(f"CREATE TABLE {table} (id INT, name STRING)")
    return table


def all_rows(cursor: dbapi.Cursor, table: str) -> list[Any]:
    return cursor.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()


def test_every_set_is_executed_in_turn(cursor: dbapi.Cursor, people: str) -> None:
    sets = [{"id": number, "name": f"name {number}"} for number in range(20)]
    result = cursor.executemany(f"INSERT INTO {people} VALUES (:id, :name)", sets)
    assert result is cursor
    assert cursor.rowcount == 20
    assert all_rows(cursor, people) == [(number, f"name {number}") for number in range(20)]


def test_sets_may_be_sequences(cursor: dbapi.Cursor, people: str) -> None:
    cursor.executemany(f"INSERT INTO {people} VALUES (?, ?)", [(1, "a"), [2, None]])
    assert all_rows(cursor, people) == [(1, "a"), (2, None)]


def test_sets_may_come_from_a_generator(cursor: dbapi.Cursor, people: str) -> None:
    sets = ((number, str(number)) for number in range(3))
    cursor.executemany(f"INSERT INTO {people} VALUES (?, ?)", sets)
    assert all_rows(cursor, people) == [(0, "0"), (1, "1"), (2, "2")]


def test_the_row_count_is_the_sum(cursor: dbapi.Cursor, people: str) -> None:
    cursor.executemany(f"INSERT INTO {people} VALUES (?, 'x')", [(number,) for number in range(5)])
    cursor.executemany(f"DELETE FROM {people} WHERE id < ?", [(1,), (3,), (3,)])
    assert cursor.rowcount == 3


def test_no_sets_send_nothing(cursor: dbapi.Cursor, people: str, warehouse: Warehouse) -> None:
    warehouse.clear_log()
    cursor.executemany(f"INSERT INTO {people} VALUES (?, ?)", [])
    assert not warehouse.log(method="POST")
    assert cursor.rowcount in (-1, 0)


def test_no_sets_leave_no_result_of_the_statement_before(cursor: dbapi.Cursor, people: str) -> None:
    cursor.execute("SELECT 1")
    cursor.executemany(f"INSERT INTO {people} VALUES (?, ?)", [])
    assert cursor.description is None
    with pytest.raises(dbapi.ProgrammingError):
        cursor.fetchall()


def test_values_keep_their_types(cursor: dbapi.Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (id INT, a DECIMAL(20,5), b TIMESTAMP, c DOUBLE)")
    sets = [
        (1, Decimal("1.50000"), dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc), 0.1),
        (2, None, None, None),
        (3, Decimal("-99999.99999"), dt.datetime(1900, 1, 1, tzinfo=dt.timezone.utc), -1e300),
    ]
    cursor.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", sets)
    assert all_rows(cursor, table) == sets


def test_a_wrong_set_is_found_before_anything_is_sent(cursor: dbapi.Cursor, people: str) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="object"):
        cursor.executemany(f"INSERT INTO {people} VALUES (?, ?)", [(1, "a"), (2, object())])
    assert all_rows(cursor, people) == []


def test_an_error_of_the_callers_own_generator_comes_through(
    cursor: dbapi.Cursor, people: str
) -> None:
    def sets() -> Iterator[tuple[int, str]]:
        yield 1, "a"
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        cursor.executemany(f"INSERT INTO {people} VALUES (?, ?)", sets())
    assert all_rows(cursor, people) == []


def test_the_first_failure_ends_it(cursor: dbapi.Cursor, people: str) -> None:
    sets = [("1",), ("not a number",), ("3",)]
    with pytest.raises(dbapi.DataError, match="CAST_INVALID_INPUT"):
        cursor.executemany(f"INSERT INTO {people} SELECT CAST(? AS INT), 'x'", sets)
    assert all_rows(cursor, people) in ([(1, "x")], [])


@pytest.mark.parametrize("sets", [None, 5])
def test_what_is_no_sequence_of_sets_is_refused(cursor: dbapi.Cursor, sets: Any) -> None:
    with pytest.raises((TypeError, dbapi.ProgrammingError)):
        cursor.executemany("SELECT ?", sets)


def test_a_failure_leaves_no_count_of_earlier_sets(cursor: dbapi.Cursor, people: str) -> None:
    with pytest.raises(dbapi.DataError):
        cursor.executemany(
            f"INSERT INTO {people} SELECT CAST(? AS INT), 'x'", [("1",), ("not a number",)]
        )
    assert cursor.rowcount == -1
    assert cursor.description is None
