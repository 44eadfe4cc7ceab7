"""Sessions that the service loses, whether a connection works, and queries that are sent again."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Held, Interpreters

    Connect = Callable[..., dbapi.Connection]


@pytest.fixture
def lose(warehouse: Warehouse) -> Callable[[dbapi.Connection], str]:
    """Have the service forget the session of a connection; its id."""

    def forget(connection: dbapi.Connection) -> str:
        lost = connection.session_id
        url = f"{warehouse.server_hostname}/api/2.0/sql/sessions/{lost}"
        headers = {"authorization": f"Bearer {warehouse.access_token}"}
        request = urllib.request.Request(url, headers=headers, method="DELETE")  # noqa: S310
        urllib.request.urlopen(request).close()  # noqa: S310
        return lost

    return forget


def sessions_opened(warehouse: Warehouse) -> list[dict[str, Any]]:
    return [entry["body"] for entry in warehouse.log(method="POST") if "sessions" in entry["path"]]


def test_a_session_that_was_lost_is_opened_again_with_its_settings(
    connect: Connect, warehouse: Warehouse, lose: Callable[[dbapi.Connection], str]
) -> None:
    connection = connect(
        catalog="main", schema="default", session_configuration={"TIMEZONE": "Asia/Tokyo"}
    )
    cursor = connection.cursor()
    for _ in range(2):
        lost = lose(connection)
        rows = cursor.execute("SELECT current_catalog(), current_timezone()").fetchall()
        assert rows == [("main", "Asia/Tokyo")]
        assert connection.session_id != lost
        assert connection.get_session_id_hex() == connection.session_id
    opened = sessions_opened(warehouse)
    assert opened == [opened[0]] * 3


@pytest.mark.parametrize(
    "sql",
    [
        "USE SCHEMA default",
        "SET TIMEZONE = 'Asia/Tokyo'",
        "CREATE TEMPORARY VIEW lost_view AS SELECT 1",
        "SET AUTOCOMMIT = TRUE",
    ],
)
def test_a_session_in_which_something_was_changed_stays_lost(
    connection: dbapi.Connection,
    warehouse: Warehouse,
    lose: Callable[[dbapi.Connection], str],
    sql: str,
) -> None:
    cursor = connection.cursor()
    cursor.execute(sql)
    lost = lose(connection)
    with pytest.raises(dbapi.SessionAlreadyClosedError) as raised:
        cursor.execute("SELECT 1")
    assert isinstance(raised.value, dbapi.OperationalError)
    assert raised.value.code == "SessionLost"
    assert f"Session {lost} does not exist." in str(raised.value)
    assert "connect again" in str(raised.value)
    assert not raised.value.maybe_executed
    assert len(sessions_opened(warehouse)) == 1
    assert not connection.is_valid()


def test_a_transaction_is_not_lost_in_silence(
    connection: dbapi.Connection, table: str, lose: Callable[[dbapi.Connection], str]
) -> None:
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    connection.autocommit = False
    cursor.execute(f"INSERT INTO {table} VALUES (1)")
    lose(connection)
    with pytest.raises(dbapi.SessionAlreadyClosedError):
        connection.commit()


def test_a_write_finds_a_new_session_and_runs_once(
    connection: dbapi.Connection, table: str, lose: Callable[[dbapi.Connection], str]
) -> None:
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    lose(connection)
    cursor.execute(f"INSERT INTO {table} VALUES (1)")
    assert cursor.execute(f"SELECT a FROM {table}").fetchall() == [(1,)]


def test_a_connection_that_works_is_valid(
    connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    ping: Any = connection.ping
    assert ping() is None
    assert connection.is_valid()
    assert connection.is_valid(timeout=10)
    connection.close()
    assert not connection.is_valid()
    with pytest.raises(dbapi.InterfaceError):
        connection.ping()
    assert [entry["statement"] for entry in warehouse.log() if entry["statement"]] == [
        "SELECT 1"
    ] * 3


def test_a_connection_whose_service_does_not_answer_is_not_valid(
    connect: Connect, warehouse: Warehouse
) -> None:
    connection = connect()
    warehouse.fault(match={"path": "statements$"}, action={"delay": 60}, times=None)
    with pytest.raises(dbapi.OperationalError) as raised:
        connection.ping(timeout=0.2)
    assert raised.value.code == "Timeout"
    assert not connection.is_valid(timeout=0.2)


@pytest.mark.parametrize("timeout", [0, -1])
def test_whether_it_works_is_not_asked_with_a_time_that_is_none(
    connection: dbapi.Connection, warehouse: Warehouse, timeout: float
) -> None:
    warehouse.clear_log()
    for ask in (connection.ping, connection.is_valid):
        with pytest.raises(dbapi.ProgrammingError, match="timeout must be a positive number"):
            ask(timeout=timeout)
    assert not warehouse.log()


def test_asking_whether_it_works_takes_part_in_a_transaction(
    connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    connection.autocommit = False
    connection.ping()
    connection.commit()
    sent = [entry["statement"] for entry in warehouse.log() if entry["statement"]]
    assert sent == ["SET AUTOCOMMIT = FALSE", "SELECT 1", "COMMIT"]


@pytest.mark.parametrize("retry_reads", [False, True])
def test_a_query_whose_answer_is_lost_is_sent_again_only_if_it_may(
    connect: Connect, warehouse: Warehouse, table: str, *, retry_reads: bool
) -> None:
    connection = connect(retry_reads=retry_reads, retry_delay_min=0.01, retry_delay_max=0.01)
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    lost = {"path": "statements$", "statement": "once"}
    unavailable = {"status": 503, "body": {}}
    warehouse.fault(match=lost, action=unavailable)
    if retry_reads:
        assert cursor.execute("SELECT 'once'").fetchall() == [("once",)]
    else:
        with pytest.raises(dbapi.OperationalError) as raised:
            cursor.execute("SELECT 'once'")
        assert raised.value.maybe_executed
    warehouse.clear_faults()
    warehouse.fault(match=lost, action=unavailable)
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute(f"WITH s AS (SELECT 1 AS a) INSERT INTO {table} SELECT a FROM s -- once")
    assert raised.value.maybe_executed


def test_what_is_detached_outlives_cursor_connection_and_process(
    connect: Connect, warehouse: Warehouse, python: Interpreters
) -> None:
    code = """
    connection = dbapi.connect(**WAREHOUSE)
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    cursor.execute_async("SELECT 42 AS a", detach=True)
    print(json.dumps([connection.session_id, cursor.query_id]))
    cursor.close()
    """
    for ending in ("", "connection.close()\n"):
        session_id, query_id = python.run(code + ending)
        deleted = [entry["path"] for entry in warehouse.log(method="DELETE")]
        assert not [path for path in deleted if session_id in path or query_id in path]
        found = connect().cursor().attach(query_id)
        assert found.get_async_execution_result().fetchall() == [(42,)]


def test_the_id_is_known_while_a_statement_runs_and_when_it_fails(
    connection: dbapi.Connection, held: Held
) -> None:
    seen: list[str | None] = []

    def look(progress: dbapi.Progress) -> None:
        seen.append(progress.query_id)
        seen.append(cursor.query_id)
        cursor.cancel()
        held.cancelled()

    cursor = connection.cursor()
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute(held.sql, progress=look)
    assert seen[-2:] == [held.statement_id] * 2
    assert raised.value.query_id == held.statement_id == cursor.query_id
