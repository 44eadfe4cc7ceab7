"""Statements that DuckDB does not run: USE, SET, transactions, SHOW, DESCRIBE and some others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot

from . import describe, describe_json, show
from .command import PATH, Context, compiled
from .data_types import STRING, Column
from .declarations import Routine
from .engine import Outcome, rows_outcome
from .engine_errors import from_duckdb
from .errors import StatementError, sql_error
from .tables import NAME, full_name, name_parts
from .transactions import autocommit_in_transaction, no_transaction, not_in_transaction

if TYPE_CHECKING:
    from .command import Command
    from .transactions import Transaction

_COMMENTS = re.compile(r"(?s)^(\s+|--[^\n]*(\n|$)|/\*.*?\*/)+")


def execute(context: Context) -> Outcome | None:
    """The outcome of a command, or None when the statement is none."""
    text = _COMMENTS.sub("", context.statement).rstrip("; \t\r\n")
    for pattern, command, in_transaction in _COMMANDS:
        if match := pattern.fullmatch(text):
            transaction = context.session.transaction
            if transaction is not None and transaction.active and not in_transaction:
                raise not_in_transaction(" ".join(text.split()[:2]).upper())
            try:
                return command(match, context)
            except duckdb.Error as error:
                raise from_duckdb(error, context.statement, []) from error
    return None


def ends_transaction(statement: str, transaction: Transaction) -> bool:
    """Whether a statement may follow a failure: ROLLBACK, and COMMIT that tells of a conflict."""
    text = _COMMENTS.sub("", statement).rstrip("; \t\r\n")
    commits = transaction.conflict is not None and _COMMIT.fullmatch(text) is not None
    return commits or _ROLLBACK.fullmatch(text) is not None


def _use(match: re.Match[str], context: Context) -> Outcome:
    names, session = name_parts(match["name"]), context.session
    if match["what"].strip().upper().startswith("CATALOG"):
        wanted, schema = names[0], None
    elif len(names) == 2:
        wanted, schema = names
    else:
        wanted, schema = session.catalog, names[0]
    if not context.catalog.exists(wanted, schema):
        raise describe.missing(names, is_catalog=schema is None)
    session.use(wanted, schema)
    session.changed()
    return Outcome([], None)


def _set_autocommit(match: re.Match[str], context: Context) -> Outcome:
    session = context.session
    off = match["value"].upper() == "FALSE"
    if session.transaction is not None and session.transaction.active:
        raise autocommit_in_transaction()
    if off and session.transaction is None:
        session.transaction = context.engine.transaction()
    elif not off:
        session.transaction = None
    session.changed()
    return _show_autocommit(match, context)


def _show_autocommit(_: re.Match[str], context: Context) -> Outcome:
    off = context.session.transaction is not None and not context.session.transaction.single
    return _pairs([("AUTOCOMMIT", "false" if off else "true")])


def _begin(_: re.Match[str], context: Context) -> Outcome:
    session = context.session
    if session.transaction is not None and session.transaction.active:
        raise not_in_transaction("BEGIN TRANSACTION", "NESTED_TRANSACTION")
    if session.transaction is None:
        session.transaction = context.engine.transaction(single=True)
    session.transaction.begin()
    session.changed()
    return Outcome([], None)


def _commit(_: re.Match[str], context: Context) -> Outcome:
    session = context.session
    if session.transaction is None:
        raise no_transaction()
    session.transaction.commit()
    _end_single(context)
    return Outcome([], None)


def _rollback(_: re.Match[str], context: Context) -> Outcome:
    if context.session.transaction is not None:
        context.session.transaction.rollback()
    _end_single(context)
    return Outcome([], None)


def _end_single(context: Context) -> None:
    session = context.session
    if session.transaction is not None and session.transaction.single:
        session.transaction = None
    session.changed()


def _set(match: re.Match[str], context: Context) -> Outcome:
    name = match["name"] or "TIMEZONE"
    value = match["value"].strip().strip("'\"")
    try:
        context.session.configure(name, value)
    except ValueError as error:
        raise StatementError(str(error), "22022") from error
    context.session.changed()
    return _pairs([(name, context.session.confs[name.upper()])])


def _reset(match: re.Match[str], context: Context) -> Outcome:
    context.session.reset(match["name"])
    context.session.changed()
    return Outcome([], None)


def _show_conf(match: re.Match[str], context: Context) -> Outcome:
    name = match["name"]
    confs = context.session.all_confs()
    if name is None:
        return _pairs(sorted(confs.items()))
    return _pairs([(name, confs.get(name.upper(), "<undefined>"))])


def _pairs(rows: list[tuple[str, str]]) -> Outcome:
    return rows_outcome([Column("key", STRING), Column("value", STRING)], rows)


def _create_catalog(match: re.Match[str], context: Context) -> Outcome:
    name = name_parts(match["name"])[0]
    if context.catalog.exists(name):
        if not match["exists"]:
            raise sql_error(
                "CATALOG_ALREADY_EXISTS",
                f"Cannot create catalog `{name}` because it already exists.\nChoose a different "
                "name, or add the IF NOT EXISTS clause to tolerate pre-existing catalogs.",
                "42710",
            )
        return Outcome([], None)
    context.engine.create_catalog(name)
    return Outcome([], None)


def _drop_catalog(match: re.Match[str], context: Context) -> Outcome:
    name = name_parts(match["name"])[0]
    if not context.catalog.exists(name):
        if not match["exists"]:
            raise describe.missing([name], is_catalog=True)
        return Outcome([], None)
    context.engine.drop_catalog(name)
    context.declarations.drop_schema(name.lower())
    return Outcome([], None)


def _create_procedure(match: re.Match[str], context: Context) -> Outcome:
    key = full_name(name_parts(match["name"]), context.session)
    if key in context.declarations.routines and not match["replace"]:
        shown = ".".join(f"`{part}`" for part in key)
        raise sql_error(
            "ROUTINE_ALREADY_EXISTS",
            f"Cannot create the PROCEDURE {shown} because a PROCEDURE of that name already "
            "exists.\nChoose a different name, drop or replace the existing PROCEDURE, or add the "
            "IF NOT EXISTS clause to tolerate a pre-existing PROCEDURE.",
            "42723",
        )
    comment = re.search(r"(?i)\bCOMMENT\s+'((?:[^']|'')*)'", match["rest"])
    routine = Routine("PROCEDURE", comment[1] if comment else None, [], None, match["rest"].strip())
    context.declarations.routines[key] = routine
    return Outcome([], None)


def _drop_procedure(match: re.Match[str], context: Context) -> Outcome:
    key = full_name(name_parts(match["name"]), context.session)
    if context.declarations.routines.pop(key, None) is None and not match["exists"]:
        raise describe.missing_routine(name_parts(match["name"]))
    return Outcome([], None)


def _nothing(*_: Any) -> Outcome:
    return Outcome([], None)


def _explain(match: re.Match[str], context: Context) -> Outcome:
    describe.query_columns(match["query"], context)
    shown = sqlglot.transpile(match["query"], read="databricks", write="databricks", pretty=True)
    return rows_outcome([Column("plan", STRING)], [(f"== Physical Plan ==\n{shown[0]}",)])


_WORD = r"(?: TRANSACTION| WORK)?"
_COMMIT = compiled(rf"COMMIT{_WORD}")
_ROLLBACK = compiled(rf"ROLLBACK{_WORD}")

_COMMANDS: list[tuple[re.Pattern[str], Command, bool]] = [
    (compiled(rf"USE(?P<what> CATALOG| SCHEMA| DATABASE|) (?P<name>{PATH})"), _use, True),
    (compiled(r"SET AUTOCOMMIT\s*=?\s*(?P<value>TRUE|FALSE)"), _set_autocommit, True),
    (compiled(r"SET AUTOCOMMIT"), _show_autocommit, True),
    (compiled(r"BEGIN (?:TRANSACTION|WORK)|START TRANSACTION"), _begin, True),
    (_COMMIT, _commit, True),
    (_ROLLBACK, _rollback, True),
    (compiled(r"SET TIME ZONE (?P<name>(?!))?(?P<value>.+)"), _set, True),
    (compiled(r"SET (?P<name>[\w.]+)\s*=(?P<value>.*)"), _set, True),
    (compiled(r"SET(?: (?P<name>[\w.]+))?"), _show_conf, True),
    (compiled(r"RESET(?: (?P<name>[\w.]+))?"), _reset, True),
    (
        compiled(
            rf"CREATE CATALOG (?P<exists>IF NOT EXISTS )?(?P<name>{NAME})(?: COMMENT '[^']*')?"
        ),
        _create_catalog,
        False,
    ),
    (
        compiled(rf"DROP CATALOG (?P<exists>IF EXISTS )?(?P<name>{NAME})(?: CASCADE| RESTRICT)?"),
        _drop_catalog,
        False,
    ),
    (
        compiled(
            rf"CREATE (?P<replace>OR REPLACE )?PROCEDURE (?:IF NOT EXISTS )?"
            rf"(?P<name>{PATH})\s*(?P<rest>\(.*)"
        ),
        _create_procedure,
        False,
    ),
    (
        compiled(rf"DROP PROCEDURE (?P<exists>IF EXISTS )?(?P<name>{PATH})"),
        _drop_procedure,
        False,
    ),
    (
        compiled(rf"(?:OPTIMIZE|VACUUM|REFRESH TABLE|ANALYZE TABLE|GRANT|REVOKE) {PATH}.*"),
        _nothing,
        False,
    ),
    *describe_json.COMMANDS,
    *describe.COMMANDS,
    (compiled(r"EXPLAIN (?:EXTENDED |FORMATTED )?(?P<query>.+)"), _explain, True),
    *show.COMMANDS,
]
