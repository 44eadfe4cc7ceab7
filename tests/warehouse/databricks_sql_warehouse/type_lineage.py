"""Types through a query that DuckDB does not tell apart.

DuckDB has one INTERVAL, Databricks has thirteen; EWKT text is VARCHAR there, GEOMETRY(4326) here.
A mark says which: the qualifier of an interval, the text of a geospatial type, VARIANT, and for a
nested type the marks of its children by name (`element`, `key`, `value`, or a struct's member).
A path such as `column:field` is VARIANT of a VARIANT and STRING of a STRING, and the text of an
interval depends on its qualifier: the `meta` of path and cast tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, Union

from sqlglot import exp

from .geospatial import FUNCTION_TYPES, type_text
from .intervals import qualifier_of, unit_names

if TYPE_CHECKING:
    from collections.abc import Callable

    Declared = Callable[[exp.Table], "Marks"]

PATH_OF_TEXT = "path_of_text"
QUALIFIER = "qualifier"
Mark: TypeAlias = Union[str, "dict[str, Mark]"]
Marks: TypeAlias = "dict[str, Mark]"

_JOINED = {
    frozenset(("YEAR", "MONTH")): "YEAR TO MONTH",
    frozenset(("YEAR", "YEAR TO MONTH")): "YEAR TO MONTH",
    frozenset(("MONTH", "YEAR TO MONTH")): "YEAR TO MONTH",
}
_VARIANT = "VARIANT"
# Calls with a result of the type of their arguments, whatever that is.
_SAME_TYPE = (
    exp.Alias,
    exp.Paren,
    exp.Coalesce,
    exp.Nullif,
    exp.If,
    exp.Case,
    exp.Max,
    exp.Min,
    exp.First,
    exp.Last,
    exp.AnyValue,
    exp.Window,
    exp.Lag,
    exp.Lead,
    exp.Subquery,
    exp.ArrayConcat,
    exp.Filter,
    exp.Order,
    exp.Greatest,
    exp.Least,
)

_FUNCTIONS = {
    "make_ym_interval": "YEAR TO MONTH",
    "make_dt_interval": "DAY TO SECOND",
    "parse_json": _VARIANT,
    "try_parse_json": _VARIANT,
    "to_variant_object": _VARIANT,
}


def marks(query: exp.Expr, declared: Declared) -> Marks:
    """Mark by lower-case name of each output column of `query` that needs one."""
    return _outputs(query, declared, {})


def column_marks(definition: exp.Expr) -> Marks:
    """Mark by lower-case name of each column that a definition declares."""
    found: Marks = {}
    schema = definition.this if isinstance(definition, exp.Create) else definition
    for column in schema.find_all(exp.ColumnDef):
        kind = column.args.get("kind")
        nested = column.find_ancestor(exp.DataType) is not None
        if not nested and isinstance(kind, exp.DataType) and (mark := of_type(kind)):
            found[column.name.lower()] = mark
    return found


def of_type(kind: exp.DataType) -> Mark | None:
    """The mark of a written type."""
    if isinstance(kind.this, exp.Interval):
        return qualifier_of(unit_names(kind.this.args.get("unit")))
    if kind.this in (exp.DataType.Type.GEOMETRY, exp.DataType.Type.GEOGRAPHY):
        return type_text(kind)
    if kind.this is exp.DataType.Type.VARIANT:
        return _VARIANT
    names = {exp.DataType.Type.ARRAY: ("element",), exp.DataType.Type.MAP: ("key", "value")}
    children: dict[str, Mark] = {}
    for position, child in enumerate(kind.expressions):
        inner = child.args.get("kind") if isinstance(child, exp.ColumnDef) else child
        if isinstance(inner, exp.DataType) and (mark := of_type(inner)):
            name = names[kind.this][position] if kind.this in names else child.name.lower()
            children[name] = mark
    return children or None


def _outputs(query: exp.Expr, declared: Declared, ctes: dict[str, Marks]) -> Marks:
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
    scope = _scope(query, declared, ctes)
    for path in query.find_all(exp.JSONExtract):
        if path.find_ancestor(exp.Select) is query:
            path.meta[PATH_OF_TEXT] = _infer(path.this, scope) != _VARIANT
    for cast in query.find_all(exp.Cast):
        if cast.to.is_type(exp.DataType.Type.TEXT) and cast.find_ancestor(exp.Select) is query:
            mark = _infer(cast.this, scope)
            cast.meta[QUALIFIER] = mark if mark is not None and _is_interval(mark) else None
    found: Marks = {}
    for projection in query.expressions:
        if projection.is_star:
            found |= scope
        elif mark := _infer(projection, scope):
            found[projection.alias_or_name.lower()] = mark
    return found


def _scope(query: exp.Select, declared: Declared, ctes: dict[str, Marks]) -> Marks:
    """The columns that the query can name."""
    scope: Marks = {}
    source = query.args.get("from_")
    for node in [source, *query.args.get("joins", [])]:
        if node is not None:
            scope |= _source(node.this, declared, ctes)
    for lateral in query.args.get("laterals", []):
        scope |= _lateral(lateral, scope)
    return scope


def _source(node: exp.Expr, declared: Declared, ctes: dict[str, Marks]) -> Marks:
    if isinstance(node, exp.Table):
        if not node.db and node.name.lower() in ctes:
            return ctes[node.name.lower()]
        return declared(node)
    return _outputs(node, declared, ctes)


def _lateral(node: exp.Expr, scope: Marks) -> Marks:
    alias = node.args.get("alias")
    mark = _infer(node.this, scope)
    columns = alias.columns if isinstance(alias, exp.TableAlias) else []
    return {column.name.lower(): mark for column in columns[-1:] if mark}


def _values(values: exp.Values) -> Marks:
    names = [name.lower() for name in values.alias_column_names]
    first = values.expressions[0]
    cells = first.expressions if isinstance(first, exp.Tuple) else [first]
    names = names or [f"col{position}" for position in range(1, len(cells) + 1)]
    pairs = zip(names, cells, strict=False)
    return {name: found for name, cell in pairs if (found := _infer(cell, {}))}


def _infer(node: exp.Expr, scope: Marks) -> Mark | None:
    for kinds, infer in _BY_NODE:
        if isinstance(node, kinds):
            return infer(node, scope)
    if isinstance(node, exp.Func):
        name = _name(node)
        if build := FUNCTION_TYPES.get(name):
            return build(node)
        if name in _FUNCTIONS:
            return _FUNCTIONS[name]
    return _inherited(node, scope)


def _interval(node: exp.Expr, _: Marks) -> Mark:
    return qualifier_of(unit_names(node.args.get("unit")))


def _cast(node: exp.Expr, _: Marks) -> Mark | None:
    return of_type(node.args["to"])


def _path(node: exp.Expr, scope: Marks) -> Mark | None:
    return _VARIANT if _infer(node.this, scope) == _VARIANT else None


def _array(node: exp.Expr, scope: Marks) -> Mark | None:
    return _child("element", node, scope)


def _struct(node: exp.Expr, scope: Marks) -> Mark | None:
    members = {
        member.alias_or_name.lower(): _infer(
            member.expression if isinstance(member, exp.PropertyEQ) else member, scope
        )
        for member in node.expressions
    }
    return {name: mark for name, mark in members.items() if mark} or None


def _name(node: exp.Func) -> str:
    return node.name.lower() if isinstance(node, exp.Anonymous) else node.sql_name().lower()


def _column(node: exp.Expr, scope: Marks) -> Mark | None:
    """The mark of `c`, `t.c`, `s.member` and `t.s.member`."""
    path = [part.name.lower() for part in getattr(node, "parts", [])]
    for start, name in enumerate(path):
        mark = scope.get(name)
        for member in path[start + 1 :]:
            mark = mark.get(member) if isinstance(mark, dict) else None
        if mark is not None:
            return mark
    return None


def _child(name: str, node: exp.Expr, scope: Marks) -> Mark | None:
    children = [found for child in node.iter_expressions() if (found := _infer(child, scope))]
    return {name: children[0]} if children else None


def _map(node: exp.Expr, scope: Marks) -> Mark | None:
    found: dict[str, Mark] = {}
    for name, argument in (("key", "keys"), ("value", "values")):
        inner = node.args.get(argument)
        mark = _infer(inner, scope) if inner is not None else None
        if isinstance(mark, dict) and "element" in mark:
            found[name] = mark["element"]
    return found or None


def _part(node: exp.Expr, scope: Marks) -> Mark | None:
    whole = _infer(node.this, scope)
    if not isinstance(whole, dict):
        return None
    if isinstance(node, exp.Dot):
        return whole.get(node.expression.name.lower())
    return whole.get("element") or whole.get("value")


def _inherited(node: exp.Expr, scope: Marks) -> Mark | None:
    children = [found for child in node.iter_expressions() if (found := _infer(child, scope))]
    if isinstance(node, _SAME_TYPE):
        return _joined(children)
    return _joined([mark for mark in children if _is_interval(mark)])


def _is_interval(mark: Mark) -> bool:
    return isinstance(mark, str) and mark != _VARIANT and not mark.startswith("GEO")


def _joined(found: list[Mark]) -> Mark | None:
    if not found:
        return None
    if all(mark == found[0] for mark in found) or not _is_interval(found[0]):
        return found[0]
    pair = frozenset(mark for mark in found[:2] if isinstance(mark, str))
    return _JOINED.get(pair, "DAY TO SECOND")


if TYPE_CHECKING:
    _Infer = Callable[[exp.Expr, Marks], Mark | None]

_BY_NODE: list[tuple[type[exp.Expr] | tuple[type[exp.Expr], ...], _Infer]] = [
    (exp.Interval, _interval),
    (exp.Cast, _cast),
    (exp.Column, _column),
    (exp.JSONExtract, _path),
    ((exp.Array, exp.ArrayAgg, exp.ArrayUniqueAgg), _array),
    ((exp.VarMap, exp.Map), _map),
    (exp.Struct, _struct),
    ((exp.Bracket, exp.Dot, exp.Explode), _part),
]
