"""INSERT of many literal rows: read from the tokens, handed to DuckDB as Arrow.

Parsing and binding a long VALUES list takes a millisecond a row; drivers send 16 MiB of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot.tokenizer_core import TokenType

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

FEWEST_ROWS = 64
TABLE = "warehouse_bulk_rows"
_TYPED = {"DATE": "DATE", "TIMESTAMP": "TIMESTAMPTZ", "TIMESTAMP_NTZ": "TIMESTAMP"}
_NULL = "NULL"


@dataclass(frozen=True)
class BulkInsert:
    """The statement before VALUES, the expressions to insert, and the rows as text."""

    head: str
    select: str
    rows: pa.Table


def find(statement: str, found: list[Token]) -> BulkInsert | None:
    """The bulk insert that a statement is, or None when it must be parsed as a whole."""
    if len(found) < 4 * FEWEST_ROWS or found[0].token_type is not TokenType.INSERT:
        return None
    start = next((n for n, t in enumerate(found) if t.token_type is TokenType.VALUES), None)
    if start is None:
        return None
    rows = _rows(found[start + 1 :])
    if rows is None or len(rows) < FEWEST_ROWS or len({len(row) for row in rows}) != 1:
        return None
    columns = [_column(f"c{n}", list(cells)) for n, cells in enumerate(zip(*rows, strict=True))]
    ready = [column for column in columns if column is not None]
    if len(ready) != len(columns):
        return None
    select = ", ".join(expression for expression, _ in ready)
    table = pa.table([values for _, values in ready], names=[f"c{n}" for n in range(len(ready))])
    head = statement[: found[start].start]
    return BulkInsert(head, f"SELECT {select} FROM {TABLE}", table)  # noqa: S608


Cell = tuple[str, "str | None"]


def _rows(found: list[Token]) -> list[list[Cell]] | None:
    """(kind, text) of each cell of each row; None when a cell is no plain literal."""
    rows: list[list[Cell]] = []
    position, end = 0, len(found)
    if end and found[-1].token_type is TokenType.SEMICOLON:
        end -= 1
    while position < end:
        if found[position].token_type is not TokenType.L_PAREN:
            return None
        row: list[Cell] = []
        while found[position].token_type is not TokenType.R_PAREN:
            first = position + 1
            position = first
            while position < end and found[position].token_type not in _SEPARATORS:
                position += 1
            if position >= end or (cell := _cell(found[first:position])) is None:
                return None
            row.append(cell)
        rows.append(row)
        position += 1
        if position < end:
            if found[position].token_type is not TokenType.COMMA or position + 1 == end:
                return None
            position += 1
    return rows


_SEPARATORS = (TokenType.COMMA, TokenType.R_PAREN)


def _cell(tokens: list[Token]) -> Cell | None:
    last = tokens[-1] if tokens else None
    if last is None or len(tokens) > 2:
        return None
    kind, text = last.token_type, last.text
    if len(tokens) == 1:
        if kind is TokenType.STRING:
            return "VARCHAR", text
        if kind is TokenType.NUMBER:
            return _number_kind(text), text
        if kind is TokenType.HEX_STRING:
            return "BLOB", text
        if kind is TokenType.NULL:
            return _NULL, None
        if kind in (TokenType.TRUE, TokenType.FALSE):
            return "BOOLEAN", text
        return None
    first = tokens[0]
    if first.token_type is TokenType.DASH and kind is TokenType.NUMBER:
        return _number_kind(text), "-" + text
    typed = _TYPED.get(first.text.upper())
    return (typed, text) if typed and kind is TokenType.STRING else None


def _number_kind(text: str) -> str:
    if "e" in text.lower():
        return "DOUBLE"
    return "DECIMAL" if "." in text else "HUGEINT"


def _column(name: str, cells: list[Cell]) -> tuple[str, pa.Array] | None:
    kinds = {kind for kind, _ in cells} - {_NULL}
    if kinds == {"HUGEINT", "DECIMAL"}:
        kinds = {"DECIMAL"}
    if len(kinds) > 1:
        return None
    kind = kinds.pop() if kinds else "VARCHAR"
    texts = [text for _, text in cells]
    return _expression(name, kind, texts), pa.array(texts, pa.string())


def _expression(name: str, kind: str, texts: list[str | None]) -> str:
    if kind == "BLOB":
        return f"unhex({name})"
    if kind == "DECIMAL":
        scale = max(len(text.partition(".")[2]) for text in texts if text is not None)
        kind = f"DECIMAL(38, {min(scale, 37)})"
    return f"CAST({name} AS {kind})"
