from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    Connect = Callable[..., dbapi.Connection]

UTC = dt.timezone.utc
ZONES = [
    "UTC",
    "Etc/UTC",
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Monrovia",
    "America/St_Johns",
]
INSTANTS = [
    "0001-01-02 00:00:00.000000",
    "1582-10-15 00:00:00.000000",
    "1883-11-18 17:00:00.000000",
    "1899-12-31 23:59:59.999999",
    "1969-12-31 23:59:59.999999",
    "1970-01-01 00:00:00.000000",
    "2024-01-01 00:00:00.000001",
    "2024-03-10 06:59:59.000000",
    "2024-03-10 07:00:00.000000",
    "2024-03-31 00:59:59.000000",
    "2024-03-31 01:00:00.000000",
    "2024-11-03 05:30:00.000000",
    "2024-11-03 06:30:00.000000",
    "2024-10-27 00:30:00.000000",
    "2024-10-27 01:30:00.000000",
    "2037-07-01 12:00:00.000000",
    "2500-07-01 12:00:00.000000",
    "9999-12-30 23:59:59.999999",
]


@pytest.mark.parametrize("zone", ZONES)
def test_instants_in_the_zone_of_the_session(connect: Connect, zone: str) -> None:
    cursor = connect(session_configuration={"timezone": zone}).cursor()
    columns = ", ".join(f"TIMESTAMP '{text}+00:00'" for text in INSTANTS)
    found = cursor.execute(f"SELECT {columns}").fetchone()
    key = zoneinfo.ZoneInfo(zone)
    expected = [dt.datetime.fromisoformat(f"{text}+00:00").astimezone(key) for text in INSTANTS]
    assert list(found) == expected
    assert [value.replace(tzinfo=None) for value in found] == [
        value.replace(tzinfo=None) for value in expected
    ]
    assert [value.fold for value in found] == [value.fold for value in expected]
    assert [value.utcoffset() for value in found] == [value.utcoffset() for value in expected]
    assert {str(value.tzinfo) for value in found} == {zone}


@pytest.mark.parametrize(
    ("zone", "hours", "minutes"), [("+05:30", 5, 30), ("-08:00", -8, 0), ("+00:00", 0, 0)]
)
def test_a_zone_may_be_an_offset(connect: Connect, zone: str, hours: int, minutes: int) -> None:
    cursor = connect().cursor()
    cursor.execute(f"SET TIME ZONE '{zone}'")
    (found,) = cursor.execute("SELECT TIMESTAMP '2024-01-01 00:00:00+00:00'").fetchone()
    assert found == dt.datetime(2024, 1, 1, tzinfo=UTC)
    assert found.utcoffset() == dt.timedelta(hours=hours, minutes=minutes)


def test_a_zone_that_changes_holds_from_then_on(cursor: dbapi.Cursor) -> None:
    sql = "SELECT TIMESTAMP '2024-07-01 00:00:00+00:00'"
    offsets = []
    for zone in ("America/New_York", "Asia/Tokyo"):
        cursor.execute(f"SET TIME ZONE '{zone}'")
        offsets.append(cursor.execute(sql).fetchone()[0].utcoffset())
    assert offsets == [dt.timedelta(hours=-4), dt.timedelta(hours=9)]


def test_every_hour_of_a_year_with_two_changes(connect: Connect) -> None:
    cursor = connect(session_configuration={"timezone": "America/New_York"}).cursor()
    cursor.execute(
        "SELECT timestampadd(HOUR, id, TIMESTAMP '2024-01-01 00:00:00+00:00') AS t FROM range(8784)"
    )
    zone = zoneinfo.ZoneInfo("America/New_York")
    begin = dt.datetime(2024, 1, 1, tzinfo=UTC)
    for hours, row in enumerate(cursor.fetchall()):
        expected = (begin + dt.timedelta(hours=hours)).astimezone(zone)
        assert (row.t.replace(tzinfo=None), row.t.fold) == (
            expected.replace(tzinfo=None),
            expected.fold,
        )


@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMP_NTZ"])
def test_a_year_that_python_does_not_know_is_an_error_that_names_it(
    cursor: dbapi.Cursor, kind: str
) -> None:
    cursor.execute(f"SELECT 1 AS a, {kind} '10000-01-01 00:00:00' AS seen")
    with pytest.raises(dbapi.DataError, match="column 'seen', row 0: year 10000 "):
        cursor.fetchone()


def test_a_local_year_that_python_does_not_know_is_an_error(connect: Connect) -> None:
    cursor = connect(session_configuration={"timezone": "Asia/Tokyo"}).cursor()
    cursor.execute("SELECT TIMESTAMP '9999-12-31 23:00:00+00:00' AS seen")
    with pytest.raises(dbapi.DataError, match="column 'seen', row 0"):
        cursor.fetchone()


@pytest.mark.parametrize("text", [*INSTANTS, "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"])
def test_timestamps_without_a_zone_are_naive(connect: Connect, text: str) -> None:
    cursor = connect(session_configuration={"timezone": "America/New_York"}).cursor()
    (found,) = cursor.execute(f"SELECT TIMESTAMP_NTZ '{text}'").fetchone()
    assert type(found) is dt.datetime
    assert found.tzinfo is None
    assert found == dt.datetime.fromisoformat(text)


def test_nulls_are_none(cursor: dbapi.Cursor) -> None:
    sql = "SELECT CAST(NULL AS TIMESTAMP), CAST(NULL AS TIMESTAMP_NTZ)"
    assert cursor.execute(sql).fetchone() == (None, None)


def test_arrow_keeps_the_zone(connect: Connect) -> None:
    cursor = connect(session_configuration={"timezone": "Europe/Berlin"}).cursor()
    cursor.execute("SELECT TIMESTAMP '2024-07-01 12:00:00' AS a")
    column: Any = cursor.fetchall_arrow().column("a")
    assert str(column.type) == "timestamp[us, tz=Europe/Berlin]"
    assert column[0].as_py() == dt.datetime(2024, 7, 1, 10, tzinfo=UTC)
