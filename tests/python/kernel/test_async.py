"""Statements that run by themselves."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

import databricks_sql_kernel as kernel

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Held


def submit(session: kernel.Session, sql: str) -> kernel.ExecutedAsyncStatement:
    statement = session.statement()
    statement.set_sql(sql)
    return statement.submit()


def test_a_result_can_be_fetched_again(session: kernel.Session) -> None:
    submitted = submit(session, "SELECT id FROM range(3)")
    for _ in range(2):
        stream = submitted.await_result()
        assert repr(stream) == "ResultStream(state=open)"
        assert stream.fetch_all_arrow()["id"].to_pylist() == [0, 1, 2]
        stream.close()
        assert repr(stream) == "ResultStream(state=closed)"
    assert submitted.status() in {("Succeeded", None), ("Closed", None)}
    assert submitted.fetch_result().fetch_all_arrow().num_rows == 3


def test_a_failure_is_a_value_of_the_status(session: kernel.Session) -> None:
    submitted = submit(session, "SELECT * FROM no_such_table")
    with pytest.raises(kernel.KernelError, match="TABLE_OR_VIEW_NOT_FOUND"):
        submitted.await_result()
    state, failure = submitted.status()
    assert state == "Failed"
    assert isinstance(failure, kernel.KernelError)
    assert failure.query_id == submitted.statement_id


def test_a_reader_has_no_right_to_end_the_statement(
    session: kernel.Session, warehouse: Warehouse
) -> None:
    submitted = submit(session, "SELECT 7 AS n")
    reader = submitted.reader()
    assert reader.statement_id == submitted.statement_id
    assert reader.await_result().fetch_all_arrow()["n"].to_pylist() == [7]
    assert reader.status()[0] in {"Succeeded", "Closed"}
    with pytest.raises(kernel.KernelError) as caught:
        reader.cancel()
    assert caught.value.code == "InvalidArgument"
    reader.close()
    assert not warehouse.log(method="DELETE", statement_id=submitted.statement_id)
    submitted.close()
    assert len(warehouse.log(method="DELETE", statement_id=submitted.statement_id)) == 1


def test_a_statement_is_found_again_by_its_id(session: kernel.Session) -> None:
    submitted = submit(session, "SELECT 13 AS n")
    found = session.attach_async_statement(submitted.statement_id)
    assert found.await_result().fetch_all_arrow()["n"].to_pylist() == [13]
    with pytest.raises(kernel.KernelError) as caught:
        session.attach_async_statement("00000000-0000-0000-0000-000000000000")
    assert caught.value.code == "NotFound"
    assert caught.value.query_id == "00000000-0000-0000-0000-000000000000"


def test_a_running_statement_is_cancelled(session: kernel.Session, held: Held) -> None:
    submitted = submit(session, held.sql)
    assert submitted.status() == ("Running", None)
    with pytest.raises(kernel.KernelError) as caught:
        submitted.fetch_result()
    assert caught.value.code == "InvalidArgument"
    with contextlib.suppress(kernel.KernelError):  # only the test knows the statement
        submitted.cancel()
    held.cancelled()
    with pytest.raises(kernel.KernelError) as caught:
        submitted.await_result()
    assert caught.value.code == "Cancelled"
    assert submitted.status() == ("Cancelled", None)


def test_closing_the_statement_ends_what_it_submitted(
    session: kernel.Session, warehouse: Warehouse
) -> None:
    statement = session.statement()
    statement.set_sql("SELECT 1")
    submitted = statement.submit()
    statement.close()
    assert warehouse.log(method="DELETE", statement_id=submitted.statement_id)
    with pytest.raises(kernel.KernelError) as caught:
        submitted.status()
    assert caught.value.code == "InvalidStatementHandle"


def test_the_last_handle_closes_the_statement(
    session: kernel.Session, warehouse: Warehouse
) -> None:
    submitted = submit(session, "SELECT 1")
    identifier = submitted.statement_id
    stream = submitted.await_result()
    del submitted
    assert stream.fetch_all_arrow().num_rows == 1
    del stream
    warehouse.wait_for(
        lambda entry: (entry["method"], entry["statement_id"]) == ("DELETE", identifier)
    )
