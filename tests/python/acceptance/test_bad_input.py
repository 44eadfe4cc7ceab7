"""A mistake of the user is told at once, by the right class, and in words that help."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    from .conftest import Report

    Mistake: TypeAlias = Callable[[Warehouse], object]
    Use: TypeAlias = Callable[[dbapi.Cursor], object]

PATIENCE = 5.0
TOKEN = "dapi0123456789abcdef0123456789abcdef"  # noqa: S105


@dataclass
class Case:
    """A mistake, the class of its exception, and patterns that the message must hold."""

    mistake: Mistake
    expected: type[Exception]
    says: tuple[str, ...]


def _connect(**changes: Any) -> Mistake:
    """Connecting with some arguments changed, or left out where the change is None."""

    def mistake(warehouse: Warehouse) -> object:
        arguments = {**warehouse.connect_args(), "access_token": TOKEN, **changes}
        return dbapi.connect(**{name: v for name, v in arguments.items() if v is not None})

    return mistake


def _refused(warehouse: Warehouse) -> object:
    return _connect(server_hostname=f"http://localhost:{_closed_port()}")(warehouse)


def _closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _cursor(use: Use) -> Mistake:
    """Doing something with a cursor."""

    def mistake(warehouse: Warehouse) -> object:
        arguments: dict[str, Any] = {**warehouse.connect_args()}
        with dbapi.connect(**arguments) as connection, connection.cursor() as cursor:
            return use(cursor)

    return mistake


def _closed_cursor(use: Use) -> Mistake:
    def close_first(cursor: dbapi.Cursor) -> object:
        cursor.execute("SELECT 1")
        cursor.close()
        return use(cursor)

    return _cursor(close_first)


def _closed_connection(use: Use) -> Mistake:
    def close_first(cursor: dbapi.Cursor) -> object:
        cursor.execute("SELECT 1")
        cursor.connection.close()
        return use(cursor)

    return _cursor(close_first)


def _after(first: str, use: Use) -> Mistake:
    def execute_first(cursor: dbapi.Cursor) -> object:
        cursor.execute(first)
        return use(cursor)

    return _cursor(execute_first)


def _untyped(value: object) -> Any:
    """A value whose type is wrong on purpose."""
    return value


CONNECTING = {
    "wrong host": Case(
        _connect(server_hostname="dbc-a1b2345c.cloud.databricks.invalid"),
        dbapi.OperationalError,
        (r"dbc-a1b2345c\.cloud\.databricks\.invalid", "look|resolve|known", "server_hostname"),
    ),
    "closed port": Case(
        _refused, dbapi.OperationalError, (r"localhost:\d+", "refused", "server_hostname|port")
    ),
    "plain http to a foreign host": Case(
        _connect(server_hostname="http://dbc-a1b2345c.cloud.databricks.invalid"),
        dbapi.ProgrammingError,
        ("server_hostname", "http", "loopback", "dbc-a1b2345c-d6e7"),
    ),
    "no host": Case(
        _connect(server_hostname=None), dbapi.ProgrammingError, ("server_hostname", "given|pass")
    ),
    "wrong token": Case(_connect(), dbapi.OperationalError, ("40[13]", "token", "access_token")),
    "no token": Case(
        _connect(access_token=None), dbapi.ProgrammingError, ("access_token", "given|pass")
    ),
    "empty token": Case(
        _connect(access_token=""), dbapi.ProgrammingError, ("access_token", "empty")
    ),
    "token with a line end": Case(
        _connect(access_token=TOKEN + "\n"), dbapi.ProgrammingError, ("access_token", "line end")
    ),
    "no path": Case(
        _connect(http_path=None),
        dbapi.ProgrammingError,
        ("http_path", "/sql/1.0/warehouses/"),
    ),
    "malformed path": Case(
        _connect(http_path="warehouses/abc"),
        dbapi.ProgrammingError,
        ("http_path", "'warehouses/abc'", "/sql/1.0/warehouses/"),
    ),
    "path of a cluster": Case(
        _connect(http_path="/sql/protocolv1/o/1234567890/0123-456789-abcdefgh"),
        dbapi.ProgrammingError,
        ("http_path", "0123-456789-abcdefgh", "cluster", "/sql/1.0/warehouses/"),
    ),
    "misspelt option": Case(
        _connect(socket_time_out=3), TypeError, ("'socket_time_out'", "'_?socket_timeout'")
    ),
    "misspelt token": Case(
        _connect(acess_token=TOKEN), TypeError, ("'acess_token'", "'access_token'")
    ),
    "time-out below zero": Case(
        _connect(statement_timeout=-3),
        dbapi.ProgrammingError,
        ("statement_timeout", "-3", "positive"),
    ),
    "option of a wrong type": Case(
        _connect(use_cloud_fetch="yes"), TypeError, ("use_cloud_fetch", "bool", "str|'yes'")
    ),
    "host of a wrong type": Case(
        _connect(server_hostname=3), TypeError, ("server_hostname", "str", "int|3")
    ),
}
EXECUTING = {
    "syntax error": Case(
        _cursor(lambda cursor: cursor.execute("SELEC 1")),
        dbapi.ProgrammingError,
        (r"\[PARSE_SYNTAX_ERROR\]", "'SELEC'", "42601"),
    ),
    "unknown table": Case(
        _cursor(lambda cursor: cursor.execute("SELECT * FROM no_such_table")),
        dbapi.ProgrammingError,
        (r"\[TABLE_OR_VIEW_NOT_FOUND\]", "no_such_table", "42P01"),
    ),
    "division by zero": Case(
        _cursor(lambda cursor: cursor.execute("SELECT 1 / 0").fetchall()),
        dbapi.DataError,
        (r"\[DIVIDE_BY_ZERO\]", "22012"),
    ),
    "parameters that are an int": Case(
        _cursor(lambda cursor: cursor.execute("SELECT ?", _untyped(5))),
        dbapi.ProgrammingError,
        ("mapping", ":name", "list or tuple", r"\?", "int"),
    ),
    "parameters that are a str": Case(
        _cursor(lambda cursor: cursor.execute("SELECT ?", "abc")),
        dbapi.ProgrammingError,
        ("mapping", ":name", "list or tuple", r"\?", "str"),
    ),
    "parameter of an unknown type": Case(
        _cursor(lambda cursor: cursor.execute("SELECT :a", {"a": object()})),
        dbapi.ProgrammingError,
        ("'a'", "object", "str"),
    ),
    "parameter name that is an int": Case(
        _cursor(lambda cursor: cursor.execute("SELECT :a", _untyped({1: 1}))),
        dbapi.ProgrammingError,
        ("name", "str", "int|1"),
    ),
    "int of 41 digits": Case(
        _cursor(lambda cursor: cursor.execute("SELECT ?", [10**40])),
        dbapi.ProgrammingError,
        ("parameter 1", "41 digits", "38"),
    ),
    "text that is no Unicode": Case(
        _cursor(lambda cursor: cursor.execute("SELECT :a", {"a": "\ud800"})),
        dbapi.ProgrammingError,
        ("'a'", "surrogate|Unicode"),
    ),
    "statement that is no str": Case(
        _cursor(lambda cursor: cursor.execute(_untyped(5))), TypeError, ("operation", "str", "int")
    ),
    "arraysize below zero": Case(
        _cursor(lambda cursor: setattr(cursor, "arraysize", -1)),
        dbapi.ProgrammingError,
        ("arraysize", "-1"),
    ),
    "size below zero": Case(
        _after("SELECT 1", lambda cursor: cursor.fetchmany(-1)),
        dbapi.ProgrammingError,
        ("size", "-1"),
    ),
    "callproc": Case(
        _cursor(lambda cursor: cursor.callproc("refresh")),
        dbapi.NotSupportedError,
        ("callproc", "CALL refresh"),
    ),
}
FETCHES: dict[str, Use] = {
    "fetchone": lambda cursor: cursor.fetchone(),
    "fetchmany": lambda cursor: cursor.fetchmany(3),
    "fetchall": lambda cursor: cursor.fetchall(),
    "fetchall_arrow": lambda cursor: cursor.fetchall_arrow(),
    "fetchmany_arrow": lambda cursor: cursor.fetchmany_arrow(3),
    "iteration": next,
}
_WITHOUT_RESULT: dict[str, Callable[[Use], Mistake]] = {
    "before execute": _cursor,
    "after DDL": lambda use: _after("CREATE OR REPLACE TABLE empty_result (a INT)", use),
}
FETCHING = {
    f"{name} {when}": Case(prepare(use), dbapi.ProgrammingError, ("no result", "execute"))
    for when, prepare in _WITHOUT_RESULT.items()
    for name, use in FETCHES.items()
}
USES: dict[str, Use] = {**FETCHES, "execute": lambda cursor: cursor.execute("SELECT 1")}
CLOSED = {
    **{
        f"{name} on a closed cursor": Case(
            _closed_cursor(use), dbapi.InterfaceError, ("cursor is closed",)
        )
        for name, use in USES.items()
    },
    **{
        f"{name} on a closed connection": Case(
            _closed_connection(use), dbapi.InterfaceError, ("connection is closed",)
        )
        for name, use in {
            **USES,
            "cursor": lambda cursor: cursor.connection.cursor(),
            "commit": lambda cursor: cursor.connection.commit(),
        }.items()
    },
}
CASES = {**CONNECTING, **EXECUTING, **FETCHING, **CLOSED}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_told_in_words_that_help(
    acceptance_warehouse: Warehouse, name: str, report: Report
) -> None:
    case = CASES[name]
    started = time.monotonic()
    with pytest.raises(case.expected) as caught:
        case.mistake(acceptance_warehouse)
    seconds = time.monotonic() - started
    message = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    report(name, f"{caught.type.__name__}: {message}")
    assert caught.type is case.expected
    assert [wanted for wanted in case.says if not re.search(wanted, message)] == []
    assert TOKEN not in message
    assert acceptance_warehouse.access_token not in message
    assert TOKEN not in repr(caught.value)
    assert seconds < PATIENCE


@pytest.mark.parametrize("name", [*CONNECTING, *FETCHING, *CLOSED])
def test_a_message_of_the_driver_is_one_sentence(
    acceptance_warehouse: Warehouse, name: str
) -> None:
    with pytest.raises(CASES[name].expected) as caught:
        CASES[name].mistake(acceptance_warehouse)
    message = str(caught.value)
    assert message == message.strip()
    assert "\n" not in message
    assert len(message) < 250


def test_closing_twice_is_no_mistake(connect_args: dict[str, Any]) -> None:
    connection = dbapi.connect(**connect_args)
    cursor = connection.cursor()
    for _ in range(2):
        cursor.close()
        connection.close()
