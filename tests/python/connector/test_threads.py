"""Threads, interrupts and forks."""

from __future__ import annotations

import json
import threading
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from interrupting import WAITING, end, interrupt

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Held, Interpreters

    from .conftest import Connection

CONNECT = """
    from databricks import sql
    from databricks_sql_kernel import connector
    connector.install()
    connection = sql.connect(**WAREHOUSE, use_sea=True, enable_telemetry=False)
    cursor = connection.cursor()
"""


def test_threads_that_share_a_result_share_its_rows(connection: Connection) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT id FROM range(20000)")
    seen: list[int] = []

    def take() -> None:
        while rows := cursor.fetchmany(37):
            seen.extend(row.id for row in rows)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(20000))


def test_cursors_of_one_connection_work_side_by_side(connection: Connection) -> None:
    seen: list[int] = []

    def ask(number: int) -> None:
        with connection.cursor() as cursor:
            for _ in range(5):
                seen.extend(row.n for row in cursor.execute(f"SELECT {number} AS n").fetchall())

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted(list(range(8)) * 5)


def test_an_interrupt_ends_the_waiting_and_the_statement(
    python: Interpreters, warehouse: Warehouse, held: Held
) -> None:
    code = f"""
        interrupted(lambda: cursor.execute({held.sql!r}))
        print(json.dumps(cursor.execute("SELECT 1").fetchall()), flush=True)
        sys.stdin.read()
    """
    process = python.start(dedent(WAITING) + dedent(CONNECT) + dedent(code))
    seconds = interrupt(process, warehouse, lambda entry: entry["path"].endswith(held.statement_id))
    held.cancelled()
    assert end(process) == "[[1]]"
    assert seconds < 10


@pytest.mark.parametrize("fetch", ["fetchall()", "fetchone()", "fetchmany(15)", "fetchall_arrow()"])
def test_an_interrupted_fetch_does_not_look_like_the_end(
    python: Interpreters, warehouse: Warehouse, fetch: str
) -> None:
    warehouse.settings(chunk_rows=10, inline_limit_bytes=0)
    warehouse.fault(match={"to": "storage", "chunk": 1}, action={"delay": 20}, times=None)
    code = f"""
        cursor.execute("SELECT id FROM range(100)")
        given = len(cursor.fetchmany(10))
        interrupted(lambda: cursor.{fetch})
        try:
            cursor.fetchall()
        except sql.Error as error:
            print(json.dumps([given, cursor.rownumber, error.code]))
    """
    process = python.start(dedent(WAITING) + dedent(CONNECT) + dedent(code))
    moment = interrupt(
        process, warehouse, lambda entry: (entry["to"], entry["chunk"]) == ("storage", 1)
    )
    assert moment < 10
    assert json.loads(end(process)) == [10, 10, "InvalidStatementHandle"]


def test_a_fork_cannot_use_what_is_of_its_parent(python: Interpreters) -> None:
    code = """
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
        cursor.execute("SELECT id FROM range(10)")
        cursor.fetchone()
        receiving, sending = os.pipe()
        child = os.fork()
        if child == 0:
            seen = []
            for use in (
                lambda: cursor.fetchone(),
                lambda: cursor.execute("SELECT 'child'"),
                lambda: cursor.catalogs(),
            ):
                try:
                    use()
                except sql.exc.InterfaceError as error:
                    seen.append("fork" in str(error))
                else:
                    seen.append(None)
            os.write(sending, json.dumps(seen).encode())
            os._exit(0)
        os.close(sending)
        seen = json.loads(os.read(receiving, 10_000))
        os.waitpid(child, 0)
        print(json.dumps([seen, len(cursor.fetchall())]))
        connection.close()
    """
    assert python.run(dedent(CONNECT) + dedent(code)) == [[True, True, True], 9]


def test_a_result_is_not_closed_by_who_forgets_it_while_another_reads(
    connection: Connection, warehouse: Warehouse
) -> None:
    before = warehouse.counters()["unclosed_statements"]
    cursor = connection.cursor()
    cursor.execute_async("SELECT id FROM range(3)")
    cursor.get_async_execution_result()
    first = cursor.active_result_set
    cursor.get_async_execution_result()
    del first
    assert len(cursor.fetchall()) == 3
    assert cursor.get_query_state().name == "SUCCEEDED"
    cursor.close()
    connection.close()
    assert warehouse.counters()["unclosed_statements"] <= before
