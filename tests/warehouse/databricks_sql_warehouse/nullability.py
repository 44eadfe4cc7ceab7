"""Which columns of a query hold no NULL, as far as its text says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable

    Declared = Callable[[exp.Table], set[str]]

# Their result is NULL only where an operand is.
_STRICT = (
    exp.Alias,
    exp.Paren,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Neg,
    exp.Concat,
    exp.DPipe,
    exp.Upper,
    exp.Lower,
    exp.Predicate,
    exp.Connector,
    exp.Not,
)
_NEVER_NULL = (
    exp.Boolean,
    exp.Interval,
    exp.Count,
    exp.RowNumber,
    exp.Array,
    exp.Struct,
    exp.VarMap,
    exp.ArrayAgg,
    exp.CurrentDate,
    exp.CurrentTimestamp,
    exp.Is,
)

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.In, exp.Between)


def required(query: exp.Expr, declared: Declared) -> set[str]:
    """The output columns of `query`, in lower case, that hold no NULL."""
    return _outputs(query, declared, {})


def _outputs(query: exp.Expr, declared: Declared, ctes: dict[str, set[str]]) -> set[str]:
    ctes = dict(ctes)
    clause = query.args.get("with_")
    for cte in clause.expressions if clause else []:
        ctes[cte.alias.lower()] = _outputs(cte.this, declared, ctes)
    if isinstance(query, exp.Subquery):
        return _outputs(query.this, declared, ctes)
    if isinstance(query, exp.SetOperation):
        return _common(query, declared, ctes)
    if isinstance(query, exp.Values):
        return _values(query)
    if not isinstance(query, exp.Select) or query.args.get("pivots"):
        return set()
    scope = _scope(query, declared, ctes)
    found: set[str] = set()
    for projection in query.expressions:
        if projection.is_star:
            found |= {name for name in scope if "." not in name}
        elif _is_required(projection, scope):
            found.add(projection.alias_or_name.lower())
        else:
            found.discard(projection.alias_or_name.lower())
    return found


def _common(query: exp.SetOperation, declared: Declared, ctes: dict[str, set[str]]) -> set[str]:
    """The columns of the left side that hold no NULL on the right side, either, by position."""
    left, right = query.this, query.expression
    mine, other = _outputs(left, declared, ctes), _outputs(right, declared, ctes)
    if left.is_star or right.is_star:
        return mine & other
    names = [node.alias_or_name.lower() for node in left.selects]
    others = [node.alias_or_name.lower() for node in right.selects]
    pairs = zip(names, others, strict=False)
    return {name for name, there in pairs if name in mine and there in other}


def _scope(query: exp.Select, declared: Declared, ctes: dict[str, set[str]]) -> set[str]:
    """The columns that the query can name, plain and qualified."""
    source = query.args.get("from_")
    scope = _named(source.this, declared, ctes) if source is not None else set()
    for join in query.args.get("joins") or []:
        side = str(join.args.get("side") or "").upper()
        joined = _named(join.this, declared, ctes)
        if side in ("RIGHT", "FULL"):
            scope = set()
        if side not in ("LEFT", "FULL"):
            scope |= joined
    where = query.args.get("where")
    return scope | _demanded(where.this) if where else scope


def _demanded(condition: exp.Expr) -> set[str]:
    """The columns that are no NULL in the rows of which a condition is true."""
    if isinstance(condition, exp.Paren):
        return _demanded(condition.this)
    if isinstance(condition, exp.And):
        return _demanded(condition.this) | _demanded(condition.expression)
    if isinstance(condition, exp.Not) and isinstance(condition.this, exp.Is):
        condition = condition.this
    elif not isinstance(condition, _COMPARISONS):
        return set()
    found = [node for node in condition.iter_expressions() if isinstance(node, exp.Column)]
    return {".".join(part.name.lower() for part in node.parts[-2:]) for node in found}


def _named(node: exp.Expr, declared: Declared, ctes: dict[str, set[str]]) -> set[str]:
    names = _source(node, declared, ctes)
    return names | {f"{node.alias_or_name.lower()}.{name}" for name in names}


def _source(node: exp.Expr, declared: Declared, ctes: dict[str, set[str]]) -> set[str]:
    if node.args.get("pivots"):
        return set()
    if isinstance(node, exp.Table):
        if isinstance(node.this, exp.Func):
            return {"id"} if node.this.name.lower() == "range" else set()
        if not node.db and node.name.lower() in ctes:
            return ctes[node.name.lower()]
        return declared(node)
    return _outputs(node, declared, ctes)


def _values(values: exp.Values) -> set[str]:
    names = [name.lower() for name in values.alias_column_names]
    rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in values.expressions]
    names = names or [f"col{position}" for position in range(1, len(rows[0]) + 1)]
    columns = zip(names, zip(*rows, strict=False), strict=False)
    return {name for name, cells in columns if all(_is_required(cell, set()) for cell in cells)}


def _is_required(node: exp.Expr, scope: set[str]) -> bool:
    if isinstance(node, exp.Column):
        return ".".join(part.name.lower() for part in node.parts[-2:]) in scope
    if isinstance(node, (exp.Literal, *_NEVER_NULL)):
        return True
    if isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast):
        return _is_required(node.this, scope)
    if isinstance(node, _STRICT):
        operands = [child for child in node.iter_expressions() if not _is_name(child)]
        return bool(operands) and all(_is_required(child, scope) for child in operands)
    return False


def _is_name(node: exp.Expr) -> bool:
    return isinstance(node, exp.Identifier)
