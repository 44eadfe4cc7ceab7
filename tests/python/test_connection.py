"""Connections: state, cursors, closing."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    Connect = Callable[..., dbapi.Connection]


def test_a_connection_is_one_session(connect: Connect, warehouse: Warehouse) -> None:
    first, second = connect(), connect()
    assert first.session_id != second.session_id
    open_ids = {session["session_id"] for session in warehouse.sessions()}
    assert {first.session_id, second.session_id} <= open_ids


def test_a_connection_shows_its_session_and_state(connection: dbapi.Connection) -> None:
    assert connection.session_id in repr(connection)
    assert "open" in repr(connection)
    connection.close()
    assert "closed" in repr(connection)


def test_settings_last_within_a_session_only(connect: Connect) -> None:
    changed, other = connect().cursor(), connect().cursor()
    changed.execute("SET TIME ZONE 'Asia/Tokyo'")
    assert changed.execute("SELECT current_timezone()").fetchone() == ("Asia/Tokyo",)
    assert other.execute("SELECT current_timezone()").fetchone() != ("Asia/Tokyo",)


def test_a_statement_is_committed_when_it_ends(connect: Connect, table: str) -> None:
    writer, reader = connect(), connect()
    writer.cursor().execute(f"CREATE TABLE {table} (a INT)")
    writer.cursor().execute(f"INSERT INTO {table} VALUES (1)")
    assert reader.cursor().execute(f"SELECT * FROM {table}").fetchall() == [(1,)]


def test_closing_deletes_the_session_once(
    connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    for _ in range(3):
        connection.close()
    assert len(warehouse.log(method="DELETE", session_id=connection.session_id)) == 1
    assert connection.session_id not in {one["session_id"] for one in warehouse.sessions()}


@pytest.mark.parametrize(
    "use",
    [
        lambda connection: connection.cursor(),
        lambda connection: connection.commit(),
        lambda connection: connection.rollback(),
        lambda connection: connection.autocommit,
        lambda connection: setattr(connection, "autocommit", False),
        lambda connection: connection.get_transaction_isolation(),
        lambda connection: connection.set_transaction_isolation("REPEATABLE_READ"),
        lambda connection: connection.__enter__(),
    ],
)
def test_a_closed_connection_is_of_no_use(connection: dbapi.Connection, use: Any) -> None:
    connection.close()
    with pytest.raises(dbapi.InterfaceError, match="closed"):
        use(connection)


@pytest.mark.parametrize(
    "use",
    [
        lambda cursor: cursor.execute("SELECT 1"),
        lambda cursor: cursor.executemany("SELECT ?", [(1,)]),
        lambda cursor: cursor.fetchone(),
        lambda cursor: cursor.fetchmany(2),
        lambda cursor: cursor.fetchall(),
        lambda cursor: cursor.fetchall_arrow(),
        lambda cursor: cursor.fetchmany_arrow(2),
        next,
        lambda cursor: cursor.cancel(),
        lambda cursor: cursor.nextset(),
        lambda cursor: cursor.__enter__(),
    ],
)
@pytest.mark.parametrize("what", ["connection", "cursor"])
def test_cursors_of_no_use_say_so(connection: dbapi.Connection, use: Any, what: str) -> None:
    cursor = connection.cursor().execute("SELECT 1")
    if what == "connection":
        connection.close()
    else:
        cursor.close()
    with pytest.raises(dbapi.InterfaceError, match="closed"):
        use(cursor)


def test_a_connection_that_fails_to_close_does_not_raise(
    connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    warehouse.fault(match={"method": "DELETE", "path": "sessions/"}, action={"status": 404})
    connection.close()
    assert not connection.open


def test_cursors_know_their_connection(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    assert cursor.connection is connection


def test_cursors_are_independent(connection: dbapi.Connection) -> None:
    first, second = connection.cursor(), connection.cursor()
    first.execute("SELECT id FROM range(3)")
    second.execute("SELECT 'x' AS b")
    assert first.fetchone() == (0,)
    assert second.fetchall() == [("x",)]
    assert first.fetchall() == [(1,), (2,)]
    second.close()
    assert first.execute("SELECT 1").fetchall() == [(1,)]


def test_cursors_take_the_official_connectors_arguments(connection: dbapi.Connection) -> None:
    cursor = connection.cursor(arraysize=7, buffer_size_bytes=1000, row_limit=5)
    assert cursor.arraysize == 7
    cursor.execute("SELECT id FROM range(10)")
    assert len(cursor.fetchall()) == 5
    assert cursor.truncated


def test_a_result_within_the_row_limit_is_not_truncated(connection: dbapi.Connection) -> None:
    cursor = connection.cursor(row_limit=10).execute("SELECT id FROM range(10)")
    assert len(cursor.fetchall()) == 10
    assert not cursor.truncated


@pytest.mark.parametrize("limit", [0, -1])
def test_a_row_limit_below_one_is_refused(connection: dbapi.Connection, limit: int) -> None:
    with pytest.raises((dbapi.ProgrammingError, OverflowError)):
        connection.cursor(row_limit=limit)


def test_a_result_that_was_cut_although_nobody_asked_is_an_error(
    connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    warehouse.fault(match={"statement": "SELECT 77"}, action={"manifest": {"truncated": True}})
    with pytest.raises(dbapi.DataError, match=r"truncated|cut"):
        connection.cursor().execute("SELECT 77")


def test_a_cursor_closes_at_the_end_of_its_block(connection: dbapi.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    with pytest.raises(dbapi.InterfaceError):
        cursor.fetchone()
    cursor.close()


def test_a_cursor_shows_its_statement_and_state(cursor: dbapi.Cursor) -> None:
    assert "open" in repr(cursor)
    cursor.execute("SELECT 1")
    assert cursor.query_id is not None
    assert cursor.query_id in repr(cursor)
    cursor.close()
    assert "closed" in repr(cursor)


def test_what_pep_249_leaves_open_does_nothing(cursor: dbapi.Cursor) -> None:
    cursor.setinputsizes([1, None])
    cursor.setoutputsize(1000)
    cursor.setoutputsize(1000, 0)
    assert cursor.nextset() is None
    assert cursor.lastrowid is None
    with pytest.raises(dbapi.NotSupportedError, match="CALL my_procedure"):
        cursor.callproc("my_procedure", [1])
    with pytest.raises(dbapi.NotSupportedError, match="forward only"):
        cursor.scroll(1)


def test_the_official_connectors_names_of_the_session_are_there(
    connection: dbapi.Connection,
) -> None:
    assert connection.get_session_id() == connection.session_id
    assert connection.get_session_id_hex() == connection.session_id


def test_cursors_tell_their_state_and_limit(connection: dbapi.Connection) -> None:
    cursor = connection.cursor(row_limit=3)
    assert (cursor.open, cursor.row_limit, connection.cursor().row_limit) == (True, 3, None)
    cursor.close()
    assert not cursor.open


def test_messages_are_those_of_the_last_statement(connect: Connect, warehouse: Warehouse) -> None:
    connection = connect(on_truncated="warn")
    cursor = connection.cursor()
    warehouse.fault(match={"statement": "SELECT 77"}, action={"manifest": {"truncated": True}})
    with pytest.warns(RuntimeWarning, match="cut"):
        cursor.execute("SELECT 77")
    ((category, text),) = cursor.messages
    assert category is dbapi.Warning
    assert "cut" in text
    cursor.execute("SELECT 78")
    assert cursor.messages == []
    assert connection.messages == []


def test_a_session_that_is_gone_is_told_by_its_code(
    connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    cursor = connection.cursor()
    cursor.execute("SET TIME ZONE 'Asia/Tokyo'")
    url = f"{warehouse.server_hostname}/api/2.0/sql/sessions/{connection.session_id}"
    headers = {"authorization": f"Bearer {warehouse.access_token}"}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers, method="DELETE")):  # noqa: S310
        pass
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute("SELECT 5")
    assert raised.value.code == "SessionLost"
    assert type(raised.value) is dbapi.SessionAlreadyClosedError
    assert len(warehouse.log(statement="SELECT 5")) == 1
