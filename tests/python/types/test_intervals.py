from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_kernel import dbapi

DAY_TIME = [
    ("'0 00:00:00' DAY TO SECOND", dt.timedelta(0)),
    ("'3 04:30:20.123456' DAY TO SECOND", dt.timedelta(3, 16_220, 123_456)),
    ("'-3 04:30:20.5' DAY TO SECOND", -dt.timedelta(3, 16_220, 500_000)),
    ("'0 00:00:00.000001' DAY TO SECOND", dt.timedelta(microseconds=1)),
    ("'-0 00:00:00.000001' DAY TO SECOND", dt.timedelta(microseconds=-1)),
    ("'5' DAY", dt.timedelta(5)),
    ("'-5' DAY", dt.timedelta(-5)),
    ("'3 4' DAY TO HOUR", dt.timedelta(3, hours=4)),
    ("'27:15:20' HOUR TO SECOND", dt.timedelta(hours=27, minutes=15, seconds=20)),
    ("'45.789' SECOND", dt.timedelta(seconds=45, milliseconds=789)),
    ("'1000000' DAY", dt.timedelta(1_000_000)),
]
YEAR_MONTH = [
    ("'1-2' YEAR TO MONTH", "1-2"),
    ("'-1-2' YEAR TO MONTH", "-1-2"),
    ("'100' YEAR", "100-0"),
    ("'-11' MONTH", "-0-11"),
    ("'1200' MONTH", "100-0"),
    ("'-13' MONTH", "-1-1"),
]


@pytest.mark.parametrize(("literal", "expected"), DAY_TIME)
def test_day_time_intervals_are_timedeltas(
    value: Callable[[str], Any], literal: str, expected: dt.timedelta
) -> None:
    found = value(f"INTERVAL {literal}")
    assert type(found) is dt.timedelta
    assert found == expected


@pytest.mark.parametrize(("literal", "expected"), YEAR_MONTH)
def test_year_month_intervals_are_texts(
    value: Callable[[str], Any], literal: str, expected: str
) -> None:
    assert value(f"INTERVAL {literal}") == expected


@pytest.mark.parametrize("kind", ["YEAR TO MONTH", "DAY TO SECOND"])
def test_a_null_is_none(value: Callable[[str], Any], kind: str) -> None:
    assert value(f"CAST(NULL AS INTERVAL {kind})") is None


def test_columns_of_intervals(cursor: dbapi.Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (a INTERVAL DAY TO SECOND, b INTERVAL YEAR TO MONTH)")
    cursor.execute(
        f"INSERT INTO {table} VALUES (INTERVAL '1' DAY, INTERVAL '1' MONTH), (NULL, NULL)"
    )
    assert cursor.description is not None
    rows = cursor.execute(f"SELECT * FROM {table} ORDER BY a NULLS LAST").fetchall()
    assert rows == [(dt.timedelta(1), "0-1"), (None, None)]
    codes = [column[1] for column in cursor.description]
    assert codes == ["interval_day_time", "interval_year_month"]
