"""Names of columns: Databricks names an unaliased expression by its SQL text."""

from __future__ import annotations

from sqlglot import exp

# DuckDB has no columns without a name; the engine takes this one back.
NAMELESS = "\u2060"


def name_projections(tree: exp.Expr) -> None:
    """Alias each unnamed projection below `tree`, and the columns of bare VALUES."""
    for values in list(tree.find_all(exp.Values)):
        _name_values(values)
    for select in list(tree.find_all(exp.Select)):
        for projection in list(select.expressions):
            if not _named(projection):
                alias = exp.to_identifier(column_name(projection) or NAMELESS, quoted=True)
                projection.replace(exp.Alias(this=projection.copy(), alias=alias))


def _named(node: exp.Expr) -> bool:
    return node.is_star or isinstance(node, (exp.Alias, exp.Aliases, exp.Column, exp.Posexplode))


def _name_values(values: exp.Values) -> None:
    if values.alias_column_names or isinstance(values.parent, exp.Insert) or not values.parent:
        return
    first = values.expressions[0]
    width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
    columns = [exp.to_identifier(f"col{position}") for position in range(1, width + 1)]
    values.set(
        "alias", exp.TableAlias(this=exp.to_identifier(values.alias or "values"), columns=columns)
    )


def column_name(node: exp.Expr) -> str:
    """The name that the service gives to the expression."""
    if isinstance(node, exp.Dot):
        return node.name
    if isinstance(node, exp.Explode):
        return "col"
    if isinstance(node, exp.JSONExtract):
        return node.expression.expressions[-1].name or node.name
    if isinstance(node, exp.Literal) and node.is_string and "name" not in node.meta:
        return node.name
    root = exp.Tuple(expressions=[node.copy()])
    for inner in reversed(list(root.walk())):
        if inner is not root:
            _make_readable(inner)
    return str(root.expressions[0].sql(dialect="databricks", normalize_functions="lower"))


def _make_readable(node: exp.Expr) -> None:
    """Write `node` as the service shows it: bare text, operators in parentheses."""
    if (bound := node.meta.get("name")) is not None:
        node.replace(exp.Var(this=str(bound)))
    elif isinstance(node, exp.Boolean):
        node.replace(exp.Var(this=str(node.this).lower()))
    elif isinstance(node, exp.Literal) and node.is_string:
        if isinstance(node.parent, (exp.Func, exp.Binary, exp.Bracket, exp.If)):
            node.replace(exp.Var(this=node.name))
    elif isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        node.set("this", exp.Literal.number(1))
    elif isinstance(node, exp.Paren) and isinstance(node.this, exp.Paren):
        node.replace(node.this)
    elif isinstance(node, exp.Binary) and not isinstance(node, (exp.Dot, exp.JSONExtract)):
        node.replace(exp.Paren(this=node.copy()))
