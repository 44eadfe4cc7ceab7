"""What DuckDB runs of CREATE TABLE, and how INSERT fills what it made."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from sqlglot import exp

from . import tables
from .table_definitions import required_columns, target_of

if TYPE_CHECKING:
    from .declarations import Declarations
    from .sessions import Session

_KEPT = (
    exp.NotNullColumnConstraint,
    exp.DefaultColumnConstraint,
    exp.CheckColumnConstraint,
    exp.PrimaryKeyColumnConstraint,
    exp.ComputedColumnConstraint,
)
_sequences = itertools.count(1)
_KEYS = (exp.PrimaryKey, exp.UniqueColumnConstraint)
_SIZED = (exp.DataType.Type.VARCHAR, exp.DataType.Type.CHAR)
_TEMPORAL = (
    exp.DataType.Type.DATE,
    exp.DataType.Type.TIMESTAMP,
    exp.DataType.Type.TIMESTAMPTZ,
    exp.DataType.Type.TIMESTAMPNTZ,
)


def reduce(tree: exp.Create, session: Session, *, keys: bool) -> list[str]:
    """Keep what DuckDB can hold of a table: no properties, comments and foreign keys.

    Gives what DuckDB must run before: the sequences of identity columns.
    """
    _copy_source(tree)
    tree.set("properties", None)
    schema = tree.this
    if not isinstance(schema, exp.Schema):
        return []
    before = _identities(schema, session)
    required = required_columns(schema) if not keys else set()
    for item in list(schema.expressions):
        inner = item.expressions[0] if isinstance(item, exp.Constraint) else item
        if isinstance(inner, exp.ForeignKey) or (not keys and isinstance(inner, _KEYS)):
            item.pop()
    for column in schema.find_all(exp.ColumnDef):
        written = column.args.get("constraints") or []
        kept = [item for item in written if isinstance(item.kind, _KEPT)]
        if not keys:
            kept = [i for i in kept if not isinstance(i.kind, exp.PrimaryKeyColumnConstraint)]
        if column.name.lower() in required and not any(
            isinstance(item.kind, exp.NotNullColumnConstraint) for item in kept
        ):
            kept.append(exp.ColumnConstraint(kind=exp.NotNullColumnConstraint()))
        kept += [exp.ColumnConstraint(kind=check) for check in _length_checks(column)]
        column.set("constraints", kept)
    return before


def _copy_source(tree: exp.Create) -> None:
    """CREATE TABLE ... LIKE and CLONE as the queries that they are."""
    like, clone = tree.find(exp.LikeProperty), tree.args.get("clone")
    if like is not None:
        tree.set("expression", exp.select("*").from_(like.this.copy()).limit(0))
    elif clone is not None:
        tree.set("expression", exp.select("*").from_(clone.this.copy()))
        tree.set("clone", None)


def _identities(schema: exp.Schema, session: Session) -> list[str]:
    """Make identity columns take their values from new sequences, generated ones from theirs."""
    before = []
    catalog, schema_name, _ = tables.key(schema.this, session)
    for column in schema.find_all(exp.ColumnDef):
        for constraint in column.args.get("constraints") or []:
            kind = constraint.kind
            if isinstance(kind, exp.ComputedColumnConstraint):
                constraint.set("kind", exp.ComputedColumnConstraint(this=exp.paren(kind.this)))
            if not isinstance(kind, exp.GeneratedAsIdentityColumnConstraint):
                continue
            name = f"identity_{next(_sequences)}"
            where = f'"{tables.physical(catalog)}"."{schema_name}"."{name}"'
            start, step = (kind.args.get(part) for part in ("start", "increment"))
            first, by = (value.sql() if value is not None else "1" for value in (start, step))
            before.append(f"CREATE SEQUENCE {where} START {first} INCREMENT {by}")
            value = exp.Anonymous(this="nextval", expressions=[exp.Literal.string(where)])
            constraint.set("kind", exp.DefaultColumnConstraint(this=value))
    return before


def _length_checks(column: exp.ColumnDef) -> list[exp.Expr]:
    """VARCHAR(n) and CHAR(n) hold at most n characters."""
    kind = column.args.get("kind")
    if not isinstance(kind, exp.DataType) or not kind.expressions or kind.this not in _SIZED:
        return []
    length = exp.Anonymous(this="length", expressions=[exp.column(column.this.copy())])
    limit = exp.LTE(this=length, expression=kind.expressions[0].this.copy())
    return [exp.CheckColumnConstraint(this=limit)]


def type_values(tree: exp.Expr, session: Session, declarations: Declarations) -> None:
    """Read the texts that INSERT puts into columns of dates and timestamps as the service does."""
    values = tree.args.get("expression") if isinstance(tree, exp.Insert) else None
    target = target_of(tree)
    if not isinstance(values, exp.Values) or target is None:
        return
    columns = declarations.of(tables.key(target, session)).columns
    written = tree.this.expressions if isinstance(tree.this, exp.Schema) else []
    names = [name.name.lower() for name in written] or list(columns)
    for row in values.expressions:
        for name, cell in zip(names, getattr(row, "expressions", []), strict=False):
            kind = columns.get(name)
            is_text = isinstance(cell, exp.Literal) and cell.is_string
            if kind is not None and is_text and kind.this in _TEMPORAL:
                cell.replace(exp.Cast(this=cell.copy(), to=kind.copy()))
