"""Typed parameters: the driver's own, and objects like the official connector's."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from databricks_sql_kernel import dbapi

UTC = dt.timezone.utc
TYPED: list[tuple[Any, Any, str]] = [
    (dbapi.VoidParameter(None), None, "string"),
    (dbapi.BooleanParameter(value=True), True, "boolean"),
    (dbapi.TinyIntParameter(-128), -128, "tinyint"),
    (dbapi.SmallIntParameter(32767), 32767, "smallint"),
    (dbapi.IntegerParameter(5), 5, "int"),
    (dbapi.BigIntegerParameter(5), 5, "bigint"),
    (dbapi.FloatParameter(0.5), 0.5, "float"),
    (dbapi.DoubleParameter(5), 5.0, "double"),
    (dbapi.StringParameter("x"), "x", "string"),
    (dbapi.StringParameter(5), "5", "string"),
    (dbapi.BinaryParameter(b"\x00"), b"\x00", "binary"),
    (dbapi.DateParameter(dt.date(2024, 2, 29)), dt.date(2024, 2, 29), "date"),
    (dbapi.DateParameter("2024-02-29"), dt.date(2024, 2, 29), "date"),
    (
        dbapi.TimestampParameter(dt.datetime(2024, 2, 29, tzinfo=UTC)),
        dt.datetime(2024, 2, 29, tzinfo=UTC),
        "timestamp",
    ),
    (
        dbapi.TimestampNTZParameter(dt.datetime(2024, 2, 29, 1, tzinfo=UTC)),
        dt.datetime(2024, 2, 29, 1),  # noqa: DTZ001
        "timestamp_ntz",
    ),
    (dbapi.DecimalParameter(Decimal("12.5")), Decimal("12.5"), "decimal"),
    (dbapi.DecimalParameter(Decimal("12.5"), None, 10, 2), Decimal("12.50"), "decimal"),
    (dbapi.DecimalParameter(5, precision=10, scale=2), Decimal("5.00"), "decimal"),
    (dbapi.DecimalParameter(Decimal("12.3456"), scale=4, precision=2), Decimal("12.35"), "decimal"),
    (dbapi.Parameter(Decimal("-1.005"), "DECIMAL(3,2)"), Decimal("-1.01"), "decimal"),
    (dbapi.Parameter(Decimal("0.5"), "DECIMAL(38)"), Decimal(1), "decimal"),
    (dbapi.Parameter(0, "DECIMAL(2,2)"), Decimal("0.00"), "decimal"),
    (dbapi.IntervalParameter(dt.timedelta(hours=25)), dt.timedelta(hours=25), "interval_day_time"),
    (dbapi.IntervalParameter("-1-2"), "-1-2", "interval_year_month"),
    (dbapi.IntervalParameter("1 02:03:04"), dt.timedelta(1, 7384), "interval_day_time"),
    (dbapi.ArrayParameter([1, 2]), [1, 2], "array"),
    (dbapi.ArrayParameter([dbapi.SmallIntParameter(1)]), [1], "array"),
    (dbapi.MapParameter({"a": 1}), [("a", 1)], "map"),
    (dbapi.Parameter(7, "smallint"), 7, "smallint"),
    (dbapi.Parameter(Decimal("1.5"), "DECIMAL(10, 3)"), Decimal("1.500"), "decimal"),
    (dbapi.Parameter(None, "DATE"), None, "date"),
    (dbapi.IntegerParameter(None), None, "int"),
]


@pytest.mark.parametrize(("parameter", "value", "code"), TYPED)
def test_the_value_comes_back_with_the_type(
    cursor: dbapi.Cursor, parameter: Any, value: object, code: str
) -> None:
    for sql, given in (("SELECT ?", [parameter]), ("SELECT :p", {"p": parameter})):
        (row,) = cursor.execute(sql, given).fetchall()
        assert repr(row[0]).replace("zoneinfo.ZoneInfo(key='Etc/UTC')", repr(UTC)) == repr(value)
        assert cursor.description is not None
        assert cursor.description[0][1] == code


@pytest.mark.parametrize(("parameter", "value", "code"), TYPED)
def test_the_literal_has_the_same_type(
    connect: Any, parameter: Any, value: object, code: str
) -> None:
    cursor = connect(use_inline_params=True).cursor()
    (row,) = cursor.execute("SELECT %s", [parameter]).fetchall()
    assert row[0] == value
    if value is not None:
        assert cursor.description[0][1] == code


def test_a_list_of_parameters_with_names_is_named(cursor: dbapi.Cursor) -> None:
    given = [dbapi.StringParameter("x", "b"), dbapi.IntegerParameter(1, name="a")]
    assert cursor.execute("SELECT :a, :b, %(a)s", given).fetchall() == [(1, "x", 1)]


def test_the_key_of_a_mapping_wins(cursor: dbapi.Cursor) -> None:
    given = {"a": dbapi.IntegerParameter(1, name="other")}
    assert cursor.execute("SELECT :a", given).fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("TinyIntParameter", (128,), "128.*TINYINT.*-128 to 127"),
        ("IntegerParameter", ("5",), "'5'.*INT"),
        ("BooleanParameter", (1,), "1.*BOOLEAN"),
        ("DateParameter", (dt.datetime(2024, 1, 1, tzinfo=UTC),), "datetime.*DATE"),
        ("DecimalParameter", (1.5,), "1.5.*float.*DECIMAL"),
        ("DecimalParameter", (Decimal("123.4"), None, 4, 2), r"123\.4.*DECIMAL\(4,2\)"),
        ("DecimalParameter", (Decimal("9.999"), None, 3, 2), r"9\.999.*DECIMAL\(3,2\)"),
        ("DoubleParameter", (2**53 + 1,), "DOUBLE"),
        ("ArrayParameter", (5,), "5.*ARRAY"),
        ("MapParameter", ([1],), "MAP"),
        ("BinaryParameter", ("x",), "'x'.*BINARY"),
    ],
)
def test_a_value_that_the_type_does_not_hold_is_named(
    cursor: dbapi.Cursor, name: str, arguments: tuple[Any, ...], message: str
) -> None:
    parameter = getattr(dbapi, name)(*arguments)
    with pytest.raises(dbapi.ProgrammingError, match=f"(?s)'amount'.*{message}"):
        cursor.execute("SELECT :amount", {"amount": parameter})


def test_what_is_no_type_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="GEOMETRY"):
        dbapi.Parameter(1, "GEOMETRY")
    with pytest.raises(ValueError, match="both or neither"):
        dbapi.DecimalParameter(Decimal(1), precision=5)


def test_parameters_show_what_they_are() -> None:
    parameter = dbapi.SmallIntParameter(5, "a")
    assert (parameter.value, parameter.name, parameter.type) == (5, "a", "SMALLINT")
    assert repr(parameter) == "Parameter(5, 'SMALLINT', name=\"a\")"
    assert parameter == dbapi.Parameter(5, "SMALLINT", "a")
    assert parameter != dbapi.Parameter(5, "INT", "a")
    assert isinstance(parameter, dbapi.Parameter)


class Foreign:
    """Has what the connector's classes have."""

    CAST_EXPR = "SMALLINT"

    def __init__(self, value: Any, name: str | None = None) -> None:
        self.value = value
        self.name = name


class ForeignDecimal(Foreign):
    CAST_EXPR = "DECIMAL({},{})"
    scale: int | None = None
    precision: int | None = None


class ForeignMap(Foreign):
    CAST_EXPR = "MAP"


class ForeignArray(Foreign):
    CAST_EXPR = "ARRAY"


def test_the_connectors_objects_are_understood(cursor: dbapi.Cursor) -> None:
    narrow = ForeignDecimal(Decimal("12.5"))
    wide = ForeignDecimal(Decimal("12.5"))
    wide.scale, wide.precision = 10, 2
    flat = ForeignMap([Foreign(1), ForeignDecimal(Decimal(2))])
    given = [Foreign(5), narrow, wide, flat, ForeignArray([Foreign(1), Foreign(None)])]
    (row,) = cursor.execute("SELECT ?, ?, ?, ?, ?", given).fetchall()
    assert [str(value) for value in row[:3]] == ["5", "12.5", "12.50"]
    assert row[3:] == ([(1, 2)], [1, None])
    assert cursor.description is not None
    assert cursor.description[0][1] == "smallint"
    named = [Foreign(5, "b"), Foreign(6, "a")]
    assert cursor.execute("SELECT :a, :b", named).fetchall() == [(6, 5)]
