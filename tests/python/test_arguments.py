"""An argument of a wrong type is named, whatever method it is for."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from databricks_sql_kernel import dbapi

# What the others are while one argument is wrong.
GOOD = {
    "operation": "SELECT 1",
    "seq_of_parameters": [],
    "catalog_name": "main",
    "schema_name": "default",
    "table_name": "t",
    "size": 1,
    "value": 1,
}

# Two do nothing, as PEP 249 allows; callproc is not supported whatever it is called with.
UNHEEDED = {"setinputsizes", "setoutputsize", "callproc"}


class Odd:
    """Is nothing that the driver takes."""


def arguments() -> list[tuple[type[Any], str, str]]:
    return [
        (kind, method, parameter.name)
        for kind in (dbapi.Connection, dbapi.Cursor)
        for method, function in inspect.getmembers(kind, callable)
        if not method.startswith("_") and not inspect.isclass(function) and method not in UNHEEDED
        for parameter in list(inspect.signature(function).parameters.values())[1:]
    ]


@pytest.mark.parametrize(("kind", "method", "name"), arguments())
def test_it_is_named_in_the_message(
    connection: dbapi.Connection, kind: type[Any], method: str, name: str
) -> None:
    called = getattr(connection if kind is dbapi.Connection else connection.cursor(), method)
    needed = [
        each.name
        for each in inspect.signature(called).parameters.values()
        if each.default is inspect.Parameter.empty
    ]
    given = {**{other: GOOD.get(other, "x") for other in needed}, name: Odd()}
    with pytest.raises((TypeError, dbapi.ProgrammingError)) as caught:
        called(**given)
    assert re.match(rf"{name} must be .*, not Odd", str(caught.value))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda cursor: cursor.execute("SELECT 1", timeout="soon"), "timeout must be a number"),
        (lambda cursor: cursor.execute("SELECT 1", query_tags=7), "query_tags must be a mapping"),
        (
            lambda cursor: cursor.execute("SELECT 1", query_tags={"team": 7}),
            r"query_tags\['team'\] must be str or None, not int",
        ),
        (lambda cursor: cursor.execute("SELECT 1", query_tags={7: "x"}), "a key of query_tags"),
        (lambda cursor: cursor.schemas(5), "catalog_name must be a str or None, not int"),
        (
            lambda cursor: cursor.tables("main", b"x"),
            "schema_name must be a str or None, not bytes",
        ),
        (
            lambda cursor: cursor.columns(column_name=5),
            "column_name must be a str or None, not int",
        ),
        (
            lambda cursor: cursor.primary_keys(None, None, None),
            "table_name must be a str, not None",
        ),
        (
            lambda cursor: cursor.foreign_keys("c", "s", "t", parent_table_name=5),
            "parent_table_name must be a str or None, not int",
        ),
        (lambda cursor: cursor.functions(function_name=5), "function_name must be a str or None"),
        (lambda cursor: cursor.procedures(procedure_name=5), "procedure_name must be a str or"),
        (
            lambda cursor: cursor.tables(table_types="TABLE"),
            "table_types must be a sequence of str or None, not str",
        ),
        (
            lambda cursor: cursor.tables(table_types=["TABLE", 5]),
            r"table_types\[1\] must be a str, not int",
        ),
        (lambda cursor: cursor.executemany("SELECT ?", 7), "seq_of_parameters must be a sequence"),
        (lambda cursor: setattr(cursor, "arraysize", "all"), "arraysize must be an int, not str"),
        (lambda cursor: cursor.execute(None), "operation must be a str, not NoneType"),
        (lambda cursor: cursor.attach(None), "query_id must be a str, not NoneType"),
        (lambda cursor: cursor.fetchmany("x"), "size must be an int, not str"),
        (lambda _: dbapi.connect(7), "server_hostname must be a str or None, not int"),  # type: ignore[arg-type]
        (
            lambda cursor: setattr(cursor.connection, "autocommit", "no"),
            "autocommit must be a bool",
        ),
    ],
)
def test_the_message_says_what_it_must_be(cursor: dbapi.Cursor, call: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        call(cursor)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda cursor: cursor.connection.cursor(row_limit=0),
            "row_limit must be at least 1, not 0",
        ),
        (
            lambda cursor: cursor.connection.cursor(row_limit=-1),
            "row_limit must be at least 1, not -1",
        ),
        (
            lambda cursor: cursor.connection.cursor(arraysize=0),
            "arraysize must be at least 1, not 0",
        ),
        (lambda cursor: cursor.fetchmany(-1), "size must not be negative, but is -1"),
        (
            lambda cursor: cursor.connection.cursor(row_limit=2**70),
            f"row_limit must be between 1 and {2**63 - 1}",
        ),
        (
            lambda cursor: cursor.execute("SELECT 1", timeout=0),
            "timeout must be a positive number of seconds, not 0.0",
        ),
        (
            lambda cursor: cursor.execute("SELECT 1", timeout=1e300),
            "timeout must be a number of seconds below 1.8446744073709552e19, not 1e300",
        ),
        (lambda cursor: cursor.execute("SELECT 1", timeout=10**400), "not inf; leave it out"),
    ],
)
def test_the_message_says_how_large_it_must_be(cursor: dbapi.Cursor, call: Any, said: str) -> None:
    with pytest.raises(dbapi.ProgrammingError, match=re.escape(said)):
        call(cursor)
