"""DESCRIBE of a table or view as one JSON document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .command import PATH, Context, compiled
from .data_types import STRING, Column, DataType
from .describe import find_relation
from .engine import rows_outcome
from .tables import name_parts

if TYPE_CHECKING:
    import re

    from .command import Command
    from .engine import Outcome

# The names of types in the document, where they are not those of SQL.
_NAMES = {"TIMESTAMP": "timestamp_ltz"}


def _type(kind: DataType) -> dict[str, Any]:
    """A type with its parts."""
    children = dict(kind.children)
    if kind.name == "DECIMAL":
        return {"name": "decimal", "precision": kind.precision, "scale": kind.scale}
    if kind.name == "STRING":
        return {"name": "string", "collation": "UTF8_BINARY"}
    if kind.name == "ARRAY":
        (element,) = children.values()
        return {"name": "array", "element_type": _type(element), "element_nullable": True}
    if kind.name == "MAP":
        key, value = children.values()
        return {
            "name": "map",
            "key_type": _type(key),
            "value_type": _type(value),
            "value_nullable": True,
        }
    if kind.name == "STRUCT":
        fields = [
            {"name": name, "type": _type(child), "nullable": True}
            for name, child in children.items()
        ]
        return {"name": "struct", "fields": fields}
    if kind.interval:
        units = kind.interval.lower().split(" to ")
        return {"name": "interval", "start_unit": units[0], "end_unit": units[-1]}
    return {"name": _NAMES.get(kind.text, kind.text.lower())}


def _table(match: re.Match[str], context: Context) -> Outcome:
    listed = find_relation(name_parts(match["name"]), context)
    columns: list[dict[str, Any]] = []
    for column in context.catalog.columns(listed):
        item = {"name": column.name, "type": _type(column.type), "nullable": column.nullable}
        columns.append(item | ({"comment": column.comment} if column.comment else {}))
    document = {
        "table_name": listed.name,
        "catalog_name": listed.catalog,
        "namespace": [listed.schema],
        "schema_name": listed.schema,
        "columns": columns,
        "type": "VIEW" if listed.kind == "VIEW" else "MANAGED",
    }
    text = json.dumps(document, separators=(",", ":"))
    return rows_outcome([Column("json_metadata", STRING)], [(text,)])


COMMANDS: list[tuple[re.Pattern[str], Command, bool]] = [
    (
        compiled(rf"DESC(?:RIBE)? (?:TABLE )?(?:EXTENDED|FORMATTED) (?P<name>{PATH}) AS JSON"),
        _table,
        False,
    ),
]
