"""Statements that run by themselves, and tags of statements."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Held

    Connect = Callable[..., dbapi.Connection]


def test_a_statement_runs_by_itself_and_is_collected_later(cursor: dbapi.Cursor) -> None:
    assert cursor.execute_async("SELECT id + :n AS a FROM range(3)", {"n": 5}) is cursor
    assert cursor.query_id is not None
    assert cursor.description is None
    assert cursor.get_async_execution_result() is cursor
    assert cursor.get_query_state() == "SUCCEEDED"
    assert not cursor.is_query_pending()
    assert [row.a for row in cursor] == [5, 6, 7]


def test_its_state_is_known_while_it_runs(cursor: dbapi.Cursor, held: Held) -> None:
    cursor.execute_async(held.sql)
    assert cursor.query_id == held.statement_id
    assert cursor.get_query_state() == "RUNNING"
    assert cursor.is_query_pending()
    with pytest.raises(dbapi.ProgrammingError, match="no result"):
        cursor.fetchone()


def test_it_is_cancelled_as_any_other(cursor: dbapi.Cursor, held: Held) -> None:
    cursor.execute_async(held.sql)
    cursor.cancel()
    held.cancelled()
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.get_async_execution_result()
    assert raised.value.code == "Cancelled"


def test_waiting_for_it_ends_with_the_time_of_the_cursor(
    connection: dbapi.Connection, held: Held
) -> None:
    cursor = connection.cursor(timeout=0.3).execute_async(held.sql)
    with pytest.raises(dbapi.OperationalError, match="still runs") as raised:
        cursor.get_async_execution_result()
    assert (raised.value.code, raised.value.query_id) == ("Timeout", held.statement_id)
    assert cursor.is_query_pending()


@pytest.mark.parametrize("closes", ["cursor", "connection"])
def test_closing_ends_the_wait_for_it(
    connection: dbapi.Connection, held: Held, closes: str
) -> None:
    cursor = connection.cursor().execute_async(held.sql)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(cursor.get_async_execution_result)
        held.polled()
        (cursor if closes == "cursor" else connection).close()
        with pytest.raises(dbapi.Error):
            waiting.result(timeout=20)


def test_its_failure_is_told_when_it_is_collected(cursor: dbapi.Cursor) -> None:
    cursor.execute_async("SELECT 1 / 0")
    with pytest.raises(dbapi.DataError, match="DIVIDE_BY_ZERO"):
        cursor.get_async_execution_result()
    assert cursor.get_query_state() == "FAILED"


def test_another_connection_finds_it_by_its_id(connect: Connect) -> None:
    first = connect().cursor().execute_async("SELECT 42 AS a", detach=True)
    assert first.query_id is not None
    found = connect().cursor().attach(first.query_id)
    assert found.get_async_execution_result().fetchall() == [(42,)]
    assert found.query_id == first.query_id


def test_who_found_it_can_cancel_it(connect: Connect, held: Held) -> None:
    first = connect().cursor().execute_async(held.sql, detach=True)
    assert first.query_id is not None
    found = connect().cursor().attach(first.query_id)
    found.cancel()
    held.cancelled()
    with pytest.raises(dbapi.OperationalError) as raised:
        found.get_async_execution_result()
    assert raised.value.code == "Cancelled"


def test_an_id_that_nobody_knows_is_refused(cursor: dbapi.Cursor) -> None:
    with pytest.raises(dbapi.ProgrammingError):
        cursor.attach("00000000-0000-0000-0000-000000000000")


def test_closing_the_cursor_ends_it_unless_it_is_detached(
    connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    kept = connection.cursor().execute_async("SELECT 1", detach=True)
    ended = connection.cursor().execute_async("SELECT 2")
    ids = kept.query_id, ended.query_id
    kept.close()
    ended.close()
    warehouse.wait_for(lambda entry: (entry["method"], entry["statement_id"]) == ("DELETE", ids[1]))
    assert not warehouse.log(method="DELETE", statement_id=ids[0])


@pytest.mark.parametrize(
    "use",
    [
        lambda cursor: cursor.get_query_state(),
        lambda cursor: cursor.is_query_pending(),
        lambda cursor: cursor.get_async_execution_result(),
    ],
)
def test_where_nothing_was_submitted_nothing_can_be_asked(cursor: dbapi.Cursor, use: Any) -> None:
    for prepare in (lambda: None, lambda: cursor.execute("SELECT 1")):
        prepare()
        with pytest.raises(dbapi.ProgrammingError, match="execute_async"):
            use(cursor)


def test_tags_go_with_their_statement_only(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    tags = {"team": "a:b,c", "flag": None}
    cursor.execute("SELECT 1", query_tags=tags)
    cursor.executemany("SELECT ?", [(1,), (2,)], query_tags=tags)
    cursor.execute_async("SELECT 2", query_tags=tags)
    cursor.execute("SELECT 3")
    log = [entry for entry in warehouse.log(method="POST") if entry["statement"]]
    expected = [{"key": "team", "value": "a:b,c"}, {"key": "flag"}]
    assert [entry["body"].get("query_tags") for entry in log] == [expected] * 4 + [None]


def test_tags_are_texts(cursor: dbapi.Cursor) -> None:
    wrong: Any = {"a": 1}
    with pytest.raises(TypeError):
        cursor.execute("SELECT 1", query_tags=wrong)
