"""Parameters: every type goes there and back, by name and by place."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
import uuid
import zoneinfo
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
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
    (b"", "binary"),
    (bytes(range(256)), "binary"),
    ([], "array"),
    ([1, None, 3], "array"),
    ([2**31, 1], "array"),
    (["it's", "\\", ""], "array"),
    ([[1], [], [2, 3]], "array"),
    ([b"a", b"\xff"], "array"),
    ([dt.date(2024, 2, 29), None], "array"),
    ([0.5, math.inf, -1e300], "array"),
    ([True, False], "array"),
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


def test_sequences_and_buffers_go_as_arrays_and_binary(cursor: dbapi.Cursor) -> None:
    assert both_ways(cursor, (1, 2)) == ([1, 2], "array")
    assert both_ways(cursor, bytearray(b"x")) == (b"x", "binary")
    assert both_ways(cursor, memoryview(b"abcd")[::2]) == (b"ac", "binary")


def test_a_dict_is_a_map(cursor: dbapi.Cursor) -> None:
    assert both_ways(cursor, {"a": 1, "b": None}) == ([("a", 1), ("b", None)], "map")
    assert both_ways(cursor, {1: ["x"], 2: []}) == ([(1, ["x"]), (2, [])], "map")
    assert both_ways(cursor, {"a": {"b": {"c": b"d"}}})[0] == [("a", [("b", [("c", b"d")])])]
    assert both_ways(cursor, {}) == ([], "map")
    assert both_ways(cursor, MappingProxyType({1: 2})) == ([(1, 2)], "map")


@pytest.mark.parametrize(
    ("items", "back"),
    [
        ([1, 2.5], [1.0, 2.5]),
        ([Decimal("1.5"), Decimal("2.25"), 3], [Decimal("1.5"), Decimal("2.25"), Decimal(3)]),
        ([[1], [2.5]], [[1.0], [2.5]]),
    ],
)
def test_numbers_of_one_list_may_be_of_several_types(
    cursor: dbapi.Cursor, items: list[Any], back: list[Any]
) -> None:
    assert both_ways(cursor, items)[0] == back


@pytest.mark.parametrize(
    "items",
    [
        [1, "1"],
        [True, 1],
        [dt.date(2024, 1, 1), dt.datetime(2024, 1, 1, tzinfo=UTC)],
        [0.5, Decimal("0.5")],
        [0.5, 2**53 + 1],
        [[1], ["a"]],
        [Decimal("1E-38"), 1],
        {"a": 1, "b": "x"},
        {None: 1},
    ],
)
def test_values_that_would_change_side_by_side_are_refused(
    cursor: dbapi.Cursor, items: Any
) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="'p'"):
        cursor.execute("SELECT :p", {"p": items})


def test_a_list_that_holds_itself_is_refused(cursor: dbapi.Cursor) -> None:
    items: list[Any] = []
    items.append(items)
    with pytest.raises(dbapi.ProgrammingError, match="nested"):
        cursor.execute("SELECT :p", {"p": items})


def test_a_uuid_is_a_text(cursor: dbapi.Cursor) -> None:
    value = uuid.UUID("12345678-1234-5678-1234-567812345678")
    assert both_ways(cursor, value) == (str(value), "string")


class Suit(enum.Enum):
    HEARTS = "h"


def test_a_plain_enum_is_refused_with_a_way_out(cursor: dbapi.Cursor) -> None:
    with pytest.raises(dbapi.ProgrammingError, match=r"'p'.*Suit.*\.value"):
        cursor.execute("SELECT :p", {"p": Suit.HEARTS})


def test_a_huge_integer_is_refused_quickly(cursor: dbapi.Cursor) -> None:
    for value in (10**5000, -(2**100_000)):
        with pytest.raises(dbapi.ProgrammingError, match="38 digits"):
            cursor.execute("SELECT :p", {"p": value})
    for text in ("1E+999999", "1E-999999"):
        with pytest.raises(dbapi.ProgrammingError, match="38 digits"):
            cursor.execute("SELECT :p", {"p": Decimal(text)})


def test_an_interval_beyond_what_sql_holds_is_refused(cursor: dbapi.Cursor) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="106751991 days"):
        cursor.execute("SELECT :p", {"p": dt.timedelta.max})


def test_an_offset_of_seconds_keeps_the_instant(cursor: dbapi.Cursor) -> None:
    monrovia = dt.timezone(-dt.timedelta(minutes=44, seconds=30))
    value = dt.datetime(1960, 1, 1, 12, 0, 0, 5, tzinfo=monrovia)
    assert both_ways(cursor, value)[0] == value


def test_the_second_of_two_equal_wall_times_is_kept(cursor: dbapi.Cursor) -> None:
    zone = zoneinfo.ZoneInfo("America/New_York")
    first = dt.datetime(2024, 11, 3, 1, 30, tzinfo=zone)
    second = first.replace(fold=1)
    found = [both_ways(cursor, value)[0].astimezone(UTC).hour for value in (first, second)]
    assert found == [5, 6]


def test_naive_datetimes_may_be_wall_times(connect: Callable[..., dbapi.Connection]) -> None:
    cursor = connect(naive_datetime="timestamp_ntz").cursor()
    value = dt.datetime(2024, 7, 1, 12)  # noqa: DTZ001
    assert both_ways(cursor, value) == (value, "timestamp_ntz")
    with pytest.raises(dbapi.ProgrammingError, match=r"naive_datetime.*'ntz'"):
        connect(naive_datetime="ntz")


def test_numpy_scalars_go_as_what_they_hold(cursor: dbapi.Cursor) -> None:
    np = pytest.importorskip("numpy")
    assert both_ways(cursor, np.int64(5)) == (5, "int")
    assert both_ways(cursor, np.uint8(255)) == (255, "int")
    assert both_ways(cursor, np.float32(0.5)) == (0.5, "double")
    assert both_ways(cursor, np.float64(0.1)) == (0.1, "double")
    assert both_ways(cursor, np.bool_(1)) == (True, "boolean")
    assert both_ways(cursor, np.str_("x")) == ("x", "string")
    assert both_ways(cursor, np.array([[1, 2], [3, 4]])) == ([[1, 2], [3, 4]], "array")
    assert both_ways(cursor, np.datetime64("2024-02-29")) == (dt.date(2024, 2, 29), "date")
    assert both_ways(cursor, np.datetime64("NaT", "s"))[0] is None
    assert both_ways(cursor, np.timedelta64(5, "s")) == (
        dt.timedelta(seconds=5),
        "interval_day_time",
    )
    with pytest.raises(dbapi.ProgrammingError, match="astype"):
        cursor.execute("SELECT :p", {"p": np.datetime64("2024-02-29T00:00:00.000000001")})


class Precise(dt.datetime):
    """Holds more than a datetime does, as pandas' class."""

    nanosecond = 1


class PreciseSpan(dt.timedelta):
    nanoseconds = 1


class NotATime(dt.datetime):
    """Equals nothing, as pandas' value."""

    __hash__ = dt.datetime.__hash__

    def __eq__(self, _: object) -> bool:
        return False

    def __ne__(self, _: object) -> bool:
        return True


def test_what_pandas_adds_to_datetimes_is_not_lost(cursor: dbapi.Cursor) -> None:
    for value in (Precise(2024, 1, 1, tzinfo=UTC), PreciseSpan(1)):
        with pytest.raises(dbapi.ProgrammingError, match=r"'p'.*nanoseconds.*round"):
            cursor.execute("SELECT :p", {"p": value})
    assert both_ways(cursor, NotATime(1, 1, 1))[0] is None


def test_the_text_of_a_float_is_that_of_python(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT ?, ?, ?", [3.14, 1e300, 5.0])
    assert cursor.description is not None
    assert [column[0] for column in cursor.description] == ["3.14", "1e300", "5.0"]


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


def decimals(most_digits: int = 38) -> st.SearchStrategy[Decimal]:
    """Any DECIMAL, its scale included."""

    def build(digits: int, scale: int) -> Decimal:
        with decimal.localcontext(decimal.Context(prec=50)):
            return Decimal(digits).scaleb(-scale)

    limit = 10**most_digits - 1
    return st.builds(build, st.integers(-limit, limit), st.integers(0, most_digits))


instants = st.datetimes(timezones=st.just(UTC))
naive = st.datetimes()
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


def arrays_of(items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.none() | items, max_size=4)


def maps_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[Any, Any]]:
    keys = st.one_of(st.just(texts), st.just(st.integers(-(2**31), 2**31 - 1)))
    return keys.flatmap(lambda kind: st.dictionaries(kind, st.none() | values, max_size=4))


one_kind = st.sampled_from(
    [
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        texts,
        st.dates(),
        st.binary(max_size=20),
        instants,
        spans,
    ]
)
nested = one_kind.flatmap(arrays_of) | one_kind.flatmap(lambda kind: arrays_of(arrays_of(kind)))
maps = one_kind.flatmap(maps_of) | one_kind.flatmap(lambda kind: maps_of(arrays_of(kind)))
anything = scalars | st.binary(max_size=50) | nested | maps


def as_rows_have_it(value: Any) -> Any:
    """Maps come as lists of pairs."""
    return list(value.items()) if isinstance(value, dict) else value


quick = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def check_round_trip(shared: dbapi.Cursor, values: list[Any], *, inline: bool = False) -> None:
    places = range(len(values))
    given = {f"p{place}": value for place, value in enumerate(values)}
    statements: list[tuple[list[str], Any]] = [
        ([f"%(p{place})s" for place in places], given),
        (["%s" for _ in places], values),
    ]
    if not inline:
        statements += [([f":p{place}" for place in places], given), (["?" for _ in places], values)]
    for markers, parameters in statements:
        columns = ", ".join(f"{marker} AS c{place}" for place, marker in enumerate(markers))
        (found,) = shared.execute(f"SELECT {columns}", parameters).fetchall()
        assert found == tuple(as_rows_have_it(value) for value in values)
        assert [repr(value) for value in found if isinstance(value, (float, Decimal))] == [
            repr(value) for value in values if isinstance(value, (float, Decimal))
        ]


@quick
@given(values=st.lists(anything, min_size=1, max_size=20))
def test_whatever_is_sent_comes_back(shared: dbapi.Cursor, values: list[Any]) -> None:
    check_round_trip(shared, values)


@pytest.fixture(scope="module")
def inline(running_warehouse: Warehouse) -> Iterator[dbapi.Cursor]:
    arguments: dict[str, Any] = {**running_warehouse.connect_args(), "use_inline_params": True}
    with dbapi.connect(**arguments) as connection:
        yield connection.cursor(row_factory=tuple)


@quick
@given(values=st.lists(anything, min_size=1, max_size=10))
def test_whatever_is_written_into_the_text_comes_back(
    inline: dbapi.Cursor, values: list[Any]
) -> None:
    check_round_trip(inline, values, inline=True)


@quick
@given(text=st.text(st.sampled_from("'\"\\`${}%?:\n\r\t\0a-/*é\U0001f600"), max_size=30))
def test_no_text_ends_its_quotes(inline: dbapi.Cursor, text: str) -> None:
    rows = inline.execute("SELECT %(a)s, 'x', %(b)s", {"a": text, "b": [text]}).fetchall()
    assert rows == [(text, "x", [text])]


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "UTC"])
def test_naive_datetimes_are_moments_in_the_zone_of_the_session(
    connect: Callable[..., dbapi.Connection], zone: str
) -> None:
    cursor = connect(session_configuration={"timezone": zone}).cursor()
    key = zoneinfo.ZoneInfo(zone)

    @quick
    @given(value=st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)))  # noqa: DTZ001
    def check(value: dt.datetime) -> None:
        aware = value.replace(tzinfo=key)
        exists = aware.astimezone(UTC).astimezone(key).replace(tzinfo=None) == value
        assume(exists)
        (found,) = cursor.execute("SELECT ?", [value]).fetchone()
        assert found.replace(tzinfo=None) == value
        assert found.astimezone(UTC) in {
            aware.replace(fold=fold).astimezone(UTC) for fold in (0, 1)
        }

    check()


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
