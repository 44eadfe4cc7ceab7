"""Databricks data types: how they are spelled in a manifest and what Arrow carries them."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .type_lineage import Mark

# pyarrow has no constructor for month_interval; a serialized schema holds one.
_MONTHS_SCHEMA = (
    "/////3AAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAEAAAAUAAAAEAAUAAgA"
    "BgAHAAwAAAAQABAAAAAAAAELEAAAABgAAAAEAAAAAAAAAAEAAAB4AAAABAAEAAQAAAAAAAAA"
)
MONTH_INTERVAL: pa.DataType = (
    pa.ipc.read_schema(pa.py_buffer(base64.b64decode(_MONTHS_SCHEMA))).field(0).type
)


@dataclass(frozen=True)
class DataType:
    """One type; `children` are (name, type) pairs of nested types."""

    name: str
    text: str
    arrow: pa.DataType
    precision: int | None = None
    scale: int | None = None
    interval: str | None = None
    children: tuple[tuple[str, DataType], ...] = ()

    @property
    def storage(self) -> pa.DataType:
        """The Arrow type with the same buffers that pyarrow can build arrays of."""
        if self.arrow == MONTH_INTERVAL:
            return pa.int32()
        return _nested(self.name, [(name, child.storage) for name, child in self.children]) or (
            self.arrow
        )

    @property
    def has_interval(self) -> bool:
        """Whether it is an interval or has one inside."""
        return self.interval is not None or any(child.has_interval for _, child in self.children)


@dataclass(frozen=True)
class Column:
    """A column of a result."""

    name: str
    type: DataType
    nullable: bool = True

    def info(self, position: int) -> dict[str, object]:
        """The ColumnInfo of the manifest."""
        document: dict[str, object] = {
            "name": self.name,
            "type_text": self.type.text,
            "type_name": self.type.name,
            "position": position,
        }
        if self.type.precision is not None:
            document["type_precision"] = self.type.precision
            document["type_scale"] = self.type.scale
        if self.type.interval is not None:
            document["type_interval_type"] = self.type.interval
        return document


def _simple(name: str, text: str, arrow: pa.DataType) -> DataType:
    return DataType(name, text, arrow)


BOOLEAN = _simple("BOOLEAN", "BOOLEAN", pa.bool_())
TINYINT = _simple("BYTE", "TINYINT", pa.int8())
SMALLINT = _simple("SHORT", "SMALLINT", pa.int16())
INT = _simple("INT", "INT", pa.int32())
BIGINT = _simple("LONG", "BIGINT", pa.int64())
FLOAT = _simple("FLOAT", "FLOAT", pa.float32())
DOUBLE = _simple("DOUBLE", "DOUBLE", pa.float64())
STRING = _simple("STRING", "STRING", pa.string())
BINARY = _simple("BINARY", "BINARY", pa.binary())
DATE = _simple("DATE", "DATE", pa.date32())
TIMESTAMP_NTZ = _simple("TIMESTAMP_NTZ", "TIMESTAMP_NTZ", pa.timestamp("us"))
VARIANT = _simple("VARIANT", "VARIANT", pa.string())
VOID = _simple("NULL", "VOID", pa.null())


def decimal(precision: int, scale: int) -> DataType:
    """DECIMAL(precision,scale)."""
    text = f"DECIMAL({precision},{scale})"
    return DataType("DECIMAL", text, pa.decimal128(precision, scale), precision, scale)


def timestamp(zone: str) -> DataType:
    """TIMESTAMP as a session in `zone` sees it."""
    return _simple("TIMESTAMP", "TIMESTAMP", pa.timestamp("us", tz=zone))


def interval(qualifier: str) -> DataType:
    """INTERVAL with a qualifier such as `YEAR TO MONTH` or `DAY`."""
    months = qualifier.split(" ", maxsplit=1)[0] in ("YEAR", "MONTH")
    arrow = MONTH_INTERVAL if months else pa.duration("us")
    return DataType("INTERVAL", f"INTERVAL {qualifier}", arrow, interval=qualifier)


def geospatial(text: str) -> DataType:
    """GEOMETRY or GEOGRAPHY, as its type text says; values are EWKT."""
    return _simple(text.partition("(")[0], text, pa.string())


def _nested(name: str, children: Sequence[tuple[str, pa.DataType]]) -> pa.DataType | None:
    """The Arrow type of a nested type with such children; None for any other type."""
    if name == "ARRAY":
        return pa.list_(pa.field("element", children[0][1]))
    if name == "MAP":
        # pyarrow has no keys of the null type, which an empty map would have.
        keys = pa.string() if pa.types.is_null(children[0][1]) else children[0][1]
        return pa.map_(keys, children[1][1])
    return pa.struct([pa.field(*child) for child in children]) if name == "STRUCT" else None


def array(element: DataType) -> DataType:
    """ARRAY<element>."""
    return _of_children("ARRAY", element.text, [("element", element)])


def map_of(key: DataType, value: DataType) -> DataType:
    """MAP<key, value>."""
    return _of_children("MAP", f"{key.text}, {value.text}", [("key", key), ("value", value)])


def struct(members: Sequence[tuple[str, DataType]]) -> DataType:
    """STRUCT<name: type, ...>."""
    text = ", ".join(f"{_quoted(name)}: {member.text}" for name, member in members)
    return _of_children("STRUCT", text, members)


def _of_children(name: str, inner: str, children: Sequence[tuple[str, DataType]]) -> DataType:
    arrow = _nested(name, [(child, kind.arrow) for child, kind in children])
    return DataType(name, f"{name}<{inner}>", arrow, children=tuple(children))


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"\w+", name) else "`" + name.replace("`", "``") + "`"


_BY_DUCKDB_ID = {
    "boolean": BOOLEAN,
    "tinyint": TINYINT,
    "smallint": SMALLINT,
    "utinyint": SMALLINT,
    "integer": INT,
    "usmallint": INT,
    "bigint": BIGINT,
    "uinteger": BIGINT,
    "hugeint": BIGINT,
    "uhugeint": BIGINT,
    "ubigint": BIGINT,
    "float": FLOAT,
    "double": DOUBLE,
    "blob": BINARY,
    "date": DATE,
    "timestamp": TIMESTAMP_NTZ,
    "timestamp_s": TIMESTAMP_NTZ,
    "timestamp_ms": TIMESTAMP_NTZ,
    "timestamp_ns": TIMESTAMP_NTZ,
}


def from_duckdb(native: Any, zone: str, mark: Mark | None = None) -> DataType:
    """The Databricks type of a DuckDB type; `mark` says what DuckDB does not tell apart."""
    spelled = str(native)
    if spelled == '"NULL"':
        return VOID
    if spelled == "JSON":
        return VARIANT
    kind = native.id
    if kind == "timestamp with time zone":
        return timestamp(zone)
    if kind == "interval":
        return interval(mark if isinstance(mark, str) else "DAY TO SECOND")
    if kind == "varchar" and isinstance(mark, str) and mark.startswith("GEO"):
        return geospatial(mark)
    if kind == "decimal":
        (_, precision), (_, scale) = native.children
        return decimal(precision, scale)
    marks = mark if isinstance(mark, dict) else {}
    if kind in ("list", "array"):
        return array(from_duckdb(native.children[0][1], zone, marks.get("element")))
    if kind == "map":
        (_, key), (_, value) = native.children
        return map_of(
            from_duckdb(key, zone, marks.get("key")), from_duckdb(value, zone, marks.get("value"))
        )
    if kind == "struct":
        return struct(
            [
                (name, from_duckdb(member, zone, marks.get(name.lower())))
                for name, member in native.children
            ]
        )
    return _BY_DUCKDB_ID.get(kind, STRING)
