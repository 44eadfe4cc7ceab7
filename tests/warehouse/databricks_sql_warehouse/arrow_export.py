"""From DuckDB's result to an Arrow table of the types that the service sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from . import data_types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .data_types import Column, DataType


def expression(name: str, native: str, target: DataType) -> str:
    """The expression that hands a column of DuckDB over in buffers of the wanted Arrow type."""
    if target.interval is None and target.has_interval:
        return _nested(name, target, 0)
    if target.interval is not None:
        return _interval(name, target)
    if target is data_types.BIGINT and native != "BIGINT":
        return f"CAST({name} AS BIGINT)"
    if target is data_types.STRING and native != "VARCHAR":
        return f"CAST({name} AS VARCHAR)"
    return name


def _interval(name: str, target: DataType) -> str:
    if target.arrow == data_types.MONTH_INTERVAL:
        return f"CAST(datepart('year', {name}) * 12 + datepart('month', {name}) AS INTEGER)"
    return f"epoch_us({name})"


def _nested(name: str, target: DataType, depth: int) -> str:
    if target.interval is not None:
        return _interval(name, target)
    if not target.has_interval:
        return name
    item = f"x{depth}"
    children = dict(target.children)
    if target.name == "ARRAY":
        inner = _nested(item, children["element"], depth + 1)
        return f"list_transform({name}, lambda {item}: {inner})"
    if target.name == "MAP":
        key = _nested(f"{item}.key", children["key"], depth + 1)
        value = _nested(f"{item}.value", children["value"], depth + 1)
        pair = f"{{'key': {key}, 'value': {value}}}"
        return f"map_from_entries(list_transform(map_entries({name}), lambda {item}: {pair}))"
    members = ", ".join(
        f"{_text(child)}: {_nested(f'{name}[{_text(child)}]', kind, depth)}"
        for child, kind in target.children
    )
    return f"CASE WHEN {name} IS NULL THEN NULL ELSE {{{members}}} END"


def _text(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def conform(table: pa.Table, columns: Sequence[Column]) -> pa.Table:
    """The table with the storage types of its columns, which have the same layout or convert."""
    arrays = []
    for array, column in zip(table.columns, columns, strict=True):
        wanted = column.type.storage
        if column.type.has_interval:
            arrays.append(_relabelled(array, wanted))
        else:
            arrays.append(array if array.type == wanted else array.cast(wanted))
    return pa.table(arrays, names=[column.name for column in columns])


def _relabelled(array: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    """The same buffers under another type, at any depth."""
    schema = pa.schema([pa.field("c", wanted)])
    parts = []
    for part in array.chunks:
        message = pa.record_batch([part], names=["c"]).serialize()
        parts.append(pa.ipc.read_record_batch(message, schema).column(0))
    return pa.chunked_array(parts, wanted)
