"""Parameters: every type goes there and back, by name and by place."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from databricks_sql_warehouse import Warehouse


def both_ways(cursor: dbapi.Cursor, value: object) -> tuple[Any, Any]:
    """A value as it comes back by name and by place, and its type code."""
    named = cursor.execute("SELECT :p AS p", {"p": value}).fetchall()
    placed = cursor.execute("SELECT ? AS p", [value]).fetchall()
    assert len(named) == len(placed) == 1
    assert repr(named[0][0]) == repr(placed[0][0])
    description = cursor.description
    assert description is not None
    return named[0][0], description[0][1]


UTC = dt.timezone.utc
VALUES = [
    (None, "string"),
    (True, "boolean"),
    (False, "boolean"),
    (0, "int"),
    (-(2**31), "int"),
    (2**31 - 1, "int"),
    (2**31, "bigint"),
    (-(2**63), "bigint"),
    (2**63 - 1, "bigint"),
    (0.0, "double"),
    (0.1, "double"),
    (-1.7976931348623157e308, "double"),
    (5e-324, "double"),
    (math.inf, "double"),
    (-math.inf, "double"),
    ("", "string"),
    ('it\'s "quoted" \\ :p ? -- /* %s */ $$', "string"),
    ("line\nbreak\ttab\0nul", "string"),
    ("日本 \N{PILE OF POO} e\u0301", "string"),
    (Decimal(0), "decimal"),
    (Decimal("0.00"), "decimal"),
    (Decimal("-12.50"), "decimal"),
    (Decimal("1E+3"), "decimal"),
    (Decimal("1E-38"), "decimal"),
    (Decimal("9" * 38), "decimal"),
    (Decimal("-" + "9" * 19 + "." + "9" * 19), "decimal"),
    (dt.date(1, 1, 1), "date"),
    (dt.date(1582, 10, 15), "date"),
    (dt.date(9999, 12, 31), "date"),
    (dt.datetime(2024, 2, 29, 12, 34, 56, 789_012, tzinfo=UTC), "timestamp"),
    (dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "timestamp"),
    (dt.datetime(1, 1, 1, tzinfo=UTC), "timestamp"),
    (dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "timestamp"),
    (dt.timedelta(0), "interval_day_time"),
    (dt.timedelta(microseconds=-1), "interval_day_time"),
    (dt.timedelta(days=-1, hours=5), "interval_day_time"),
    (dt.timedelta(days=100_000, hours=23, seconds=59, microseconds=999_999), "interval_day_time"),
]


@pytest.mark.parametrize(("value", "code"), VALUES)
def test_a_value_comes_back_with_its_type(cursor: dbapi.Cursor, value: object, code: str) -> None:
    back, found = both_ways(cursor, value)
    assert found == code
    assert back == value
    assert type(back) is type(value)


def test_nan_comes_back(cursor: dbapi.Cursor) -> None:
    back, code = both_ways(cursor, math.nan)
    assert code == "double"
    assert math.isnan(back)


def test_the_sign_of_zero_comes_back(cursor: dbapi.Cursor) -> None:
    back, _ = both_ways(cursor, -0.0)
    assert math.copysign(1, back) == -1


@pytest.mark.parametrize(
    "number", [2**63, -(2**63) - 1, 10**37, -(10**38) + 1, 123_456_789_012_345_678_901]
)
def test_large_integers_are_decimals_without_scale(cursor: dbapi.Cursor, number: int) -> None:
    back, code = both_ways(cursor, number)
    assert code == "decimal"
    assert back == number
    assert back.as_tuple().exponent == 0


@pytest.mark.parametrize("text", ["0.00", "12.50", "-0.001", "1000", "0.10", "100.000"])
def test_the_scale_of_a_decimal_is_kept(cursor: dbapi.Cursor, text: str) -> None:
    back, _ = both_ways(cursor, Decimal(text))
    assert str(back) == text


def test_the_instant_of_an_aware_datetime_is_kept(cursor: dbapi.Cursor) -> None:
    zone = dt.timezone(dt.timedelta(hours=5, minutes=30))
    given = dt.datetime(2024, 7, 1, 12, tzinfo=zone)
    cursor.execute("SET TIME ZONE 'America/New_York'")
    back, _ = both_ways(cursor, given)
    assert back == given
    assert back.utcoffset() == dt.timedelta(hours=-4)


def test_a_naive_datetime_is_meant_in_the_zone_of_the_session(cursor: dbapi.Cursor) -> None:
    cursor.execute("SET TIME ZONE 'America/New_York'")
    back, code = both_ways(cursor, dt.datetime(2024, 7, 1, 12))  # noqa: DTZ001
    assert code == "timestamp"
    assert back == dt.datetime(2024, 7, 1, 16, tzinfo=UTC)


class Colour(enum.IntEnum):
    RED = 3


class Word(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "not this"


def test_instances_of_subclasses_go_as_what_they_are(cursor: dbapi.Cursor) -> None:
    assert both_ways(cursor, Colour.RED) == (3, "int")
    assert both_ways(cursor, Word("this")) == ("this", "string")


def test_any_mapping_names_parameters(cursor: dbapi.Cursor) -> None:
    given = MappingProxyType({"a": 1, "b": "x"})
    assert cursor.execute("SELECT :b, :a, :b", given).fetchall() == [("x", 1, "x")]


def test_lists_tuples_and_rows_place_parameters(cursor: dbapi.Cursor) -> None:
    row = cursor.execute("SELECT 1 AS a, 'x' AS b").fetchone()
    for values in ([1, "x"], (1, "x"), row):
        assert cursor.execute("SELECT ?, ?", values).fetchall() == [(1, "x")]


@pytest.mark.parametrize("nothing", [None, {}, [], ()])
def test_no_parameters_may_be_given_in_any_way(cursor: dbapi.Cursor, nothing: Any) -> None:
    assert cursor.execute("SELECT '? :a'", nothing).fetchall() == [("? :a",)]


def test_parameters_that_no_marker_names_are_no_error(cursor: dbapi.Cursor) -> None:
    assert cursor.execute("SELECT :a", {"a": 1, "b": 2}).fetchall() == [(1,)]


def test_parameters_are_read_and_not_kept(cursor: dbapi.Cursor) -> None:
    given = {"a": 1}
    cursor.execute("SELECT :a", given)
    assert given == {"a": 1}


def test_a_null_fits_any_column(cursor: dbapi.Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (a INT, b DATE, c BINARY, d DECIMAL(5,2), e BOOLEAN)")
    cursor.execute(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?)", [None] * 5)
    assert cursor.execute(f"SELECT * FROM {table}").fetchall() == [(None,) * 5]


@pytest.mark.parametrize("given", [5, "text", {1, 2}, iter([1]), b"bytes"])
def test_parameters_of_no_known_shape_are_refused(
    cursor: dbapi.Cursor, warehouse: Warehouse, given: Any
) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="parameters"):
        cursor.execute("SELECT ?", given)
    assert not warehouse.log(statement="SELECT ?")


class Lying(dict[str, Any]):
    def items(self) -> Any:
        raise LookupError("no items today")


def test_an_error_of_the_callers_own_mapping_comes_through(cursor: dbapi.Cursor) -> None:
    with pytest.raises(LookupError, match="no items today"):
        cursor.execute("SELECT :a", Lying(a=1))


class Nowhere(dt.tzinfo):
    def utcoffset(self, _: dt.datetime | None) -> None:
        return None

    dst = utcoffset

    def tzname(self, _: dt.datetime | None) -> str:
        return "nowhere"


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (10**38, "39 digits"),
        (-(10**40), "41 digits"),
        (Decimal("1." + "1" * 38), "39 digits"),
        (Decimal("NaN"), "NaN"),
        (Decimal("-Infinity"), "-Infinity"),
        (dt.datetime(2024, 1, 1, tzinfo=Nowhere()), "offset"),
    ],
)
def test_a_value_that_no_type_holds_is_named(
    cursor: dbapi.Cursor, value: object, what: str
) -> None:
    with pytest.raises(dbapi.ProgrammingError, match=f"'amount'.*{what}|{what}.*'amount'"):
        cursor.execute("SELECT :amount", {"amount": value})
    with pytest.raises(dbapi.ProgrammingError, match="parameter 2"):
        cursor.execute("SELECT ?, ?", [1, value])


@pytest.mark.parametrize("value", [b"bytes", bytearray(b"bytes"), [1], (1,), {"a": 1}])
def test_a_value_of_a_type_that_cannot_be_sent_yet_is_named(
    cursor: dbapi.Cursor, value: object
) -> None:
    with pytest.raises(dbapi.NotSupportedError, match=f"'p'.*{type(value).__name__}"):
        cursor.execute("SELECT :p", {"p": value})


@pytest.mark.parametrize("value", [object(), 1j, dt.time(1, 2), {1}])
def test_a_value_of_a_type_that_is_no_sql_value_is_named(
    cursor: dbapi.Cursor, value: object
) -> None:
    with pytest.raises(dbapi.ProgrammingError, match=f"'p'.*{type(value).__name__}"):
        cursor.execute("SELECT :p", {"p": value})


def test_a_lone_surrogate_is_no_text(cursor: dbapi.Cursor) -> None:
    with pytest.raises((UnicodeEncodeError, dbapi.ProgrammingError)):
        cursor.execute("SELECT :p", {"p": "\ud800"})


def test_names_must_be_texts(cursor: dbapi.Cursor) -> None:
    with pytest.raises((TypeError, dbapi.ProgrammingError)):
        cursor.execute("SELECT :p", {1: "x"})  # type: ignore[dict-item]


def test_a_marker_without_a_value_is_an_error_of_the_server(cursor: dbapi.Cursor) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="UNBOUND_SQL_PARAMETER"):
        cursor.execute("SELECT :a, :b", {"a": 1})
    with pytest.raises(dbapi.ProgrammingError, match="UNBOUND_SQL_PARAMETER"):
        cursor.execute("SELECT ?, ?", [1])


@pytest.mark.parametrize("sql", ["SELECT %(a)s", "SELECT %s"])
def test_markers_of_percent_signs_are_not_sent_wrongly(cursor: dbapi.Cursor, sql: str) -> None:
    with pytest.raises(dbapi.Error):
        cursor.execute(sql, {"a": 1} if "(" in sql else [1])


def test_more_parameters_than_the_service_takes_are_refused(cursor: dbapi.Cursor) -> None:
    most = cursor.execute("SELECT " + ", ".join("?" * 256), list(range(256))).fetchone()
    assert most == tuple(range(256))
    with pytest.raises(dbapi.ProgrammingError, match="256"):
        cursor.execute("SELECT " + ", ".join("?" * 257), list(range(257)))


def decimals(most_digits: int = 38) -> st.SearchStrategy[Decimal]:
    """Any DECIMAL, its scale included."""

    def build(digits: int, scale: int) -> Decimal:
        with decimal.localcontext(decimal.Context(prec=50)):
            return Decimal(digits).scaleb(-scale)

    limit = 10**most_digits - 1
    return st.builds(build, st.integers(-limit, limit), st.integers(0, most_digits))


instants = st.datetimes(timezones=st.just(UTC))
spans = st.timedeltas(dt.timedelta(days=-1_000_000), dt.timedelta(days=1_000_000))
texts = st.text(st.characters(codec="utf-8"), max_size=100)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    texts,
    decimals(),
    st.dates(),
    instants,
    spans,
)


@pytest.fixture(scope="module")
def shared(running_warehouse: Warehouse) -> Iterator[dbapi.Cursor]:
    arguments: dict[str, Any] = {**running_warehouse.connect_args()}
    with dbapi.connect(**arguments) as connection:
        yield connection.cursor(row_factory=tuple)


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(values=st.lists(scalars, min_size=1, max_size=20))
def test_whatever_is_sent_comes_back(shared: dbapi.Cursor, values: list[Any]) -> None:
    by_name = ", ".join(f":p{place} AS c{place}" for place in range(len(values)))
    by_place = ", ".join(f"? AS c{place}" for place in range(len(values)))
    given = {f"p{place}": value for place, value in enumerate(values)}
    (named,) = shared.execute(f"SELECT {by_name}", given).fetchall()
    (placed,) = shared.execute(f"SELECT {by_place}", values).fetchall()
    assert named == placed == tuple(values)
    assert [repr(value) for value in named if isinstance(value, (float, Decimal))] == [
        repr(value) for value in values if isinstance(value, (float, Decimal))
    ]


def test_an_empty_text_may_be_a_column_without_a_name(cursor: dbapi.Cursor) -> None:
    assert cursor.execute("SELECT ?", [""]).fetchall() == [("",)]


@pytest.mark.parametrize("name", ["a", "_a", "A1", "größe", "a_very_long_name_" * 5])
def test_names_of_parameters(cursor: dbapi.Cursor, name: str) -> None:
    assert cursor.execute(f"SELECT :{name} AS c", {name: 7}).fetchall() == [(7,)]


def test_the_types_that_are_sent(
    cursor: dbapi.Cursor, warehouse: Warehouse, value: Callable[..., Any]
) -> None:
    sql = "? IS NULL AND ? = 'x'"
    value(sql, [None, "x"])
    (entry,) = warehouse.log(statement=f"SELECT {sql} AS c")
    assert [item["ordinal"] for item in entry["body"]["parameters"]] == [1, 2]
    assert [item["type"] for item in entry["body"]["parameters"]] == ["STRING", "STRING"]
    assert cursor.description is not None
