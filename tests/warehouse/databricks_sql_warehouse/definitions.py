"""CREATE, ALTER, DROP and COMMENT: what DuckDB runs of them, and what is noted beside."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from sqlglot import exp

from . import nullability, tables, type_lineage
from .declarations import Key, Routine, Table
from .errors import sql_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .declarations import Declarations, TableKey
    from .sessions import Session
    from .type_lineage import Marks

    Effect = Callable[[Declarations], None]

_KEPT = (
    exp.NotNullColumnConstraint,
    exp.DefaultColumnConstraint,
    exp.CheckColumnConstraint,
    exp.PrimaryKeyColumnConstraint,
    exp.ComputedColumnConstraint,
)
_sequences = itertools.count(1)
_KEYS = (exp.PrimaryKey, exp.UniqueColumnConstraint)


def effect(tree: exp.Expr, session: Session, declarations: Declarations) -> Effect | None:
    """What a definition changes in the declarations once it has run."""
    if isinstance(tree, exp.Create):
        return _create(tree, session, declarations)
    if isinstance(tree, exp.Alter):
        return _alter(tree, session)
    if isinstance(tree, exp.Drop):
        return _drop(tree, session)
    return _comment(tree, session) if isinstance(tree, exp.Comment) else None


def set_temporary(tree: exp.Expr, session: Session) -> str | None:
    """Lead the definition of a temporary view to the session's own; the schema that it needs."""
    holder = tree.args.get("properties") if isinstance(tree, exp.Create) else None
    if holder is None or not any(isinstance(p, exp.TemporaryProperty) for p in holder.expressions):
        return None
    target = _target(tree)
    if target is None or str(tree.args.get("kind")).upper() != "VIEW":
        return None
    catalog, schema, _ = tables.temporary_key(target.name, session)
    target.set("catalog", exp.to_identifier(catalog, quoted=True))
    target.set("db", exp.to_identifier(schema, quoted=True))
    return f'CREATE SCHEMA IF NOT EXISTS "{tables.physical(catalog)}"."{schema}"'


def _target(tree: exp.Expr) -> exp.Table | None:
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    named = isinstance(target, exp.Table) and isinstance(target.this, exp.Identifier)
    return target if named else None


def _create(tree: exp.Create, session: Session, declarations: Declarations) -> Effect | None:
    kind = str(tree.args.get("kind")).upper()
    if kind == "FUNCTION":
        return _create_function(tree, session)
    if kind in ("SCHEMA", "DATABASE"):
        return _create_schema(tree, session)
    target = _target(tree)
    if target is None:
        return None
    name = tables.key(target, session)
    if tree.args.get("exists") and name in declarations.tables:
        return None
    table = Table(marks=_marks(tree, session, declarations))
    table.comment, table.properties = _properties(tree)
    if kind == "VIEW" and tree.expression is not None:
        table.query = tree.expression.sql(dialect="databricks")
        table.required = nullability.required(
            tree.expression, lambda t: declarations.of(tables.key(t, session)).required
        )
    if isinstance(tree.this, exp.Schema):
        table.required = _required(tree.this)
        table.column_comments = _column_comments(tree.this)
        _declare_keys(table, name, tree.this, session)

    def note(known: Declarations) -> None:
        known.tables[name] = table
        _complete(known, table)
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


def _properties(tree: exp.Expr) -> tuple[str | None, dict[str, str]]:
    comment, found = None, {}
    holder = tree.args.get("properties")
    for item in holder.expressions if holder else []:
        if isinstance(item, exp.SchemaCommentProperty):
            comment = item.this.name
        elif type(item) is exp.Property:
            found[item.this.name] = item.args["value"].name
    return comment, found


def _column_comments(schema: exp.Expr) -> dict[str, str]:
    found = {}
    for column in schema.find_all(exp.ColumnDef):
        for constraint in column.find_all(exp.CommentColumnConstraint):
            found[column.name.lower()] = constraint.this.name
    return found


def _declare_keys(table: Table, name: TableKey, schema: exp.Expr, session: Session) -> None:
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


def _complete(known: Declarations, table: Table) -> None:
    """A foreign key that names no columns means the primary key of its parent."""
    for key in table.foreign_keys:
        if key.parent and not key.parent_columns:
            key.parent_columns = known.primary_key(key.parent)


def _create_function(tree: exp.Create, session: Session) -> Effect | None:
    function = tree.this
    name = tables.key(function.this, session)
    comment, _ = _properties(tree)
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
    comment, _ = _properties(tree)
    name = _schema_key(tree.this, session)
    return lambda known: known.schema_comments.update({name: comment} if comment else {})


def _schema_key(node: exp.Expr, session: Session) -> tuple[str, str]:
    """The name of a schema: sqlglot puts it into the levels above a missing table."""
    parts = [part.name.lower() for part in node.parts] if isinstance(node, exp.Table) else []
    parts = [part for part in parts if part]
    return (parts[0], parts[1]) if len(parts) > 1 else (session.catalog, (parts or [""])[0])


def _alter(tree: exp.Alter, session: Session) -> Effect | None:
    target = _target(tree)
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
        _declare_keys(table, name, action, session)
        _complete(known, table)
    elif isinstance(action, exp.AlterRename):
        new = action.this
        known.rename(name, tables.key(new, session))
    elif isinstance(action, (exp.ColumnDef, exp.Schema)):
        table.marks |= type_lineage.column_marks(exp.Schema(expressions=_columns(action)))
        table.column_comments |= _column_comments(action)
    elif isinstance(action, exp.AlterColumn):
        comment, allow = action.args.get("comment"), action.args.get("allow_null")
        if comment is not None:
            table.column_comments[action.name.lower()] = comment.name
        if allow is not None:
            change = table.required.discard if allow else table.required.add
            change(action.name.lower())
    elif isinstance(action, exp.RenameColumn):
        _rename_column(table, action.this.name.lower(), action.args["to"].name.lower())
    elif isinstance(action, exp.AlterSet):
        for item in action.find_all(exp.Property):
            table.properties[item.this.name] = item.args["value"].name
    elif isinstance(action, exp.Drop) and str(action.args.get("kind")) == "CONSTRAINT":
        _drop_constraint(table, action.args["tables"][0].name.lower())
    elif isinstance(action, exp.Command) and "PRIMARY" in action.sql().upper():
        table.primary_key = None


def _columns(action: exp.Expr) -> list[exp.Expr]:
    return [action.copy()] if isinstance(action, exp.ColumnDef) else action.copy().expressions


def _rename_column(table: Table, old: str, new: str) -> None:
    if old in table.marks:
        table.marks[new] = table.marks.pop(old)
    if old in table.required:
        table.required = table.required - {old} | {new}
    if old in table.column_comments:
        table.column_comments[new] = table.column_comments.pop(old)


def _drop_constraint(table: Table, name: str) -> None:
    if table.primary_key and table.primary_key.name == name:
        table.primary_key = None
    table.foreign_keys = [key for key in table.foreign_keys if key.name != name]


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
    required = _required(schema) if not keys else set()
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


_SIZED = (exp.DataType.Type.VARCHAR, exp.DataType.Type.CHAR)


def _required(schema: exp.Schema) -> set[str]:
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


def alterations(tree: exp.Alter) -> list[str]:
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


def unsupported(what: str) -> Exception:
    """What this warehouse does not do."""
    return sql_error("UNSUPPORTED_FEATURE", f"The local warehouse does not run {what}.", "0A000")
