"""From a Databricks statement to what DuckDB runs."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from . import (
    bulk_insert,
    functions,
    interval_lineage,
    intervals,
    naming,
    parameters,
    parser,
    tables,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from .interval_lineage import Qualifiers
    from .sessions import Session
    from .settings import Settings

TableKey = tuple[str, str, str]


class Kind(enum.Enum):
    """What a statement answers: rows, counts, or nothing."""

    QUERY = "query"
    INSERT = "insert"
    CHANGE = "change"
    MERGE = "merge"
    DEFINITION = "definition"


@dataclass
class Plan:
    """DuckDB statements, the last of which gives the result, and literal rows they insert."""

    kind: Kind
    sql: list[str]
    qualifiers: Qualifiers = field(default_factory=dict)
    references: list[tables.Reference] = field(default_factory=list)
    declares: tuple[TableKey, Qualifiers] | None = None
    rows: pa.Table | None = None


class Declarations:
    """The interval columns of tables and views."""

    def __init__(self) -> None:
        self._columns: dict[TableKey, Qualifiers] = {}

    def add(self, table: TableKey, columns: Qualifiers, *, whole: bool = True) -> None:
        """Note the interval columns of a new table, or further ones of a table."""
        known = {} if whole else self._columns.get(table, {})
        self._columns[table] = {**known, **columns}

    def of(self, table: TableKey) -> Qualifiers:
        """Qualifier by name of the interval columns."""
        return self._columns.get(table, {})


def translate(
    statement: str,
    bound: list[parameters.Parameter],
    session: Session,
    declarations: Declarations,
    settings: Settings,
    token: str,
) -> Plan:
    """The plan of one statement of `session`."""
    found = parser.tokenize(statement)
    bulk = bulk_insert.find(statement, found)
    if bulk is not None:
        statement = f"{bulk.head} SELECT 1"
        found = parser.tokenize(statement)
    tree = parser.parse(statement, found)
    tree = parameters.bind(tree, bound)
    if isinstance(tree, exp.Values):
        tree = exp.select("*").from_(tree)

    def declared(table: exp.Table) -> Qualifiers:
        return declarations.of(tables.key(table, session))

    naming.name_projections(tree)
    plan = Plan(_kind(tree), [])
    if isinstance(tree, exp.Query):
        plan.qualifiers = interval_lineage.qualifiers(tree, declared)
    if isinstance(tree, (exp.Create, exp.Alter)):
        plan.declares = _declares(tree, session, declarations)
        if isinstance(tree, exp.Create):
            _strip_definition(tree, keys=settings.enforce_keys)
    plan.references = tables.qualify(tree, session)
    tree = functions.rewrite(intervals.translate(tree), session, token)
    if bulk is not None:
        tree.set("expression", sqlglot.parse_one(bulk.select, read="duckdb"))
        plan.rows = bulk.rows
    plan.sql = _generate(tree)
    return plan


def _kind(tree: exp.Expr) -> Kind:
    if isinstance(tree, exp.Query):
        return Kind.QUERY
    if isinstance(tree, exp.Insert):
        return Kind.INSERT
    if isinstance(tree, (exp.Update, exp.Delete)):
        return Kind.CHANGE
    return Kind.MERGE if isinstance(tree, exp.Merge) else Kind.DEFINITION


def _declares(
    tree: exp.Create | exp.Alter, session: Session, declarations: Declarations
) -> tuple[TableKey, Qualifiers] | None:
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    if not isinstance(target, exp.Table) or not isinstance(target.this, exp.Identifier):
        return None
    name = tables.key(target, session)
    columns = {} if isinstance(tree, exp.Create) else declarations.of(name)
    query = tree.args.get("expression")
    if isinstance(query, exp.Query):
        columns = interval_lineage.qualifiers(
            query, lambda table: declarations.of(tables.key(table, session))
        )
    return name, {**columns, **interval_lineage.column_qualifiers(tree)}


_KEYS = (exp.PrimaryKey, exp.ForeignKey, exp.UniqueColumnConstraint)
_KEY_CONSTRAINTS = (exp.PrimaryKeyColumnConstraint, exp.Reference, exp.UniqueColumnConstraint)
_KEPT = (
    exp.NotNullColumnConstraint,
    exp.DefaultColumnConstraint,
    exp.CheckColumnConstraint,
    exp.PrimaryKeyColumnConstraint,
)


def _strip_definition(tree: exp.Create, *, keys: bool) -> None:
    """Keep what DuckDB can hold of a definition: no properties, comments and foreign keys."""
    tree.set("properties", None)
    schema = tree.this
    if not isinstance(schema, exp.Schema):
        return
    for item in list(schema.expressions):
        inner = item.expressions[0] if isinstance(item, exp.Constraint) else item
        if isinstance(inner, exp.ForeignKey) or (not keys and isinstance(inner, _KEYS)):
            item.pop()
    for column in schema.find_all(exp.ColumnDef):
        kept = []
        for constraint in column.args.get("constraints") or []:
            if isinstance(constraint.kind, _KEY_CONSTRAINTS) and not keys:
                constraint.set("kind", exp.NotNullColumnConstraint())
            if isinstance(constraint.kind, _KEPT):
                kept.append(constraint)
        column.set("constraints", kept)


def _generate(tree: exp.Expr) -> list[str]:
    statements = [tree]
    if isinstance(tree, exp.Insert) and tree.args.get("overwrite"):
        tree.set("overwrite", None)
        target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        statements.insert(0, exp.delete(target.copy()))
    if isinstance(tree, exp.TruncateTable):
        statements = [exp.delete(tree.expressions[0])]
    if isinstance(tree, exp.Comment):
        return []
    texts = [node.sql(dialect="duckdb") for node in statements]
    if isinstance(tree, exp.Merge):
        texts[-1] += " RETURNING merge_action"
    return texts
