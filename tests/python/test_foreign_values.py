"""Values of numpy and pandas go as what they are, or not at all."""

from __future__ import annotations

import datetime as dt
from array import array
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from ipaddress import ip_address, ip_network
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
UTC = dt.timezone.utc


class Color(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class SignedSpan(dt.timedelta):
    """Says its fields as pendulum's Interval does: each has the sign of the span."""

    def _said(self) -> tuple[int, int, int]:
        whole = self // dt.timedelta(microseconds=1)
        sign = -1 if whole < 0 else 1
        seconds, microseconds = divmod(abs(whole), 1_000_000)
        days, seconds = divmod(seconds, 86_400)
        return sign * days, sign * seconds, sign * microseconds

    @property
    def days(self) -> int:
        return self._said()[0]

    @property
    def seconds(self) -> int:
        return self._said()[1]

    @property
    def microseconds(self) -> int:
        return self._said()[2]


class SignedRest(SignedSpan):
    """Says its fields as pendulum's Duration does: the days are those of Python."""

    days = dt.timedelta.days


class LongerSpan(dt.timedelta):
    """Is longer than Python's own class can hold."""

    def total_seconds(self) -> float:
        return 1e15


def there_and_back(cursor: dbapi.Cursor, value: object) -> Any:
    (row,) = cursor.execute("SELECT ?", [value]).fetchall()
    return row[0]


def refused(cursor: dbapi.Cursor, value: object, message: str) -> None:
    with pytest.raises(dbapi.ProgrammingError, match=f"(?s)'amount'.*{message}"):
        cursor.execute("SELECT :amount", {"amount": value})


@pytest.mark.parametrize(
    "value",
    [
        pd.Timestamp(np.datetime64("12024-05-06T07:08:09", "s")),
        pd.Timestamp(np.datetime64("12024-05-06T07:08:09", "s"), tz="UTC"),
        pd.Timestamp(np.datetime64("0000-12-31", "s")),
        pd.Timestamp(np.datetime64("-0044-03-15", "s")),
        pd.Timedelta(np.timedelta64(10**14, "s")),
        pd.Timedelta(np.timedelta64(-(10**14), "s")),
        LongerSpan(1),
    ],
)
def test_times_beyond_those_of_python_are_refused(cursor: dbapi.Cursor, value: Any) -> None:
    refused(cursor, value, "types do not hold")
    refused(cursor, [value], "types do not hold")
    if isinstance(value, dt.datetime):
        refused(cursor, dbapi.TimestampParameter(value), "types do not hold")
        refused(cursor, dbapi.TimestampNTZParameter(value), "types do not hold")
    else:
        refused(cursor, dbapi.IntervalParameter(value), "types do not hold")


def test_an_instant_beyond_those_of_python_in_utc_is_refused(cursor: dbapi.Cursor) -> None:
    zone = dt.timezone(dt.timedelta(hours=-5, seconds=-30))
    refused(cursor, pd.Timestamp("9999-12-31T23:59:59").as_unit("s").tz_localize(zone), "10000")


def test_times_of_pandas_go_as_what_they_are(cursor: dbapi.Cursor) -> None:
    moment = dt.datetime(2024, 2, 29, 12, 34, 56, 789_012, tzinfo=UTC)
    assert there_and_back(cursor, pd.Timestamp(moment)) == moment
    span = dt.timedelta(days=-3, microseconds=7)
    assert there_and_back(cursor, pd.Timedelta(span)) == span
    parameter = dbapi.TimestampNTZParameter(pd.Timestamp("2024-02-29T01:02:03.000004"))
    assert there_and_back(cursor, parameter) == dt.datetime(2024, 2, 29, 1, 2, 3, 4)  # noqa: DTZ001


@pytest.mark.parametrize("kind", [SignedSpan, SignedRest, pd.Timedelta])
@pytest.mark.parametrize(
    "span",
    [
        dt.timedelta(hours=-1),
        dt.timedelta(microseconds=-1),
        dt.timedelta(days=100_000, microseconds=1),
        dt.timedelta(days=-100_000, microseconds=1),
        dt.timedelta(days=-1, hours=-3, microseconds=-7),
        dt.timedelta(days=-3, microseconds=7),
        dt.timedelta(days=2, seconds=3, microseconds=4),
        dt.timedelta(0),
    ],
)
def test_spans_whose_fields_have_signs_go_as_what_they_are(
    cursor: dbapi.Cursor, kind: type[dt.timedelta], span: dt.timedelta
) -> None:
    other = kind(days=span.days, seconds=span.seconds, microseconds=span.microseconds)
    assert there_and_back(cursor, other) == span
    assert there_and_back(cursor, dbapi.IntervalParameter(other)) == span


def test_nanoseconds_are_refused(cursor: dbapi.Cursor) -> None:
    moment = pd.Timestamp("2024-02-29T01:02:03.000004005")
    for value in (
        moment,
        dbapi.TimestampParameter(moment),
        dbapi.TimestampNTZParameter(moment),
        pd.Timedelta(1, "ns"),
        dbapi.IntervalParameter(pd.Timedelta(1, "ns")),
    ):
        refused(cursor, value, "nanoseconds.*round")


@pytest.mark.parametrize(
    "parameter", ["Timestamp", "TimestampNTZ", "Date", "Integer", "Double", "String"]
)
@pytest.mark.parametrize("missing", [pd.NaT, pd.NA, np.ma.masked])
def test_what_is_missing_is_null_of_any_type(
    cursor: dbapi.Cursor, parameter: str, missing: object
) -> None:
    typed = getattr(dbapi, f"{parameter}Parameter")(missing)
    assert there_and_back(cursor, typed) is None
    assert there_and_back(cursor, missing) is None
    assert there_and_back(cursor, [missing, missing]) == [None, None]


DAYS = [dt.date(2024, 1, 1), None]
MOMENTS = [dt.datetime(2024, 1, 1, 2, 3, 4, 5), None]  # noqa: DTZ001
SPANS = [dt.timedelta(microseconds=5), None]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array(["2024-01-01", "NaT"], dtype="M8[D]"), DAYS),
        (np.array(["2024-01-01T02:03:04.000005", "NaT"], dtype="M8[us]"), MOMENTS),
        (np.array([5, "NaT"], dtype="m8[us]"), SPANS),
        (np.array([[5, "NaT"]], dtype="m8[us]"), [SPANS]),
        (np.array("2024-01-01", dtype="M8[D]"), DAYS[0]),
        (np.ma.array(np.array(["2024-01-01", "2024-01-02"], "M8[D]"), mask=[False, True]), DAYS),
        (np.ma.array(np.array("2024-01-01", "M8[D]"), mask=True), None),
        (np.ma.array([1.5, 2.5], mask=[False, True]), [1.5, None]),
        (np.ma.array([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]]), [[1, None], [3, 4]]),
        (np.ma.array([5], mask=[True]), [None]),
        (np.ma.array(5, mask=True), None),
        (np.ma.array(["a", "b"], mask=[True, False]), [None, "b"]),
        (np.array(5), 5),
        (np.array([[1, 2]]).view(np.memmap), [[1, 2]]),
        (np.array([dt.date(2024, 1, 1), None], dtype=object), DAYS),
        (np.void(b"\x01\x02"), b"\x01\x02"),
    ],
)
def test_arrays_go_as_what_they_hold(
    connect: Callable[..., dbapi.Connection], array: Any, expected: Any
) -> None:
    cursor = connect(naive_datetime="timestamp_ntz").cursor()
    assert there_and_back(cursor, array) == expected


@pytest.mark.parametrize(
    "value",
    [
        np.array(["2024-01-01"], dtype="M8[ns]"),
        np.array([["2024-01-01"]], dtype="M8[ns]"),
        np.array("2024-01-01", dtype="M8[ns]"),
        np.array(["20000-01-01"], dtype="M8[D]"),
        np.array([5], dtype="m8[ns]"),
        np.array([5], dtype="m8[Y]"),
        np.array([5], dtype="m8"),
        np.ma.array(np.array([5, 6], dtype="m8[ns]"), mask=[True, False]),
        pd.Series(["2024-01-01"], dtype="M8[ns]").to_numpy(),
    ],
)
def test_arrays_of_times_that_datetime_does_not_hold_are_refused(
    cursor: dbapi.Cursor, value: Any
) -> None:
    refused(cursor, value, "astype")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda array: array,
        lambda array: array[0],
        np.ma.asarray,
        lambda array: array.view(np.recarray),
    ],
)
def test_records_are_refused(cursor: dbapi.Cursor, wrap: Callable[[Any], Any]) -> None:
    records = np.array([(1, "2024-01-01")], dtype=[("a", "i4"), ("b", "M8[ns]")])
    refused(cursor, wrap(records), "structured")


@pytest.mark.parametrize(
    "value", [np.complex128(1), np.array([1j]), np.longdouble("0.1"), np.polynomial.Polynomial([1])]
)
def test_what_sql_has_no_type_for_is_refused(cursor: dbapi.Cursor, value: Any) -> None:
    refused(cursor, value, "no SQL value")


def test_masked_elements_are_nulls_in_executemany(cursor: dbapi.Cursor) -> None:
    cursor.execute("CREATE OR REPLACE TABLE measures (x DOUBLE)")
    measures = np.ma.array([1.5, 2.5], mask=[False, True])
    cursor.executemany("INSERT INTO measures VALUES (?)", [(measure,) for measure in measures])
    rows = cursor.execute("SELECT x FROM measures ORDER BY x NULLS LAST").fetchall()
    cursor.execute("DROP TABLE measures")
    assert rows == [(1.5,), (None,)]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("Float", 1e40),
        ("Float", -1e40),
        ("Float", 1e-60),
        ("Float", 2**24 + 1),
        ("Float", 2.0**24 + 1),
        ("Float", np.int64(2**24 + 1)),
        ("Float", Decimal(2**24 + 1)),
        ("Float", Decimal("0.12345678901")),
        ("Double", np.int64(2**53 + 1)),
        ("Double", Decimal("1E400")),
        ("Double", Decimal("-1E400")),
        ("Double", Decimal("1E-400")),
        ("Double", Fraction(1, 3)),
        ("Double", 10**400),
        ("Double", np.array([1.5])),
        ("Double", np.ma.array([1.5], mask=[True])),
        ("Integer", np.ma.array(5, mask=True)),
        ("Integer", np.array(5)),
        ("BigInteger", 5.0),
        ("String", b"x"),
        ("String", bytearray(b"x")),
        ("String", memoryview(b"x")),
        ("String", ["x"]),
        ("String", {"x": 1}),
        ("String", np.array(["x"])),
        ("String", ("x",)),
        ("String", {"x"}),
        ("String", np.array("x")),
        ("String", array("i", [1])),
    ],
)
def test_a_typed_parameter_changes_no_value(
    cursor: dbapi.Cursor, parameter: str, value: object
) -> None:
    refused(cursor, getattr(dbapi, f"{parameter}Parameter")(value), "is no ")


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        ("Float", 0.5, 0.5),
        ("Float", 0.1, float(np.float32(0.1))),
        ("Float", float("inf"), float("inf")),
        ("Float", 2**24, 2.0**24),
        ("Float", Decimal("0.5"), 0.5),
        ("Float", Decimal("0.1"), float(np.float32(0.1))),
        ("Float", np.float32(0.1), float(np.float32(0.1))),
        ("Float", 1e30, float(np.float32(1e30))),
        ("Float", 0.0, 0.0),
        ("Double", Decimal("0.1"), 0.1),
        ("Double", Decimal("3.141592653589793238"), 3.141592653589793),
        ("Double", Decimal("0.12345678901234567890"), 0.12345678901234568),
        ("Double", Decimal(2**53 + 1), 2.0**53),
        ("Double", Decimal("-0.0"), 0.0),
        ("Double", Decimal("-Infinity"), float("-inf")),
        ("Double", np.int64(2**53), 2.0**53),
        ("Double", np.float32(0.1), float(np.float32(0.1))),
        ("Double", Fraction(1, 2), 0.5),
        ("Integer", np.int64(5), 5),
        ("String", Decimal("1.50"), "1.50"),
        ("String", dt.date(2024, 2, 29), "2024-02-29"),
        ("String", np.str_("x"), "x"),
        ("String", np.int64(5), "5"),
        ("String", PurePosixPath("a/b"), "a/b"),
        ("String", ip_address("::1"), "::1"),
        ("String", ip_network("10.0.0.0/8"), "10.0.0.0/8"),
        ("String", Color.RED, "Color.RED"),
        ("String", Level.LOW, str(Level.LOW)),
        ("String", Fraction(1, 3), "1/3"),
    ],
)
def test_a_typed_parameter_takes_what_its_type_holds(
    cursor: dbapi.Cursor, parameter: str, value: object, expected: object
) -> None:
    typed = getattr(dbapi, f"{parameter}Parameter")(value)
    assert there_and_back(cursor, typed) == expected


def test_nan_is_a_float(cursor: dbapi.Cursor) -> None:
    for parameter in (dbapi.FloatParameter(float("nan")), dbapi.DoubleParameter(np.nan)):
        assert str(there_and_back(cursor, parameter)) == "nan"
