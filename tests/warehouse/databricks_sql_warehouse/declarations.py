"""What the service knows of tables and routines and DuckDB does not keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlglot import exp

    from .type_lineage import Marks

TableKey = tuple[str, str, str]


@dataclass
class Key:
    """A primary key, or a foreign key with the columns of its parent."""

    name: str
    columns: list[str]
    parent: TableKey | None = None
    parent_columns: list[str] = field(default_factory=list)


@dataclass
class Table:
    """A table or view as it was defined; `columns` are those that the definition lists."""

    columns: dict[str, exp.DataType] = field(default_factory=dict)
    marks: Marks = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    comment: str | None = None
    column_comments: dict[str, str] = field(default_factory=dict)
    primary_key: Key | None = None
    foreign_keys: list[Key] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    query: str | None = None
    created: datetime = field(default_factory=lambda: datetime.now(timezone.utc))


@dataclass
class Routine:
    """A function or procedure that a user made."""

    kind: str
    comment: str | None
    parameters: list[tuple[str, str]]
    returns: str | None
    body: str


class Declarations:
    """Tables, routines and schema comments by their full names in lower case."""

    def __init__(self) -> None:
        self.tables: dict[TableKey, Table] = {}
        self.routines: dict[TableKey, Routine] = {}
        self.schema_comments: dict[tuple[str, str], str] = {}
        self.volume_names: Callable[[str, str], list[str]] = lambda *_: []

    def of(self, table: TableKey) -> Table:
        """What is known of a table; nothing of one that was never declared."""
        return self.tables.get(table) or Table(created=_NEVER)

    def changed(self, table: TableKey) -> Table:
        """What is known of a table, to be changed."""
        return self.tables.setdefault(table, Table())

    def primary_key(self, table: TableKey) -> list[str]:
        """The columns of the primary key of a table."""
        key = self.of(table).primary_key
        return key.columns if key else []

    def drop_schema(self, catalog: str, schema: str | None = None) -> None:
        """Forget all of a schema, or of a catalog."""
        for known in (self.tables, self.routines):
            for key in [
                key for key in list(known) if key[0] == catalog and schema in (None, key[1])
            ]:
                known.pop(key)

    def rename(self, old: TableKey, new: TableKey) -> None:
        """Give a table another name, also where foreign keys name it."""
        if old in self.tables:
            self.tables[new] = self.tables.pop(old)
        for table in list(self.tables.values()):
            for key in table.foreign_keys:
                if key.parent == old:
                    key.parent = new


_NEVER = datetime.fromtimestamp(0, timezone.utc)
