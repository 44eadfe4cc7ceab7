"""Threads, Ctrl-C, forks, drops, cancels, ends."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interrupting import WAITING, end, interrupt

import databricks_sql_kernel as kernel

from .conftest import OPEN, execute

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Held, Interpreters

    from .conftest import Open


# The id of a statement in a path.
SOME = "[0-9a-f-]+"


def test_threads_on_one_result_share_its_rows(session: kernel.Session) -> None:
    executed = execute(session, "SELECT id FROM range(200000)")

    def read() -> list[int]:
        rows: list[int] = []
        while (batch := executed.fetch_next_batch()) is not None:
            rows += batch.column(0).to_pylist()
        return rows

    with ThreadPoolExecutor(8) as pool:
        parts = [future.result() for future in [pool.submit(read) for _ in range(8)]]
    assert sorted(itertools.chain.from_iterable(parts)) == list(range(200000))


def test_threads_on_one_statement_take_turns(session: kernel.Session) -> None:
    statement = session.statement()
    statement.set_sql("SELECT 1 AS a")
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(statement.execute) for _ in range(16)]
        assert [future.result().fetch_all_arrow().num_rows for future in futures] == [1] * 16


def test_a_cancel_before_the_id_is_known_is_remembered(
    session: kernel.Session, warehouse: Warehouse
) -> None:
    statement = session.statement()
    sql = "SELECT id AS before_the_id FROM range(10)"
    statement.set_sql(sql)
    warehouse.settings(pending_polls=50)
    warehouse.fault(match={"path": "statements$"}, action={"delay": 1.0})
    canceller = statement.canceller()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(statement.execute)
        warehouse.wait_for(lambda entry: entry["statement"] == sql)
        assert canceller.statement_id() is None
        canceller.cancel()
        # The statement may have ended before the cancel came; what counts is that it was sent.
        with contextlib.suppress(kernel.KernelError):
            running.result(timeout=20)
    warehouse.wait_for(lambda entry: entry["path"].endswith("/cancel"))


def test_a_cancel_before_the_first_execution_ends_it_and_one_after_an_execution_nothing(
    session: kernel.Session,
) -> None:
    statement = session.statement()
    statement.set_sql("SELECT 1")
    canceller = statement.canceller()
    canceller.cancel()
    with pytest.raises(kernel.KernelError) as caught:
        statement.execute()
    assert caught.value.code == "Cancelled"
    for _ in range(2):
        assert statement.execute().fetch_all_arrow().num_rows == 1
        canceller.cancel()
        statement.canceller().cancel()


def test_a_cancel_reaches_a_running_statement_and_the_next_runs(
    session: kernel.Session, held: Held
) -> None:
    statement = session.statement()
    statement.set_sql(held.sql)
    canceller = statement.canceller()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(statement.execute)
        held.polled()
        assert canceller.statement_id() == held.statement_id
        canceller.cancel()
        held.cancelled()
        with pytest.raises(kernel.KernelError) as caught:
            running.result(timeout=20)
    assert caught.value.code == "Cancelled"
    assert caught.value.query_id == held.statement_id
    statement.set_sql("SELECT 1")
    assert statement.execute().fetch_all_arrow().num_rows == 1


def test_after_the_end_of_a_session_everything_says_so(open_session: Open) -> None:
    session = open_session()
    statement = session.statement()
    statement.set_sql("SELECT 1")
    assert repr(session) == f'Session(session_id="{session.session_id}", closed=False)'
    session.close()
    session.close()
    assert repr(session) == "Session(closed=True)"
    calls = [
        lambda: session.session_id,
        session.statement,
        session.metadata,
        lambda: session.attach_async_statement("x"),
        statement.execute,
    ]
    for call in calls:
        with pytest.raises(kernel.KernelError, match="closed") as caught:
            call()
        assert caught.value.code == "InvalidStatementHandle"


def test_statements_close_before_their_session(open_session: Open, warehouse: Warehouse) -> None:
    session = open_session()
    executed = execute(session, "SELECT id FROM range(100000)")
    executed.fetch_all_arrow()
    session.close()
    deletes = [entry["path"] for entry in warehouse.log(method="DELETE")]
    assert [path.split("/")[-2] for path in deletes] == ["statements", "sessions"]


def test_a_session_that_nobody_holds_is_closed(warehouse: Warehouse) -> None:
    session = kernel.Session(
        warehouse.server_hostname, warehouse.http_path, access_token=warehouse.access_token
    )
    identifier = session.session_id
    executed = execute(session, "SELECT id FROM range(10)")
    del session
    gc.collect()
    assert identifier in {each["session_id"] for each in warehouse.sessions()}
    assert executed.fetch_all_arrow().num_rows == 10
    del executed
    warehouse.wait_for(
        lambda entry: (entry["method"], entry["session_id"]) == ("DELETE", identifier)
    )


def test_closing_is_bounded_when_nobody_answers(open_session: Open, warehouse: Warehouse) -> None:
    session = open_session()
    warehouse.fault(match={"method": "DELETE"}, action={"delay": 60}, times=None)
    started = time.monotonic()
    session.close()
    assert time.monotonic() - started < 5


def test_closing_a_part_is_bounded_when_nobody_answers(
    open_session: Open, warehouse: Warehouse
) -> None:
    warehouse.settings(chunk_rows=1000, inline_limit_bytes=0)
    session = open_session()
    statement = session.statement()
    statement.set_sql("SELECT id FROM range(9000)")
    executed = statement.execute()
    warehouse.fault(match={"method": "DELETE"}, action={"delay": 60}, times=None)
    started = time.monotonic()
    executed.close()
    statement.close()
    assert time.monotonic() - started < 5


@pytest.mark.slow
def test_a_close_that_nobody_answers_fails_in_the_end(
    session: kernel.Session, warehouse: Warehouse
) -> None:
    statement = session.statement()
    statement.set_sql("SELECT 1")
    submitted = statement.submit()
    warehouse.fault(match={"method": "DELETE"}, action={"delay": 60}, times=None)
    started = time.monotonic()
    with pytest.raises(kernel.KernelError) as caught:
        submitted.close()
    assert caught.value.code == "Timeout"
    assert time.monotonic() - started < 12


def test_a_cancel_ends_a_fetch_at_once(open_session: Open, warehouse: Warehouse) -> None:
    warehouse.settings(chunk_rows=1000, inline_limit_bytes=0)
    warehouse.fault(match={"to": "storage", "chunk": 5}, action={"delay": 20})
    executed = execute(open_session(), "SELECT id FROM range(10000)")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(executed.fetch_all_arrow)
        warehouse.wait_for(lambda entry: (entry["to"], entry["chunk"]) == ("storage", 5))
        started = time.monotonic()
        executed.cancel()
        with pytest.raises(kernel.KernelError) as caught:
            running.result(timeout=30)
    assert caught.value.code == "Cancelled"
    assert time.monotonic() - started < 3


def test_a_close_ends_a_fetch_of_another_thread(open_session: Open, warehouse: Warehouse) -> None:
    warehouse.settings(chunk_rows=1000, inline_limit_bytes=0)
    warehouse.fault(match={"to": "storage", "chunk": 5}, action={"delay": 20})
    executed = execute(open_session(), "SELECT id FROM range(10000)")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(executed.fetch_all_arrow)
        warehouse.wait_for(lambda entry: (entry["to"], entry["chunk"]) == ("storage", 5))
        started = time.monotonic()
        executed.close()
        with pytest.raises(kernel.KernelError):
            running.result(timeout=30)
    assert time.monotonic() - started < 6


@pytest.mark.parametrize(
    ("call", "path"),
    [
        ("execute(session, 'SELECT 1')", "statements$"),
        ("session.metadata().list_catalogs()", "statements$"),
        ("session.close()", "sessions/"),
        ("open_session()", "sessions$"),
        ("session.attach_async_statement('x')", "statements/x$"),
        ("statement.submit()", "statements$"),
        ("submitted.status()", f"statements/{SOME}$"),
        ("submitted.fetch_result()", f"statements/{SOME}$"),
        ("submitted.cancel()", f"statements/{SOME}/cancel$"),
        ("submitted.close()", f"statements/{SOME}$"),
        ("executed.cancel()", f"statements/{SOME}/cancel$"),
    ],
)
def test_an_interrupt_ends_every_call(
    python: Interpreters, warehouse: Warehouse, call: str, path: str
) -> None:
    code = f"""
    session = open_session()
    statement = session.statement()
    statement.set_sql("SELECT 1")
    other = session.statement()
    other.set_sql("SELECT 2")
    submitted = other.submit()
    executed = execute(session, "SELECT id FROM range(3000)")
    executed.fetch_next_batch()
    print(flush=True)
    sys.stdin.readline()
    interrupted(lambda: {call})
    """
    warehouse.settings(chunk_rows=1000, inline_limit_bytes=0)
    process = python.start(WAITING + OPEN + code)
    assert process.stdin
    assert process.stdout
    process.stdout.readline()
    warehouse.clear_log()
    warehouse.fault(match={"path": path}, action={"delay": 20}, times=None)
    process.stdin.write("go\n")
    process.stdin.flush()
    took = interrupt(process, warehouse, lambda entry: bool(re.search(path, entry["path"])))
    assert took < 2
    warehouse.clear_faults()
    end(process)


# A handler of signals that calls what the interrupted call is of, and ends that.
CALLING = """
    import signal
    def handled(call, end):
        def handle(*_):
            try:
                call()
            except kernel.KernelError as error:
                print(error.code, error, flush=True)
            end()
        signal.signal(signal.SIGINT, handle)
        print("calls", flush=True)
        try:
            call()
        except kernel.KernelError as error:
            print(error.code, flush=True)
"""


def test_a_handler_cannot_execute_what_is_executed(
    python: Interpreters, warehouse: Warehouse, held: Held
) -> None:
    code = f"""
    statement = open_session().statement()
    statement.set_sql({held.sql!r})
    handled(statement.execute, statement.canceller().cancel)
    """
    process = python.start(CALLING + OPEN + code)
    assert process.stdout
    assert process.stdout.readline() == "calls\n"
    warehouse.wait_for(lambda entry: entry["statement"] == held.sql)
    process.send_signal(signal.SIGINT)
    held.cancelled()
    said = "InvalidArgument the Statement is in use by the very call that this one was made from"
    assert end(process).splitlines() == [said, "Cancelled"]


def test_a_handler_cannot_fetch_what_is_fetched(python: Interpreters, warehouse: Warehouse) -> None:
    warehouse.settings(chunk_rows=1000, inline_limit_bytes=0)
    warehouse.fault(match={"to": "storage", "chunk": 5}, action={"delay": 20})
    code = """
    executed = execute(open_session(), "SELECT id FROM range(10000)")
    handled(executed.fetch_all_arrow, executed.close)
    """
    process = python.start(CALLING + OPEN + code)
    assert process.stdout
    assert process.stdout.readline() == "calls\n"
    warehouse.wait_for(lambda entry: (entry["to"], entry["chunk"]) == ("storage", 5))
    process.send_signal(signal.SIGINT)
    first, second = end(process).splitlines()
    assert first.startswith("InvalidArgument the ExecutedStatement is in use by the very call")
    assert second == "Cancelled"


@pytest.mark.parametrize("one_by_one", [False, True])
def test_an_interrupted_fetch_loses_no_row(
    python: Interpreters,
    warehouse: Warehouse,
    one_by_one: bool,  # noqa: FBT001
) -> None:
    warehouse.settings(chunk_rows=1000, inline_limit_bytes=0)
    warehouse.fault(match={"to": "storage", "chunk": 5}, action={"delay": 5})
    code = f"""
    import pyarrow
    executed = execute(open_session(), "SELECT id FROM range(10000)")
    rows = []
    while len(rows) < 5000:
        rows.extend(executed.fetch_next_batch()["id"].to_pylist())
    print(flush=True)
    def fetch():
        if {one_by_one}:
            while (batch := executed.fetch_next_batch()) is not None:
                rows.extend(batch["id"].to_pylist())
        else:
            rows.extend(executed.fetch_all_arrow()["id"].to_pylist())
    interrupted(fetch)
    fetch()
    print(rows == list(range(10000)), flush=True)
    """
    process = python.start(WAITING + OPEN + code)
    assert process.stdout
    process.stdout.readline()
    took = interrupt(
        process,
        warehouse,
        lambda entry: entry["to"] == "storage" and entry["chunk"] == 5,
    )
    assert took < 2
    assert end(process) == "True"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_refuses_its_parents_objects_and_opens_its_own(python: Interpreters) -> None:
    code = """
    import os, warnings
    warnings.simplefilter("ignore")
    session = open_session()
    executed = execute(session, "SELECT id FROM range(10)")
    statement = session.statement()
    statement.set_sql("SELECT 1")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        codes = []
        for call in (statement.execute, session.metadata, lambda: session.session_id):
            try:
                call()
            except kernel.KernelError as error:
                codes.append(error.code)
        session.close()
        codes.append(execute(open_session(), "SELECT 1 AS a").fetch_all_arrow().num_rows)
        os.write(writing, json.dumps(codes).encode())
        os._exit(0)
    os.waitpid(child, 0)
    print(json.dumps([json.loads(os.read(reading, 1000)), executed.fetch_all_arrow().num_rows]))
    """
    refused = "InvalidStatementHandle"
    assert python.run(OPEN + code) == [[refused, refused, refused, 1], 10]


def test_sessions_are_closed_at_the_end_of_the_interpreter(
    python: Interpreters, warehouse: Warehouse
) -> None:
    code = """
    sessions = [open_session() for _ in range(3)]
    executed = execute(sessions[0], "SELECT id FROM range(10)")
    print(json.dumps([session.session_id for session in sessions]))
    """
    identifiers = set(python.run(OPEN + code))
    assert len(identifiers) == 3
    assert not identifiers & {each["session_id"] for each in warehouse.sessions()}


TASKS = Path("/proc/self/task")


@pytest.mark.skipif(not TASKS.is_dir(), reason="this system does not list threads")
def test_all_sessions_share_few_threads(open_session: Open) -> None:
    def tasks() -> int:
        return len(list(TASKS.iterdir()))

    open_session()
    before = tasks()
    sessions = [open_session() for _ in range(10)]
    assert tasks() <= before + 1
    del sessions
