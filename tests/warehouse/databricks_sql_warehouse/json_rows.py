"""JSON_ARRAY: every value of a result as a string, or null."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from . import data_types

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .data_types import Column, DataType


def rows(columns: Sequence[Column], table: pa.Table) -> list[list[str | None]]:
    """The rows of `table` as the service writes them."""
    texts = []
    for column, values in zip(columns, table.columns, strict=True):
        text = _text_of(column.type)
        texts.append([None if value is None else text(value) for value in values.to_pylist()])
    return [list(row) for row in zip(*texts, strict=True)]


def nested_as_text(columns: Sequence[Column], table: pa.Table) -> tuple[list[Column], pa.Table]:
    """The columns and rows with each nested value as its JSON text."""
    shown, arrays = [], []
    for column, values in zip(columns, table.columns, strict=True):
        nested = bool(column.type.children)
        shown.append(replace(column, type=data_types.STRING) if nested else column)
        text = _text_of(column.type)
        texts = [None if value is None else text(value) for value in values.to_pylist()]
        arrays.append(pa.chunked_array([texts], pa.string()) if nested else values)
    return shown, pa.table(arrays, names=[column.name for column in columns])


def _text_of(kind: DataType) -> Callable[[Any], str]:
    if kind.children:
        value_of = _json_of(kind)
        return lambda value: json.dumps(value_of(value), separators=(",", ":"), ensure_ascii=False)
    if kind.interval is not None:
        return _months if kind.arrow == data_types.MONTH_INTERVAL else _duration
    return _TEXTS.get(kind.name, str)


def _json_of(kind: DataType) -> Callable[[Any], Any]:
    """Numbers and booleans stay what they are inside nested values, all else is text."""
    if not kind.children:
        if kind.name in _BARE:
            return lambda value: value
        text = _text_of(kind)
        return lambda value: None if value is None else text(value)
    if kind.name == "STRUCT":
        members = [(name, _json_of(member)) for name, member in kind.children]
        return lambda value: value and {name: of(value[name]) for name, of in members}
    inner = _json_of(kind.children[-1][1])
    if kind.name == "MAP":
        key = _text_of(kind.children[0][1])
        return lambda value: None if value is None else {key(k): inner(v) for k, v in value}
    return lambda value: None if value is None else [inner(element) for element in value]


_BARE = {"BOOLEAN", "BYTE", "SHORT", "INT", "LONG"}


def _boolean(value: bool) -> str:  # noqa: FBT001
    return "true" if value else "false"


def _binary(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _double(value: float) -> str:
    """Java's spelling: a fraction always, and an exponent from 1.0E7 on and below 1.0E-3."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return format(value, "f") if "e" in repr(value) else repr(value)
    digits, _, exponent = format_shortest(value).partition("e")
    return f"{digits}E{int(exponent)}"


def format_shortest(value: float) -> str:
    """The shortest digits that read back as `value`, with one digit before the point."""
    for precision in range(1, 18):
        text = f"{value:.{precision}e}"
        if float(text) == value:
            return text
    return f"{value:.17e}"


def _float(value: float) -> str:
    """A 32-bit float by its own shortest digits."""
    for precision in range(1, 10):
        text = f"{value:.{precision}g}"
        if abs(float(text) - value) <= abs(value) * 2**-25:
            return _double(float(text))
    return _double(value)


def _timestamp(value: datetime) -> str:
    text = value.isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def _months(value: int) -> str:
    years, months = divmod(abs(value), 12)
    return f"{'-' if value < 0 else ''}{years}-{months}"


def _duration(value: timedelta) -> str:
    micros = abs(value) // timedelta(microseconds=1)
    seconds, micros = divmod(micros, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    sign = "-" if value < timedelta(0) else ""
    return f"{sign}{day} {hour:02}:{minute:02}:{second:02}.{micros:06}000"


_TEXTS: dict[str, Callable[[Any], str]] = {
    "BOOLEAN": _boolean,
    "BINARY": _binary,
    "DOUBLE": _double,
    "FLOAT": _float,
    "TIMESTAMP": _timestamp,
    "TIMESTAMP_NTZ": _timestamp,
}
