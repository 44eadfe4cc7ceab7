"""Calls of functions that DuckDB lacks, by calls of those that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError

if TYPE_CHECKING:
    from collections.abc import Callable


def anonymous(name: str, *arguments: exp.Expr) -> exp.Expr:
    """The call of a function that sqlglot need not know."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def literal(value: str) -> exp.Expr:
    """A string."""
    return exp.Literal.string(value)


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    return node.expressions if isinstance(node, exp.Anonymous) else list(node.iter_expressions())


def _number(value: int) -> exp.Expr:
    return exp.Literal.number(value)


def _ewkt(default: int) -> Callable[[exp.Expr], exp.Expr]:
    def call(node: exp.Expr) -> exp.Expr:
        text, *rest = _arguments(node)
        return anonymous("warehouse_ewkt", text, rest[0] if rest else _number(default))

    return call


def _point(node: exp.Expr) -> exp.Expr:
    x, y, *rest = _arguments(node)
    numbers = [exp.cast(value, exp.DataType.Type.DOUBLE) for value in (x, y)]
    return anonymous("warehouse_point", *numbers, rest[0] if rest else _number(0))


def _set_srid(node: exp.Expr) -> exp.Expr:
    value, srid = _arguments(node)
    return anonymous("warehouse_ewkt", anonymous("warehouse_wkt", value), srid)


def _first(name: str) -> Callable[[exp.Expr], exp.Expr]:
    return lambda node: anonymous(name, _arguments(node)[0])


def _typeof(node: exp.Expr) -> exp.Expr:
    return anonymous("warehouse_typeof", anonymous("typeof", _arguments(node)[0]))


def _is_null(node: exp.Expr) -> exp.Expr:
    return exp.paren(exp.Is(this=_arguments(node)[0], expression=exp.Null()))


def _is_not_null(node: exp.Expr) -> exp.Expr:
    return exp.Not(this=_is_null(node))


def _pmod(node: exp.Expr) -> exp.Expr:
    left, right = (exp.paren(value) for value in _arguments(node))
    inner = exp.paren(exp.Add(this=exp.Mod(this=left, expression=right), expression=right.copy()))
    return exp.paren(exp.Mod(this=inner, expression=right.copy()))


def _row_number(_: exp.Expr) -> exp.Expr:
    number = exp.Window(this=exp.RowNumber())
    return exp.paren(exp.Sub(this=number, expression=_number(1)))


def _day_time(node: exp.Expr) -> exp.Expr:
    units = ("to_days", "to_hours", "to_minutes")
    given = [
        anonymous(unit, exp.cast(value, exp.DataType.Type.INT))
        for unit, value in zip(units, _arguments(node), strict=False)
    ]
    seconds = _arguments(node)[3:]
    return _sum([*given, *[anonymous("to_seconds", value) for value in seconds]], "to_days")


def _year_month(node: exp.Expr) -> exp.Expr:
    units = ("to_years", "to_months")
    pairs = zip(units, _arguments(node), strict=False)
    return _sum([anonymous(unit, value) for unit, value in pairs], "to_months")


def _sum(parts: list[exp.Expr], unit: str) -> exp.Expr:
    total = parts[0] if parts else anonymous(unit, _number(0))
    for part in parts[1:]:
        total = exp.Add(this=total, expression=part)
    return exp.paren(total)


def _try(operator: type[exp.Binary]) -> Callable[[exp.Expr], exp.Expr]:
    def call(node: exp.Expr) -> exp.Expr:
        left, right = (exp.paren(value) for value in _arguments(node))
        return anonymous("try", operator(this=left, expression=right))

    return call


def _variant(text: exp.Expr) -> exp.Expr:
    """Compact JSON with sorted keys: the detour through DuckDB's own VARIANT sorts them."""
    node = exp.cast(text.copy(), exp.DataType.Type.JSON)
    node = exp.cast(node, exp.DataType.Type.VARIANT)
    node = exp.cast(node, exp.DataType.Type.JSON)
    # JSON's null is a value, which the detour takes for SQL's NULL.
    null = exp.cast(exp.Literal.string("null"), exp.DataType.Type.JSON)
    absent = exp.Is(this=text.copy(), expression=exp.Null())
    return exp.Case(
        ifs=[exp.If(this=absent, true=exp.Null())],
        default=exp.Coalesce(this=node, expressions=[null]),
    )


def _variant_get(node: exp.Expr) -> exp.Expr:
    value, path, *kind = _arguments(node)
    if not kind:
        return anonymous("json_extract", value, path)
    to = exp.DataType.build(kind[0].name, dialect="databricks")
    text = anonymous("json_extract_string", value, path)
    return exp.Cast(this=text, to=to) if to.this is not exp.DataType.Type.TEXT else text


def _parse_json(node: exp.Expr) -> exp.Expr:
    return _variant(_arguments(node)[0])


def _try_parse_json(node: exp.Expr) -> exp.Expr:
    text = _arguments(node)[0]
    valid = anonymous("json_valid", text.copy())
    kept = exp.Case(ifs=[exp.If(this=valid, true=text)])
    return _variant(kept)


def _from_json(node: exp.Expr) -> exp.Expr:
    text, schema = _arguments(node)[:2]
    written = schema.name
    try:
        kind = exp.DataType.build(written, dialect="databricks")
    except SqlglotError:
        kind = exp.DataType.build(f"STRUCT<{written}>", dialect="databricks")
    return exp.Cast(this=exp.cast(text, exp.DataType.Type.JSON), to=kind)


CALLS: dict[str, Callable[[exp.Expr], exp.Expr]] = {
    "parse_json": _parse_json,
    "try_parse_json": _try_parse_json,
    "to_json": lambda node: exp.cast(
        anonymous("to_json", _arguments(node)[0]), exp.DataType.Type.TEXT
    ),
    "to_variant_object": lambda node: exp.cast(
        anonymous("to_json", _arguments(node)[0]), exp.DataType.Type.JSON
    ),
    "variant_get": _variant_get,
    "try_variant_get": lambda node: anonymous("try", _variant_get(node)),
    "from_json": _from_json,
    "typeof": _typeof,
    "isnull": _is_null,
    "isnotnull": _is_not_null,
    "pmod": _pmod,
    "crc32": _first("warehouse_crc32"),
    "monotonically_increasing_id": _row_number,
    "make_dt_interval": _day_time,
    "make_ym_interval": _year_month,
    "make_timestamp": lambda node: exp.cast(
        anonymous("make_timestamp", *_arguments(node)), exp.DataType.Type.TIMESTAMPTZ
    ),
    "every": _first("bool_and"),
    "some": _first("bool_or"),
    "try_add": _try(exp.Add),
    "safe_add": _try(exp.Add),
    "try_subtract": _try(exp.Sub),
    "safe_subtract": _try(exp.Sub),
    "try_multiply": _try(exp.Mul),
    "safe_multiply": _try(exp.Mul),
    "st_geomfromtext": _ewkt(0),
    "st_geomfromwkt": _ewkt(0),
    "st_geometryfromtext": _ewkt(0),
    "st_geomfromewkt": _ewkt(0),
    "to_geometry": _ewkt(0),
    "st_geogfromtext": _ewkt(4326),
    "st_geogfromwkt": _ewkt(4326),
    "st_geogfromewkt": _ewkt(4326),
    "to_geography": _ewkt(4326),
    "st_point": _point,
    "st_makepoint": _point,
    "st_setsrid": _set_srid,
    "st_astext": _first("warehouse_wkt"),
    "st_aswkt": _first("warehouse_wkt"),
    "st_asewkt": lambda node: _arguments(node)[0],
    "st_srid": _first("warehouse_srid"),
}
