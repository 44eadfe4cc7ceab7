"""Transactions: autocommit, commit and rollback, and what is sent for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

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
        with pytest.raises(dbapi.OperationalError) as raised:
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
    connect: Connect, accounts: str, before: str
) -> None:
    connection = connect()
    connection.autocommit = False
    cursor = connection.cursor()
    cursor.execute(before.format(accounts))
    cursor.execute(f"INSERT INTO {accounts} VALUES (1)")
    cursor.execute("ROLLBACK")
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


def test_the_mode_is_asked_of_the_service_on_demand(connect: Connect) -> None:
    remembering, asking = connect(), connect(fetch_autocommit_from_server=True)
    for connection in (remembering, asking):
        connection.cursor().execute("SET AUTOCOMMIT = FALSE")
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


def test_there_is_one_isolation_level(connection: dbapi.Connection) -> None:
    level = dbapi.TRANSACTION_ISOLATION_LEVEL_REPEATABLE_READ
    assert connection.get_transaction_isolation() == level
    for name in (level, "repeatable read", "Repeatable_Read"):
        connection.set_transaction_isolation(name)
    with pytest.raises(dbapi.NotSupportedError, match="SERIALIZABLE"):
        connection.set_transaction_isolation("SERIALIZABLE")
