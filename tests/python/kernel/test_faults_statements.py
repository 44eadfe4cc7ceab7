"""Statements: waits, cancels, tags, threads, what is told of them."""

from __future__ import annotations

import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from interrupting import WAITING, end, interrupt

import databricks_sql_kernel as kernel

from .conftest import OPEN, execute
from .faults import answered, code_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Held, Interpreters

    from .conftest import Open


# 8. Calls that Ctrl-C does not end; test_lifecycle has the others.
def test_8_an_interrupt_ends_the_wait_for_a_result(
    python: Interpreters, warehouse: Warehouse, held: Held
) -> None:
    code = f"""
    session = open_session()
    statement = session.statement()
    statement.set_sql({held.sql!r})
    submitted = statement.submit()
    interrupted(submitted.await_result)
    print(submitted.status()[0], flush=True)
    """
    process = python.start(WAITING + OPEN + code)
    took = interrupt(
        process,
        warehouse,
        lambda entry: (entry["method"], entry["statement_id"]) == ("GET", held.statement_id),
    )
    assert took < 2
    assert end(process) == "Running"


# 9. A cancel during the first request is lost, and polls come in steps of half a second.
def test_9_a_cancel_during_the_first_request_is_remembered(
    warehouse: Warehouse, session: kernel.Session, hold: Callable[..., Held]
) -> None:
    held = hold("SELECT 'named late'", named_after=1.0)
    statement = session.statement()
    statement.set_sql(held.sql)
    canceller = statement.canceller()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(statement.execute)
        warehouse.wait_for(lambda entry: entry["statement"] == held.sql)
        assert canceller.statement_id() is None
        canceller.cancel()
        # It runs until the service hears of it.
        held.cancelled()
        assert code_of(lambda: running.result(timeout=20)) == "Cancelled"


def test_9_a_statement_that_ends_soon_is_not_waited_for_long(
    warehouse: Warehouse, session: kernel.Session
) -> None:
    warehouse.settings(pending_polls=3)
    statement = session.statement()
    statement.set_sql("SELECT 1")
    submitted = statement.submit()
    started = time.monotonic()
    submitted.await_result()
    # Steps of half a second need one and a half at least; those of 50, 100 and 200 ms do not.
    assert time.monotonic() - started < 1.4


# 14. Tags are corrupted, and a column's name makes a SELECT a DML.
def test_14_tags_are_sent_as_they_are(session: kernel.Session, warehouse: Warehouse) -> None:
    statement = session.statement()
    statement.set_sql("SELECT 1")
    statement.set_query_tags({"k:1": "v", "a,b": "c"})
    statement.execute()
    sent = warehouse.log(method="POST", path="/api/2.0/sql/statements")[-1]["body"]["query_tags"]
    assert {tag["key"]: tag["value"] for tag in sent} == {"k:1": "v", "a,b": "c"}


def test_14_a_column_name_makes_no_count(session: kernel.Session) -> None:
    executed = execute(session, "/* x */ SELECT CAST(7 AS BIGINT) AS num_affected_rows")
    assert executed.num_modified_rows is None


# 17. Threads on one object raise; closes come in the wrong order; sessions leak: test_lifecycle.
def test_17_many_threads_may_use_one_object(session: kernel.Session) -> None:
    statement = session.statement()
    statement.set_sql("SELECT id FROM range(100000)")
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(statement.execute) for _ in range(8)]
        executed = [result.result() for result in results][-1]

        def read(_: int) -> list[int]:
            rows: list[int] = []
            while (batch := executed.fetch_next_batch()) is not None:
                rows += batch.column(0).to_pylist()
            return rows

        rows = [row for part in pool.map(read, range(4)) for row in part]
    assert sorted(rows) == list(range(100000))


def test_17_the_callers_user_agent_is_added(warehouse: Warehouse, open_session: Open) -> None:
    open_session(http_headers=[("User-Agent", "mine/1")])
    sent = warehouse.log(method="POST", path="/api/2.0/sql/sessions")[-1]
    agent = sent["headers"]["user-agent"]
    assert agent.startswith("databricks-sql-kernel/")
    assert agent.endswith(" mine/1")


# 18. `reader()` is missing: test_async.
def test_18_a_reader_exists(session: kernel.Session) -> None:
    statement = session.statement()
    statement.set_sql("SELECT 7 AS n")
    submitted = statement.submit()
    submitted.await_result()
    assert submitted.reader().await_result().fetch_all_arrow()["n"].to_pylist() == [7]


# 20. A table without a type fails the list; errors of polls do not name their statement.
def test_20_an_error_of_a_poll_names_its_statement(
    warehouse: Warehouse, open_session: Open
) -> None:
    session = open_session(retry_max_attempts=1)
    statement = session.statement()
    statement.set_sql("SELECT 1")
    submitted = statement.submit()
    action = {"status": 500, "body": {"message": "no"}}
    warehouse.fault(match={"method": "GET", "path": submitted.statement_id}, action=action)
    with pytest.raises(kernel.KernelError) as caught:
        submitted.status()
    assert caught.value.query_id == submitted.statement_id


def test_20_a_table_without_a_type_is_listed(warehouse: Warehouse, session: kernel.Session) -> None:
    kind = pa.schema(
        [
            ("database", pa.string()),
            ("tableName", pa.string()),
            ("isTemporary", pa.bool_()),
            ("information", pa.string()),
            ("catalogName", pa.string()),
            ("tableType", pa.string()),
            ("remarks", pa.string()),
        ]
    )
    row = {"database": "default", "tableName": "t", "catalogName": "main"}
    answered(warehouse, pa.Table.from_pylist([row], schema=kind))
    tables = session.metadata().list_tables(catalog="main").fetch_all_arrow()
    assert tables["TABLE_NAME"].to_pylist() == ["t"]


def test_nothing_warns_by_itself(session: kernel.Session) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        execute(session, "SELECT 1").close()
