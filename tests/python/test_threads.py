"""Threads: sharing connections and cursors, cancelling and closing from elsewhere."""

from __future__ import annotations

import random
import sys
import threading
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


@pytest.mark.parametrize("batch_rows", [64, 120_000], ids=["small batches", "one large batch"])
def test_other_threads_run_while_many_rows_are_made(
    cursor: dbapi.Cursor, warehouse: Warehouse, batch_rows: int
) -> None:
    count = 120_000
    warehouse.settings(chunk_rows=count, batch_rows=batch_rows)
    names = ", ".join(f"concat('name-', id + {number}) AS c{number}" for number in range(10))
    sql = f"SELECT id, {names} FROM range({count})"

    def stages() -> int:
        """Make rows; how often another thread saw further ones, at steps of 50,000 objects."""
        first = cursor.execute(sql).fetchone()
        assert first is not None
        assert first[:2] == (0, "name-0")
        seen = set[int]()
        done = threading.Event()
        before = sys.getallocatedblocks()

        def look() -> None:
            while not done.is_set():
                seen.add((sys.getallocatedblocks() - before) // 50_000)

        with ThreadPoolExecutor(1) as pool:
            looking = pool.submit(look)
            # All of them have come already, and there are more: nothing is waited for.
            rows = cursor.fetchmany(count - 2)
            done.set()
            looking.result()
        assert len(rows) == count - 2
        return len(seen)

    # Where nothing gives way there are two: before the first row and after the last.
    assert any(stages() >= 4 for _ in range(10))


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
    warehouse.wait_for(lambda entry: entry["path"].endswith("/cancel"))


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


def test_after_a_cancelled_fetch_its_rows_come_and_then_that_it_was_cancelled(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    warehouse.settings(chunk_rows=10, inline_limit_bytes=0)
    warehouse.fault(match={"to": "storage", "chunk": 3}, action={"delay": [5, 5]}, times=None)
    cursor.execute("SELECT id FROM range(100)")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(cursor.fetchall)
        warehouse.wait_for(lambda entry: entry["to"] == "storage" and entry["chunk"] == 3)
        cursor.cancel()
        with pytest.raises(dbapi.OperationalError, match="was cancelled"):
            running.result(timeout=3)
    rows: list[Any] = []
    with pytest.raises(dbapi.OperationalError, match="execute the statement again") as raised:
        rows.extend(iter(cursor.fetchone, None))
    assert raised.value.code == "Cancelled"
    assert rows == [(number,) for number in range(len(rows))]


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


QUERIES = {f"SELECT id, {number} AS n FROM range(300)": number for number in range(3)}


def is_whole(rows: list[Any]) -> bool:
    """The rows are of one result, in its order, without a gap."""
    first = rows[0].id
    return all(tuple(row) == (first + place, rows[0].n) for place, row in enumerate(rows))


def execute(cursor: dbapi.Cursor, pick: random.Random) -> None:
    assert cursor.execute(pick.choice(list(QUERIES))) is cursor


def fetch_one(cursor: dbapi.Cursor, _: random.Random) -> None:
    row = cursor.fetchone()
    assert row is None or (0 <= row.id < 300 and row.n in QUERIES.values())


def fetch_many(cursor: dbapi.Cursor, pick: random.Random) -> None:
    rows = cursor.fetchmany(pick.randrange(1, 90))
    assert not rows or is_whole(rows)


def fetch_all(cursor: dbapi.Cursor, _: random.Random) -> None:
    rows = cursor.fetchall()
    assert not rows or (is_whole(rows) and rows[-1].id == 299)


def fetch_arrow(cursor: dbapi.Cursor, _: random.Random) -> None:
    assert cursor.fetchmany_arrow(50).num_rows <= 50


def cancel(cursor: dbapi.Cursor, _: random.Random) -> None:
    cursor.cancel()


def look(cursor: dbapi.Cursor, _: random.Random) -> None:
    assert cursor.rowcount in (-1, 300)
    description = cursor.description
    assert description is None or description[0][0] == "id"
    assert cursor.rownumber is None or 0 <= cursor.rownumber <= 300
    assert "Cursor" in repr(cursor)


def use_another(cursor: dbapi.Cursor, _: random.Random) -> None:
    with cursor.connection.cursor() as own:
        assert own.execute("SELECT 7").fetchall() == [(7,)]
    cursor.connection.commit()
    assert cursor.connection.autocommit is True


USES = [execute, execute, fetch_one, fetch_many, fetch_all, fetch_arrow, cancel, look, use_another]


def test_any_use_of_one_connection_and_one_cursor_by_many_threads_is_safe(
    connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    """Each call does what it does for one thread, or says that there is nothing to fetch."""
    warehouse.settings(chunk_rows=64)
    shared = connection.cursor()
    start = threading.Barrier(8)

    def outcome(pick: random.Random) -> str:
        try:
            pick.choice(USES)(shared, pick)
        except dbapi.Error as error:
            return f"{error.code}: {error}"
        return ""

    def work(seed: int) -> set[str]:
        pick = random.Random(seed)
        start.wait()
        return {outcome(pick) for _ in range(60)} - {""}

    with ThreadPoolExecutor(8) as pool:
        told = set[str]().union(*pool.map(work, range(8)))
    expected = {
        "None: there is no result to fetch from": "nobody had executed, or it was cancelled",
        "Cancelled: the statement was cancelled": "another thread did that",
        "Cancelled: a cancellation has ended this result": "that, and this is the next fetch",
        "DataLoss: rows that a failed fetch left": "that, and this wants them as Arrow",
    }
    assert {one for one in told if not any(one.startswith(known) for known in expected)} == set()
    assert shared.execute("SELECT 1").fetchall() == [(1,)]
