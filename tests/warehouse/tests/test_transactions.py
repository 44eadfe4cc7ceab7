from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import SQL, Client

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

COUNT = "SELECT count(*) FROM transactions_t"


@pytest.fixture
def other(warehouse: Warehouse, client: Client) -> Client:
    client.execute("CREATE OR REPLACE TABLE transactions_t (id INT)")
    client.execute("SET AUTOCOMMIT = FALSE")
    return Client(warehouse)


def test_changes_are_seen_after_commit(client: Client, other: Client) -> None:
    client.rows("INSERT INTO transactions_t VALUES (1)")
    assert (client.rows(COUNT), other.rows(COUNT)) == ([["1"]], [["0"]])
    client.rows("COMMIT")
    assert other.rows(COUNT) == [["1"]]


def test_rollback_undoes(client: Client, other: Client) -> None:
    client.rows("INSERT INTO transactions_t VALUES (1)")
    client.rows("ROLLBACK")
    client.rows("ROLLBACK")
    assert (client.rows(COUNT), other.rows(COUNT)) == ([["0"]], [["0"]])


def test_commit_needs_a_transaction(client: Client, other: Client) -> None:
    assert client.error("COMMIT")[0] == "25000"
    assert other.error("COMMIT")[0] == "25000"


def test_definitions_take_effect_at_once_and_may_be_committed(
    client: Client, other: Client
) -> None:
    for name in ("transactions_d", "transactions_e"):
        client.rows(f"CREATE OR REPLACE TABLE {name} (id INT)")
        assert other.rows(f"SELECT * FROM {name}") == []
    client.rows("COMMIT")
    assert client.error("COMMIT")[0] == "25000"
    client.rows("DROP TABLE transactions_d")
    client.rows("ROLLBACK")
    assert other.error("SELECT * FROM transactions_d")[0] == "42P01"
    assert client.error("COMMIT")[0] == "25000"


def test_a_definition_may_come_before_the_changes_of_a_transaction(
    client: Client, other: Client
) -> None:
    client.rows("CREATE OR REPLACE TABLE transactions_d (id INT)")
    client.rows("INSERT INTO transactions_d VALUES (1)")
    assert other.rows("SELECT * FROM transactions_d") == []
    client.rows("COMMIT")
    assert other.rows("SELECT * FROM transactions_d") == [["1"]]


def test_autocommit_can_be_asked_and_set_back(client: Client, other: Client) -> None:
    assert client.rows("SET AUTOCOMMIT") == [["AUTOCOMMIT", "false"]]
    assert other.rows("SET AUTOCOMMIT") == [["AUTOCOMMIT", "true"]]
    client.rows("INSERT INTO transactions_t VALUES (1)")
    client.rows("COMMIT")
    client.rows("SET AUTOCOMMIT = TRUE")
    client.rows("INSERT INTO transactions_t VALUES (2)")
    assert other.rows(COUNT) == [["2"]]


def test_autocommit_stays_while_a_transaction_is_active(client: Client, other: Client) -> None:
    client.rows("INSERT INTO transactions_t VALUES (1)")
    assert "SET_AUTOCOMMIT" in client.error("SET AUTOCOMMIT = TRUE")[1]
    client.rows("ROLLBACK")
    assert other.rows(COUNT) == [["0"]]


def test_after_a_failure_only_rollback_is_taken(client: Client, other: Client) -> None:
    client.rows("INSERT INTO transactions_t VALUES (1)")
    assert client.error("SELECT 1 / 0")[0] == "22012"
    for sql in ("SELECT 1", "INSERT INTO transactions_t VALUES (2)", "COMMIT"):
        state, message = client.error(sql)
        assert state == "40000"
        assert "TRANSACTION_ROLLBACK_REQUIRED_AFTER_ABORT.PREVIOUS_QUERY_FAILURE" in message
    client.rows("ROLLBACK")
    client.rows("INSERT INTO transactions_t VALUES (3)")
    client.rows("COMMIT")
    assert other.rows(COUNT) == [["1"]]


def test_begin_opens_one_transaction(client: Client, other: Client) -> None:
    other.rows("BEGIN TRANSACTION")
    other.rows("INSERT INTO transactions_t VALUES (1)")
    assert client.rows(COUNT) == [["0"]]
    other.rows("COMMIT")
    client.rows("ROLLBACK")
    assert client.rows(COUNT) == [["1"]]
    other.rows("INSERT INTO transactions_t VALUES (2)")
    client.rows("ROLLBACK")
    assert client.rows(COUNT) == [["2"]]
    assert other.error("COMMIT")[0] == "25000"


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW TABLES IN main.default",
        "SHOW SCHEMAS IN main",
        "SHOW CATALOGS",
        "SHOW FUNCTIONS",
        "DESCRIBE TABLE EXTENDED transactions_t",
        "SELECT * FROM information_schema.columns",
        "CREATE TABLE transactions_other (id INT)",
    ],
)
def test_some_statements_are_not_for_transactions(client: Client, other: Client, sql: str) -> None:
    other.rows("SELECT 1")
    client.rows("INSERT INTO transactions_t VALUES (1)")
    state, message = client.error(sql)
    assert state == "0A000"
    assert "TRANSACTION_NOT_SUPPORTED" in message
    assert "multi-statement transaction" in message
    assert client.error("SELECT 1")[0] == "40000"


@pytest.mark.parametrize(
    "sql",
    [
        "DESCRIBE TABLE transactions_t",
        "SHOW COLUMNS IN transactions_t",
        "DESCRIBE QUERY SELECT * FROM transactions_t",
    ],
)
def test_some_descriptions_are_for_transactions(client: Client, other: Client, sql: str) -> None:
    other.rows("SELECT 1")
    client.rows("INSERT INTO transactions_t VALUES (1)")
    assert len(client.rows(sql)) == 1
    client.rows("COMMIT")


def test_a_conflict_is_told_by_commit(client: Client, other: Client) -> None:
    client.rows("INSERT INTO transactions_t VALUES (1)")
    client.rows("COMMIT")
    other.rows("SET AUTOCOMMIT = FALSE")
    assert client.rows("UPDATE transactions_t SET id = 2") == [["1"]]
    assert other.rows("UPDATE transactions_t SET id = 3") == [["1"]]
    client.rows("COMMIT")
    assert other.error("COMMIT")[0] == "2D521"
    assert other.rows("SELECT id FROM transactions_t") == [["2"]]


def test_a_transaction_reads_what_was_when_it_began(client: Client, other: Client) -> None:
    other.rows("INSERT INTO transactions_t VALUES (1)")
    assert client.rows(COUNT) == [["1"]]
    other.rows("INSERT INTO transactions_t VALUES (2)")
    assert client.rows(COUNT) == [["1"]]
    client.rows("COMMIT")
    assert client.rows(COUNT) == [["2"]]


def test_closing_the_session_rolls_back(client: Client, other: Client) -> None:
    client.rows("INSERT INTO transactions_t VALUES (1)")
    client.call("DELETE", f"{SQL}/sessions/{client.session_id}")
    assert other.rows(COUNT) == [["0"]]
