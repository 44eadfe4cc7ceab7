"""What the definition of a table says: columns, comments, keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from . import tables
from .declarations import Key

if TYPE_CHECKING:
    from .declarations import Declarations, Table, TableKey
    from .sessions import Session


def target_of(tree: exp.Expr) -> exp.Table | None:
    """The table or view that a definition is about."""
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    named = isinstance(target, exp.Table) and isinstance(target.this, exp.Identifier)
    return target if named else None


def comment_and_properties(tree: exp.Expr) -> tuple[str | None, dict[str, str]]:
    """The comment and the properties of a definition."""
    comment, found = None, {}
    holder = tree.args.get("properties")
    for item in holder.expressions if holder else []:
        if isinstance(item, exp.SchemaCommentProperty):
            comment = item.this.name
        elif type(item) is exp.Property:
            found[item.this.name] = item.args["value"].name
    return comment, found


def column_types(schema: exp.Expr) -> dict[str, exp.DataType]:
    """The written type of each column."""
    columns = schema.expressions if isinstance(schema, exp.Schema) else [schema]
    return {
        column.name.lower(): column.args["kind"]
        for column in columns
        if isinstance(column, exp.ColumnDef) and isinstance(column.args.get("kind"), exp.DataType)
    }


def column_comments(schema: exp.Expr) -> dict[str, str]:
    """The comment of each column that has one."""
    found = {}
    for column in schema.find_all(exp.ColumnDef):
        for constraint in column.find_all(exp.CommentColumnConstraint):
            found[column.name.lower()] = constraint.this.name
    return found


def required_columns(schema: exp.Schema) -> set[str]:
    """The columns that hold no NULL, those of the primary key among them."""
    found = {
        _column_name(column).lower()
        for key in schema.find_all(exp.PrimaryKey)
        for column in key.expressions
    }
    for column in schema.find_all(exp.ColumnDef):
        if column.find(exp.PrimaryKeyColumnConstraint) or _is_not_null(column):
            found.add(column.name.lower())
    return found


def _is_not_null(column: exp.ColumnDef) -> bool:
    kinds = [constraint.kind for constraint in column.args.get("constraints") or []]
    return any(
        isinstance(kind, exp.NotNullColumnConstraint) and not kind.args.get("allow_null")
        for kind in kinds
    )


def declare_keys(table: Table, name: TableKey, schema: exp.Expr, session: Session) -> None:
    """Note the keys of a definition, or of an added constraint."""
    for item in schema.expressions:
        if isinstance(item, exp.ColumnDef):
            for constraint in item.args.get("constraints") or []:
                written, given = constraint.args.get("this"), constraint.kind
                _declare_key(table, name, written, given, [item.name], session)
        elif isinstance(item, exp.Constraint):
            _declare_key(table, name, item.this, item.expressions[0], [], session)
        else:
            _declare_key(table, name, None, item, [], session)


def _declare_key(
    table: Table,
    name: TableKey,
    written: exp.Expr | None,
    item: exp.Expr,
    columns: list[str],
    session: Session,
) -> None:
    given = written.name.lower() if written is not None else None
    columns = columns or [_column_name(column) for column in item.expressions]
    columns = [column.lower() for column in columns]
    if isinstance(item, (exp.PrimaryKey, exp.PrimaryKeyColumnConstraint)):
        table.primary_key = Key(given or f"{name[2]}_pk", columns)
    reference = item.args.get("reference") if isinstance(item, exp.ForeignKey) else item
    if not isinstance(reference, exp.Reference):
        return
    whole = reference.this
    parent = whole.this if isinstance(whole, exp.Schema) else whole
    to = [column.name.lower() for column in getattr(whole, "expressions", [])]
    key = Key(given or f"{name[2]}_{columns[0]}_fk", columns, tables.key(parent, session), to)
    table.foreign_keys.append(key)


def _column_name(node: exp.Expr) -> str:
    return node.this.name if isinstance(node, exp.Ordered) else node.name


def complete_keys(known: Declarations, table: Table) -> None:
    """A foreign key that names no columns means the primary key of its parent."""
    for key in table.foreign_keys:
        if key.parent and not key.parent_columns:
            key.parent_columns = known.primary_key(key.parent)
