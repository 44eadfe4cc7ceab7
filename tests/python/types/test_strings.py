from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_kernel import dbapi

TEXTS = [
    "",
    " ",
    "ascii",
    "é",
    "Ω\u03a9",
    "日本語",
    "\N{PILE OF POO}\N{FAMILY}",
    "e\u0301",
    "\u200b\ufeff",
    "\0",
    "a\0b",
    "line\r\nbreak\t",
    "'\"`\\",
    "\x7f\x80\xff\u0100\uffff\U0010ffff",
    "NULL",
]


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_exact(value: Callable[..., Any], text: str) -> None:
    found = value("?", [text])
    assert type(found) is str
    assert found == text


def test_an_empty_text_is_not_null(cursor: dbapi.Cursor) -> None:
    assert cursor.execute("SELECT '' AS a, CAST(NULL AS STRING) AS b").fetchone() == ("", None)


@pytest.mark.parametrize("letter", ["x", "é", "日", "\N{PILE OF POO}"])
def test_long_texts(value: Callable[..., Any], letter: str) -> None:
    assert value(f"repeat('{letter}', 1000000)") == letter * 1_000_000


def test_a_column_of_all_texts(cursor: dbapi.Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (place INT, s STRING)")
    texts = [*TEXTS, None, "x" * 10_000, *TEXTS]
    cursor.executemany(f"INSERT INTO {table} VALUES (?, ?)", list(enumerate(texts)))
    rows = cursor.execute(f"SELECT s FROM {table} ORDER BY place").fetchall()
    assert [row.s for row in rows] == texts


def test_texts_that_repeat(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT concat('code-', id % 10) AS s FROM range(5000)")
    assert [row.s for row in cursor.fetchall()] == [f"code-{number % 10}" for number in range(5000)]
