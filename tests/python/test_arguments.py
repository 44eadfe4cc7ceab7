"""An argument of a wrong type is named, whatever method it is for."""

from __future__ import annotations

import inspect
import sys
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


@pytest.mark.skipif(
    sys.version_info < (3, 11), reason="exceptions of Python 3.10 have no notes, which name most"
)
@pytest.mark.parametrize(("kind", "method", "name"), arguments())
def test_it_is_named_in_the_message_or_a_note_of_it(
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
    said = [str(caught.value), *getattr(caught.value, "__notes__", [])]
    assert any(name in text for text in said), said


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
        (
            lambda cursor: setattr(cursor.connection, "autocommit", "no"),
            "autocommit must be a bool",
        ),
    ],
)
def test_the_message_says_what_it_must_be(cursor: dbapi.Cursor, call: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        call(cursor)
