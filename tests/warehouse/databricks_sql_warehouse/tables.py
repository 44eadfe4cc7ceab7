"""Names of tables: three levels on Databricks, attached databases in DuckDB."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from .errors import Position

if TYPE_CHECKING:
    from .sessions import Session

NAME = r"(?:`(?:[^`]|``)*`|[\w-]+)"


def name_parts(text: str) -> list[str]:
    """The parts of a dotted name, without back-ticks."""
    return [
        part[1:-1].replace("``", "`") if part.startswith("`") else part
        for part in re.findall(NAME, text)
    ]


@dataclass(frozen=True)
class Reference:
    """A table as the statement names it, and where."""

    name: str
    shown: str
    position: Position | None


TEMPORARY = "<temporary>"
_TEMPORARY_DATABASE = "temporary_views"


def physical(catalog: str) -> str:
    """The DuckDB database of a catalog: DuckDB reserves the name `main`."""
    if catalog == TEMPORARY:
        return _TEMPORARY_DATABASE
    return f"uc_{catalog.lower()}"


def logical(database: str) -> str:
    """The catalog of a DuckDB database."""
    return database.removeprefix("uc_")


def full_name(names: list[str], session: Session) -> tuple[str, str, str]:
    """The full name of a table that is named in up to three levels, lower case."""
    levels = [session.catalog, session.schema]
    whole = [*levels[: 3 - len(names)], *names[-3:]]
    return whole[0].lower(), whole[1].lower(), whole[2].lower()


def key(table: exp.Table, session: Session) -> tuple[str, str, str]:
    """The full name of a table, lower case; a temporary view of the session goes first."""
    if not table.db and table.name.lower() in session.temporary:
        return temporary_key(table.name, session)
    catalog = table.catalog or session.catalog
    schema = table.db or session.schema
    return catalog.lower(), schema.lower(), table.name.lower()


def temporary_key(name: str, session: Session) -> tuple[str, str, str]:
    """The full name of a temporary view."""
    return TEMPORARY, f"session_{session.id}", name.lower()


def qualify(tree: exp.Expr, session: Session) -> list[Reference]:
    """Give each table below `tree` its DuckDB name and tell how it was named."""
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    references = []
    for table in list(tree.find_all(exp.Table)):
        if table.meta.get("ready"):
            continue
        if isinstance(table.this, exp.Func):
            _name_function(table)
        elif isinstance(table.this, exp.Identifier):
            if table.db or table.name.lower() not in ctes:
                references.append(_reference(table))
                _set_name(table, *key(table, session))
        elif table.args.get("db"):
            catalog = table.catalog or session.catalog
            table.set("catalog", exp.to_identifier(physical(catalog), quoted=True))
    for column in tree.find_all(exp.Column):
        column.set("catalog", None)
        column.set("db", None)
    return references


def _set_name(table: exp.Table, catalog: str, schema: str, name: str) -> None:
    table.set("catalog", exp.to_identifier(physical(catalog), quoted=True))
    table.set("db", exp.to_identifier(schema, quoted=True))
    table.set("this", exp.to_identifier(name, quoted=True))


def _name_function(table: exp.Table) -> None:
    """range() has one column named id, and takes numbers of any type."""
    function = table.this
    if function.name.lower() != "range":
        return
    for argument in function.expressions:
        if isinstance(argument, exp.Literal) and argument.is_number and not argument.is_int:
            argument.replace(exp.cast(argument.copy(), exp.DataType.Type.BIGINT))
    if table.alias_column_names:
        return
    alias = exp.to_identifier(table.alias or "range")
    table.set("alias", exp.TableAlias(this=alias, columns=[exp.to_identifier("id")]))


def _reference(table: exp.Table) -> Reference:
    shown = ".".join(f"`{part.name}`" for part in table.parts)
    return Reference(table.name.lower(), shown, position(table.parts[0]))


def position(node: exp.Expr) -> Position | None:
    """Where an identifier stands; sqlglot notes the column of its end, from 1."""
    meta = node.meta
    if "line" not in meta:
        return None
    return Position(meta["line"], meta["col"] - (meta["end"] - meta["start"]) - 1)
