"""SHOW in the forms of people and in those that drivers send for their metadata calls."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlglot import Dialect

from . import information_rows
from .catalog import like
from .command import LIKE, PATH, Context, compiled
from .data_types import BOOLEAN, INT, STRING, Column
from .describe import find_relation, missing
from .engine import rows_outcome
from .errors import syntax_error_at
from .tables import NAME, full_name, name_parts

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from .catalog import Listed, ListedColumn
    from .command import Command
    from .data_types import DataType
    from .declarations import TableKey
    from .engine import Outcome

_SIZES = {
    "BOOLEAN": 1, "BYTE": 3, "SHORT": 5, "INT": 10, "LONG": 19, "FLOAT": 7, "DOUBLE": 15,
    "DATE": 10, "TIMESTAMP": 29, "TIMESTAMP_NTZ": 29, "STRING": 255, "BINARY": 32767,
}  # fmt: skip
_NUMBERS = ("BYTE", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE", "DECIMAL")
_LEGACY = "hive_metastore"  # knows no kinds of tables
_NO_ACTION = 3
_NOT_DEFERRABLE = 7


_MAY_BE_NULL = (
    "information",
    "remarks",
    "columnSize",
    "decimalDigits",
    "radix",
    "parentColName",
    "pkName",
)


def _texts(names: str) -> list[Column]:
    return [Column(name, STRING, nullable=name in _MAY_BE_NULL) for name in names.split()]


def _with_type(column: Column, kind: DataType) -> Column:
    return replace(column, type=kind)


def _catalogs(match: re.Match[str], context: Context) -> Outcome:
    names = [name for name in context.catalog.catalogs() if like(name, match["like"])]
    return rows_outcome(_texts("catalog"), [(name,) for name in names])


def _schemas(match: re.Match[str], context: Context) -> Outcome:
    everywhere = match["all"] is not None
    _check_all(match, context)
    wanted = name_parts(match["name"])[0] if match["name"] else context.session.catalog
    if not everywhere and not context.catalog.exists(wanted):
        raise missing([wanted], is_catalog=True)
    rows = [
        row
        for row in context.catalog.schemas(None if everywhere else wanted)
        if like(row[0], match["like"])
    ]
    columns = _texts("databaseName catalog")
    if everywhere:
        return rows_outcome(columns, rows)
    return rows_outcome(columns[:1], [row[:1] for row in rows])


def _tables(match: re.Match[str], context: Context) -> Outcome:
    catalog, schema = _schema(match, context)
    rows = [
        (schema, listed.name, False)
        for listed in context.catalog.relations(catalog)
        if listed.schema == schema and like(listed.name, match["like"])
    ]
    rows += [("", name, True) for name in _temporary(match, context)]
    columns = [*_texts("database tableName"), Column("isTemporary", BOOLEAN, nullable=False)]
    return rows_outcome(columns, rows)


def _views(match: re.Match[str], context: Context) -> Outcome:
    catalog, schema = _schema(match, context)
    rows = [
        (schema, listed.name, False, False)
        for listed in context.catalog.relations(catalog)
        if (listed.schema, listed.kind) == (schema, "VIEW") and like(listed.name, match["like"])
    ]
    rows += [("", name, True, False) for name in _temporary(match, context)]
    flags = [Column(name, BOOLEAN, nullable=False) for name in ("isTemporary", "isMaterialized")]
    return rows_outcome([*_texts("namespace viewName"), *flags], rows)


def _temporary(match: re.Match[str], context: Context) -> list[str]:
    return [name for name in sorted(context.session.temporary) if like(name, match["like"])]


def _schema(match: re.Match[str], context: Context) -> tuple[str, str]:
    names = [name.lower() for name in name_parts(match["name"] or "")]
    catalog = names[0] if len(names) == 2 else context.session.catalog
    schema = names[-1] if names else context.session.schema
    if not context.catalog.exists(catalog, schema):
        raise missing([catalog, schema], is_catalog=False)
    return catalog, schema


def _tables_wide(match: re.Match[str], context: Context) -> Outcome:
    rows = [
        (
            listed.schema,
            listed.name,
            False,
            None,
            listed.catalog,
            "" if listed.catalog == _LEGACY else listed.kind,
            context.declarations.of(listed.key).comment,
        )
        for listed in _matching(match, context)
        if like(listed.name, match["like"])
    ]
    columns = _texts("namespace tableName isTemporary information catalogName tableType remarks")
    columns[2] = _with_type(columns[2], BOOLEAN)
    return rows_outcome(columns, rows)


def _matching(match: re.Match[str], context: Context) -> Iterator[Listed]:
    _check_all(match, context)
    wanted = name_parts(match["catalog"])[0].lower() if match["catalog"] else None
    if wanted is not None and not context.catalog.exists(wanted):
        raise missing([wanted], is_catalog=True)
    for listed in context.catalog.relations(wanted):
        if like(listed.schema, match["schema_like"]):
            yield listed


def _check_all(match: re.Match[str], context: Context) -> None:
    """Old servers do not know IN ALL CATALOGS."""
    if match["all"] is not None and not context.settings.show_all_catalogs:
        raise syntax_error_at(context.statement, "ALL")


def _columns_wide(match: re.Match[str], context: Context) -> Outcome:
    rows = [
        _column_row(listed, column)
        for listed in _matching(match, context)
        if like(listed.name, match["table_like"])
        for column in context.catalog.columns(listed)
        if like(column.name, match["like"])
    ]
    columns = _texts(
        "col_name catalogName namespace tableName columnType columnSize decimalDigits radix "
        "isNullable remarks ordinalPosition isAutoIncrement isGenerated"
    )
    for position in (5, 6, 7, 10):
        columns[position] = _with_type(columns[position], INT)
    return rows_outcome(columns, rows)


def _column_row(listed: Listed, column: ListedColumn) -> tuple[Any, ...]:
    kind = column.type
    is_number = kind.name in _NUMBERS
    size = kind.precision if kind.precision is not None else _SIZES.get(kind.name)
    digits = kind.scale if kind.scale is not None else (0 if is_number else None)
    shown = "true" if column.nullable else "false"
    where = (column.name, listed.catalog, listed.schema, listed.name, kind.text)
    numbers = (size, digits, 10 if is_number else None)
    return (*where, *numbers, shown, column.comment, column.position, "NO", "NO")


def _columns(match: re.Match[str], context: Context) -> Outcome:
    names = name_parts(match["schema"] or "") + name_parts(match["name"])
    listed = find_relation(names, context)
    rows = [(column.name,) for column in context.catalog.columns(listed)]
    return rows_outcome(_texts("col_name"), rows)


def _functions(match: re.Match[str], context: Context) -> Outcome:
    kind = (match["kind"] or "ALL").strip().upper()
    catalog, schema = context.session.catalog, context.session.schema
    if match["name"]:
        catalog, schema = full_name([*name_parts(match["name"]), ""], context.session)[:2]
    made = [
        ".".join(key)
        for key, routine in context.declarations.routines.items()
        if routine.kind == "FUNCTION" and key[:2] == (catalog, schema)
    ]
    shown = {"USER": made, "SYSTEM": _BUILT_IN}.get(kind, [*_BUILT_IN, *made])
    rows = [(name,) for name in sorted(shown) if like(name.split(".")[-1], match["like"])]
    return rows_outcome(_texts("function"), rows)


_BUILT_IN = sorted(name.lower() for name in Dialect["databricks"].parser_class.FUNCTIONS)


def _functions_wide(match: re.Match[str], context: Context) -> Outcome:
    _check_all(match, context)
    wanted = name_parts(match["catalog"])[0].lower() if match["catalog"] else None
    rows = [
        (*key, routine.comment, "FUNCTION", ".".join(key))
        for key, routine in sorted(context.declarations.routines.items())
        if routine.kind == "FUNCTION"
        and wanted in (None, key[0])
        and like(key[1], match["schema_like"])
        and like(key[2], match["like"])
    ]
    columns = _texts("catalogName namespace functionName remarks functionType specificName")
    return rows_outcome(columns, rows)


def _keys(match: re.Match[str], context: Context) -> Outcome:
    table = _table(match, context)
    key = context.declarations.of(table).primary_key
    rows = [
        (*table, column, position, key.name if key else None)
        for position, column in enumerate(context.declarations.primary_key(table), 1)
    ]
    columns = _texts("catalogName namespace tableName col_name keySeq constraintName")
    columns[4] = _with_type(columns[4], INT)
    return rows_outcome(columns, rows)


def _foreign_keys(match: re.Match[str], context: Context) -> Outcome:
    if not context.settings.show_foreign_keys:
        raise syntax_error_at(context.statement, "FOREIGN")
    table = _table(match, context)
    rows = []
    for owner, key in information_rows.keys(table[0], context.declarations):
        if owner != table or key.parent is None:
            continue
        primary = context.declarations.of(key.parent).primary_key
        for position, column in enumerate(key.columns):
            to = key.parent_columns[position] if position < len(key.parent_columns) else None
            tail = (key.name, primary.name if primary else None, _NOT_DEFERRABLE)
            numbers = (position + 1, _NO_ACTION, _NO_ACTION)
            rows.append((*key.parent, to, *table, column, *numbers, *tail))
    columns = _texts(
        "parentCatalogName parentNamespace parentTableName parentColName catalogName namespace "
        "tableName col_name keySeq updateRule deleteRule constraintName pkName deferrability"
    )
    for position in (8, 9, 10, 13):
        columns[position] = _with_type(columns[position], INT)
    return rows_outcome(columns, rows)


def _table(match: re.Match[str], context: Context) -> TableKey:
    names = [name_parts(match[level])[0] for level in ("catalog", "schema", "table")]
    return find_relation(names, context).key


def _properties(match: re.Match[str], context: Context) -> Outcome:
    key = find_relation(name_parts(match["name"]), context).key
    wanted = match["key"]
    known = context.declarations.of(key).properties
    if wanted is not None:
        shown = known.get(wanted, f"Table {'.'.join(key)} does not have property: {wanted}")
        return rows_outcome(_texts("key value"), [(wanted, shown)])
    return rows_outcome(_texts("key value"), sorted(known.items()))


def _create_table(match: re.Match[str], context: Context) -> Outcome:
    listed = find_relation(name_parts(match["name"]), context)
    where = ".".join(listed.key)
    known = context.declarations.of(listed.key)
    if listed.kind == "VIEW":
        text = f"CREATE VIEW {where} AS {known.query}"
    else:
        columns = context.catalog.columns(listed)
        lines = [f"  {column.name} {column.type.text}{_suffix(column)}" for column in columns]
        text = f"CREATE TABLE {where} (\n" + ",\n".join(lines) + ")\nUSING delta\n"
    return rows_outcome(_texts("createtab_stmt"), [(text,)])


def _suffix(column: ListedColumn) -> str:
    comment = f" COMMENT '{column.comment}'" if column.comment else ""
    return ("" if column.nullable else " NOT NULL") + comment


_TEXT = r"(?:[^'\\]|''|\\.)*"
_ALL = r"(?P<all> (?:IN|FROM) ALL CATALOGS)"
_IN_CATALOG = rf"(?: (?:IN|FROM) CATALOG (?P<catalog>{NAME}))"
_SCHEMA_LIKE = rf"(?: SCHEMA LIKE '(?P<schema_like>{_TEXT})')?"
_TABLE_LIKE = rf"(?: TABLE LIKE '(?P<table_like>{_TEXT})')?"
_IN = r" (?:IN|FROM) "
_OF_TABLE = (
    rf"{_IN}CATALOG (?P<catalog>{NAME}){_IN}SCHEMA (?P<schema>{NAME}){_IN}TABLE (?P<table>{NAME})"
)

COMMANDS: list[tuple[re.Pattern[str], Command, bool]] = [
    (compiled(rf"SHOW CATALOGS{LIKE}"), _catalogs, False),
    (
        compiled(rf"SHOW (?:SCHEMAS|DATABASES)(?:{_ALL}|{_IN}(?P<name>{NAME}))?{LIKE}"),
        _schemas,
        False,
    ),
    (compiled(rf"SHOW TABLES(?:{_ALL}|{_IN_CATALOG}){_SCHEMA_LIKE}{LIKE}"), _tables_wide, False),
    (compiled(rf"SHOW TABLES(?:{_IN}(?P<name>{PATH}))?{LIKE}"), _tables, False),
    (compiled(rf"SHOW VIEWS(?:{_IN}(?P<name>{PATH}))?{LIKE}"), _views, False),
    (
        compiled(rf"SHOW COLUMNS(?:{_ALL}|{_IN_CATALOG}){_SCHEMA_LIKE}{_TABLE_LIKE}{LIKE}"),
        _columns_wide,
        False,
    ),
    (
        compiled(rf"SHOW COLUMNS{_IN}(?P<name>{PATH})(?:{_IN}(?P<schema>{PATH}))?"),
        _columns,
        True,
    ),
    (
        compiled(rf"SHOW FUNCTIONS(?:{_ALL}|{_IN_CATALOG}){_SCHEMA_LIKE}{LIKE}"),
        _functions_wide,
        False,
    ),
    (
        compiled(rf"SHOW(?P<kind> USER| SYSTEM| ALL)? FUNCTIONS(?:{_IN}(?P<name>{PATH}))?{LIKE}"),
        _functions,
        False,
    ),
    (compiled(rf"SHOW KEYS{_OF_TABLE}"), _keys, False),
    (compiled(rf"SHOW FOREIGN KEYS{_OF_TABLE}"), _foreign_keys, False),
    (
        compiled(rf"SHOW TBLPROPERTIES (?P<name>{PATH})(?:\s*\(\s*'(?P<key>[^']*)'\s*\))?"),
        _properties,
        False,
    ),
    (compiled(rf"SHOW CREATE TABLE (?P<name>{PATH})"), _create_table, False),
]
