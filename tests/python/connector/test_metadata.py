"""Catalogs, schemas, tables and columns, in the columns of JDBC on both paths."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from databricks.sql.backend.types import CommandState
from databricks.sql.exc import OperationalError, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.python.conftest import Held

    from .conftest import Cursor, Open


def test_tables_and_columns_are_listed(cursor: Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (a INT, b DECIMAL(10,2))")
    cursor.catalogs()
    assert "main" in [row.TABLE_CAT for row in cursor.fetchall()]
    cursor.schemas(catalog_name="main", schema_name="def%")
    assert [(row.TABLE_SCHEM, row.TABLE_CATALOG) for row in cursor.fetchall()] == [
        ("default", "main")
    ]
    cursor.tables(catalog_name="main", schema_name="default", table_name=table)
    assert [(row.TABLE_NAME, row.TABLE_TYPE) for row in cursor.fetchall()] == [(table, "TABLE")]
    cursor.columns(catalog_name="main", schema_name="default", table_name=table)
    columns = [(row.COLUMN_NAME, row.TYPE_NAME, row.ORDINAL_POSITION) for row in cursor]
    assert [column[:2] for column in columns] == [("a", "INT"), ("b", "DECIMAL(10,2)")]


def test_wildcards_for_catalogs_ask_for_all(cursor: Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    for everywhere in (None, "%", "*"):
        cursor.tables(catalog_name=everywhere, table_name=table)
        assert len(cursor.fetchall()) == 1
        cursor.columns(catalog_name=everywhere, table_name=table)
        assert len(cursor.fetchall()) == 1
        cursor.schemas(catalog_name=everywhere, schema_name="default")
        assert "main" in [row.TABLE_CATALOG for row in cursor.fetchall()]


def test_an_empty_name_or_pattern_names_nothing(cursor: Cursor) -> None:
    """As with the official kernel; what `use_sea` had differs from call to call."""
    for call, places in ((cursor.schemas, 2), (cursor.tables, 3), (cursor.columns, 4)):
        for place in range(places):
            names = ["main", None, None, None][:place]
            call(*names, "")
            assert cursor.fetchall() == [], (call, names)


def test_a_question_is_cancelled_from_another_thread(
    cursor: Cursor, hold: Callable[[str], Held]
) -> None:
    held = hold("SHOW COLUMNS")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(cursor.columns, "main")
        held.polled()
        assert cursor.get_query_state() is CommandState.RUNNING
        cursor.cancel()
        held.cancelled()
        with pytest.raises(OperationalError) as caught:
            asked.result(timeout=20)
    assert "cancelled" in str(caught.value)
    cursor.catalogs()
    assert cursor.fetchall()


def test_tables_are_chosen_by_type(cursor: Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    for types, count in [(["TABLE"], 1), (["VIEW"], 0), ([], 1), (None, 1)]:
        cursor.tables(catalog_name="main", table_name=table, table_types=types)
        assert len(cursor.fetchall()) == count


def test_underscores_of_catalogs_are_escaped_where_asked(open_connection: Open) -> None:
    cursor = open_connection(escape_catalog_name=True).cursor()
    cursor.tables(catalog_name="mai_")
    assert cursor.fetchall() == []
    cursor = open_connection().cursor()
    cursor.tables(catalog_name="mai_")
    assert cursor.fetchall()


def test_metadata_have_an_id_of_their_own(cursor: Cursor) -> None:
    cursor.execute("SELECT 1")
    before = cursor.query_id
    cursor.catalogs()
    assert cursor.query_id
    assert cursor.query_id != before
    assert cursor.active_result_set
    assert cursor.description[0][:2] == ("TABLE_CAT", "string")
    assert cursor.fetchall_arrow().column_names == ["TABLE_CAT"]


def test_a_question_has_been_answered(open_connection: Open) -> None:
    cursor = open_connection().cursor()
    cursor.catalogs()
    own = cursor.active_command_id
    assert cursor.get_query_state() is CommandState.SUCCEEDED
    cursor.schemas(catalog_name="main")
    assert cursor.active_command_id != own
    assert cursor.backend.get_query_state(own) is CommandState.SUCCEEDED
    cursor.backend.cancel_command(own)
    other = open_connection().cursor()
    with pytest.raises(RequestError, match="status 404"):
        other.backend.get_query_state(own)
