"""CREATE, DROP and COMMENT: what is noted of them beside what DuckDB keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from . import alterations, nullability, tables, type_lineage
from .declarations import Routine, Table
from .table_definitions import (
    column_comments,
    column_types,
    comment_and_properties,
    complete_keys,
    declare_keys,
    required_columns,
    target_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from .declarations import Declarations
    from .sessions import Session
    from .type_lineage import Marks

    Effect = Callable[[Declarations], None]


def effect(tree: exp.Expr, session: Session, declarations: Declarations) -> Effect | None:
    """What a definition changes in the declarations once it has run."""
    if isinstance(tree, exp.Create):
        return _create(tree, session, declarations)
    if isinstance(tree, exp.Alter):
        return alterations.effect(tree, session)
    if isinstance(tree, exp.Drop):
        return _drop(tree, session)
    return _comment(tree, session) if isinstance(tree, exp.Comment) else None


def set_temporary(tree: exp.Expr, session: Session) -> str | None:
    """Lead the definition of a temporary view to the session's own; the schema that it needs."""
    holder = tree.args.get("properties") if isinstance(tree, exp.Create) else None
    if holder is None or not any(isinstance(p, exp.TemporaryProperty) for p in holder.expressions):
        return None
    target = target_of(tree)
    if target is None or str(tree.args.get("kind")).upper() != "VIEW":
        return None
    catalog, schema, _ = tables.temporary_key(target.name, session)
    target.set("catalog", exp.to_identifier(catalog, quoted=True))
    target.set("db", exp.to_identifier(schema, quoted=True))
    return f'CREATE SCHEMA IF NOT EXISTS "{tables.physical(catalog)}"."{schema}"'


def _create(tree: exp.Create, session: Session, declarations: Declarations) -> Effect | None:
    kind = str(tree.args.get("kind")).upper()
    if kind == "FUNCTION":
        return _create_function(tree, session)
    if kind in ("SCHEMA", "DATABASE"):
        return _create_schema(tree, session)
    target = target_of(tree)
    if target is None:
        return None
    name = tables.key(target, session)
    if tree.args.get("exists") and name in declarations.tables:
        return None
    table = Table(marks=_marks(tree, session, declarations))
    table.comment, table.properties = comment_and_properties(tree)
    if kind == "VIEW" and tree.expression is not None:
        table.query = tree.expression.sql(dialect="databricks")
        table.required = nullability.required(
            tree.expression, lambda t: declarations.of(tables.key(t, session)).required
        )
    if isinstance(tree.this, exp.Schema):
        table.columns = column_types(tree.this)
        table.required = required_columns(tree.this)
        table.column_comments = column_comments(tree.this)
        declare_keys(table, name, tree.this, session)

    def note(known: Declarations) -> None:
        known.tables[name] = table
        complete_keys(known, table)
        if name[0] == tables.TEMPORARY:
            session.temporary.add(name[2])

    return note


def _marks(tree: exp.Create, session: Session, declarations: Declarations) -> Marks:
    query = tree.args.get("expression")
    found: Marks = {}
    if isinstance(query, exp.Query):
        found = type_lineage.marks(query, lambda t: declarations.of(tables.key(t, session)).marks)
    like = tree.find(exp.LikeProperty)
    source = like.this if like is not None else tree.args.get("clone") and tree.args["clone"].this
    if isinstance(source, exp.Table):
        found = declarations.of(tables.key(source, session)).marks
    if isinstance(query, exp.Query) and isinstance(tree.this, exp.Schema):
        names = [item.name.lower() for item in tree.this.expressions]
        found = {n: m for n, m in zip(names, _ordered(query, found), strict=False) if m}
    return {**found, **type_lineage.column_marks(tree)}


def _ordered(query: exp.Query, found: Marks) -> list[type_lineage.Mark | None]:
    return [found.get(projection.alias_or_name.lower()) for projection in query.selects]


def _create_function(tree: exp.Create, session: Session) -> Effect | None:
    function = tree.this
    name = tables.key(function.this, session)
    comment, _ = comment_and_properties(tree)
    returns = tree.find(exp.ReturnsProperty)
    arguments = [
        (item.name, item.args["kind"].sql(dialect="databricks") if item.args.get("kind") else "")
        for item in function.expressions
    ]
    body = tree.expression.sql(dialect="databricks") if tree.expression is not None else ""
    kind = returns.this.sql(dialect="databricks") if returns is not None else None
    routine = Routine("FUNCTION", comment, arguments, kind, body)
    return lambda known: known.routines.update({name: routine})


def _create_schema(tree: exp.Create, session: Session) -> Effect | None:
    comment, _ = comment_and_properties(tree)
    name = _schema_key(tree.this, session)
    return lambda known: known.schema_comments.update({name: comment} if comment else {})


def _schema_key(node: exp.Expr, session: Session) -> tuple[str, str]:
    """The name of a schema: sqlglot puts it into the levels above a missing table."""
    parts = [part.name.lower() for part in node.parts] if isinstance(node, exp.Table) else []
    parts = [part for part in parts if part]
    return (parts[0], parts[1]) if len(parts) > 1 else (session.catalog, (parts or [""])[0])


def _drop(tree: exp.Drop, session: Session) -> Effect | None:
    kind = str(tree.args.get("kind")).upper()
    node = _dropped(tree)
    if node is None:
        return None
    if kind in ("SCHEMA", "DATABASE"):
        catalog, schema = _schema_key(node, session)
        return lambda known: known.drop_schema(catalog, schema)
    name = tables.key(node, session)
    if kind == "FUNCTION":
        return lambda known: void(known.routines.pop(name, None))

    def forget(known: Declarations) -> None:
        known.tables.pop(name, None)
        if name[0] == tables.TEMPORARY:
            session.temporary.discard(name[2])

    return forget


def _dropped(tree: exp.Drop) -> exp.Table | None:
    several = tree.args.get("tables")
    node = several[0] if several else tree.this
    return node if isinstance(node, exp.Table) else None


def void(_: object) -> None:
    """Nothing: an effect has no result."""


def _comment(tree: exp.Comment, session: Session) -> Effect | None:
    text = tree.expression.name if tree.expression is not None else ""
    kind = str(tree.args.get("kind")).upper()
    if kind == "COLUMN":
        *levels, column = [part.name for part in tree.this.parts]
        names = [exp.to_identifier(level) for level in levels]
        table = exp.Table(**dict(zip(("this", "db", "catalog"), reversed(names), strict=False)))
        name = tables.key(table, session)
        return lambda known: known.changed(name).column_comments.update({column.lower(): text})
    if kind in ("SCHEMA", "DATABASE"):
        schema = _schema_key(tree.this, session)
        return lambda known: known.schema_comments.update({schema: text})
    name = tables.key(tree.this, session)
    return lambda known: setattr(known.changed(name), "comment", text)


def macro(tree: exp.Create) -> str:
    """The DuckDB macro of CREATE FUNCTION."""
    function, body = tree.this, tree.expression
    arguments = ", ".join(f'"{item.name}"' for item in function.expressions)
    inner = body.this if isinstance(body, exp.Return) else body
    returns = tree.find(exp.ReturnsProperty)
    if returns is not None and not returns.args.get("is_table"):
        inner = exp.cast(inner, returns.this)
    head = "CREATE OR REPLACE" if tree.args.get("replace") else "CREATE"
    text = inner.sql(dialect="duckdb")
    where = function.this.sql(dialect="duckdb")
    return f"{head} MACRO {where}({arguments}) AS ({text})"
