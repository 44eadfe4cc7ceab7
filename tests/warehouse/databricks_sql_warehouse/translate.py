"""From a Databricks statement to what DuckDB runs."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from . import (
    alterations,
    bulk_insert,
    definitions,
    functions,
    information_schema,
    intervals,
    naming,
    nullability,
    parameters,
    parser,
    table_creation,
    tables,
    type_lineage,
)
from .errors import unsupported

if TYPE_CHECKING:
    import pyarrow as pa

    from .declarations import Declarations
    from .definitions import Effect
    from .sessions import Session
    from .settings import Settings
    from .type_lineage import Marks


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
    marks: Marks = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    references: list[tables.Reference] = field(default_factory=list)
    effect: Effect | None = None
    relations: list[information_schema.Relation] = field(default_factory=list)
    rows: pa.Table | None = None
    count: str | None = None


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

    table_creation.type_values(tree, session, declarations)
    naming.name_projections(tree)
    plan = Plan(_kind(tree), [])
    query = tree if isinstance(tree, exp.Query) else tree.args.get("expression")
    if isinstance(query, exp.Query):
        plan.marks = type_lineage.marks(
            query, lambda table: declarations.of(tables.key(table, session)).marks
        )
        plan.required = nullability.required(
            query, lambda table: declarations.of(tables.key(table, session)).required
        )
    schema = definitions.set_temporary(tree, session)
    plan.effect = definitions.effect(tree.copy(), session, declarations)
    before = [schema] if schema else []
    if isinstance(tree, exp.Create):
        before += table_creation.reduce(tree, session, keys=settings.enforce_keys)
    if tree.find(exp.Version):
        raise unsupported("queries of earlier versions of a table")
    plan.relations = information_schema.replace(tree, session)
    plan.references = tables.qualify(tree, session)
    functions.keep_dates(tree)
    tree = functions.rewrite(intervals.translate(tree), session, declarations, token)
    if bulk is not None:
        tree.set("expression", sqlglot.parse_one(bulk.select, read="duckdb"))
        plan.rows = bulk.rows
    plan.sql = [*before, *_generate(tree)]
    if isinstance(tree, (exp.Update, exp.Delete)):
        rows = exp.select(exp.Count(this=exp.Star())).from_(tree.this.copy())
        where = tree.args.get("where")
        plan.count = (rows.where(where.this.copy()) if where else rows).sql(dialect="duckdb")
    return plan


def _kind(tree: exp.Expr) -> Kind:
    if isinstance(tree, exp.Query):
        return Kind.QUERY
    if isinstance(tree, exp.Insert):
        return Kind.INSERT
    if isinstance(tree, (exp.Update, exp.Delete)):
        return Kind.CHANGE
    return Kind.MERGE if isinstance(tree, exp.Merge) else Kind.DEFINITION


def _generate(tree: exp.Expr) -> list[str]:
    statements = [tree]
    if isinstance(tree, exp.Alter):
        return alterations.statements(tree)
    if isinstance(tree, exp.Create) and str(tree.args.get("kind")).upper() == "FUNCTION":
        return [definitions.macro(tree)]
    if isinstance(tree, exp.Insert) and tree.args.get("overwrite"):
        tree.set("overwrite", None)
        target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        statements.insert(0, exp.delete(target.copy()))
    if isinstance(tree, exp.Insert) and (replaced := tree.args.get("where")):
        tree.set("where", None)
        statements.insert(0, exp.delete(tree.this.copy(), replaced.copy()))
    if isinstance(tree, exp.TruncateTable):
        statements = [exp.delete(tree.expressions[0])]
    if isinstance(tree, exp.Comment):
        return []
    if isinstance(tree, exp.Drop):
        kind = str(tree.args.get("kind")).upper()
        tree.set("kind", {"DATABASE": "SCHEMA", "FUNCTION": "MACRO"}.get(kind, kind))
    if isinstance(tree, exp.Create) and str(tree.args.get("kind")).upper() == "DATABASE":
        tree.set("kind", "SCHEMA")
    texts = [node.sql(dialect="duckdb") for node in statements]
    if isinstance(tree, exp.Merge):
        texts[-1] += " RETURNING merge_action"
    return texts
