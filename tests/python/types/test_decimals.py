from __future__ import annotations

import decimal
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_kernel import dbapi


@pytest.mark.parametrize("scale", [0, 1, 5, 18, 19, 27, 28, 37, 38])
def test_all_38_digits_at_any_scale(value: Callable[[str], Any], scale: int) -> None:
    digits = "9" * 38
    whole, fraction = digits[: 38 - scale], digits[38 - scale :]
    text = f"{whole or 0}.{fraction}" if scale else whole
    for sign in ("", "-"):
        found = value(f"CAST('{sign}{text}' AS DECIMAL(38,{scale}))")
        assert type(found) is Decimal
        assert str(found) == sign + text


@pytest.mark.parametrize(
    ("text", "precision", "scale"),
    [
        ("0", 1, 0),
        ("0.00", 3, 2),
        ("1.50", 3, 2),
        ("-0.01", 3, 2),
        ("100", 10, 0),
        ("1844674407370955161.6", 38, 1),
        ("18446744073709551616", 38, 0),
        ("-9223372036854775808", 38, 0),
        ("79228162514264337593543950335", 38, 0),
        ("79228162514264337593543950336", 38, 0),
        ("0.1", 38, 1),
    ],
)
def test_scale_and_sign_are_kept(
    value: Callable[[str], Any], text: str, precision: int, scale: int
) -> None:
    assert str(value(f"CAST('{text}' AS DECIMAL({precision},{scale}))")) == text


def test_small_numbers_have_no_other_digits_than_declared(value: Callable[[str], Any]) -> None:
    found = value("CAST('0.0000001' AS DECIMAL(10,7))")
    assert found.as_tuple() == (0, (1,), -7)
    zero = value("CAST(0 AS DECIMAL(10,7))")
    assert zero.as_tuple().exponent == -7


def test_a_null_is_none(value: Callable[[str], Any]) -> None:
    assert value("CAST(NULL AS DECIMAL(38,10))") is None


def test_numbers_of_all_sizes(cursor: dbapi.Cursor, table: str) -> None:
    chance = random.Random(7)
    with decimal.localcontext(decimal.Context(prec=60)):
        numbers = [
            Decimal(chance.randint(-(10**size) + 1, 10**size - 1)).scaleb(-9)
            for size in range(1, 39)
            for _ in range(5)
        ]
        cursor.execute(f"CREATE TABLE {table} (place INT, d DECIMAL(38,9))")
        values = ", ".join(
            f"({place}, CAST('{number:f}' AS DECIMAL(38,9)))"
            for place, number in enumerate(numbers)
        )
        cursor.execute(f"INSERT INTO {table} VALUES {values}")
        rows = cursor.execute(f"SELECT d FROM {table} ORDER BY place").fetchall()
    assert [row.d.as_tuple() for row in rows] == [number.as_tuple() for number in numbers]


def test_the_callers_decimal_context_changes_nothing(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT CAST('1234567890.123456789' AS DECIMAL(38,9)) AS d")
    with decimal.localcontext(decimal.Context(prec=3)):
        assert str(cursor.fetchone().d) == "1234567890.123456789"
