"""Transactions: autocommit, commit and rollback, and what is sent for them."""

from __future__ import annotations

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    Connect = Callable[..., dbapi.Connection]


@pytest.fixture
def accounts(connection: dbapi.Connection, table: str) -> str:
    """A table that other connections see already."""
    connection.cursor().execute(f"CREATE TABLE {table} (a INT)")
    return table


def sent(warehouse: Warehouse, connection: dbapi.Connection) -> list[str]:
    log = warehouse.log(session_id=connection.session_id, method="POST")
    return [entry["statement"] for entry in log if entry["statement"]]


def behind_its_back(warehouse: Warehouse, connection: dbapi.Connection, sql: str) -> None:
    """Execute a statement in the session of a connection, which hears nothing of it."""
    arguments = warehouse.connect_args()
    request = Request(  # noqa: S310
        f"{arguments['server_hostname']}/api/2.0/sql/statements",
        method="POST",
        headers={
            "Authorization": f"Bearer {arguments['access_token']}",
            "Content-Type": "application/json",
        },
        data=json.dumps(
            {
                "warehouse_id": arguments["http_path"].rsplit("/", 1)[-1],
                "session_id": connection.session_id,
                "statement": sql,
                "wait_timeout": "10s",
            }
        ).encode(),
    )
    with urlopen(request) as answer:  # noqa: S310
        assert json.load(answer)["status"]["state"] == "SUCCEEDED"


def seen(connect: Connect, table: str) -> list[int]:
    cursor = connect().cursor().execute(f"SELECT a FROM {table} ORDER BY a")
    return [row.a for row in cursor]


def test_with_autocommit_nothing_is_sent_to_end_a_transaction(
    connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    before = sent(warehouse, connection)
    connection.autocommit = True
    connection.commit()
    connection.rollback()
    assert connection.autocommit is True
    assert sent(warehouse, connection) == before


def test_a_transaction_is_seen_by_others_when_it_is_committed(
    connect: Connect, accounts: str
) -> None:
    connection = connect()
    connection.autocommit = False
    assert connection.autocommit is False
    cursor = connection.cursor()
    cursor.execute(f"INSERT INTO {accounts} VALUES (1)")
    cursor.executemany(f"INSERT INTO {accounts} VALUES (?)", [(2,), (3,)])
    assert seen(connect, accounts) == []
    connection.commit()
    assert seen(connect, accounts) == [1, 2, 3]


def test_a_transaction_that_is_rolled_back_never_was(connect: Connect, accounts: str) -> None:
    connection = connect()
    connection.autocommit = False
    cursor = connection.cursor()
    cursor.execute(f"INSERT INTO {accounts} VALUES (1)")
    connection.rollback()
    cursor.execute(f"INSERT INTO {accounts} VALUES (2)")
    connection.commit()
    assert seen(connect, accounts) == [2]


def test_what_is_not_committed_when_the_connection_closes_never_was(
    connect: Connect, accounts: str
) -> None:
    with connect() as connection:
        connection.autocommit = False
        connection.cursor().execute(f"INSERT INTO {accounts} VALUES (1)")
    assert seen(connect, accounts) == []


def test_a_transaction_without_statements_is_not_worth_a_request(
    connect: Connect, warehouse: Warehouse, accounts: str
) -> None:
    connection = connect()
    connection.autocommit = False
    connection.commit()
    connection.rollback()
    connection.cursor().execute(f"INSERT INTO {accounts} VALUES (1)")
    connection.commit()
    connection.commit()
    connection.rollback()
    assert sent(warehouse, connection) == [
        "SET AUTOCOMMIT = FALSE",
        f"INSERT INTO {accounts} VALUES (1)",
        "COMMIT",
    ]


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_definitions_alone_are_committed_by_themselves(
    connect: Connect, warehouse: Warehouse, table: str, end: str
) -> None:
    connection = connect()
    connection.autocommit = False
    connection.cursor().execute(f"CREATE TABLE {table} (a INT)")
    getattr(connection, end)()
    assert sent(warehouse, connection)[-1] == end.upper()
    connection.cursor().execute(f"INSERT INTO {table} VALUES (1)")
    connection.commit()
    assert seen(connect, table) == [1]


def test_what_was_cancelled_unheard_is_rolled_back_with_its_transaction(
    connect: Connect, warehouse: Warehouse, accounts: str
) -> None:
    connection = connect()
    connection.autocommit = False
    cursor = connection.cursor().execute(f"INSERT INTO {accounts} VALUES (1)")
    insert = f"INSERT INTO {accounts} SELECT 2 + sleep(60)"
    with ThreadPoolExecutor(1) as pool:
        # With so little time the service holds its answer for five seconds.
        running = pool.submit(cursor.execute, insert, timeout=9)
        warehouse.wait_for(lambda entry: entry["statement"] == insert)
        cursor.cancel()
        unheard = "is asked to end it as soon as it names it"
        with pytest.raises(dbapi.OperationalError, match=unheard) as raised:
            running.result(timeout=30)
    assert raised.value.maybe_executed is True
    connection.rollback()
    paths = [(entry["path"].endswith("/cancel"), entry["statement"]) for entry in warehouse.log()]
    assert paths.index((True, None)) < paths.index((False, "ROLLBACK"))
    cursor.execute(f"INSERT INTO {accounts} VALUES (3)")
    connection.commit()
    assert seen(connect, accounts) == [3]


@pytest.mark.parametrize("before", ["CREATE TABLE IF NOT EXISTS {} (a INT)", "SELECT * FROM {}"])
def test_a_transaction_that_was_lost_is_no_success(
    connect: Connect, warehouse: Warehouse, accounts: str, before: str
) -> None:
    connection = connect()
    connection.autocommit = False
    cursor = connection.cursor()
    cursor.execute(before.format(accounts))
    cursor.execute(f"INSERT INTO {accounts} VALUES (1)")
    behind_its_back(warehouse, connection, "ROLLBACK")
    with pytest.raises(dbapi.TransactionError) as raised:
        connection.commit()
    assert raised.value.sql_state == "25000"


def test_no_sets_begin_no_transaction(
    connect: Connect, warehouse: Warehouse, accounts: str
) -> None:
    connection = connect()
    connection.autocommit = False
    connection.cursor().executemany(f"INSERT INTO {accounts} VALUES (?)", [])
    connection.commit()
    assert sent(warehouse, connection) == ["SET AUTOCOMMIT = FALSE"]


def test_a_commit_that_fails_says_so_and_can_be_repeated(
    connect: Connect, warehouse: Warehouse, accounts: str
) -> None:
    connection = connect()
    connection.autocommit = False
    connection.cursor().execute(f"INSERT INTO {accounts} VALUES (1)")
    warehouse.fault(match={"statement": "COMMIT"}, action={"drop": "before"})
    with pytest.raises(dbapi.TransactionError) as raised:
        connection.commit()
    assert raised.value.maybe_executed is True
    connection.commit()
    assert seen(connect, accounts) == [1]


def test_the_mode_is_asked_of_the_service_on_demand(connect: Connect, warehouse: Warehouse) -> None:
    remembering, asking = connect(), connect(fetch_autocommit_from_server=True)
    for connection in (remembering, asking):
        behind_its_back(warehouse, connection, "SET AUTOCOMMIT = FALSE")
    assert remembering.autocommit is True
    assert asking.autocommit is False
    asking.autocommit = True
    assert asking.autocommit is True


def test_asking_for_the_mode_begins_no_transaction(connect: Connect, warehouse: Warehouse) -> None:
    connection = connect(fetch_autocommit_from_server=True)
    connection.autocommit = False
    assert connection.autocommit is False
    connection.commit()
    assert "COMMIT" not in sent(warehouse, connection)


def test_ignoring_transactions_is_as_with_the_official_connector(
    connect: Connect, warehouse: Warehouse, accounts: str
) -> None:
    connection = connect(ignore_transactions=True)
    connection.autocommit = False
    assert connection.autocommit is True
    connection.cursor().execute(f"INSERT INTO {accounts} VALUES (1)")
    connection.commit()
    with pytest.raises(dbapi.NotSupportedError, match="ignore_transactions"):
        connection.rollback()
    assert sent(warehouse, connection) == [f"INSERT INTO {accounts} VALUES (1)"]
    assert seen(connect, accounts) == [1]


def execute(cursor: dbapi.Cursor, sql: str) -> None:
    cursor.execute(sql)


def execute_async(cursor: dbapi.Cursor, sql: str) -> None:
    cursor.execute_async(sql)
    cursor.get_async_execution_result()


def execute_async_and_look(cursor: dbapi.Cursor, sql: str) -> None:
    cursor.execute_async(sql)
    while cursor.is_query_pending():
        pass


def execute_async_and_forget(cursor: dbapi.Cursor, sql: str) -> None:
    forgotten = cursor.connection.cursor().execute_async(sql)
    assert forgotten.query_id is not None
    cursor.attach(forgotten.query_id)
    while cursor.is_query_pending():
        pass


def executemany(cursor: dbapi.Cursor, sql: str) -> None:
    cursor.executemany(sql, [()])


RUNS = [execute, execute_async, execute_async_and_look, execute_async_and_forget, executemany]
BEGINS = ["BEGIN TRANSACTION", "/* one */ begin work;", "START TRANSACTION"]


@pytest.mark.parametrize("options", [{}, {"ignore_transactions": True}])
@pytest.mark.parametrize("begin", [*BEGINS, "SET AUTOCOMMIT = FALSE", "set autocommit false"])
@pytest.mark.parametrize("run", RUNS)
def test_a_transaction_begun_in_sql_is_committed_and_rolled_back(
    connect: Connect, accounts: str, run: Callable[..., None], begin: str, options: dict[str, Any]
) -> None:
    connection = connect(**options)
    cursor = connection.cursor()
    for number, end in enumerate([connection.rollback, connection.commit, connection.rollback]):
        if "set" not in begin.lower() or number == 0:
            run(cursor, begin)
        run(cursor, f"INSERT INTO {accounts} VALUES ({number})")
        cursor.executemany(f"INSERT INTO {accounts} VALUES (?)", [(number + 10,), (number + 20,)])
        end()
    connection.close()
    assert seen(connect, accounts) == [1, 11, 21]


@pytest.mark.parametrize("options", [{}, {"ignore_transactions": True}])
@pytest.mark.parametrize("run", RUNS[:3])
def test_the_mode_set_in_sql_is_that_of_the_connection(
    connect: Connect,
    warehouse: Warehouse,
    accounts: str,
    run: Callable[..., None],
    options: dict[str, Any],
) -> None:
    connection = connect(**options)
    cursor = connection.cursor()
    run(cursor, "SET AUTOCOMMIT = FALSE")
    assert connection.autocommit is False
    run(cursor, "SET AUTOCOMMIT = TRUE")
    assert connection.autocommit is True
    run(cursor, f"INSERT INTO {accounts} VALUES (1)")
    connection.commit()
    run(cursor, "SET AUTOCOMMIT = FALSE")
    connection.autocommit = True
    run(cursor, f"INSERT INTO {accounts} VALUES (2)")
    connection.commit()
    assert seen(connect, accounts) == [1, 2]
    assert "COMMIT" not in sent(warehouse, connection)


@pytest.mark.parametrize("end", ["COMMIT", "commit work", "ROLLBACK", "rollback transaction;"])
@pytest.mark.parametrize("begin", ["BEGIN TRANSACTION", "SET AUTOCOMMIT = FALSE"])
@pytest.mark.parametrize("run", RUNS[:3])
def test_a_transaction_ended_in_sql_is_not_ended_again(  # noqa: PLR0913, PLR0917
    connect: Connect,
    warehouse: Warehouse,
    accounts: str,
    run: Callable[..., None],
    begin: str,
    end: str,
) -> None:
    connection = connect()
    cursor = connection.cursor().execute(begin)
    cursor.execute(f"INSERT INTO {accounts} VALUES (1)")
    run(cursor, end)
    before = sent(warehouse, connection)
    connection.commit()
    connection.rollback()
    assert sent(warehouse, connection) == before
    assert seen(connect, accounts) == [1] * end.lower().startswith("commit")


def test_a_begin_that_fails_begins_nothing(
    connect: Connect, warehouse: Warehouse, accounts: str
) -> None:
    connection = connect()
    cursor = connection.cursor()
    warehouse.fault(match={"statement": "BEGIN TRANSACTION"}, action={"status": 403})
    with pytest.raises(dbapi.OperationalError):
        cursor.execute("BEGIN TRANSACTION")
    cursor.execute(f"INSERT INTO {accounts} VALUES (1)")
    connection.commit()
    assert "COMMIT" not in sent(warehouse, connection)
    assert seen(connect, accounts) == [1]


@pytest.mark.parametrize("run", [execute, execute_async, executemany])
def test_a_begin_within_a_transaction_leaves_it_open(
    connect: Connect, accounts: str, run: Callable[..., None]
) -> None:
    connection = connect()
    cursor = connection.cursor().execute("BEGIN TRANSACTION")
    with pytest.raises(dbapi.NotSupportedError, match="NESTED_TRANSACTION"):
        run(cursor, "BEGIN TRANSACTION")
    with pytest.raises(dbapi.DatabaseError):
        connection.commit()
    connection.rollback()
    cursor.execute(f"INSERT INTO {accounts} VALUES (1)")
    assert seen(connect, accounts) == [1]


@pytest.mark.parametrize("begin", ["BEGIN TRANSACTION", "SET AUTOCOMMIT = FALSE"])
@pytest.mark.parametrize("drop", ["before", "after"])
def test_a_begin_whose_answer_is_lost_may_have_begun_one(
    connect: Connect, warehouse: Warehouse, accounts: str, begin: str, drop: str
) -> None:
    connection = connect()
    cursor = connection.cursor()
    warehouse.fault(match={"statement": begin}, action={"drop": drop})
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute(begin)
    assert raised.value.maybe_executed is True
    # Where there is none, its end is no error as long as nothing could be lost.
    connection.commit()
    warehouse.fault(match={"statement": begin}, action={"drop": drop})
    with pytest.raises(dbapi.OperationalError):
        cursor.execute(begin)
    cursor.execute(f"INSERT INTO {accounts} VALUES (1)")
    if drop == "after":
        connection.commit()
    else:
        with pytest.raises(dbapi.TransactionError, match="NO_ACTIVE_TRANSACTION"):
            connection.commit()
    assert seen(connect, accounts) == [1]


@pytest.mark.parametrize("late", ["delay", "delay_after"])
def test_statements_of_other_threads_are_committed_with_the_next_commit(
    connect: Connect, warehouse: Warehouse, accounts: str, late: str
) -> None:
    connection = connect()
    connection.autocommit = False
    connection.cursor().execute(f"INSERT INTO {accounts} VALUES (1)")
    warehouse.fault(match={"statement": "COMMIT"}, action={late: 0.5})
    with ThreadPoolExecutor(1) as pool:
        committing = pool.submit(connection.commit)
        warehouse.wait_for(lambda entry: entry["statement"] == "COMMIT")
        connection.cursor().execute(f"INSERT INTO {accounts} VALUES (2)")
        committing.result(timeout=30)
    connection.commit()
    connection.close()
    assert seen(connect, accounts) == [1, 2]


@pytest.mark.parametrize("begin", ["BEGIN TRANSACTION", "SET AUTOCOMMIT = FALSE"])
@pytest.mark.parametrize("divisor", [0, 1])
def test_leaving_the_block_of_a_connection_rolls_back(
    connect: Connect, accounts: str, begin: str, divisor: int
) -> None:
    with contextlib.suppress(ZeroDivisionError), connect() as connection:
        cursor = connection.cursor().execute(begin)
        cursor.execute(f"INSERT INTO {accounts} VALUES (1)")
        assert 1 // divisor
    assert seen(connect, accounts) == []


def test_blocks_of_statements_are_no_transactions(
    connect: Connect, warehouse: Warehouse, accounts: str
) -> None:
    connection = connect()
    cursor = connection.cursor()
    with contextlib.suppress(dbapi.DatabaseError):  # The local warehouse has no such blocks.
        cursor.execute(f"BEGIN ATOMIC INSERT INTO {accounts} VALUES (1); END")
    connection.commit()
    assert "COMMIT" not in sent(warehouse, connection)


def test_there_is_one_isolation_level(connection: dbapi.Connection) -> None:
    level = dbapi.TRANSACTION_ISOLATION_LEVEL_REPEATABLE_READ
    assert connection.get_transaction_isolation() == level
    for name in (level, "repeatable read", "Repeatable_Read"):
        connection.set_transaction_isolation(name)
    with pytest.raises(dbapi.NotSupportedError, match="SERIALIZABLE"):
        connection.set_transaction_isolation("SERIALIZABLE")
