"""Statements: SQL, parameters, tags, limits, results, errors."""

from __future__ import annotations

import datetime
import decimal
import pickle
import random
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import databricks_sql_kernel as kernel

from .conftest import execute

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Open, Run


def test_a_result_comes_batch_by_batch_or_whole(session: kernel.Session) -> None:
    statement = session.statement()
    statement.set_sql("SELECT id FROM range(10000)")
    executed = statement.execute()
    first = executed.fetch_next_batch()
    assert isinstance(first, pa.RecordBatch)
    rest = executed.fetch_all_arrow()
    assert isinstance(rest, pa.Table)
    assert first.num_rows + rest.num_rows == 10000
    assert first.schema.equals(executed.arrow_schema(), check_metadata=True)
    assert rest.schema.equals(executed.arrow_schema(), check_metadata=True)
    assert executed.fetch_next_batch() is None
    assert executed.fetch_all_arrow().num_rows == 0
    assert executed.num_modified_rows is None


def test_fields_carry_the_types_of_the_service(run: Run) -> None:
    schema = run("SELECT CAST(1 AS DECIMAL(10,2)) AS d, INTERVAL '1' DAY AS i").schema
    decimal_labels = schema.field("d").metadata
    assert decimal_labels[b"databricks.type_name"] == b"DECIMAL"
    assert decimal_labels[b"databricks.type_text"] == b"DECIMAL(10,2)"
    assert decimal_labels[b"Spark:DataType:SqlName"] == b"DECIMAL(10,2)"
    assert decimal_labels[b"databricks.type_precision"] == b"10"
    assert decimal_labels[b"databricks.type_scale"] == b"2"
    assert schema.field("i").metadata[b"databricks.type_interval_type"].startswith(b"DAY")


def test_large_results_are_whole(session: kernel.Session, warehouse: Warehouse) -> None:
    warehouse.settings(chunk_rows=1000, links_per_page=1, inline_limit_bytes=0)
    table = execute(session, "SELECT id FROM range(50000)").fetch_all_arrow()
    assert table["id"].to_pylist() == list(range(50000))


def test_a_statement_runs_again_with_what_was_set(session: kernel.Session) -> None:
    statement = session.statement()
    statement.set_sql("SELECT :a + 1 AS b FROM range(5)")
    statement.bind_named_param("a", "1", "INT")
    statement.set_row_limit(3)
    for _ in range(2):
        assert statement.execute().fetch_all_arrow()["b"].to_pylist() == [2, 2, 2]
    statement.set_sql("SELECT id FROM range(5)")
    assert statement.execute().fetch_all_arrow().num_rows == 3
    statement.set_row_limit(None)
    assert statement.execute().fetch_all_arrow().num_rows == 5


def test_no_rows_are_given_where_none_are_wanted(session: kernel.Session) -> None:
    statement = session.statement()
    statement.set_sql("SELECT id FROM range(5)")
    statement.set_row_limit(0)
    executed = statement.execute()
    assert executed.arrow_schema().names == ["id"]
    assert executed.fetch_all_arrow().num_rows == 0
    with pytest.raises(kernel.KernelError, match="negative"):
        statement.set_row_limit(-1)


PARAMETERS: list[tuple[str | None, str, Any]] = [
    ("7", "INT", 7),
    (None, "INT", None),
    (None, "ARRAY<INT>", None),
    ("12.50", "DECIMAL(10,2)", decimal.Decimal("12.50")),
    ("1.5E+3", "DECIMAL(10,0)", decimal.Decimal(1500)),
    ("true", "BOOL", True),
    ("x'y", "VARCHAR(10)", "x'y"),
    ("NaN", "DOUBLE", "nan"),
    ("-Infinity", "DOUBLE", float("-inf")),
    ("2024-1-2", "DATE", datetime.date(2024, 1, 2)),
]


@pytest.mark.parametrize(("value", "sql_type", "expected"), PARAMETERS)
def test_values_are_bound_by_place_and_by_name(
    session: kernel.Session, value: str | None, sql_type: str, expected: Any
) -> None:
    statement = session.statement()
    statement.set_sql("SELECT ? AS a")
    statement.bind_param(1, value, sql_type)
    by_place = statement.execute().fetch_all_arrow()["a"][0].as_py()
    statement.set_sql("SELECT :p AS a")
    statement.bind_named_param("p", value, sql_type)
    by_name = statement.execute().fetch_all_arrow()["a"][0].as_py()
    if expected == "nan":
        assert by_place != by_place  # noqa: PLR0124
        assert by_name != by_name  # noqa: PLR0124
    else:
        assert (by_place, by_name) == (expected, expected)


def test_a_statement_needs_sql_and_ends_once(session: kernel.Session) -> None:
    statement = session.statement()
    with pytest.raises(kernel.KernelError, match="set_sql") as caught:
        statement.execute()
    assert caught.value.code == "InvalidArgument"
    statement.close()
    statement.close()
    with pytest.raises(kernel.KernelError, match="Statement is closed") as caught:
        statement.set_sql("SELECT 1")
    assert caught.value.code == "InvalidStatementHandle"


def test_what_survives_a_close(session: kernel.Session) -> None:
    executed = execute(session, "SELECT 1 AS a")
    identifier = executed.statement_id
    assert repr(executed) == f'ExecutedStatement(statement_id="{identifier}", state=open)'
    executed.close()
    executed.close()
    assert repr(executed) == f'ExecutedStatement(statement_id="{identifier}", state=closed)'
    assert executed.statement_id == identifier
    assert executed.arrow_schema().names == ["a"]
    for call in (executed.fetch_next_batch, executed.fetch_all_arrow, executed.cancel):
        with pytest.raises(kernel.KernelError) as caught:
            call()
        assert caught.value.code == "InvalidStatementHandle"


def test_results_outlive_their_statement_and_session_objects(open_session: Open) -> None:
    executed = execute(open_session(), "SELECT id FROM range(10000)")
    assert executed.fetch_all_arrow().num_rows == 10000


def test_changed_rows_are_counted(session: kernel.Session, table: str) -> None:
    execute(session, f"CREATE TABLE {table} (a INT)")
    inserted = execute(session, f"INSERT INTO {table} VALUES (1), (2)")
    assert inserted.num_modified_rows == 2
    assert inserted.fetch_all_arrow()["num_affected_rows"].to_pylist() == [2]


def test_a_failure_has_all_attributes(session: kernel.Session) -> None:
    with pytest.raises(kernel.KernelError) as caught:
        execute(session, "SELECT * FROM no_such_table")
    error = caught.value
    assert error.code == "SqlError"
    assert error.sql_state == "42P01"
    assert error.args == (error.message,)
    assert str(error) == error.message
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in error.message
    assert error.query_id
    assert (error.vendor_code, error.http_status, error.retryable) == (None, None, False)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert vars(copy) == vars(error)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "InvalidArgument", False),
        (403, "PermissionDenied", False),
        (404, "NotFound", False),
        (429, "ResourceExhausted", True),
        (500, "Internal", False),
    ],
)
def test_http_statuses_have_their_codes(
    warehouse: Warehouse,
    open_session: Open,
    status: int,
    code: str,
    retryable: bool,  # noqa: FBT001
) -> None:
    session = open_session(retry_max_attempts=1)
    body = {"error_code": status, "message": "no"}
    action = {"status": status, "body": body}
    warehouse.fault(match={"path": "statements$"}, action=action, times=None)
    with pytest.raises(kernel.KernelError) as caught:
        execute(session, "SELECT 1")
    error = caught.value
    assert (error.code, error.http_status) == (code, status)
    assert error.retryable is retryable
    assert error.error_code == str(status)
    assert f"HTTP {status}: no" in error.message


def test_query_tags_may_hold_any_characters(session: kernel.Session, warehouse: Warehouse) -> None:
    statement = session.statement()
    statement.set_sql("SELECT 1")
    statement.set_query_tags({})
    statement.set_query_tags({"k:1": "v", "a,b": "c:d,e", "bare": None, "empty": ""})
    statement.execute()
    sent = warehouse.log(method="POST", path="/api/2.0/sql/statements")[-1]["body"]["query_tags"]
    tags = {tag["key"]: tag.get("value") for tag in sent}
    assert tags == {"k:1": "v", "a,b": "c:d,e", "bare": None, "empty": ""}
    with pytest.raises(kernel.KernelError) as caught:
        statement.set_query_tags({"again": "1"})
    assert caught.value.code == "InvalidArgument"
    with pytest.raises(TypeError):
        statement.set_query_tags([("a", "b")])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="tags must be a dict of str to str or None"):
        session.statement().set_query_tags({"a": 1})  # type: ignore[dict-item]


def test_integers_of_every_size_come_back(session: kernel.Session) -> None:
    dice = random.Random(7)
    for _ in range(20):
        number = dice.randint(-(2**63), 2**63 - 1)
        statement = session.statement()
        statement.set_sql("SELECT ? AS a")
        statement.bind_param(1, str(number), "BIGINT")
        assert statement.execute().fetch_all_arrow()["a"].to_pylist() == [number]
