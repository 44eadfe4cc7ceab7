"""DESCRIBE of queries, tables, schemas, catalogs and functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .catalog import Listed
from .command import PATH, Context, compiled
from .data_types import STRING, Column
from .engine import rows_outcome
from .engine_errors import missing_table
from .errors import sql_error
from .functions import USER
from .information_rows import fill
from .tables import full_name, name_parts, temporary_key
from .translate import translate

if TYPE_CHECKING:
    import re

    from .command import Command
    from .engine import Outcome

    Rows = list[tuple[str, str, str | None]]

_COLUMNS = [
    Column("col_name", STRING, nullable=False),
    Column("data_type", STRING, nullable=False),
    Column("comment", STRING),
]
_PROVIDER = "delta"


def missing(names: list[str], *, is_catalog: bool) -> Exception:
    """A catalog or schema that does not exist."""
    shown = ".".join(f"`{name}`" for name in names)
    if is_catalog:
        return sql_error(
            "NO_SUCH_CATALOG_EXCEPTION",
            f"Catalog {shown} was not found. Please verify the catalog name and then retry the "
            "query or command again.",
            "42704",
        )
    return sql_error(
        "SCHEMA_NOT_FOUND",
        f"The schema {shown} cannot be found. Verify the spelling and correctness of the "
        "schema and catalog.",
        "42704",
    )


def missing_routine(names: list[str]) -> Exception:
    """A function or procedure that does not exist."""
    shown = ".".join(f"`{name}`" for name in names)
    return sql_error(
        "ROUTINE_NOT_FOUND",
        f"The routine {shown} cannot be found. Verify the spelling and correctness of the schema "
        "and catalog.",
        "42883",
    )


def find_relation(names: list[str], context: Context) -> Listed:
    """The table or view that a command names."""
    if len(names) == 1 and names[0].lower() in context.session.temporary:
        return Listed(*temporary_key(names[0], context.session), "VIEW")
    listed = context.catalog.find(full_name(names, context.session))
    if listed is None:
        raise missing_table(names, context.statement)
    return listed


def query_columns(query: str, context: Context) -> list[Column]:
    """The columns that a query has."""
    plan = translate(query, [], context.session, context.declarations, context.settings, token="")
    fill(context.run, plan.relations, context.declarations)
    return context.run.described(query, plan)


def _query(match: re.Match[str], context: Context) -> Outcome:
    columns = query_columns(match["query"], context)
    return rows_outcome(
        _COLUMNS, [(column.name, column.type.text.lower(), None) for column in columns]
    )


def _table(match: re.Match[str], context: Context) -> Outcome:
    return rows_outcome(_COLUMNS, _table_rows(match, context))


def _table_rows(match: re.Match[str], context: Context) -> Rows:
    listed = find_relation(name_parts(match["name"]), context)
    columns = context.catalog.columns(listed)
    return [(column.name, column.type.text.lower(), column.comment) for column in columns]


def _table_extended(match: re.Match[str], context: Context) -> Outcome:
    listed = find_relation(name_parts(match["name"]), context)
    known = context.declarations.of(listed.key)
    created = known.created.strftime("%a %b %d %H:%M:%S UTC %Y")
    rows: Rows = [*_table_rows(match, context), ("", "", "")]
    rows.append(("# Detailed Table Information", "", ""))
    rows += [("Catalog", listed.catalog, ""), ("Database", listed.schema, "")]
    rows += [("Table", listed.name, ""), ("Created Time", created, "")]
    rows += [("Last Access", "UNKNOWN", ""), ("Created By", "Spark ", "")]
    if listed.kind == "VIEW":
        rows += [("Type", "VIEW", ""), ("View Text", known.query or "", "")]
    else:
        rows += [("Type", "MANAGED", "")]
    if known.comment:
        rows.append(("Comment", known.comment, ""))
    rows.append(("Owner", USER, ""))
    if listed.kind != "VIEW":
        shown = ",".join(f"{name}={value}" for name, value in sorted(known.properties.items()))
        rows += [("Provider", _PROVIDER, ""), ("Table Properties", f"[{shown}]", "")]
    keys = [key for key in [known.primary_key, *known.foreign_keys] if key]
    if keys:
        rows += [("", "", ""), ("# Constraints", "", "")]
    for key in keys:
        text = ", ".join(f"`{column}`" for column in key.columns)
        if key.parent:
            parent = ".".join(f"`{part}`" for part in key.parent)
            to = ", ".join(f"`{column}`" for column in key.parent_columns)
            rows.append((key.name, f"FOREIGN KEY ({text}) REFERENCES {parent} ({to})", ""))
        else:
            rows.append((key.name, f"PRIMARY KEY ({text})", ""))
    return rows_outcome(_COLUMNS, rows)


def _pairs(first: str, second: str, rows: list[tuple[str, str]]) -> Outcome:
    return rows_outcome([Column(first, STRING), Column(second, STRING)], rows)


def _schema(match: re.Match[str], context: Context) -> Outcome:
    catalog, schema, _ = full_name([*name_parts(match["name"]), ""], context.session)
    if not context.catalog.exists(catalog, schema):
        raise missing([catalog, schema], is_catalog=False)
    comment = context.declarations.schema_comments.get((catalog, schema), "")
    rows = [("Catalog Name", catalog), ("Namespace Name", schema), ("Comment", comment)]
    rows += [("Location", ""), ("Owner", USER)]
    if match["extended"]:
        rows.append(("Properties", ""))
    return _pairs("database_description_item", "database_description_value", rows)


def _catalog(match: re.Match[str], context: Context) -> Outcome:
    name = name_parts(match["name"])[0]
    if not context.catalog.exists(name):
        raise missing([name], is_catalog=True)
    rows = [("Catalog Name", name.lower()), ("Comment", ""), ("Owner", USER)]
    if match["extended"]:
        rows.append(("Catalog Type", "Regular"))
    return _pairs("info_name", "info_value", rows)


def _function(match: re.Match[str], context: Context) -> Outcome:
    names = name_parts(match["name"])
    key = full_name(names, context.session)
    routine = context.declarations.routines.get(key)
    if routine is None:
        raise missing_routine(names)
    inputs = ", ".join(f"{name} {kind}" for name, kind in routine.parameters) or "()"
    rows = [
        (f"Function: {'.'.join(key)}",),
        ("Type:     SCALAR",),
        (f"Input:    {inputs}",),
        (f"Returns:  {routine.returns}",),
    ]
    if routine.comment:
        rows.append((f"Comment:  {routine.comment}",))
    return rows_outcome([Column("function_desc", STRING)], rows)


_DESC = r"DESC(?:RIBE)? "
_EXTENDED = r"(?P<extended>EXTENDED )?"

COMMANDS: list[tuple[re.Pattern[str], Command, bool]] = [
    (compiled(rf"{_DESC}QUERY (?P<query>.+)"), _query, True),
    (compiled(rf"{_DESC}(?P<query>(?:SELECT|WITH|VALUES)\b.+)"), _query, True),
    (compiled(rf"{_DESC}(?:SCHEMA|DATABASE) {_EXTENDED}(?P<name>{PATH})"), _schema, False),
    (compiled(rf"{_DESC}CATALOG {_EXTENDED}(?P<name>{PATH})"), _catalog, False),
    (compiled(rf"{_DESC}FUNCTION {_EXTENDED}(?P<name>{PATH})"), _function, False),
    (
        compiled(rf"{_DESC}(?:TABLE )?(?:EXTENDED|FORMATTED) (?P<name>{PATH})"),
        _table_extended,
        False,
    ),
    (compiled(rf"{_DESC}(?:TABLE )?(?P<name>{PATH})"), _table, True),
]
