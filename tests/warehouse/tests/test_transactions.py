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


def test_autocommit_can_be_asked_and_set_back(client: Client, other: Client) -> None:
    assert client.rows("SET AUTOCOMMIT") == [["AUTOCOMMIT", "false"]]
    assert other.rows("SET AUTOCOMMIT") == [["AUTOCOMMIT", "true"]]
    client.rows("INSERT INTO transactions_t VALUES (1)")
    client.rows("SET AUTOCOMMIT = TRUE")
    assert other.rows(COUNT) == [["1"]]


def test_closing_the_session_rolls_back(client: Client, other: Client) -> None:
    client.rows("INSERT INTO transactions_t VALUES (1)")
    client.call("DELETE", f"{SQL}/sessions/{client.session_id}")
    assert other.rows(COUNT) == [["0"]]
