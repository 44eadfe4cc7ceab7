"""`execute`: what comes back, what is told of it, and how it fails."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    Connect = Callable[..., dbapi.Connection]


def test_execute_returns_the_cursor(cursor: dbapi.Cursor) -> None:
    assert cursor.execute("SELECT 1") is cursor


def test_nothing_is_known_before_the_first_statement(cursor: dbapi.Cursor) -> None:
    assert cursor.description is None
    assert cursor.rowcount == -1
    assert cursor.rownumber is None
    assert cursor.query_id is None
    assert cursor.truncated is False


DESCRIPTIONS = [
    ("true", ("boolean", None, None), dbapi.NUMBER),
    ("CAST(1 AS TINYINT)", ("tinyint", None, None), dbapi.NUMBER),
    ("CAST(1 AS SMALLINT)", ("smallint", None, None), dbapi.NUMBER),
    ("1", ("int", None, None), dbapi.NUMBER),
    ("CAST(1 AS BIGINT)", ("bigint", None, None), dbapi.NUMBER),
    ("CAST(1 AS FLOAT)", ("float", None, None), dbapi.NUMBER),
    ("CAST(1 AS DOUBLE)", ("double", None, None), dbapi.NUMBER),
    ("CAST(1 AS DECIMAL(10,2))", ("decimal", 10, 2), dbapi.NUMBER),
    ("CAST(1 AS DECIMAL(38,0))", ("decimal", 38, 0), dbapi.NUMBER),
    ("'x'", ("string", None, None), dbapi.STRING),
    ("X'00'", ("binary", None, None), dbapi.BINARY),
    ("DATE '2024-01-01'", ("date", None, None), dbapi.DATETIME),
    ("TIMESTAMP '2024-01-01 00:00:00'", ("timestamp", None, None), dbapi.DATETIME),
    ("TIMESTAMP_NTZ '2024-01-01 00:00:00'", ("timestamp_ntz", None, None), dbapi.DATETIME),
    ("INTERVAL '1' DAY", ("interval_day_time", None, None), None),
    ("INTERVAL '1' YEAR", ("interval_year_month", None, None), None),
    ("array(1)", ("array", None, None), None),
    ("map('a', 1)", ("map", None, None), None),
    ("named_struct('a', 1)", ("struct", None, None), None),
    ("parse_json('1')", ("variant", None, None), dbapi.STRING),
    ("NULL", ("void", None, None), None),
]
GROUPS = [dbapi.STRING, dbapi.BINARY, dbapi.NUMBER, dbapi.DATETIME, dbapi.ROWID]


@pytest.mark.parametrize(("sql", "expected", "group"), DESCRIPTIONS)
def test_the_description_of_each_type(
    cursor: dbapi.Cursor,
    sql: str,
    expected: tuple[str, int | None, int | None],
    group: dbapi.DBAPITypeObject | None,
) -> None:
    (column,) = cursor.execute(f"SELECT {sql} AS c").description or []
    assert isinstance(column, tuple)
    assert column == ("c", expected[0], None, None, *expected[1:], None)
    assert [one for one in GROUPS if column[1] == one] == ([group] if group else [])


def test_the_description_has_a_tuple_for_each_column(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT 1 AS a, 2 AS a, 'x' AS `odd name`, 3 + 4")
    description = cursor.description
    assert isinstance(description, list)
    assert [column[0] for column in description] == ["a", "a", "odd name", "(3 + 4)"]
    assert {len(column) for column in description} == {7}


def test_the_description_lasts_until_the_next_statement(cursor: dbapi.Cursor, table: str) -> None:
    cursor.execute("SELECT 1 AS a").fetchall()
    assert cursor.description is not None
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    assert cursor.description is None


def test_a_definition_has_no_result(cursor: dbapi.Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    assert cursor.description is None
    assert cursor.rowcount == -1
    assert cursor.rownumber is None
    with pytest.raises(dbapi.ProgrammingError, match="no result"):
        cursor.fetchall()


@pytest.mark.parametrize("in_status", [False, True])
def test_changes_tell_how_many_rows_they_changed(
    cursor: dbapi.Cursor, warehouse: Warehouse, table: str, *, in_status: bool
) -> None:
    warehouse.settings(num_modified_rows=in_status)
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    merge = (
        f"MERGE INTO {table} AS t USING (SELECT 12 AS a UNION ALL SELECT 99) AS s "
        "ON t.a = s.a WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a)"
    )
    changes = [
        (f"INSERT INTO {table} VALUES (1), (2), (3)", 3),
        (f"UPDATE {table} SET a = a + 10 WHERE a > 1", 2),
        (f"UPDATE {table} SET a = 0 WHERE a > 1000", 0),
        (f"DELETE FROM {table} WHERE a = 1", 1),
        (merge, 2),
    ]
    for sql, count in changes:
        assert cursor.execute(sql).rowcount == count
    assert sorted(cursor.execute(f"SELECT * FROM {table}").fetchall()) == [(13,), (99,)]


@pytest.mark.parametrize("dml_count_row", [True, False])
def test_a_change_behind_named_queries_is_counted_as_a_change(
    connect: Connect, table: str, *, dml_count_row: bool
) -> None:
    cursor = connect(dml_count_row=dml_count_row).cursor()
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    cursor.execute(
        f"/* a */ WITH n(a) AS (VALUES (1), (2), (3)) INSERT INTO {table} SELECT a FROM n"
    )
    assert cursor.rowcount == 3
    assert (cursor.description is not None) == dml_count_row
    cursor.execute(
        f"WITH n AS (SELECT 2 AS a), `)` AS (SELECT 3 AS a) "
        f"DELETE FROM {table} WHERE a IN (SELECT a FROM n UNION SELECT a FROM `)`)"
    )
    assert cursor.rowcount == 2
    assert (cursor.description is not None) == dml_count_row
    assert cursor.execute(f"SELECT * FROM {table}").fetchall() == [(1,)]


def test_the_counts_of_a_change_are_its_result(cursor: dbapi.Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    cursor.execute(f"INSERT INTO {table} VALUES (1), (2)")
    row = cursor.fetchone()
    assert (row.num_affected_rows, row.num_inserted_rows) == (2, 2)
    assert cursor.fetchone() is None


def test_the_counts_of_a_change_are_no_result_where_that_is_not_wanted(
    connect: Connect, table: str
) -> None:
    cursor = connect(dml_count_row=False).cursor()
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    cursor.execute(f"INSERT INTO {table} VALUES (1), (2)")
    assert (cursor.description, cursor.rowcount) == (None, 2)
    with pytest.raises(dbapi.ProgrammingError, match="no result"):
        cursor.fetchall()
    cursor.executemany(f"INSERT INTO {table} VALUES (?)", [(3,), (4,), (5,)])
    assert (cursor.description, cursor.rowcount) == (None, 3)
    assert cursor.execute(f"SELECT count(*) FROM {table}").fetchone() == (5,)


@pytest.mark.parametrize("dml_count_row", [True, False])
def test_a_query_with_such_columns_is_a_query(connect: Connect, *, dml_count_row: bool) -> None:
    cursor = connect(dml_count_row=dml_count_row).cursor()
    for sql in (
        "/* a */ SELECT 7 AS num_affected_rows, 8 AS num_inserted_rows",
        "WITH a AS (SELECT 7 AS update) SELECT update AS num_affected_rows FROM a",
    ):
        cursor.execute(sql)
        assert cursor.rowcount == 1
        assert [row.num_affected_rows for row in cursor] == [7]


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_the_row_count_of_a_query_is_known_at_once(cursor: dbapi.Cursor, rows: int) -> None:
    assert cursor.execute(f"SELECT id FROM range({rows})").rowcount == rows


def test_every_statement_has_an_id_of_its_own(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    first = cursor.execute("SELECT 1").query_id
    second = cursor.execute("SELECT 2").query_id
    known = {statement["statement_id"]: statement for statement in warehouse.statements()}
    assert first is not None
    assert second is not None
    assert [known[first]["statement"], known[second]["statement"]] == ["SELECT 1", "SELECT 2"]


def test_a_failed_statement_has_an_id_too(cursor: dbapi.Cursor) -> None:
    before = cursor.execute("SELECT 1").query_id
    with pytest.raises(dbapi.DataError) as raised:
        cursor.execute("SELECT 1 / 0")
    assert cursor.query_id is not None
    assert cursor.query_id != before
    assert raised.value.query_id == cursor.query_id


def test_a_failed_statement_leaves_nothing_of_the_one_before(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT 1")
    with pytest.raises(dbapi.DataError):
        cursor.execute("SELECT 1 / 0")
    assert cursor.description is None
    assert cursor.rowcount == -1
    with pytest.raises(dbapi.ProgrammingError):
        cursor.fetchall()
    assert cursor.execute("SELECT 2").fetchall() == [(2,)]


def test_a_statement_that_never_left_leaves_the_result_of_the_one_before(
    cursor: dbapi.Cursor,
) -> None:
    cursor.execute("SELECT 1")
    with pytest.raises(dbapi.ProgrammingError):
        cursor.execute("SELECT ?", 5)  # type: ignore[arg-type]
    assert cursor.fetchall() == [(1,)]


FAILURES = [
    ("SELECT 1 / 0", dbapi.DataError, "22012", "DIVIDE_BY_ZERO"),
    ("SELECT CAST('x' AS INT)", dbapi.DataError, "22018", "CAST_INVALID_INPUT"),
    ("SELEC", dbapi.ProgrammingError, "42601", "PARSE_SYNTAX_ERROR"),
    ("SELECT * FROM no_such", dbapi.ProgrammingError, "42P01", "TABLE_OR_VIEW_NOT_FOUND"),
    ("SELECT nothing", dbapi.ProgrammingError, "42703", "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION"),
    ("USE SCHEMA no_such", dbapi.ProgrammingError, "42704", "SCHEMA_NOT_FOUND"),
    ("SELECT :a", dbapi.ProgrammingError, "42P02", "UNBOUND_SQL_PARAMETER"),
    ("SELECT raise_error('boom')", dbapi.OperationalError, "P0001", "USER_RAISED_EXCEPTION"),
]


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_a_failure_is_of_the_class_of_its_sql_state(
    cursor: dbapi.Cursor,
    warehouse: Warehouse,
    failure: tuple[str, type[dbapi.Error], str, str],
    *,
    sent: bool,
) -> None:
    sql, *expected = failure
    warehouse.settings(sql_state=sent)
    with pytest.raises(dbapi.DatabaseError) as raised:
        cursor.execute(sql)
    error = raised.value
    assert [type(error), error.sql_state, error.error_class] == expected
    assert error.code == "SqlError"
    assert error.maybe_executed is False


def test_the_servers_message_is_whole(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    with pytest.raises(dbapi.ProgrammingError) as raised:
        cursor.execute("SELECT *\nFROM no_such")
    (known,) = (one for one in warehouse.statements() if one["statement_id"] == cursor.query_id)
    assert "To tolerate the error on drop use DROP VIEW IF EXISTS" in known["message"]
    assert str(raised.value) == known["message"]


def test_a_violated_key_is_an_integrity_error(
    cursor: dbapi.Cursor, table: str, warehouse: Warehouse
) -> None:
    warehouse.settings(enforce_keys=True)
    cursor.execute(f"CREATE TABLE {table} (a INT PRIMARY KEY, b INT NOT NULL)")
    cursor.execute(f"INSERT INTO {table} VALUES (1, 1)")
    for values in ("(1, 1)", "(2, NULL)"):
        with pytest.raises(dbapi.IntegrityError):
            cursor.execute(f"INSERT INTO {table} VALUES {values}")
    assert cursor.execute(f"SELECT * FROM {table}").fetchall() == [(1, 1)]


STATES = [
    ("22003", dbapi.DataError),
    ("23505", dbapi.IntegrityError),
    ("42501", dbapi.ProgrammingError),
    ("26000", dbapi.ProgrammingError),
    ("3D000", dbapi.ProgrammingError),
    ("3F000", dbapi.ProgrammingError),
    ("02000", dbapi.ProgrammingError),
    ("0A000", dbapi.NotSupportedError),
    ("08001", dbapi.OperationalError),
    ("28000", dbapi.OperationalError),
    ("40001", dbapi.OperationalError),
    ("53200", dbapi.OperationalError),
    ("54000", dbapi.OperationalError),
    ("57014", dbapi.OperationalError),
    ("58030", dbapi.OperationalError),
    ("HY000", dbapi.OperationalError),
    ("XX000", dbapi.InternalError),
    ("P0001", dbapi.OperationalError),
]


@pytest.mark.parametrize(("sql_state", "kind"), STATES)
def test_every_class_of_sql_state_has_its_exception(
    cursor: dbapi.Cursor, warehouse: Warehouse, sql_state: str, kind: type[dbapi.Error]
) -> None:
    message = f"[SOME.CLASS] It failed. SQLSTATE: {sql_state}"
    answer = {
        "statement_id": "11111111-2222-3333-4444-555555555555",
        "status": {
            "state": "FAILED",
            "error": {"error_code": "BAD_REQUEST", "message": message},
            "sql_state": sql_state,
        },
    }
    warehouse.fault(match={"statement": "SELECT 55"}, action={"status": 200, "body": answer})
    with pytest.raises(dbapi.DatabaseError) as raised:
        cursor.execute("SELECT 55")
    assert type(raised.value) is kind
    assert raised.value.sql_state == sql_state
    assert raised.value.error_class == "SOME.CLASS"
    assert raised.value.query_id == answer["statement_id"]


def test_a_timeout_raises_in_time(cursor: dbapi.Cursor) -> None:
    begun = time.monotonic()
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute("SELECT sleep(30)", timeout=0.3)
    assert 0.25 < time.monotonic() - begun < 2
    assert raised.value.code == "Timeout"
    assert cursor.execute("SELECT 1").fetchall() == [(1,)]


def is_cancel(entry: dict[str, Any]) -> bool:
    return bool(entry["path"].endswith("/cancel"))


def test_a_timeout_cancels_on_the_server(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    warehouse.settings(pending_polls=1000)
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute("SELECT 'never'", timeout=0.3)
    assert raised.value.code == "Timeout"
    assert warehouse.wait_for(is_cancel)["statement_id"] == cursor.query_id


@pytest.mark.slow
def test_a_timeout_cancels_what_has_no_id_yet(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    with pytest.raises(dbapi.OperationalError):
        cursor.execute("SELECT sleep(30)", timeout=0.3)
    cancel = warehouse.wait_for(is_cancel, timeout=15)
    statements = {one["statement_id"]: one["statement"] for one in warehouse.statements()}
    assert statements[cancel["statement_id"]] == "SELECT sleep(30)"


@pytest.mark.parametrize("where", ["connection", "cursor"])
def test_a_timeout_may_be_for_all_statements(connect: Connect, where: str) -> None:
    if where == "connection":
        cursor = connect(statement_timeout=0.2).cursor()
    else:
        cursor = connect(statement_timeout=60).cursor(timeout=0.2)
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute("SELECT sleep(30)")
    assert raised.value.code == "Timeout"
    assert cursor.execute("SELECT sleep(0.4)", timeout=30).fetchall() == [(0,)]


def test_a_timeout_counts_the_fetching_too(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    warehouse.settings(inline_limit_bytes=0)
    warehouse.fault(match={"to": "storage"}, action={"delay": [3, 3]}, times=None)
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute("SELECT 1", timeout=0.5).fetchall()
    assert raised.value.code == "Timeout"


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_what_is_no_time_span_is_refused(cursor: dbapi.Cursor, timeout: float) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="timeout"):
        cursor.execute("SELECT 1", timeout=timeout)


def test_a_long_statement_is_polled_to_its_end(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    warehouse.settings(pending_polls=3)
    assert cursor.execute("SELECT 'slow'").fetchall() == [("slow",)]
    polls = warehouse.log(method="GET", statement_id=cursor.query_id)
    assert len(polls) >= 3


def test_the_text_is_sent_as_it_is(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    sql = "  SELECT '%s %(a)s {b}' AS a -- :no ?\n  /* ; */ "
    assert cursor.execute(sql).fetchall() == [("%s %(a)s {b}",)]
    assert [entry["statement"] for entry in warehouse.log(method="POST")][-1] == sql


@pytest.mark.parametrize("sql", [None, b"SELECT 1", 5])
def test_a_statement_is_a_text(cursor: dbapi.Cursor, sql: object) -> None:
    with pytest.raises(TypeError):
        cursor.execute(sql)  # type: ignore[arg-type]


def test_texts_of_any_language_arrive(cursor: dbapi.Cursor) -> None:
    assert cursor.execute("SELECT '日本 \N{PILE OF POO} é' AS `größe`").fetchone().asDict() == {
        "größe": "日本 \N{PILE OF POO} é"
    }


def test_a_write_whose_answer_was_lost_is_not_sent_again(
    cursor: dbapi.Cursor, warehouse: Warehouse, table: str
) -> None:
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    warehouse.fault(match={"statement": "INSERT"}, action={"drop": "after"})
    insert = f"INSERT INTO {table} VALUES (1)"
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute(insert)
    assert raised.value.maybe_executed is True
    assert len(warehouse.log(statement=insert)) == 1
    assert cursor.execute(f"SELECT * FROM {table}").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        ("WITH s AS (SELECT 2 AS a) INSERT INTO {t} SELECT a FROM s", [(1,), (2,)]),
        ("WITH s(b) AS (SELECT 1) UPDATE {t} SET a = 2 WHERE a IN (SELECT b FROM s)", [(2,)]),
        ("WITH s AS (SELECT 1 AS b, ')') DELETE FROM {t} WHERE a IN (SELECT b FROM s)", []),
        (
            "WITH s AS (SELECT 2 a) MERGE INTO {t} USING s ON false WHEN NOT MATCHED THEN INSERT *",
            [(1,), (2,)],
        ),
        ("FROM {t} INSERT INTO {t} SELECT a", None),
        ("SELECT 1; DELETE FROM {t}", None),
        ("SHOW TABLES; DELETE FROM {t}", None),
        ("EXECUTE IMMEDIATE 'SELECT 1'", None),
        ("BEGIN SELECT 1; END", None),
    ],
)
def test_what_is_not_certainly_a_read_is_sent_once_also_where_reads_are_sent_again(
    connect: Connect,
    warehouse: Warehouse,
    table: str,
    change: str,
    rows: list[tuple[int]] | None,
) -> None:
    """The last of them are none that the local warehouse runs; what is sent is the same."""
    connection = connect(retry_reads=True, retry_delay_min=0.01, retry_delay_max=0.01)
    cursor = connection.cursor().execute(f"CREATE TABLE {table} (a INT)")
    cursor.execute(f"INSERT INTO {table} VALUES (1)")
    sql = change.format(t=table)
    posts = {"method": "POST", "path": "statements/?$"}
    warehouse.fault(match=posts, action={"drop": "after"})
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute(sql)
    assert (raised.value.maybe_executed, raised.value.retryable) == (True, False)
    assert len(warehouse.log(statement=sql)) == 1
    assert warehouse.counters()["executions"][sql] == 1
    if rows is not None:
        assert sorted(cursor.execute(f"SELECT * FROM {table}").fetchall()) == rows


def test_a_write_that_certainly_did_not_run_is_sent_again(
    connect: Connect, warehouse: Warehouse, table: str
) -> None:
    cursor = connect(retry_delay_min=0.01, retry_delay_max=0.01).cursor()
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    warehouse.fault(match={"statement": "INSERT"}, action={"status": 429}, times=2)
    assert cursor.execute(f"INSERT INTO {table} VALUES (1)").rowcount == 1
    assert cursor.execute(f"SELECT * FROM {table}").fetchall() == [(1,)]


def test_a_503_is_no_proof_that_a_write_did_not_run(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    action = {"status": 503, "headers": {"retry-after": "0"}}
    warehouse.fault(match={"statement": "INSERT"}, action=action)
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute("INSERT INTO t VALUES (1)")
    assert raised.value.maybe_executed is True
    assert raised.value.http_status == 503
    assert len(warehouse.log(statement="INSERT INTO t VALUES (1)")) == 1


def test_an_answer_that_is_no_json_is_an_error_without_its_body(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    warehouse.fault(
        match={"statement": "SELECT 6"}, action={"replace_body": "<html>secret page</html>"}
    )
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute("SELECT 6")
    assert "secret page" not in str(raised.value)


def test_a_result_is_let_go_when_the_next_statement_begins(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    first = cursor.execute("SELECT 1").query_id
    cursor.execute("SELECT 2")
    warehouse.wait_for(lambda entry: entry["method"] == "DELETE" and entry["statement_id"] == first)


@pytest.mark.parametrize("sql", ["", " \n", ";", "-- SELECT 1", "/* nothing */ ;"])
def test_a_text_without_a_statement_is_not_sent(
    cursor: dbapi.Cursor, warehouse: Warehouse, sql: str
) -> None:
    assert cursor.query_id is None
    warehouse.clear_log()
    for run in (cursor.execute, cursor.execute_async, lambda sql: cursor.executemany(sql, [()])):
        with pytest.raises(dbapi.ProgrammingError, match="pass one statement"):
            run(sql)
    assert not warehouse.log()
