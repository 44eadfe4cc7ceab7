"""Metadata methods: their results, and which columns they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    Connect = Callable[..., dbapi.Connection]


def names(cursor: dbapi.Cursor) -> list[str]:
    return [column[0] for column in cursor.description or []]


def test_catalogs(cursor: dbapi.Cursor) -> None:
    assert cursor.catalogs() is cursor
    assert names(cursor) == ["TABLE_CAT"]
    found = cursor.fetchall()
    assert cursor.rowcount == len(found)
    assert {"main", "samples"} <= {row.TABLE_CAT for row in found}


def test_schemas_of_a_catalog_by_pattern(cursor: dbapi.Cursor) -> None:
    cursor.schemas("samples", "nyc%")
    assert names(cursor) == ["TABLE_SCHEM", "TABLE_CATALOG"]
    assert cursor.fetchall() == [("nyctaxi", "samples")]
    everything = {row.TABLE_SCHEM for row in cursor.schemas(catalog_name="samples")}
    assert everything >= {"nyctaxi"}
    assert {row.TABLE_SCHEM for row in cursor.schemas("samples", "")} == everything


def test_tables_by_pattern_and_type(cursor: dbapi.Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (a INT, b STRING)")
    cursor.execute(f"CREATE OR REPLACE VIEW {table}_view AS SELECT 1 AS x")
    try:
        everything = cursor.tables("main", "default", f"{table}%").fetchall()
        assert {row.TABLE_NAME for row in everything} == {table, f"{table}_view"}
        assert names(cursor)[:4] == ["TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE"]
        (view,) = cursor.tables(table_name=f"{table}%", table_types=["view"]).fetchall()
        assert f"{table}_view" == view.TABLE_NAME
    finally:
        cursor.execute(f"DROP VIEW {table}_view")


def test_columns_of_a_table(cursor: dbapi.Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (a INT, b STRING)")
    found = cursor.columns("main", "default", table).fetchall()
    assert [(row.COLUMN_NAME, row.TYPE_NAME) for row in found] == [("a", "INT"), ("b", "STRING")]
    assert cursor.columns("main", "default", table, "b%").fetchone().COLUMN_NAME == "b"
    assert cursor.columns("main", "default", "no_such_table").fetchall() == []
    assert names(cursor)[3] == "COLUMN_NAME"
    codes = {column[0]: column[1] for column in cursor.description or []}
    assert (codes["DATA_TYPE"], codes["BUFFER_LENGTH"]) == ("int", "tinyint")


def test_metadata_is_a_result_as_any_other(cursor: dbapi.Cursor) -> None:
    cursor.catalogs()
    table = cursor.fetchall_arrow()
    assert table.column_names == ["TABLE_CAT"]
    first = cursor.catalogs().fetchone()
    assert cursor.rownumber == 1
    assert [first, *cursor.fetchmany(1000)] == cursor.catalogs().fetchall()
    assert cursor.execute("SELECT 1").fetchall() == [(1,)]


def test_underscores_of_a_catalog_may_stand_for_themselves(
    connect: Connect, warehouse: Warehouse
) -> None:
    for escape, pattern in ((False, "m_in"), (True, "m_in")):
        cursor = connect(escape_catalog_name=escape).cursor()
        warehouse.clear_log()
        found = cursor.tables(pattern, "default").fetchall()
        asked = " ".join(entry["statement"] or "" for entry in warehouse.log())
        assert ("`main`" in asked) is not escape
        assert not (escape and found)


def test_an_answer_that_does_not_come_is_given_up(connect: Connect, warehouse: Warehouse) -> None:
    cursor = connect().cursor(timeout=0.3)
    warehouse.fault(match={"statement": "SHOW CATALOGS"}, action={"delay": [2, 2]})
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.catalogs()
    assert raised.value.code == "Timeout"
    with pytest.raises(dbapi.ProgrammingError):
        cursor.fetchall()


def test_metadata_of_a_closed_cursor_is_refused(cursor: dbapi.Cursor) -> None:
    cursor.close()
    for use in (cursor.catalogs, cursor.schemas, cursor.tables, cursor.columns):
        with pytest.raises(dbapi.InterfaceError):
            use()
