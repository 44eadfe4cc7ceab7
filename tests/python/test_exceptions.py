"""Exceptions: what they tell, and that they survive pickling."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    Connect = Callable[..., dbapi.Connection]

ALL = [
    dbapi.Error,
    dbapi.InterfaceError,
    dbapi.DatabaseError,
    dbapi.DataError,
    dbapi.OperationalError,
    dbapi.IntegrityError,
    dbapi.InternalError,
    dbapi.ProgrammingError,
    dbapi.NotSupportedError,
]
FIELDS = {
    "code": None,
    "sql_state": None,
    "error_class": None,
    "query_id": None,
    "http_status": None,
    "diagnostic_info": None,
    "retryable": False,
    "maybe_executed": False,
}


@pytest.fixture
def failure(cursor: dbapi.Cursor) -> dbapi.Error:
    with pytest.raises(dbapi.DataError) as raised:
        cursor.execute("SELECT 1 / 0")
    return raised.value


def fields(error: dbapi.Error) -> dict[str, Any]:
    return {name: getattr(error, name) for name in FIELDS}


def test_a_failed_statement_tells_all_that_is_known(
    failure: dbapi.Error, cursor: dbapi.Cursor
) -> None:
    assert fields(failure) == {
        **FIELDS,
        "code": "SqlError",
        "sql_state": "22012",
        "error_class": "DIVIDE_BY_ZERO",
        "query_id": cursor.query_id,
    }
    assert failure.message == str(failure)
    assert failure.message.startswith("[DIVIDE_BY_ZERO] ")


def test_the_context_is_what_the_official_connector_calls_it(failure: dbapi.Error) -> None:
    assert failure.context == {
        "operation-id": failure.query_id,
        "sql-state": "22012",
        "error-class": "DIVIDE_BY_ZERO",
    }
    text, context = failure.message_with_context().split(": {", 1)
    assert text == failure.message
    assert json.loads("{" + context) == failure.context


@pytest.mark.parametrize("kind", ALL)
def test_every_error_has_every_field(kind: type[dbapi.Error]) -> None:
    error = kind("it failed")
    assert fields(error) == FIELDS
    assert error.args == ("it failed",)
    assert error.message == str(error) == "it failed"
    assert error.context == {}
    assert error.message_with_context() == "it failed: {}"


@pytest.mark.parametrize("kind", ALL)
def test_an_error_without_a_message_still_has_one(kind: type[dbapi.Error]) -> None:
    assert kind().message == ""
    assert isinstance(kind(1, 2).message, str)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_pickling(failure: dbapi.Error, protocol: int) -> None:
    back = pickle.loads(pickle.dumps(failure, protocol))  # noqa: S301
    assert type(back) is type(failure)
    assert fields(back) == fields(failure)
    assert str(back) == str(failure)
    assert fields(copy.copy(failure)) == fields(failure)


@pytest.mark.parametrize("kind", [*ALL, dbapi.Warning])
def test_every_class_survives_pickling(kind: type[Exception]) -> None:
    back = pickle.loads(pickle.dumps(kind("it failed")))  # noqa: S301
    assert type(back) is kind
    assert back.args == ("it failed",)


def test_an_error_survives_pickling_into_another_process(failure: dbapi.Error) -> None:
    code = """
import json, pickle, sys
error = pickle.loads(bytes.fromhex(sys.argv[1]))
print(json.dumps([type(error).__name__, str(error), error.code, error.sql_state, error.query_id]))
"""
    found = subprocess.run(
        [sys.executable, "-c", code, pickle.dumps(failure).hex()],
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(found.stdout) == [
        "DataError",
        str(failure),
        "SqlError",
        "22012",
        failure.query_id,
    ]


def test_errors_can_be_raised_and_extended_by_users() -> None:
    class MyError(dbapi.OperationalError):
        def __init__(self, message: str, extra: int) -> None:
            super().__init__(message)
            self.extra = extra

    error = MyError("mine", 5)
    assert (str(error), error.extra, error.code) == ("mine", 5, None)
    with pytest.raises(dbapi.DatabaseError):
        raise error


def test_a_refused_request_tells_the_http_status(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    body = {"error_code": "PERMISSION_DENIED", "message": "You may not use this warehouse."}
    warehouse.fault(match={"statement": "SELECT 3"}, action={"status": 403, "body": body})
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute("SELECT 3")
    error = raised.value
    assert (error.http_status, error.code) == (403, "PermissionDenied")
    assert "You may not use this warehouse." in error.message
    assert error.context["http-code"] == 403
    assert error.maybe_executed is False


def test_a_lost_connection_tells_its_cause(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    warehouse.fault(match={"statement": "SELECT 4"}, action={"drop": "before"})
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute("SELECT 4")
    error = raised.value
    assert error.code == "NetworkError"
    assert error.maybe_executed is True
    assert error.__cause__ is not None
    assert str(error.__cause__)
    assert len(traceback.format_exception(error)) > 2


def test_a_cancelled_statement_has_a_code_of_its_own(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    answer = {
        "statement_id": "11111111-2222-3333-4444-555555555555",
        "status": {"state": "CANCELED"},
    }
    warehouse.fault(match={"statement": "SELECT 9"}, action={"status": 200, "body": answer})
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute("SELECT 9")
    assert raised.value.code == "Cancelled"
    assert raised.value.query_id == answer["statement_id"]


def test_a_limit_of_the_service_is_retryable(connect: Connect, warehouse: Warehouse) -> None:
    cursor = connect(retry_stop_after_attempts_count=1).cursor()
    warehouse.fault(match={"statement": "SELECT 8"}, action={"status": 429})
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute("SELECT 8")
    assert raised.value.code == "ResourceExhausted"
    assert raised.value.retryable is True
    assert raised.value.maybe_executed is False


def test_one_handler_catches_all(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    for sql in ("SELEC", "SELECT 1 / 0", "SELECT * FROM no_such"):
        with pytest.raises(connection.Error):
            cursor.execute(sql)
    cursor.close()
    with pytest.raises(connection.Error):
        cursor.execute("SELECT 1")
