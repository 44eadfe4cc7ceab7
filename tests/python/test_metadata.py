"""Metadata methods: their results, and which columns they have."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Held

    Connect = Callable[..., dbapi.Connection]
    Hold = Callable[[str], Held]

# Some are several statements.
CALLS: dict[str, tuple[Callable[[dbapi.Cursor], dbapi.Cursor], str]] = {
    "catalogs": (lambda cursor: cursor.catalogs(), "SHOW CATALOGS"),
    "schemas": (lambda cursor: cursor.schemas(), "SHOW SCHEMAS"),
    "tables": (lambda cursor: cursor.tables("ma_n"), "SHOW TABLES"),
    "columns": (lambda cursor: cursor.columns(), "SHOW COLUMNS"),
    "primary_keys": (lambda cursor: cursor.primary_keys(None, None, "t"), "SHOW KEYS"),
    "foreign_keys": (lambda cursor: cursor.foreign_keys(None, None, "t"), "CURRENT_SCHEMA"),
    "functions": (lambda cursor: cursor.functions(), "SHOW FUNCTIONS"),
    "procedures": (lambda cursor: cursor.procedures(), "information_schema.routines"),
}


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


def test_wildcards_for_catalogs_ask_for_all(
    connect: Connect, cursor: dbapi.Cursor, table: str
) -> None:
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    cursor.execute(f"CREATE FUNCTION {table}_twice(x INT) RETURNS INT RETURN x * 2")
    cursor.execute(
        f"CREATE PROCEDURE {table}_nothing() LANGUAGE SQL SQL SECURITY INVOKER "
        "AS BEGIN SELECT 1; END"
    )
    try:
        for everywhere in ("%", "*"):
            for call in (cursor.schemas, cursor.columns, cursor.tables, cursor.procedures):
                everything = call(everywhere).fetchall()
                assert everything
                assert everything == call(None).fetchall()
            (row,) = cursor.functions(everywhere, None, f"{table}%").fetchall()
            assert f"{table}_twice" == row.FUNCTION_NAME
        elsewhere = connect(catalog="samples").cursor()
        assert elsewhere.functions(None, None, f"{table}%").fetchall() == []
        (row,) = elsewhere.functions("%", None, f"{table}%").fetchall()
        assert row.FUNCTION_CAT == "main"
    finally:
        cursor.execute(f"DROP FUNCTION {table}_twice")
        cursor.execute(f"DROP PROCEDURE {table}_nothing")


def test_an_empty_name_or_pattern_is_as_none(cursor: dbapi.Cursor) -> None:
    calls: Any = (
        cursor.schemas,
        cursor.tables,
        cursor.columns,
        cursor.functions,
        cursor.procedures,
    )
    for call, places in zip(calls, (1, 2, 3, 2, 2), strict=True):
        everything = call().fetchall()
        assert call("").fetchall() == everything
        everything = call("main").fetchall()
        for place in range(places):
            patterns = [None] * place + [""]
            assert call("main", *patterns).fetchall() == everything, (call, patterns)


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


@pytest.mark.parametrize("letter", [*"+|*$( ", "\\\\"])
def test_what_is_no_wildcard_stands_for_itself(
    connection: dbapi.Connection, table: str, letter: str
) -> None:
    """Also a backslash, and before a star."""
    cursor = connection.cursor()
    name = letter[0]
    wanted, other = f"{table}{name}x", f"{table}_x"
    escaped = "\\*" if name == "*" else letter
    for each in (wanted, other):
        cursor.execute(f"CREATE TABLE `{each}` (`a{name}b` INT, a_b INT)")
    try:
        found = cursor.tables("main", "default", f"{table}{escaped}x").fetchall()
        assert [row.TABLE_NAME for row in found] == [wanted]
        found = cursor.columns("main", "default", f"{table}{escaped}%", f"a{escaped}_").fetchall()
        assert [(row.TABLE_NAME, row.COLUMN_NAME) for row in found] == [(wanted, f"a{name}b")]
        found = cursor.tables("main", "default", f"{table}_x").fetchall()
        assert {row.TABLE_NAME for row in found} == {wanted, other}
    finally:
        for each in (wanted, other):
            cursor.execute(f"DROP TABLE `{each}`")


def test_columns_of_a_table(cursor: dbapi.Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (a INT, b STRING)")
    found = cursor.columns("main", "default", table).fetchall()
    assert [(row.COLUMN_NAME, row.TYPE_NAME) for row in found] == [("a", "INT"), ("b", "STRING")]
    assert cursor.columns("main", "default", table, "b%").fetchone().COLUMN_NAME == "b"
    assert cursor.columns("main", "default", "no_such_table").fetchall() == []
    assert names(cursor)[3] == "COLUMN_NAME"
    codes = {column[0]: column[1] for column in cursor.description or []}
    assert (codes["DATA_TYPE"], codes["BUFFER_LENGTH"]) == ("int", "tinyint")


def test_keys_of_a_table_and_what_they_refer_to(cursor: dbapi.Cursor, table: str) -> None:
    child = f"{table}_child"
    cursor.execute(
        f"CREATE TABLE {table} (a INT NOT NULL, b STRING NOT NULL, "
        f"CONSTRAINT {table}_pk PRIMARY KEY (a, b))"
    )
    cursor.execute(
        f"CREATE TABLE {child} (x INT, y STRING, "
        f"CONSTRAINT {child}_fk FOREIGN KEY (x, y) REFERENCES {table} (a, b))"
    )
    try:
        found = cursor.primary_keys("main", "default", table).fetchall()
        assert names(cursor) == [
            "TABLE_CAT",
            "TABLE_SCHEM",
            "TABLE_NAME",
            "COLUMN_NAME",
            "KEY_SEQ",
            "PK_NAME",
        ]
        assert [(row.TABLE_CAT, row.TABLE_SCHEM, row.TABLE_NAME) for row in found] == [
            ("main", "default", table)
        ] * 2
        columns = [(row.KEY_SEQ, row.COLUMN_NAME, row.PK_NAME) for row in found]
        assert sorted(columns) == [(1, "a", f"{table}_pk"), (2, "b", f"{table}_pk")]

        found = cursor.foreign_keys("main", "default", child).fetchall()
        assert len(names(cursor)) == 14
        assert sorted(
            (row.KEY_SEQ, row.FKCOLUMN_NAME, row.PKTABLE_NAME, row.PKCOLUMN_NAME, row.FK_NAME)
            for row in found
        ) == [(1, "x", table, "a", f"{child}_fk"), (2, "y", table, "b", f"{child}_fk")]
        for parent, rows in ((table, 2), ("another", 0)):
            keys = cursor.foreign_keys("main", "default", child, parent_table_name=parent)
            assert len(keys.fetchall()) == rows
        assert cursor.foreign_keys("main", "default", table).fetchall() == []
    finally:
        cursor.execute(f"DROP TABLE {child}")


def test_keys_are_looked_for_where_unqualified_names_are(
    connect: Connect, cursor: dbapi.Cursor, table: str
) -> None:
    cursor.execute(f"CREATE TABLE {table} (a INT PRIMARY KEY)")
    for catalog, schema in ((None, None), ("main", None), (None, "default"), ("", "")):
        (row,) = cursor.primary_keys(catalog, schema, table).fetchall()
        assert (row.TABLE_CAT, row.TABLE_SCHEM, row.COLUMN_NAME) == ("main", "default", "a")
    elsewhere = connect(catalog="samples", schema="nyctaxi").cursor()
    assert elsewhere.primary_keys(None, None, table).fetchall() == []
    assert elsewhere.foreign_keys(None, None, "trips").fetchall() == []


def test_names_may_hold_back_quotes(cursor: dbapi.Cursor, table: str) -> None:
    schema, name = f"{table} we.ird`sch", "ta``b`"
    written = ".".join("`" + each.replace("`", "``") + "`" for each in ("main", schema, name))
    cursor.execute(f"CREATE SCHEMA main.`{schema.replace('`', '``')}`")
    try:
        cursor.execute(f"CREATE TABLE {written} (a INT PRIMARY KEY)")
        (found,) = cursor.primary_keys("main", schema, name).fetchall()
        assert found[1:4] == (schema, name, "a")
        assert [row.TABLE_NAME for row in cursor.tables("main", schema)] == [name]
        assert cursor.foreign_keys("main", schema, name).fetchall() == []
        for call in (cursor.schemas, cursor.tables, cursor.columns, cursor.functions):
            assert call("no `such`").fetchall() == []
    finally:
        cursor.execute(f"DROP SCHEMA main.`{schema.replace('`', '``')}` CASCADE")


def test_functions_and_procedures_by_pattern(cursor: dbapi.Cursor, table: str) -> None:
    cursor.execute(f"CREATE FUNCTION {table}_twice(x INT) RETURNS INT RETURN x * 2")
    cursor.execute(
        f"CREATE PROCEDURE {table}_nothing() LANGUAGE SQL SQL SECURITY INVOKER "
        "AS BEGIN SELECT 1; END"
    )
    try:
        for catalog, schema in (("main", "default"), (None, "def%"), (None, None)):
            (row,) = cursor.functions(catalog, schema, f"{table}%").fetchall()
            assert (row.FUNCTION_CAT, row.FUNCTION_SCHEM) == ("main", "default")
            assert f"{table}_twice" == row.FUNCTION_NAME
        assert names(cursor)[3:] == ["REMARKS", "FUNCTION_TYPE", "SPECIFIC_NAME"]
        for catalog, schema in (("main", "default"), (None, "def%"), ("main", None)):
            (row,) = cursor.procedures(catalog, schema, f"{table}%").fetchall()
            assert (row.PROCEDURE_CAT, row.PROCEDURE_SCHEM) == ("main", "default")
            assert f"{table}_nothing" == row.PROCEDURE_NAME
        assert len(names(cursor)) == 9
        assert cursor.procedures("main", None, "no_such%").fetchall() == []
    finally:
        cursor.execute(f"DROP FUNCTION {table}_twice")
        cursor.execute(f"DROP PROCEDURE {table}_nothing")


def test_types_need_no_request(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    warehouse.clear_log()
    assert {row.TABLE_TYPE for row in cursor.table_types()} >= {"TABLE", "VIEW"}
    assert names(cursor) == ["TABLE_TYPE"]
    types = {row.TYPE_NAME: row for row in cursor.type_info()}
    assert (types["DECIMAL"].DATA_TYPE, types["DECIMAL"].PRECISION) == (3, 38)
    assert cursor.rowcount == len(types)
    assert warehouse.log() == []


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


@pytest.mark.parametrize("call", CALLS)
def test_an_answer_that_does_not_come_is_given_up(
    connect: Connect, hold: Hold, warehouse: Warehouse, call: str
) -> None:
    ask, statement = CALLS[call]
    cursor = connect().cursor(timeout=1)
    held = hold(statement)
    with pytest.raises(dbapi.OperationalError) as raised:
        ask(cursor)
    assert (raised.value.code, raised.value.sql_state) == ("Timeout", "HYT00")
    assert raised.value.query_id == cursor.query_id == held.statement_id
    assert f"{call}(): statement {held.statement_id} did not end within" in str(raised.value)
    warehouse.wait_for(lambda entry: entry["path"].endswith(f"{held.statement_id}/cancel"))
    with pytest.raises(dbapi.ProgrammingError):
        cursor.fetchall()


def test_a_statement_without_a_name_is_given_up_too(connect: Connect, warehouse: Warehouse) -> None:
    cursor = connect().cursor(timeout=0.3)
    warehouse.fault(match={"statement": "SHOW CATALOGS"}, action={"delay": [2, 2]})
    with pytest.raises(dbapi.OperationalError, match=r"catalogs\(\): .* within .* 300ms") as raised:
        cursor.catalogs()
    assert (raised.value.code, raised.value.query_id) == ("Timeout", None)


@pytest.mark.parametrize("how", ["cancel", "close"])
@pytest.mark.parametrize("call", CALLS)
def test_it_is_ended_from_another_thread(connect: Connect, hold: Hold, call: str, how: str) -> None:
    ask, statement = CALLS[call]
    cursor = connect().cursor()
    held = hold(statement)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, cursor)
        held.polled()
        assert cursor.query_id == held.statement_id
        getattr(cursor, how)()
        held.cancelled()
        with pytest.raises(dbapi.OperationalError) as raised:
            asked.result(timeout=20)
    assert (raised.value.code, raised.value.query_id) == ("Cancelled", held.statement_id)
    assert cursor.query_id == held.statement_id


def test_a_cancel_lets_go_at_once_while_the_service_holds_its_answer(
    connect: Connect, warehouse: Warehouse
) -> None:
    cursor = connect().cursor()
    warehouse.fault(match={"statement": "SHOW FUNCTIONS"}, action={"delay": [5, 5]})
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(cursor.functions)
        warehouse.wait_for(lambda entry: "SHOW FUNCTIONS" in (entry["statement"] or ""))
        assert cursor.query_id is None
        cursor.cancel()
        with pytest.raises(dbapi.OperationalError) as raised:
            asked.result(timeout=4)
    assert raised.value.code == "Cancelled"
    assert cursor.catalogs().fetchall()


def test_its_progress_is_told_and_its_id_known(connect: Connect, hold: Hold) -> None:
    told: list[dbapi.Progress] = []
    cursor = connect().cursor(progress=told.append)
    held = hold("SHOW COLUMNS")
    with ThreadPoolExecutor(1) as pool:
        asked: Any = pool.submit(cursor.columns)
        held.polled()
        held.polled()
        cursor.cancel()
        held.cancelled()
        with pytest.raises(dbapi.OperationalError):
            asked.result(timeout=20)
    phases = [phase for phase, _ in itertools.groupby(told, lambda progress: progress.phase)]
    assert phases[-1] == "running"
    assert told[-1].query_id == held.statement_id


def test_what_a_progress_callback_raises_ends_it(connect: Connect, hold: Hold) -> None:
    def enough(progress: dbapi.Progress) -> None:
        raise LookupError(progress.phase)

    cursor = connect().cursor(progress=enough)
    held = hold("SHOW TABLES")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(cursor.tables, "main")
        held.cancelled()
        with pytest.raises(LookupError):
            asked.result(timeout=20)


def test_the_id_is_that_of_the_last_statement(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    for ask, _ in CALLS.values():
        warehouse.clear_log()
        ask(cursor)
        (*_, last) = warehouse.log(method="POST", path="/api/2.0/sql/statements")
        assert cursor.query_id == last["statement_id"]
    assert cursor.table_types().query_id is None


def test_metadata_of_a_closed_cursor_is_refused(cursor: dbapi.Cursor) -> None:
    cursor.close()
    for use in (
        cursor.catalogs,
        cursor.schemas,
        cursor.tables,
        cursor.columns,
        cursor.functions,
        cursor.procedures,
        cursor.table_types,
        cursor.type_info,
        lambda: cursor.primary_keys(None, None, "t"),
        lambda: cursor.foreign_keys(None, None, "t"),
    ):
        with pytest.raises(dbapi.InterfaceError):
            use()
