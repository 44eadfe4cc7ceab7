from __future__ import annotations

import math
import struct
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_kernel import dbapi


@pytest.mark.parametrize(
    "number",
    [0.0, 0.1, 1 / 3, -2.5, 1e7, 1.5e-300, sys.float_info.max, -sys.float_info.max, 5e-324],
)
def test_doubles_are_exact(value: Callable[[str], Any], number: float) -> None:
    found = value(f"CAST('{number!r}' AS DOUBLE)")
    assert type(found) is float
    assert found == number


@pytest.mark.parametrize("kind", ["FLOAT", "DOUBLE"])
def test_what_is_no_number(value: Callable[[str], Any], kind: str) -> None:
    assert math.isnan(value(f"CAST('NaN' AS {kind})"))
    assert value(f"CAST('Infinity' AS {kind})") == math.inf
    assert value(f"CAST('-Infinity' AS {kind})") == -math.inf
    assert value(f"CAST(NULL AS {kind})") is None


@pytest.mark.parametrize("kind", ["FLOAT", "DOUBLE"])
def test_the_sign_of_zero(value: Callable[[str], Any], kind: str) -> None:
    assert math.copysign(1, value(f"CAST('-0.0' AS {kind})")) == -1
    assert math.copysign(1, value(f"CAST('0.0' AS {kind})")) == 1


@pytest.mark.parametrize("number", [0.1, 1 / 3, 3.4028235e38, 1e-45, 16_777_217.0])
def test_floats_are_the_doubles_of_their_32_bits(
    value: Callable[[str], Any], number: float
) -> None:
    (nearest,) = struct.unpack("f", struct.pack("f", number))
    assert value(f"CAST('{number!r}' AS FLOAT)") == nearest


def test_a_column_with_nulls_between(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT CASE WHEN id % 2 = 0 THEN id / 4 END AS d FROM range(100)")
    expected = [number / 4 if number % 2 == 0 else None for number in range(100)]
    assert [row.d for row in cursor.fetchall()] == expected
