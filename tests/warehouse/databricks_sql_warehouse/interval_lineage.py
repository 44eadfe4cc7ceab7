"""Interval qualifiers through a query: DuckDB has one INTERVAL type, Databricks has thirteen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from .intervals import qualifier_of, unit_names

if TYPE_CHECKING:
    from collections.abc import Callable

    Declared = Callable[[exp.Table], dict[str, str]]

Qualifiers = dict[str, str]

_JOINED = {
    frozenset(("YEAR", "MONTH")): "YEAR TO MONTH",
    frozenset(("YEAR", "YEAR TO MONTH")): "YEAR TO MONTH",
    frozenset(("MONTH", "YEAR TO MONTH")): "YEAR TO MONTH",
}


def qualifiers(query: exp.Expr, declared: Declared) -> Qualifiers:
    """Qualifier by lower-case name of each output column of `query` that is an interval."""
    return _outputs(query, declared, {})


def column_qualifiers(definition: exp.Expr) -> Qualifiers:
    """Qualifier by lower-case name of each column declared as an interval."""
    found = {}
    for column in definition.find_all(exp.ColumnDef):
        kind = column.args.get("kind")
        if isinstance(kind, exp.DataType) and isinstance(kind.this, exp.Interval):
            found[column.name.lower()] = qualifier_of(unit_names(kind.this.args.get("unit")))
    return found


def _outputs(query: exp.Expr, declared: Declared, ctes: dict[str, Qualifiers]) -> Qualifiers:
    ctes = dict(ctes)
    clause = query.args.get("with_")
    for cte in clause.expressions if clause else []:
        ctes[cte.alias.lower()] = _outputs(cte.this, declared, ctes)
    if isinstance(query, exp.Subquery):
        return _outputs(query.this, declared, ctes)
    if isinstance(query, exp.SetOperation):
        right = _outputs(query.expression, declared, ctes)
        return {**right, **_outputs(query.this, declared, ctes)}
    if isinstance(query, exp.Values):
        return _values(query)
    if not isinstance(query, exp.Select):
        return {}
    scope: Qualifiers = {}
    source = query.args.get("from_")
    for node in [source, *query.args.get("joins", [])]:
        if node is not None:
            scope |= _source(node.this, declared, ctes)
    found: Qualifiers = {}
    for projection in query.expressions:
        if projection.is_star:
            found |= scope
        elif qualifier := _infer(projection, scope):
            found[projection.alias_or_name.lower()] = qualifier
    return found


def _source(node: exp.Expr, declared: Declared, ctes: dict[str, Qualifiers]) -> Qualifiers:
    if isinstance(node, exp.Table):
        if not node.db and node.name.lower() in ctes:
            return ctes[node.name.lower()]
        return declared(node)
    return _outputs(node, declared, ctes)


def _values(values: exp.Values) -> Qualifiers:
    names = [name.lower() for name in values.alias_column_names]
    first = values.expressions[0]
    cells = first.expressions if isinstance(first, exp.Tuple) else [first]
    names = names or [f"col{position}" for position in range(1, len(cells) + 1)]
    pairs = zip(names, cells, strict=False)
    return {name: found for name, cell in pairs if (found := _infer(cell, {}))}


def _infer(node: exp.Expr, scope: Qualifiers) -> str | None:
    if isinstance(node, exp.Interval):
        return qualifier_of(unit_names(node.args.get("unit")))
    if isinstance(node, exp.Cast):
        inner = node.to.this
        if isinstance(inner, exp.Interval):
            return qualifier_of(unit_names(inner.args.get("unit")))
        return None
    if isinstance(node, exp.Column):
        return scope.get(node.name.lower())
    children = [found for child in node.iter_expressions() if (found := _infer(child, scope))]
    if not children:
        return None
    if len(set(children)) == 1:
        return children[0]
    return _JOINED.get(frozenset(children[:2]), "DAY TO SECOND")
