"""Functions in Python that DuckDB calls."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import duckdb

from . import data_types, geospatial, intervals

if TYPE_CHECKING:
    from collections.abc import Callable

_TEXT, _INT, _LONG, _DOUBLE = "VARCHAR", "INTEGER", "BIGINT", "DOUBLE"


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make all functions known; a NULL argument gives NULL."""
    for name, function, arguments, result in _FUNCTIONS:
        kinds: list[Any] = [duckdb.sqltype(argument) for argument in arguments]
        connection.create_function(name, function, kinds, duckdb.sqltype(result))


def _typeof(native: str) -> str:
    if native == '"NULL"':
        return "void"
    return data_types.from_duckdb(duckdb.sqltype(native), "UTC").text.lower()


def _point(x: float, y: float, srid: int) -> str:
    return geospatial.ewkt(f"POINT({x:.15g} {y:.15g})", srid)


def _interval(months: int, micros: int, qualifier: str) -> str:
    return intervals.text(intervals.Interval(months, micros), qualifier)


def _crc32(data: str) -> int:
    return zlib.crc32(data.encode())


_FUNCTIONS: list[tuple[str, Callable[..., Any], list[str], str]] = [
    ("warehouse_typeof", _typeof, [_TEXT], _TEXT),
    ("warehouse_ewkt", geospatial.ewkt, [_TEXT, _INT], _TEXT),
    ("warehouse_wkt", geospatial.wkt, [_TEXT], _TEXT),
    ("warehouse_srid", geospatial.srid, [_TEXT], _INT),
    ("warehouse_point", _point, [_DOUBLE, _DOUBLE, _INT], _TEXT),
    ("warehouse_interval", _interval, [_LONG, _LONG, _TEXT], _TEXT),
    ("warehouse_crc32", _crc32, [_TEXT], _LONG),
]
