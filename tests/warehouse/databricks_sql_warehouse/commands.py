"""Statements that DuckDB does not run: USE, SET, SHOW, DESCRIBE and a few that do nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from sqlglot import exp

from . import catalog
from .data_types import STRING, Column
from .engine import Outcome, rows_outcome
from .engine_errors import from_duckdb
from .errors import StatementError, sql_error
from .tables import NAME as _NAME
from .tables import name_parts
from .transactions import no_transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from .engine import Engine, Run
    from .sessions import Session

_PATH = rf"{_NAME}(?:\s*\.\s*{_NAME})*"


def execute(statement: str, session: Session, run: Run, engine: Engine) -> Outcome | None:
    """The outcome of a command, or None when the statement is none."""
    text = re.sub(r"(?s)^(\s+|--[^\n]*\n|/\*.*?\*/)+", "", statement).rstrip("; \t\r\n")
    for pattern, command in _COMMANDS:
        if match := pattern.fullmatch(text):
            try:
                return command(match, session, run, engine)
            except duckdb.Error as error:
                raise from_duckdb(error, statement, []) from error
    return None


def _use(match: re.Match[str], session: Session, run: Run, _: Engine) -> Outcome:
    names = name_parts(match["name"])
    what = match["what"].strip().upper()
    if what.startswith("CATALOG"):
        wanted, schema = names[0], None
    elif len(names) == 2:
        wanted, schema = names
    else:
        wanted, schema = session.catalog, names[0]
    if not catalog.exists(run, wanted, schema):
        shown = ".".join(f"`{name}`" for name in names)
        if schema is None:
            text = f"The catalog {shown} cannot be found. Verify the spelling of the catalog."
            raise sql_error("NO_SUCH_CATALOG_EXCEPTION", text, "42704")
        raise sql_error(
            "SCHEMA_NOT_FOUND",
            f"The schema {shown} cannot be found. Verify the spelling and correctness of the "
            "schema and catalog.",
            "42704",
        )
    session.use(wanted, schema)
    session.changed()
    return Outcome([], None)


def _set_autocommit(match: re.Match[str], session: Session, _: Run, engine: Engine) -> Outcome:
    off = match["value"].upper() == "FALSE"
    if off and session.transaction is None:
        session.transaction = engine.transaction()
    elif not off and session.transaction is not None:
        session.transaction.commit(needed=False)
        session.transaction = None
    session.changed()
    return _show_autocommit(match, session, _, engine)


def _show_autocommit(_: re.Match[str], session: Session, __: Run, ___: Engine) -> Outcome:
    return _pairs([("AUTOCOMMIT", "true" if session.transaction is None else "false")])


def _commit(_: re.Match[str], session: Session, __: Run, ___: Engine) -> Outcome:
    if session.transaction is None:
        raise no_transaction()
    session.transaction.commit()
    session.changed()
    return Outcome([], None)


def _rollback(_: re.Match[str], session: Session, __: Run, ___: Engine) -> Outcome:
    if session.transaction is not None:
        session.transaction.rollback()
    session.changed()
    return Outcome([], None)


def _set(match: re.Match[str], session: Session, _: Run, __: Engine) -> Outcome:
    name = (match["name"] or "TIMEZONE").upper()
    value = match["value"].strip().strip("'\"")
    try:
        session.configure(name, value)
    except ValueError as error:
        raise StatementError(str(error), "22022") from error
    session.changed()
    return _pairs([(name, value)])


def _show_conf(match: re.Match[str], session: Session, _: Run, __: Engine) -> Outcome:
    confs = {"TIMEZONE": session.zone, "ANSI_MODE": "true", **session.confs}
    if match["name"] is None:
        return _pairs(sorted(confs.items()))
    name = match["name"].upper()
    return _pairs([(name, confs.get(name, "<undefined>"))])


def _pairs(rows: list[tuple[str, str]]) -> Outcome:
    return rows_outcome([Column("key", STRING), Column("value", STRING)], rows)


def _create_catalog(match: re.Match[str], _: Session, __: Run, engine: Engine) -> Outcome:
    engine.create_catalog(name_parts(match["name"])[0])
    return Outcome([], None)


def _drop_catalog(match: re.Match[str], _: Session, __: Run, engine: Engine) -> Outcome:
    engine.drop_catalog(name_parts(match["name"])[0])
    return Outcome([], None)


def _nothing(*_: Any) -> Outcome:
    return Outcome([], None)


def _describe(match: re.Match[str], session: Session, run: Run, engine: Engine) -> Outcome:
    if match["query"]:
        return catalog.describe(run, match["query"], session, engine)
    parts = [exp.to_identifier(name, quoted=True) for name in name_parts(match["name"])]
    levels = zip(("this", "db", "catalog"), reversed(parts), strict=False)
    query = exp.select("*").from_(exp.Table(**dict(levels)))
    return catalog.describe(run, query.sql(dialect="databricks"), session, engine)


def _explain(match: re.Match[str], session: Session, run: Run, engine: Engine) -> Outcome:
    catalog.describe(run, match["query"], session, engine)
    shown = sqlglot.transpile(match["query"], read="databricks", write="databricks", pretty=True)
    return rows_outcome([Column("plan", STRING)], [(f"== Physical Plan ==\n{shown[0]}",)])


def _show_catalogs(match: re.Match[str], _: Session, run: Run, __: Engine) -> Outcome:
    names = [name for name in catalog.catalogs(run) if catalog.like(name, match["like"])]
    return rows_outcome([Column("catalog", STRING)], [(name,) for name in names])


def _show_schemas(match: re.Match[str], session: Session, run: Run, _: Engine) -> Outcome:
    everywhere = match["all"] is not None
    wanted = name_parts(match["name"])[0] if match["name"] else session.catalog
    rows = [
        row
        for row in catalog.schemas(run, None if everywhere else wanted)
        if catalog.like(row[0], match["like"])
    ]
    columns = [Column("databaseName", STRING), Column("catalog", STRING)]
    return rows_outcome(columns if everywhere else columns[:1], rows)


_LIKE = r"(?:\s+(?:LIKE\s+)?'(?P<like>(?:[^']|'')*)')?"


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)


_ALL = r"(?P<all> (?:IN|FROM) ALL CATALOGS)"
_IN_CATALOG = rf"(?: (?:IN|FROM) CATALOG (?P<catalog>{_NAME}))"

_COMMANDS: list[tuple[re.Pattern[str], Callable[..., Outcome]]] = [
    (_compiled(rf"USE(?P<what> CATALOG| SCHEMA| DATABASE|) (?P<name>{_PATH})"), _use),
    (_compiled(r"SET AUTOCOMMIT\s*=?\s*(?P<value>TRUE|FALSE)"), _set_autocommit),
    (_compiled(r"SET AUTOCOMMIT"), _show_autocommit),
    (_compiled(r"COMMIT(?: TRANSACTION| WORK)?"), _commit),
    (_compiled(r"ROLLBACK(?: TRANSACTION| WORK)?"), _rollback),
    (_compiled(r"SET TIME ZONE (?P<name>(?!))?(?P<value>.+)"), _set),
    (_compiled(r"SET (?P<name>[\w.]+)\s*=(?P<value>.*)"), _set),
    (_compiled(r"SET(?: (?P<name>[\w.]+))?"), _show_conf),
    (_compiled(rf"CREATE CATALOG (?:IF NOT EXISTS )?(?P<name>{_NAME})"), _create_catalog),
    (_compiled(rf"DROP CATALOG (?:IF EXISTS )?(?P<name>{_NAME})(?: CASCADE)?"), _drop_catalog),
    (_compiled(rf"(?:OPTIMIZE|VACUUM|REFRESH TABLE|ANALYZE TABLE) {_PATH}.*"), _nothing),
    (
        _compiled(
            rf"DESC(?:RIBE)? (?:QUERY (?P<query>.+)|(?:TABLE )?(?:EXTENDED )?(?P<name>{_PATH}))"
        ),
        _describe,
    ),
    (_compiled(r"EXPLAIN (?:EXTENDED )?(?P<query>.+)"), _explain),
    (_compiled(rf"SHOW CATALOGS{_LIKE}"), _show_catalogs),
    (
        _compiled(rf"SHOW (?:SCHEMAS|DATABASES)(?:{_ALL}| (?:IN|FROM) (?P<name>{_NAME}))?{_LIKE}"),
        _show_schemas,
    ),
    (
        _compiled(
            rf"SHOW TABLES(?:{_ALL}|{_IN_CATALOG})"
            rf"(?: SCHEMA LIKE '(?P<schema_like>[^']*)')?{_LIKE}"
        ),
        catalog.show_tables_wide,
    ),
    (
        _compiled(rf"SHOW TABLES(?: (?:IN|FROM) (?P<name>{_PATH}))?{_LIKE}"),
        catalog.show_tables,
    ),
    (
        _compiled(
            rf"SHOW COLUMNS(?:{_ALL}|{_IN_CATALOG})"
            rf"(?: SCHEMA LIKE '(?P<schema_like>[^']*)')?"
            rf"(?: TABLE LIKE '(?P<table_like>[^']*)')?{_LIKE}"
        ),
        catalog.show_columns_wide,
    ),
]
