"""ALTER TABLE: what is noted of it, and what DuckDB runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from . import tables, type_lineage
from .errors import unsupported
from .table_definitions import (
    column_comments,
    column_types,
    complete_keys,
    declare_keys,
    target_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .declarations import Declarations, Table, TableKey
    from .sessions import Session


def effect(tree: exp.Alter, session: Session) -> Callable[[Declarations], None] | None:
    """What is noted once the statement has run."""
    target = target_of(tree)
    if target is None:
        return None
    name = tables.key(target, session)
    actions = list(tree.args.get("actions") or [])

    def note(known: Declarations) -> None:
        for action in actions:
            _note_action(known, name, action, session)

    return note


def _note_action(known: Declarations, name: TableKey, action: exp.Expr, session: Session) -> None:
    table = known.changed(name)
    if isinstance(action, exp.AddConstraint):
        declare_keys(table, name, action, session)
        complete_keys(known, table)
    elif isinstance(action, exp.AlterRename):
        known.rename(name, tables.key(action.this, session))
    elif isinstance(action, exp.AlterSet):
        for item in action.find_all(exp.Property):
            table.properties[item.this.name] = item.args["value"].name
    elif isinstance(action, exp.Drop):
        _note_drop(table, action)
    elif isinstance(action, exp.Command) and "PRIMARY" in action.sql().upper():
        table.primary_key = None
    else:
        _note_column(table, action)


def _note_drop(table: Table, action: exp.Drop) -> None:
    if str(action.args.get("kind")) == "CONSTRAINT":
        _drop_constraint(table, action.args["tables"][0].name.lower())
    else:
        for column in action.find_all(exp.Identifier):
            table.columns.pop(column.name.lower(), None)


def _note_column(table: Table, action: exp.Expr) -> None:
    if isinstance(action, (exp.ColumnDef, exp.Schema)):
        table.marks |= type_lineage.column_marks(exp.Schema(expressions=_columns(action)))
        table.column_comments |= column_comments(action)
        table.columns |= column_types(action) if table.columns else {}
    elif isinstance(action, exp.RenameColumn):
        _rename_column(table, action.this.name.lower(), action.args["to"].name.lower())
    elif isinstance(action, exp.AlterColumn):
        comment, allow = action.args.get("comment"), action.args.get("allow_null")
        if comment is not None:
            table.column_comments[action.name.lower()] = comment.name
        if allow is not None:
            change = table.required.discard if allow else table.required.add
            change(action.name.lower())


def _columns(action: exp.Expr) -> list[exp.Expr]:
    return [action.copy()] if isinstance(action, exp.ColumnDef) else action.copy().expressions


def _rename_column(table: Table, old: str, new: str) -> None:
    if old in table.marks:
        table.marks[new] = table.marks.pop(old)
    table.columns = {new if name == old else name: kind for name, kind in table.columns.items()}
    if old in table.required:
        table.required = table.required - {old} | {new}
    if old in table.column_comments:
        table.column_comments[new] = table.column_comments.pop(old)


def _drop_constraint(table: Table, name: str) -> None:
    if table.primary_key and table.primary_key.name == name:
        table.primary_key = None
    table.foreign_keys = [key for key in table.foreign_keys if key.name != name]


def statements(tree: exp.Alter) -> list[str]:
    """The statements that DuckDB runs for ALTER TABLE: one for each action that it knows."""
    found = []
    for action in _single(tree.args.get("actions") or []):
        if isinstance(action, exp.AddConstraint):
            if action.find(exp.CheckColumnConstraint):
                raise unsupported("ALTER TABLE ADD CONSTRAINT CHECK")
            continue
        kind = str(action.args.get("kind"))
        if isinstance(action, (exp.AlterSet, exp.Command)) or kind == "CONSTRAINT":
            continue
        text = _alteration(action)
        if text is not None:
            target = tree.this.sql(dialect="duckdb")
            found.append(f"ALTER {tree.args.get('kind') or 'TABLE'} {target} {text}")
    return found


def _single(actions: Iterable[exp.Expr]) -> list[exp.Expr]:
    found: list[exp.Expr] = []
    for action in actions:
        if isinstance(action, exp.Schema):
            found += action.expressions
        elif str(action.args.get("kind")) == "COLUMNS":
            names = action.args["tables"][0].expressions
            found += [exp.Drop(kind="COLUMN", tables=[exp.column(name)]) for name in names]
        else:
            found.append(action)
    return found


def _alteration(action: exp.Expr) -> str | None:
    if isinstance(action, exp.ColumnDef):
        action.set("constraints", None)
        action.set("exists", None)
        return f"ADD COLUMN {action.sql(dialect='duckdb')}"
    if isinstance(action, exp.AlterRename):
        return f"RENAME TO {exp.to_identifier(action.this.name, quoted=True).sql('duckdb')}"
    if isinstance(action, exp.AlterColumn):
        if action.args.get("comment") is not None:
            return None
        allow = action.args.get("allow_null")
        if allow is not None:
            column = action.this.sql(dialect="duckdb")
            return f"ALTER COLUMN {column} {'DROP' if allow else 'SET'} NOT NULL"
    return action.sql(dialect="duckdb")
