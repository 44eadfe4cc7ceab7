"""Ctrl-C ends whatever the driver waits for, at once."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING

import pytest
from interrupting import WAITING, end, interrupt

if TYPE_CHECKING:
    from pathlib import Path

    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Interpreters


def test_an_interrupt_ends_a_statement(python: Interpreters, warehouse: Warehouse) -> None:
    code = """
    cursor = dbapi.connect(**WAREHOUSE).cursor()
    for number in range(3):
        interrupted(lambda: cursor.execute(f"SELECT sleep(30 + {number})"))
    assert cursor.execute("SELECT 1").fetchall() == [(1,)]
    """
    process = python.start(WAITING + code)
    took = [
        interrupt(
            process,
            warehouse,
            lambda entry, n=number: entry["statement"] == f"SELECT sleep(30 + {n})",
        )
        for number in range(3)
    ]
    assert min(took) < 0.2
    assert max(took) < 2
    end(process)


def test_an_interrupt_cancels_the_statement(python: Interpreters, warehouse: Warehouse) -> None:
    warehouse.settings(pending_polls=1000)
    code = """
    cursor = dbapi.connect(**WAREHOUSE).cursor()
    interrupted(lambda: cursor.execute("SELECT 'interrupted'"))
    sys.stdin.read()
    """
    process = python.start(WAITING + code)
    assert (
        interrupt(
            process, warehouse, lambda entry: entry["method"] == "GET" and entry["statement_id"]
        )
        < 2
    )
    poll = warehouse.log(method="GET")[-1]
    cancel = warehouse.wait_for(lambda entry: entry["path"].endswith("/cancel"))
    assert cancel["statement_id"] == poll["statement_id"]
    end(process)


def test_what_was_interrupted_does_not_go_on_after_the_end(
    python: Interpreters, warehouse: Warehouse
) -> None:
    code = """
    connection = dbapi.connect(**WAREHOUSE)
    interrupted(lambda: connection.cursor().execute("SELECT sleep(25)"))
    print(connection.session_id)
    """
    process = python.start(WAITING + code)
    interrupt(process, warehouse, lambda entry: entry["statement"] == "SELECT sleep(25)")
    begun = time.monotonic()
    session_id = end(process)
    assert time.monotonic() - begun < 4
    assert session_id not in {session["session_id"] for session in warehouse.sessions()}


@pytest.mark.parametrize(
    "fetch", ["fetchall()", "fetchone()", "fetchmany(5)", "fetchall_arrow()", "__next__()"]
)
def test_an_interrupt_ends_a_fetch(python: Interpreters, warehouse: Warehouse, fetch: str) -> None:
    warehouse.settings(chunk_rows=10, inline_limit_bytes=0)
    warehouse.fault(match={"to": "storage"}, action={"delay": [5, 5]}, times=None)
    code = f"""
    cursor = dbapi.connect(**WAREHOUSE).cursor().execute("SELECT id FROM range(100)")
    interrupted(lambda: cursor.{fetch})
    try:
        cursor.fetchall()
    except dbapi.Error as error:
        print(json.dumps(type(error).__name__))
    """
    process = python.start(WAITING + code)
    assert interrupt(process, warehouse, lambda entry: entry["to"] == "storage") < 2
    assert json.loads(end(process)) in ("OperationalError", "InterfaceError", "ProgrammingError")


def test_an_interrupt_ends_connecting(python: Interpreters, warehouse: Warehouse) -> None:
    warehouse.fault(match={"path": "sessions$"}, action={"delay": [5, 5]}, times=1)
    process = python.start(WAITING + "    interrupted(lambda: dbapi.connect(**WAREHOUSE))")
    assert interrupt(process, warehouse, lambda entry: entry["path"].endswith("/sessions")) < 2
    end(process)


def test_an_interrupt_ends_the_wait_for_another_try(
    python: Interpreters, warehouse: Warehouse
) -> None:
    busy = {"status": 429, "headers": {"retry-after": "20"}}
    warehouse.fault(match={"path": "statements$"}, action=busy, times=None)
    code = """
    cursor = dbapi.connect(**WAREHOUSE).cursor()
    interrupted(lambda: cursor.execute("SELECT 1"))
    """
    process = python.start(WAITING + code)
    assert interrupt(process, warehouse, lambda entry: entry["status"] == 429) < 2
    end(process)


def test_a_handler_of_the_users_own_may_go_on(python: Interpreters, warehouse: Warehouse) -> None:
    code = """
    import signal
    seen = []
    signal.signal(signal.SIGINT, lambda *_: (seen.append(1), print("seen", flush=True)))
    rows = dbapi.connect(**WAREHOUSE).cursor().execute("SELECT sleep(1) AS a").fetchall()
    print(json.dumps([len(seen), rows[0].a]))
    """
    process = python.start(code)
    warehouse.wait_for(lambda entry: entry["statement"] == "SELECT sleep(1) AS a")
    process.send_signal(signal.SIGINT)
    assert end(process).splitlines() == ["seen", "[1, 0]"]


def test_a_signal_ends_the_making_of_rows_and_loses_none(
    python: Interpreters, warehouse: Warehouse
) -> None:
    warehouse.settings(chunk_rows=500_000)
    code = """
    import signal

    class Alarm(Exception):
        pass

    def ring(*_):
        raise Alarm

    signal.signal(signal.SIGALRM, ring)
    cursor = dbapi.connect(**WAREHOUSE).cursor()
    cursor.execute("SELECT id, id * 2 AS a, concat('name-', id) AS b FROM range(500000)")
    assert cursor.fetchone() == (0, 0, "name-0")
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    try:
        # All of them have come already: nothing is waited for.
        cursor.fetchmany(499_998)
    except Alarm:
        rows = cursor.fetchall()
        print(json.dumps([len(rows), rows[0][0], rows[-1][0]]))
    """
    assert python.run(code) == [499_999, 1, 499_999]


def test_an_interrupt_ends_the_transfer_of_a_file(
    python: Interpreters, warehouse: Warehouse, tmp_path: Path
) -> None:
    place = "/Volumes/main/default/files/interrupted"
    match = {"method": "GET", "path": f"^{place}"}
    warehouse.fault(match=match, action={"delay": 60}, times=None)
    code = f"""
    cursor = dbapi.connect(**WAREHOUSE, staging_allowed_local_path={str(tmp_path)!r}).cursor()
    cursor.execute("PUT '__input_stream__' INTO '{place}' OVERWRITE", input_stream=b"hello")
    interrupted(lambda: cursor.execute("GET '{place}' TO '{tmp_path}/a'"))
    cursor.execute("SELECT 1")
    sys.stdin.read()
    """
    process = python.start(WAITING + code)
    took = interrupt(
        process,
        warehouse,
        lambda entry: bool(entry["method"] == "GET" and entry["path"].startswith(place)),
    )
    end(process)
    assert took < 2
    assert list(tmp_path.iterdir()) == []
