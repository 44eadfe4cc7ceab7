"""Threads: sharing connections and cursors, cancelling and closing from elsewhere."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Held


def test_many_threads_share_a_connection(connection: dbapi.Connection) -> None:
    def work(number: int) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id + ? AS a FROM range(1000) ORDER BY id", [number])
            return [row.a for row in cursor]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(40)))
    assert found == [list(range(number, number + 1000)) for number in range(40)]


@pytest.mark.parametrize("chunk_rows", [100, 10_000])
def test_threads_that_share_a_cursor_get_each_row_once(
    cursor: dbapi.Cursor, warehouse: Warehouse, chunk_rows: int
) -> None:
    warehouse.settings(chunk_rows=chunk_rows)
    cursor.execute("SELECT id FROM range(20000)")
    start = threading.Barrier(6)

    def work(fetch: Callable[[], list[Any]]) -> list[int]:
        start.wait()
        found: list[int] = []
        while rows := fetch():
            found += [row[0] for row in rows]
        return found

    def one() -> list[Any]:
        row = cursor.fetchone()
        return [] if row is None else [row]

    def arrow() -> list[Any]:
        return [(number,) for number in cursor.fetchmany_arrow(50).column("id").to_pylist()]

    fetches = [one, one, lambda: cursor.fetchmany(7), lambda: cursor.fetchmany(100), arrow, one]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(work, fetches))
    assert sorted(number for part in found for number in part) == list(range(20_000))
    assert all(part == sorted(part) for part in found)


def test_other_threads_run_while_many_rows_are_made(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    count = 500_000
    warehouse.settings(chunk_rows=count)
    cursor.execute(f"SELECT id, id * 2 AS a, concat('name-', id) AS b FROM range({count})")
    assert cursor.fetchone() == (0, 0, "name-0")
    ticks: list[float] = []
    done = threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.perf_counter())

    thread = threading.Thread(target=tick)
    thread.start()
    begun = time.perf_counter()
    # All of them have come already, and there are more: nothing is waited for.
    rows = cursor.fetchmany(count - 2)
    ended = time.perf_counter()
    done.set()
    thread.join()
    assert len(rows) == count - 2
    turns = sum(
        later - earlier > 0.002
        for earlier, later in itertools.pairwise(ticks)
        if begun < earlier and later < ended
    )
    assert turns > 2


def test_statements_of_one_cursor_take_turns(cursor: dbapi.Cursor) -> None:
    def work(_: int) -> dbapi.Cursor:
        return cursor.execute("SELECT 1 AS a")

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(work, range(12))) == {cursor}
    assert cursor.fetchall() == [(1,)]


def test_a_statement_is_cancelled_from_another_thread(cursor: dbapi.Cursor, held: Held) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(cursor.execute, held.sql)
        held.polled()
        cursor.cancel()
        held.cancelled()
        with pytest.raises(dbapi.OperationalError) as raised:
            running.result(timeout=5)
    assert raised.value.code == "Cancelled"
    assert raised.value.query_id == cursor.query_id == held.statement_id
    assert cursor.execute("SELECT 1").fetchall() == [(1,)]


@pytest.mark.slow
def test_a_statement_without_an_id_yet_can_be_cancelled(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(cursor.execute, "SELECT sleep(30)")
        warehouse.wait_for(lambda entry: entry["statement"] == "SELECT sleep(30)")
        cursor.cancel()
        with pytest.raises(dbapi.OperationalError) as raised:
            running.result(timeout=20)
    assert raised.value.code == "Cancelled"


def test_cancelling_twice_or_with_nothing_running_is_no_error(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    cursor.cancel()
    cursor.execute("SELECT 1")
    cursor.cancel()
    cursor.cancel()
    assert cursor.execute("SELECT 2").fetchall() == [(2,)]
    assert not [entry for entry in warehouse.log() if entry["status"] == 404]


@pytest.mark.parametrize("what", ["cursor", "connection"])
def test_what_executes_can_be_closed_from_another_thread(
    connection: dbapi.Connection, held: Held, what: str
) -> None:
    cursor = connection.cursor()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(cursor.execute, held.sql)
        held.polled()
        (cursor if what == "cursor" else connection).close()
        with pytest.raises((dbapi.OperationalError, dbapi.InterfaceError)):
            running.result(timeout=5)
    with pytest.raises(dbapi.InterfaceError):
        cursor.fetchone()


@pytest.mark.parametrize("what", ["cursor", "connection"])
def test_what_fetches_can_be_closed_from_another_thread(
    connection: dbapi.Connection, warehouse: Warehouse, what: str
) -> None:
    warehouse.settings(chunk_rows=10, inline_limit_bytes=0)
    warehouse.fault(match={"to": "storage", "chunk": 3}, action={"delay": [5, 5]}, times=None)
    cursor = connection.cursor().execute("SELECT id FROM range(100)")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(cursor.fetchall)
        warehouse.wait_for(lambda entry: entry["to"] == "storage" and entry["chunk"] == 3)
        (cursor if what == "cursor" else connection).close()
        with pytest.raises((dbapi.OperationalError, dbapi.InterfaceError)):
            running.result(timeout=3)


def test_other_threads_run_while_one_waits(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    ended = threading.Event()

    def run() -> None:
        cursor.execute("SELECT sleep(1)")
        ended.set()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        warehouse.wait_for(lambda entry: entry["statement"] == "SELECT sleep(1)")
        ticks = 0
        while not ended.is_set() and ticks < 1000:
            ticks += 1
        running.result(timeout=10)
    assert ticks == 1000


def test_what_is_known_of_a_cursor_can_be_asked_while_it_executes(
    cursor: dbapi.Cursor, held: Held
) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(cursor.execute, held.sql)
        held.polled()
        assert cursor.query_id == held.statement_id
        assert (cursor.description, cursor.rowcount, cursor.rownumber) == (None, -1, None)
        assert held.statement_id in repr(cursor)
        cursor.cancel()
        held.cancelled()
        with pytest.raises(dbapi.OperationalError):
            running.result(timeout=5)


def test_a_callable_factory_may_use_other_cursors(connection: dbapi.Connection) -> None:
    other = connection.cursor()

    def factory(_: dbapi.Cursor, row: tuple[Any, ...]) -> Any:
        return other.execute("SELECT ? * 2", [row[0]]).fetchone()[0]

    cursor = connection.cursor(row_factory=factory)
    assert cursor.execute("SELECT id FROM range(5)").fetchall() == [0, 2, 4, 6, 8]
