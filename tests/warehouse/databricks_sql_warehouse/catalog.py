"""What there is: catalogs, schemas, tables and views, columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import information_schema
from .information_schema import SYSTEM
from .tables import logical, physical

if TYPE_CHECKING:
    from .data_types import DataType
    from .declarations import Declarations, TableKey
    from .engine import Run

_PREFIX = physical("")
_RELATIONS = f"""
SELECT database_name, schema_name, table_name AS name, 'TABLE' AS kind
FROM duckdb_tables() WHERE NOT internal AND starts_with(database_name, '{_PREFIX}')
UNION ALL
SELECT database_name, schema_name, view_name, 'VIEW'
FROM duckdb_views() WHERE NOT internal AND starts_with(database_name, '{_PREFIX}')
ORDER BY ALL
"""  # noqa: S608
_HIDDEN = ("main", "pg_catalog", information_schema.SCHEMA)


@dataclass(frozen=True)
class Listed:
    """A table or view."""

    catalog: str
    schema: str
    name: str
    kind: str

    @property
    def key(self) -> TableKey:
        """Its full name."""
        return self.catalog, self.schema, self.name


@dataclass(frozen=True)
class ListedColumn:
    """A column of a table or view; `position` counts from 1."""

    name: str
    type: DataType
    position: int
    nullable: bool
    default: str | None
    comment: str | None


def like(name: str, pattern: str | None) -> bool:
    """Whether a name fits a Hive pattern: `*` any text, `.` any character, `|` alternatives."""
    if pattern is None:
        return True
    alternatives = pattern.replace("''", "'").split("|")
    return any(re.fullmatch(_regex(part), name, re.IGNORECASE) for part in alternatives)


def _regex(pattern: str) -> str:
    r"""The regular expression of one alternative; `\%`, `\_` and `\\` are plain characters."""
    tokens = re.findall(r"\\.|.", pattern.strip(), re.DOTALL)
    known = {"*": ".*", ".": "."}
    return "".join(
        known.get(token) or re.escape(token[-1] if len(token) > 1 else token) for token in tokens
    )


class Catalog:
    """Lists what a run can see, with what was declared of it."""

    def __init__(self, run: Run, declarations: Declarations) -> None:
        self._run = run
        self._declarations = declarations
        self._details: dict[tuple[str, ...], tuple[bool, str | None]] | None = None

    def catalogs(self) -> list[str]:
        """All catalogs."""
        sql = "SELECT database_name FROM duckdb_databases() WHERE starts_with(database_name, ?)"
        found = [logical(row[0]) for row in self._run.fetch(sql, [_PREFIX])]
        return sorted([*found, SYSTEM])

    def schemas(self, catalog: str | None = None) -> list[tuple[str, str]]:
        """(schema, catalog) of one catalog or of all; DuckDB's own `main` is none of them."""
        sql = (
            "SELECT DISTINCT schema_name, database_name FROM duckdb_schemas() "
            "WHERE starts_with(database_name, ?)"
        )
        found = [
            (schema, logical(database))
            for schema, database in self._run.fetch(sql, [_PREFIX])
            if schema not in _HIDDEN
        ]
        found += [(information_schema.SCHEMA, name) for name in self.catalogs()]
        found.sort(key=lambda row: (row[1], row[0]))
        return [row for row in found if catalog is None or row[1] == catalog.lower()]

    def exists(self, catalog: str, schema: str | None = None) -> bool:
        """Whether there is such a catalog, or such a schema in it."""
        if schema is None:
            return catalog.lower() in self.catalogs()
        return (schema.lower(), catalog.lower()) in self.schemas(catalog)

    def relations(self, catalog: str | None = None) -> list[Listed]:
        """All tables and views, or those of one catalog."""
        found = [
            Listed(logical(database), *rest) for database, *rest in self._run.fetch(_RELATIONS)
        ]
        for name in self.catalogs():
            found += [
                Listed(name, information_schema.SCHEMA, relation, "VIEW")
                for relation in information_schema.relations()
            ]
        found.sort(key=lambda listed: listed.key)
        return [listed for listed in found if catalog in (None, listed.catalog)]

    def find(self, key: TableKey) -> Listed | None:
        """The table or view of this full name."""
        return next((listed for listed in self.relations(key[0]) if listed.key == key), None)

    def columns(self, listed: Listed) -> list[ListedColumn]:
        """The columns of a table or view."""
        known = self._declarations.of(listed.key)
        if listed.schema == information_schema.SCHEMA:
            columns = information_schema.columns(listed.name, self._run.zone)
        else:
            parts = (physical(listed.catalog), listed.schema, listed.name)
            quoted = ".".join('"' + part.replace('"', '""') + '"' for part in parts)
            sql = f"SELECT * FROM {quoted}"  # noqa: S608
            columns = self._run.columns(sql, known.marks)
        found = []
        for position, column in enumerate(columns, 1):
            key = (physical(listed.catalog), listed.schema, listed.name, column.name)
            nullable, default = self._detail(key)
            comment = known.column_comments.get(column.name.lower())
            found.append(
                ListedColumn(column.name, column.type, position, nullable, default, comment)
            )
        return found

    def _detail(self, key: tuple[str, ...]) -> tuple[bool, str | None]:
        if self._details is None:
            rows = self._run.fetch(
                "SELECT database_name, schema_name, table_name, column_name, is_nullable, "
                "column_default FROM duckdb_columns() WHERE NOT is_nullable "
                "OR column_default IS NOT NULL"
            )
            self._details = {tuple(row[:4]): (bool(row[4]), row[5]) for row in rows}
        return self._details.get(key, (True, None))
