"""Parameters and values that lose what they say."""

from __future__ import annotations

import datetime
import decimal
from typing import TYPE_CHECKING, Any

import pytest

import databricks_sql_kernel as kernel

from .conftest import execute
from .faults import code_of

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Open


# 4. A large ordinal ends the process.
@pytest.mark.parametrize("ordinal", [2**16, 2**32, 2**63 - 1, 0, -1])
def test_4_an_ordinal_out_of_range_is_refused(session: kernel.Session, ordinal: int) -> None:
    statement = session.statement()
    statement.set_sql("SELECT ?")
    assert code_of(lambda: statement.bind_param(ordinal, "1", "INT")) == "InvalidArgument"
    with pytest.raises(OverflowError):
        statement.bind_param(2**64, "1", "INT")


# 6. Parameters lose their instant, their type or their value.
def bound(
    session: kernel.Session, value: str | None, sql_type: str, sql: str = "SELECT ? AS a"
) -> Any:
    statement = session.statement()
    statement.set_sql(sql)
    statement.bind_param(1, value, sql_type)
    return statement.execute().fetch_all_arrow()["a"][0].as_py()


def test_6_a_timestamp_keeps_its_instant_in_any_zone(open_session: Open) -> None:
    session = open_session(session_conf={"TIMEZONE": "America/New_York"})
    value = bound(session, "2024-01-02 03:04:05+02:00", "TIMESTAMP")
    assert value == datetime.datetime(2024, 1, 2, 1, 4, 5, tzinfo=datetime.timezone.utc)


def test_6_what_can_be_said_can_be_bound(session: kernel.Session, warehouse: Warehouse) -> None:
    assert bound(session, "NaN", "DOUBLE", "SELECT isnan(?) AS a") is True
    assert bound(session, "-inf", "FLOAT") == float("-inf")
    assert bound(session, "ab", "VARCHAR(5)") == "ab"
    assert bound(session, "ab", "BINARY") == b"ab"
    interval = bound(session, "3 04:05:06", "INTERVAL DAY TO SECOND")
    assert interval == datetime.timedelta(days=3, hours=4, minutes=5, seconds=6)
    assert bound(session, "SRID=4326;POINT(1 2)", "GEOMETRY") == "SRID=4326;POINT(1 2)"
    bound(session, None, "BIGINT")
    sent = warehouse.log(method="POST", path="/api/2.0/sql/statements")[-1]["body"]
    assert [each["type"] for each in sent["parameters"]] == ["BIGINT"]


@pytest.mark.parametrize(("value", "room"), [("123456", 2), ("-100.5", 2)])
def test_6_a_decimal_has_no_more_digits_in_front_than_its_type(
    session: kernel.Session, value: str, room: int
) -> None:
    statement = session.statement()
    statement.set_sql("SELECT ?")
    with pytest.raises(
        kernel.KernelError, match=f"has {room} digits in front of the point"
    ) as caught:
        statement.bind_param(1, value, "DECIMAL(3,1)")
    assert caught.value.code == "InvalidArgument"
    assert bound(session, "99.55", "DECIMAL(3,1)") == decimal.Decimal("99.55")


def test_6_void_drops_no_value(session: kernel.Session) -> None:
    statement = session.statement()
    statement.set_sql("SELECT ?")
    assert code_of(lambda: statement.bind_param(1, "x", "VOID")) == "InvalidArgument"


# 7. Texts and JSON lose months, NaN and nested intervals.
def test_7_json_keeps_nan_and_intervals(open_session: Open) -> None:
    session = open_session(complex_types_as_json=True)
    sql = "SELECT array(CAST('NaN' AS DOUBLE)) AS a, array(INTERVAL '14' MONTH) AS b"
    table = execute(session, sql).fetch_all_arrow()
    assert table.to_pydict() == {"a": ['["NaN"]'], "b": ['["1-2"]']}


def test_7_nested_intervals_are_texts_too(open_session: Open) -> None:
    session = open_session(intervals_as_string=True)
    table = execute(session, "SELECT array(INTERVAL '14' MONTH) AS b").fetch_all_arrow()
    assert table.to_pydict() == {"b": [["1-2"]]}
