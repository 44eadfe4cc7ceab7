from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_kernel import dbapi


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xfe", bytes(range(256)), b"text"])
def test_bytes_are_exact(value: Callable[[str], Any], data: bytes) -> None:
    found = value(f"X'{data.hex()}'")
    assert type(found) is bytes
    assert found == data


def test_no_bytes_are_not_null(cursor: dbapi.Cursor) -> None:
    assert cursor.execute("SELECT X'' AS a, CAST(NULL AS BINARY) AS b").fetchone() == (b"", None)


def test_long_bytes(value: Callable[[str], Any]) -> None:
    data = bytes(range(256)) * 2000
    assert value(f"X'{data.hex()}'") == data


def test_a_column_of_bytes_with_nulls(cursor: dbapi.Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (b BINARY)")
    cursor.execute(f"INSERT INTO {table} VALUES (X'01'), (NULL), (X''), (X'0102')")
    assert {row.b for row in cursor.execute(f"SELECT b FROM {table}")} == {
        b"\x01",
        None,
        b"",
        b"\x01\x02",
    }
