"""What the connector's session, cursors and telemetry touch is there and is the connector's own."""

from __future__ import annotations

import gc
import inspect
import pickle
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from databricks.sql.backend.databricks_client import DatabricksClient
from databricks.sql.backend.types import BackendType, CommandId, CommandState, SessionId
from databricks.sql.exc import InterfaceError
from databricks.sql.result_set import ResultSet
from databricks.sql.types import Row

from databricks_sql_kernel import connector

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Connection, Cursor, Open


def test_the_classes_are_the_connectors_in_the_eyes_of_isinstance(cursor: Cursor) -> None:
    backend = cursor.connection.session.backend
    cursor.execute("SELECT 1")
    assert type(backend).__name__ == "KernelDatabricksClient"
    assert isinstance(backend, DatabricksClient)
    assert isinstance(backend, connector.KernelDatabricksClient)
    assert isinstance(cursor.active_result_set, ResultSet)
    assert isinstance(cursor.active_result_set, connector.ResultSet)
    assert issubclass(connector.KernelDatabricksClient, DatabricksClient)


def test_every_method_takes_the_arguments_of_the_contract() -> None:
    compared = 0
    for name in DatabricksClient.__abstractmethods__:
        theirs = getattr(DatabricksClient, name)
        ours = getattr(connector.KernelDatabricksClient, name)
        if callable(theirs):
            wanted = list(inspect.signature(theirs).parameters)
            assert list(inspect.signature(ours).parameters) == wanted
            compared += 1
    assert compared == 11


def test_ids_and_states_are_the_connectors_own(connection: Connection, cursor: Cursor) -> None:
    session_id = connection.session.session_id
    assert isinstance(session_id, SessionId)
    assert session_id.backend_type is BackendType.SEA
    cursor.execute("SELECT 1")
    command_id: Any = cursor.active_command_id
    assert cursor.query_id == command_id.to_sea_statement_id()
    assert isinstance(command_id, CommandId)
    assert cursor.get_query_state() is CommandState.SUCCEEDED


def test_a_result_set_has_the_attributes_of_its_base(cursor: Cursor) -> None:
    cursor.execute("SELECT id FROM range(3)")
    result_set = cursor.active_result_set
    assert result_set is not None
    assert result_set.connection is cursor.connection
    assert result_set.backend is cursor.backend
    assert result_set.arraysize == cursor.arraysize
    assert result_set.buffer_size_bytes == cursor.buffer_size_bytes
    assert result_set.command_id is cursor.active_command_id
    assert str(result_set.status) == str(CommandState.SUCCEEDED)
    assert result_set.has_more_rows
    assert not result_set.has_been_closed_server_side
    assert result_set.results is None
    assert result_set.num_modified_rows is None
    assert not result_set.is_staging_operation
    assert result_set.description == [("id", "bigint", None, None, None, None, None)]
    cursor.fetchmany(2)
    assert result_set.rownumber == cursor.rownumber == 2
    cursor.fetchall()
    assert not result_set.has_more_rows
    cursor.close()
    assert result_set.has_been_closed_server_side
    state: Any = result_set.status
    assert state is CommandState.CLOSED


def test_an_empty_result_set_is_an_active_one(cursor: Cursor) -> None:
    cursor.execute("SELECT 1 WHERE false")
    assert cursor.active_result_set
    assert cursor.fetchall() == []
    assert cursor.fetchone() is None


def test_rows_are_the_connectors_own(cursor: Cursor) -> None:
    row: Any = cursor.execute("SELECT 1 AS a, 'x' AS b, 2 AS a").fetchone()
    assert type(row) is Row
    assert (row.a, row["b"], row[2], "b" in row) == (1, "x", 2, True)
    assert tuple(row) == (1, "x", 2)
    assert hash(row) == hash((1, "x", 2))
    assert row.asDict() == {"a": 2, "b": "x"}
    assert repr(row) == "Row(a=1, b='x', a=2)"
    again: Any = pickle.loads(pickle.dumps(row))  # noqa: S301
    assert (again, again.a, type(again)) == (row, 1, Row)
    with pytest.raises(RuntimeError, match="read-only"):
        row.a = 3


def test_rows_of_one_result_have_names_of_their_own(cursor: Cursor) -> None:
    first, second = cursor.execute("SELECT id FROM range(2)").fetchall()
    first.__fields__ = ["other"]
    assert second.id == 1


def test_rows_come_one_by_one_by_the_dozen_and_all(cursor: Cursor) -> None:
    cursor.execute("SELECT id FROM range(5000) ORDER BY id")
    assert cursor.fetchone() == (0,)
    assert [row.id for row in cursor.fetchmany(3)] == [1, 2, 3]
    assert cursor.fetchmany_arrow(2).column("id").to_pylist() == [4, 5]
    iterator = iter(cursor)
    assert next(iterator) == (6,)
    assert [row.id for row in cursor.fetchall()] == list(range(7, 5000))
    assert cursor.fetchmany(1) == []
    assert cursor.fetchall_arrow().num_rows == 0
    for fetch in (cursor.fetchmany, cursor.fetchmany_arrow):
        with pytest.raises(ValueError, match="size must be >= 0, got -1"):
            fetch(-1)


def test_the_count_of_dml_is_the_rowcount(cursor: Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (a INT)")
    assert (cursor.rowcount, cursor.description) == (-1, [])
    cursor.execute(f"INSERT INTO {table} VALUES (1), (2)")
    assert cursor.rowcount == 2
    cursor.execute("SELECT 1 AS num_affected_rows")
    assert cursor.rowcount == -1
    cursor.executemany(f"INSERT INTO {table} VALUES (?)", [[3], [4], [5]])
    assert cursor.rowcount == 3


@pytest.mark.parametrize(("limit", "rows"), [(None, 10), (0, 0), (1, 1), (5, 5)])
def test_a_limit_of_rows_is_kept(connection: Connection, limit: int | None, rows: int) -> None:
    cursor = connection.cursor(row_limit=limit)
    assert len(cursor.execute("SELECT id FROM range(10)").fetchall()) == rows


def test_what_is_dropped_is_collected(open_connection: Open) -> None:
    connection = open_connection()
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    gone = weakref.ref(cursor.active_result_set)
    connection._cursors.clear()
    cursor.connection._kept = cursor
    del cursor
    connection._kept = None
    gc.collect()
    assert gone() is None


def test_after_the_end_of_the_session_nothing_is_sent(
    open_connection: Open, warehouse: Warehouse
) -> None:
    connection = open_connection()
    backend, session_id = connection.session.backend, connection.session.session_id
    cursor = connection.cursor()
    connection.close()
    sent = len(warehouse.log())
    with pytest.raises(InterfaceError, match="not open"):
        backend.get_catalogs(session_id, 1, 1, cursor)
    backend.close_session(session_id)
    assert len(warehouse.log()) == sent
