"""What SHOW and DESCRIBE list: catalogs, schemas, tables and columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .data_types import BOOLEAN, INT, STRING, Column
from .engine import rows_outcome
from .settings import Settings
from .tables import logical, name_parts, physical
from .translate import translate

if TYPE_CHECKING:
    from .engine import Engine, Outcome, Run
    from .sessions import Session

_PREFIX = physical("")
_RELATIONS = f"""
SELECT database_name, schema_name, table_name AS name, 'TABLE' AS kind
FROM duckdb_tables() WHERE NOT internal AND starts_with(database_name, '{_PREFIX}')
UNION ALL
SELECT database_name, schema_name, view_name, 'VIEW'
FROM duckdb_views() WHERE NOT internal AND starts_with(database_name, '{_PREFIX}')
ORDER BY ALL
"""  # noqa: S608
_SIZES = {
    "BOOLEAN": 1, "BYTE": 3, "SHORT": 5, "INT": 10, "LONG": 19, "FLOAT": 7, "DOUBLE": 15,
    "DATE": 10, "TIMESTAMP": 29, "TIMESTAMP_NTZ": 29, "STRING": 255, "BINARY": 32767,
}  # fmt: skip
_NUMBERS = ("BYTE", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE", "DECIMAL")


def like(name: str, pattern: str | None) -> bool:
    """Whether a name fits a Hive pattern: `*` any text, `.` any character, `|` alternatives."""
    if pattern is None:
        return True
    alternatives = pattern.replace("''", "'").split("|")
    regexes = [part.strip().replace("*", ".*") for part in alternatives]
    return any(re.fullmatch(regex, name, re.IGNORECASE) for regex in regexes)


def catalogs(run: Run) -> list[str]:
    """All catalogs."""
    sql = "SELECT database_name FROM duckdb_databases() WHERE starts_with(database_name, ?)"
    return sorted(logical(row[0]) for row in run.fetch(sql, [_PREFIX]))


def schemas(run: Run, catalog: str | None) -> list[tuple[str, str]]:
    """(schema, catalog) of one catalog or of all; DuckDB's own `main` is none of them."""
    sql = (
        "SELECT schema_name, database_name FROM duckdb_schemas() "
        "WHERE starts_with(database_name, ?) AND schema_name NOT IN ('main', 'pg_catalog') "
        "ORDER BY database_name, schema_name"
    )
    found = [(schema, logical(database)) for schema, database in run.fetch(sql, [_PREFIX])]
    return [row for row in found if catalog is None or row[1] == catalog.lower()]


def exists(run: Run, catalog: str, schema: str | None) -> bool:
    """Whether there is such a catalog, or such a schema in it."""
    if schema is None:
        return catalog.lower() in catalogs(run)
    return (schema.lower(), catalog.lower()) in schemas(run, catalog)


def relations(run: Run) -> list[tuple[str, str, str, str]]:
    """(catalog, schema, name, kind) of all tables and views."""
    return [(logical(database), *rest) for database, *rest in run.fetch(_RELATIONS)]


def show_tables(match: re.Match[str], session: Session, run: Run, _: Engine) -> Outcome:
    """SHOW TABLES [IN schema]."""
    names = name_parts(match["name"] or "")
    catalog = names[0].lower() if len(names) == 2 else session.catalog
    schema = names[-1].lower() if names else session.schema
    rows = [
        (schema, name, False)
        for in_catalog, in_schema, name, _ in relations(run)
        if (in_catalog, in_schema) == (catalog, schema) and like(name, match["like"])
    ]
    return rows_outcome(
        [Column("database", STRING), Column("tableName", STRING), Column("isTemporary", BOOLEAN)],
        rows,
    )


def show_tables_wide(match: re.Match[str], _: Session, run: Run, __: Engine) -> Outcome:
    """SHOW TABLES IN CATALOG and IN ALL CATALOGS, as metadata calls of drivers send them."""
    rows = [
        (schema, name, False, None, catalog, kind, None)
        for catalog, schema, name, kind in _matching(match, run)
        if like(name, match["like"])
    ]
    names = ("namespace", "tableName", "isTemporary", "information", "catalogName", "tableType")
    columns = [Column(name, BOOLEAN if name == "isTemporary" else STRING) for name in names]
    return rows_outcome([*columns, Column("remarks", STRING)], rows)


def show_columns_wide(match: re.Match[str], _: Session, run: Run, engine: Engine) -> Outcome:
    """SHOW COLUMNS IN CATALOG and IN ALL CATALOGS, as metadata calls of drivers send them."""
    required = set(
        run.fetch(
            "SELECT database_name, schema_name, table_name, column_name "
            "FROM duckdb_columns() WHERE NOT is_nullable"
        )
    )
    rows = []
    for catalog, schema, table, _kind in _matching(match, run):
        if not like(table, match["table_like"]):
            continue
        columns = _columns_of(run, (catalog, schema, table), engine)
        for position, column in enumerate(columns):
            if like(column.name, match["like"]):
                nullable = (physical(catalog), schema, table, column.name) not in required
                rows.append(_column_row(column, (catalog, schema, table), position, nullable))
    texts = ["col_name", "catalogName", "namespace", "tableName", "columnType"]
    return rows_outcome(
        [
            *[Column(name, STRING) for name in texts],
            *[Column(name, INT) for name in ("columnSize", "decimalDigits", "radix")],
            *[Column(name, STRING) for name in ("isNullable", "remarks")],
            Column("ordinalPosition", INT),
            *[Column(name, STRING) for name in ("isAutoIncrement", "isGenerated")],
        ],
        rows,
    )


def describe(run: Run, query: str, session: Session, engine: Engine) -> Outcome:
    """The columns of a query: name, type in lower case, comment."""
    plan = translate(query, [], session, engine.declarations, Settings(), "")
    rows = [(column.name, column.type.text.lower(), None) for column in run.described(query, plan)]
    return rows_outcome(
        [Column(name, STRING) for name in ("col_name", "data_type", "comment")], rows
    )


def _matching(match: re.Match[str], run: Run) -> list[tuple[str, str, str, str]]:
    wanted = name_parts(match["catalog"])[0].lower() if match["catalog"] else None
    return [
        row
        for row in relations(run)
        if wanted in (None, row[0]) and like(row[1], match["schema_like"])
    ]


def _columns_of(run: Run, table: tuple[str, str, str], engine: Engine) -> list[Column]:
    catalog, schema, name = table
    sql = f'SELECT * FROM "{physical(catalog)}"."{schema}"."{name}"'  # noqa: S608
    return run.columns(sql, engine.declarations.of(table))


def _column_row(
    column: Column,
    table: tuple[str, str, str],
    position: int,
    nullable: bool,  # noqa: FBT001
) -> tuple[Any, ...]:
    catalog, schema, name = table
    kind = column.type
    size = kind.precision if kind.precision is not None else _SIZES.get(kind.name)
    digits = kind.scale if kind.scale is not None else (0 if kind.name in _NUMBERS else None)
    radix = 10 if kind.name in _NUMBERS else None
    shown = "true" if nullable else "false"
    head = (column.name, catalog, schema, name, kind.text, size, digits, radix)
    return (*head, shown, None, position + 1, "NO", "NO")
