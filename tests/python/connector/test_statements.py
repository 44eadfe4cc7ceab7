"""Executing: ids, cancelling, statements that run by themselves, options."""

from __future__ import annotations

import datetime
import importlib
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from databricks.sql.backend.types import CommandId, CommandState
from databricks.sql.exc import (
    DatabaseError,
    OperationalError,
    ProgrammingError,
    RequestError,
    ServerOperationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Held

    from .conftest import Connection, Cursor, Open


params: Any = importlib.import_module("databricks.sql.parameters")
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, 6, datetime.timezone.utc)


def sent(warehouse: Warehouse, path: str) -> list[dict[str, Any]]:
    """The bodies of requests that were sent to a path."""
    entries = warehouse.log(method="POST")
    return [entry["body"] for entry in entries if entry["path"].endswith(path)]


def test_a_failed_statement_leaves_its_id(cursor: Cursor) -> None:
    with pytest.raises(ServerOperationError) as caught:
        cursor.execute("SELECT * FROM no_such_table")
    assert cursor.query_id
    assert caught.value.context["operation-id"] == cursor.query_id


def test_the_id_is_known_while_the_statement_runs(cursor: Cursor, held: Held) -> None:
    cursor.execute("SELECT 1")
    before = cursor.query_id
    ended: list[Any] = []

    def execute() -> None:
        try:
            cursor.execute(held.sql)
        except OperationalError as error:
            ended.append(error)

    thread = threading.Thread(target=execute)
    thread.start()
    held.polled()
    assert cursor.query_id == held.statement_id != before
    assert cursor.get_query_state() is CommandState.RUNNING
    cursor.cancel()
    held.cancelled()
    thread.join()
    assert [error.code for error in ended] == ["Cancelled"]


def test_a_cancel_before_the_id_is_known_is_remembered(
    cursor: Cursor, warehouse: Warehouse, hold: Callable[..., Held]
) -> None:
    cursor.execute("SELECT 1")
    held = hold("SELECT 'unnamed'", named_after=0.5)
    ended: list[Any] = []

    def execute() -> None:
        try:
            cursor.execute(held.sql)
        except OperationalError as error:
            ended.append(error)

    thread = threading.Thread(target=execute)
    thread.start()
    warehouse.wait_for(lambda entry: entry["statement"] == held.sql)
    assert cursor.query_id is None
    cursor.cancel()
    held.cancelled()
    thread.join()
    assert [error.code for error in ended] == ["Cancelled"]


def test_a_statement_runs_by_itself_and_is_read_later(connection: Connection) -> None:
    cursor = connection.cursor()
    cursor.execute_async("SELECT id FROM range(3) ORDER BY id")
    assert cursor.active_result_set is None
    assert cursor.query_id
    cursor.get_async_execution_result()
    assert cursor.get_query_state() is CommandState.SUCCEEDED
    assert [row.id for row in cursor.fetchall()] == [0, 1, 2]
    cursor.get_async_execution_result()
    assert len(cursor.fetchall()) == 3


@pytest.mark.parametrize("limit", [0, 2])
def test_a_limit_of_rows_is_kept_by_a_statement_that_runs_by_itself(
    connection: Connection, limit: int, caplog: pytest.LogCaptureFixture
) -> None:
    cursor = connection.cursor(row_limit=limit)
    cursor.execute_async("SELECT id FROM range(5)")
    cursor.get_async_execution_result()
    assert len(cursor.fetchall()) == limit
    assert not [line for line in caplog.messages if "limit" in line]


def test_another_cursor_takes_the_result_by_id(connection: Connection) -> None:
    first, second = connection.cursor(), connection.cursor()
    first.execute_async("SELECT 7 AS n")
    second.active_command_id = CommandId.from_sea_statement_id(first.query_id)
    second.get_async_execution_result()
    assert second.fetchall() == [(7,)]


@pytest.mark.parametrize("method", ["get_query_state", "get_execution_result"])
def test_an_id_that_the_service_does_not_know_is_told_of(cursor: Cursor, method: str) -> None:
    unknown = CommandId.from_sea_statement_id("01ef0000-0000-1000-8000-000000000000")
    arguments = [unknown, cursor] if method == "get_execution_result" else [unknown]
    with pytest.raises(RequestError) as caught:
        getattr(cursor.backend, method)(*arguments)
    error: Any = caught.value
    begin = "Error during request to server. SEA HTTP request failed with status 404"
    assert error.message.startswith(begin)
    assert isinstance(error.args[1], Exception)
    assert (error.code, error.http_status) == ("NotFound", 404)
    assert error.query_id == unknown.to_sea_statement_id()


def test_a_closed_statement_is_closed(cursor: Cursor) -> None:
    cursor.execute("SELECT 1")
    own = cursor.active_command_id
    assert cursor.get_query_state() is CommandState.SUCCEEDED
    cursor.fetchall()
    assert cursor.get_query_state() is CommandState.SUCCEEDED
    cursor.active_result_set.close()
    assert cursor.backend.get_query_state(own) is CommandState.CLOSED


def test_the_failure_of_a_statement_by_itself_is_raised(cursor: Cursor) -> None:
    cursor.execute_async("SELECT 1 / 0 AS x")
    with pytest.raises(DatabaseError, match="DIVIDE_BY_ZERO"):
        cursor.get_async_execution_result()


def test_statements_close_when_they_have_been_read(
    connection: Connection, warehouse: Warehouse
) -> None:
    before = warehouse.counters()["unclosed_statements"]
    cursor = connection.cursor()
    cursor.execute("SELECT 1").fetchall()
    cursor.execute_async("SELECT 2")
    cursor.get_async_execution_result()
    cursor.close()
    connection.close()
    assert warehouse.counters()["unclosed_statements"] <= before
    own = cursor.connection.get_session_id_hex()
    assert own not in [session["session_id"] for session in warehouse.sessions()]


def test_options_of_a_statement_are_sent(open_connection: Open, warehouse: Warehouse) -> None:
    connection = open_connection(enable_query_result_lz4_compression=False)
    cursor = connection.cursor(row_limit=3)
    cursor.execute("SELECT id FROM range(5)", query_tags={"team": "x", "bare": None})
    assert not cursor.active_result_set.lz4_compressed
    body = sent(warehouse, "/statements")[-1]
    assert body["row_limit"] == 3
    assert "result_compression" not in body
    assert body["query_tags"] == [{"key": "team", "value": "x"}, {"key": "bare"}]
    cursor = open_connection(use_cloud_fetch=False).cursor()
    assert cursor.execute("SELECT CAST(1.50 AS DECIMAL(5,2)) AS d").fetchone().d.as_tuple()[2] == -2
    body = sent(warehouse, "/statements")[-1]
    assert (body["disposition"], body["format"]) == ("INLINE", "JSON_ARRAY")


def test_tags_that_are_no_texts_are_named(cursor: Cursor) -> None:
    with pytest.raises(TypeError, match=r"query_tags\['team'\] must be str or None, not int"):
        cursor.execute("SELECT 1", query_tags={"team": 1})


def test_results_may_all_come_behind_links(
    open_connection: Open, warehouse: Warehouse, way: str
) -> None:
    cursor = open_connection(use_hybrid_disposition=False).cursor()
    cursor.execute("SELECT 1").fetchall()
    expected = "EXTERNAL_LINKS" if way == "use_sea" else "INLINE_OR_EXTERNAL_LINKS"
    assert sent(warehouse, "/statements")[-1]["disposition"] == expected


def test_settings_of_a_session_are_sent(
    open_connection: Open, warehouse: Warehouse, way: str
) -> None:
    settings = {"TimeZone": "America/New_York"}
    if way == "use_sea":
        settings["spark.sql.something"] = "else"  # such settings are not the service's
    connection = open_connection(
        session_configuration=settings, catalog="main", schema="default", query_tags={"a": "b"}
    )
    body = sent(warehouse, "/sessions")[-1]
    assert (body["catalog"], body["schema"]) == ("main", "default")
    expected = {"TimeZone": "America/New_York", "QUERY_TAGS": "a:b"}
    if way == "use_sea":
        expected = {name.lower(): value for name, value in expected.items()}
    assert body["session_confs"] == expected
    row = connection.cursor().execute("SELECT current_timezone() AS zone").fetchone()
    assert row.zone == "America/New_York"


def test_headers_go_to_the_workspace(open_connection: Open, warehouse: Warehouse) -> None:
    warehouse.settings(log_secrets=True)
    open_connection(http_headers=[("x-own", "1")], user_agent_entry="entry")
    headers = dict(warehouse.log()[-1]["raw"]["headers"])
    assert headers["x-own"] == "1"
    assert headers["user-agent"].startswith("PyDatabricksSqlConnector/4.9.0 (entry)")
    assert "databricks-sql-kernel/" in headers["user-agent"]


def test_parameters_of_every_shape_are_bound(cursor: Cursor) -> None:
    values = {"a": 1, "b": [1, None, 3], "c": {"k": [1.5]}, "d": None, "e": "it's", "f": []}
    row = cursor.execute(
        "SELECT :a AS a, :b AS b, :c AS c, :d AS d, :e AS e, size(:f) AS f", values
    ).fetchone()
    assert (row.a, list(row.b), row.d, row.e, row.f) == (1, [1, None, 3], None, "it's", 0)
    assert [(key, list(value)) for key, value in row.c] == [("k", [1.5])]
    row = cursor.execute("SELECT ? AS a, ? AS b", ["x", [["y"]]]).fetchone()
    assert (row.a, [list(item) for item in row.b]) == ("x", [["y"]])


PARAMETERS = [
    (params.IntegerParameter(-1), "int", -1),
    (params.BigIntegerParameter(2**40), "bigint", 2**40),
    (params.SmallIntParameter(7), "smallint", 7),
    (params.TinyIntParameter(7), "tinyint", 7),
    (params.BooleanParameter(value=True), "boolean", True),
    (params.DoubleParameter(0.1), "double", 0.1),
    (params.FloatParameter(0.5), "float", 0.5),
    (params.StringParameter("it's"), "string", "it's"),
    (params.DecimalParameter(Decimal("-0.05")), "decimal", Decimal("-0.05")),
    (params.DecimalParameter(Decimal("1.5"), scale=10, precision=2), "decimal", Decimal("1.50")),
    (params.DecimalParameter(Decimal("1E+3")), "decimal", Decimal(1000)),
    (params.DateParameter(datetime.date(2020, 2, 29)), "date", datetime.date(2020, 2, 29)),
    (params.TimestampParameter(MOMENT), "timestamp", MOMENT),
    (params.VoidParameter(None), None, None),
]


@pytest.mark.parametrize(("parameter", "code", "expected"), PARAMETERS)
def test_parameters_of_every_type_are_bound(
    cursor: Cursor, parameter: Any, code: str | None, expected: object
) -> None:
    cursor.execute("SELECT ? AS c", [parameter])
    assert code in (None, cursor.description[0][1])
    assert cursor.fetchone().c == expected
    cursor.execute("SELECT ? AS c, ? AS d", [parameter, ["x"]])  # an array has all be written
    assert cursor.fetchone().c == expected


def test_names_and_places_are_not_mixed(cursor: Cursor) -> None:
    parameters = [params.StringParameter("a", name="a").as_tspark_param(named=True)]
    parameters.append(params.StringParameter("b").as_tspark_param(named=False))
    with pytest.raises(ProgrammingError, match="give all of them one or none"):
        cursor.backend.execute_command(
            "SELECT :a, ?",
            session_id=cursor.connection.session.session_id,
            max_rows=1,
            max_bytes=1,
            lz4_compression=True,
            cursor=cursor,
            use_cloud_fetch=True,
            parameters=parameters,
            async_op=False,
            enforce_embedded_schema_correctness=False,
        )
