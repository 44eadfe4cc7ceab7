"""Failures are the connector's exceptions, with all that is known of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from databricks import sql
from databricks.sql import exc
from databricks.sql.telemetry.telemetry_client import TelemetryClientFactory

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Cursor, Open


def test_a_failed_statement_says_what_the_service_says(cursor: Cursor) -> None:
    with pytest.raises(exc.ServerOperationError) as caught:
        cursor.execute("SELECT * FROM no_such_table")
    error: Any = caught.value
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in error.message
    assert str(error) == error.message
    assert error.context == {"operation-id": cursor.query_id, "diagnostic-info": None}
    assert (error.code, error.sql_state, error.error_class) == (
        "SqlError",
        "42P01",
        "TABLE_OR_VIEW_NOT_FOUND",
    )
    assert error.query_id == cursor.query_id
    assert not error.maybe_executed
    assert json.loads(error.message_with_context().rpartition(": {")[2].join(["{", ""]))


def test_a_lost_answer_may_have_run(cursor: Cursor, warehouse: Warehouse) -> None:
    warehouse.fault(match={"path": "statements$"}, action={"drop": "after"})
    with pytest.raises(exc.RequestError) as caught:
        cursor.execute("INSERT INTO nowhere VALUES (1)")
    error: Any = caught.value
    assert error.maybe_executed
    assert isinstance(error.args[1], Exception)
    assert error.context["error-message"] == error.message


def test_a_session_that_is_gone_closes_in_peace(
    open_connection: Open, warehouse: Warehouse
) -> None:
    connection = open_connection()
    connection.cursor().execute("SET TIME ZONE 'America/New_York'")
    warehouse.fault(
        match={"path": "statements$"},
        action={
            "status": 404,
            "body": {"error_code": "NOT_FOUND", "message": "Session abc does not exist"},
        },
    )
    with pytest.raises(exc.RequestError, match="connect again") as caught:
        connection.cursor().execute("SELECT 1")
    assert isinstance(caught.value.args[1], exc.SessionAlreadyClosedError)
    connection.close()


def test_a_wrong_token_is_refused(open_connection: Open) -> None:
    with pytest.raises(exc.OperationalError, match="refuses the credentials"):
        open_connection(access_token="wrong")


def test_a_path_of_a_cluster_is_refused(open_connection: Open) -> None:
    with pytest.raises(exc.DatabaseError, match="all-purpose cluster"):
        open_connection(http_path="/sql/protocolv1/o/1/2-3-4")


def test_values_that_python_cannot_hold_are_named(cursor: Cursor) -> None:
    cursor.execute("SELECT 1 AS n, DATE '2020-01-01' AS d UNION ALL SELECT 2, DATE '10000-01-01'")
    with pytest.raises(exc.DataError, match="column 'd'") as caught:
        cursor.fetchall()
    error: Any = caught.value
    assert (error.context, error.code, error.sql_state) == ({}, None, None)
    assert (error.error_class, error.query_id, error.maybe_executed) == (None, None, False)


def test_a_failed_fetch_takes_no_rows_away(cursor: Cursor) -> None:
    cursor.execute("SELECT 1 AS n, DATE '2020-01-01' AS d UNION ALL SELECT 2, DATE '10000-01-01'")
    with pytest.raises(exc.DataError):
        cursor.fetchmany(2)
    assert cursor.fetchone().n == 1
    with pytest.raises(exc.DataError):
        cursor.fetchall()
    assert cursor.fetchall_arrow().column("n").to_pylist() == [2]


def test_raising_sends_no_telemetry(cursor: Cursor, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(TelemetryClientFactory, "get_telemetry_client", asked.append)
    with pytest.raises(exc.ServerOperationError):
        cursor.execute("SELEC 1")
    assert asked == []


def test_the_exceptions_are_those_of_the_module() -> None:
    assert sql.exc.ServerOperationError is exc.ServerOperationError
