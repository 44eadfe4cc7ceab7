from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_kernel import dbapi

WIDTHS = [("TINYINT", 8), ("SMALLINT", 16), ("INT", 32), ("BIGINT", 64)]


@pytest.mark.parametrize(("name", "bits"), WIDTHS)
def test_the_extremes_of_each_width(cursor: dbapi.Cursor, table: str, name: str, bits: int) -> None:
    cursor.execute(f"CREATE TABLE {table} (a {name})")
    numbers = [-(2 ** (bits - 1)), -1, 0, 1, 2 ** (bits - 1) - 1]
    for number in [*numbers, "NULL"]:
        cursor.execute(f"INSERT INTO {table} VALUES ({number})")
    rows = cursor.execute(f"SELECT a FROM {table} ORDER BY a NULLS LAST").fetchall()
    assert [row.a for row in rows] == [*numbers, None]
    assert {type(row.a) for row in rows} == {int, type(None)}


@pytest.mark.parametrize("number", [-6, -5, 0, 256, 257, 10**6, 2**30, 2**53 + 1])
def test_small_and_large_numbers(value: Callable[[str], Any], number: int) -> None:
    assert value(f"CAST({number} AS BIGINT)") == number


def test_booleans(cursor: dbapi.Cursor) -> None:
    row = cursor.execute("SELECT true, false, CAST(NULL AS BOOLEAN)").fetchone()
    assert row[0] is True
    assert row[1] is False
    assert row[2] is None


def test_booleans_in_columns_of_any_length(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT CASE WHEN id % 7 = 0 THEN NULL ELSE id % 3 = 0 END AS b FROM range(500)")
    expected = [None if number % 7 == 0 else number % 3 == 0 for number in range(500)]
    assert [row.b for row in cursor.fetchall()] == expected
