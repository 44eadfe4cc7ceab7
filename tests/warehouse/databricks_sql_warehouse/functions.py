"""Functions, operators and types that DuckDB lacks or that behave otherwise there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError

from .tables import full_name, physical

if TYPE_CHECKING:
    from collections.abc import Callable

    from .declarations import Declarations
    from .sessions import Session

DIVIDE_BY_ZERO = (
    "[DIVIDE_BY_ZERO] Division by zero. Use `try_divide` to tolerate divisor being 0 and return "
    'NULL instead. If necessary set "ansi_mode" to "false" to bypass this error. SQLSTATE: 22012'
)
USER = "warehouse@localhost"
_INT_FUNCTIONS = (
    exp.ArraySize,
    exp.DateDiff,
    exp.Day,
    exp.DayOfMonth,
    exp.DayOfWeek,
    exp.DayOfYear,
    exp.Extract,
    exp.Length,
    exp.Month,
    exp.StrPosition,
    exp.Year,
)


def rewrite(tree: exp.Expr, session: Session, declarations: Declarations, token: str) -> exp.Expr:
    """Rewrite every node below `tree`; `token` lets sleep() find the statement it runs in."""
    calls: dict[str, Callable[[exp.Expr], exp.Expr]] = {
        "sleep": lambda node: _anonymous("warehouse_sleep", _double(node), _text(token)),
        "raise_error": lambda node: _anonymous("error", _raised(node.expressions[0])),
        "current_catalog": lambda _: _text(session.catalog),
        "current_schema": lambda _: _text(session.schema),
        "current_database": lambda _: _text(session.schema),
        "current_timezone": lambda _: _text(session.zone),
        "current_user": lambda _: _text(USER),
        "session_user": lambda _: _text(USER),
        "user": lambda _: _text(USER),
        "try_divide": _try_divide,
        **_CALLS,
    }

    def replace(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Func) and (call := calls.get(_call_name(node))):
            return call(node)
        if isinstance(node, exp.Anonymous):
            return _made(node, session, declarations)
        if isinstance(node, _INT_FUNCTIONS):
            return exp.cast(node.copy(), exp.DataType.Type.INT)
        if isinstance(node, exp.TsOrDsAdd):
            return exp.cast(node.copy(), exp.DataType.Type.DATE)
        if isinstance(node, (exp.Any, exp.All)) and not isinstance(node.parent, exp.Predicate):
            name = "bool_or" if isinstance(node, exp.Any) else "bool_and"
            return _anonymous(name, node.this.unnest())
        if isinstance(node, exp.Div):
            return _guarded_division(node, ansi=session.ansi)
        if isinstance(node, exp.Cast):
            return _cast(node, ansi=session.ansi)
        if isinstance(node, exp.DataType):
            return _data_type(node)
        return node

    # Children first: a call that is replaced keeps arguments that are rewritten already.
    for node in reversed(list(tree.walk())):
        if (replaced := replace(node)) is not node:
            node.replace(replaced)
    return tree


def _call_name(node: exp.Func) -> str:
    return node.name.lower() if isinstance(node, exp.Anonymous) else node.sql_name().lower()


def _anonymous(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _text(value: str) -> exp.Expr:
    return exp.Literal.string(value)


def _raised(message: exp.Expr) -> exp.Expr:
    start = _text("[USER_RAISED_EXCEPTION] ")
    return exp.Concat(expressions=[start, message, _text(" SQLSTATE: P0001")])


def _double(node: exp.Expr) -> exp.Expr:
    return exp.cast(node.expressions[0], exp.DataType.Type.DOUBLE)


def _made(node: exp.Anonymous, session: Session, declarations: Declarations) -> exp.Expr:
    """The call of a function that a user made; other calls as they are."""
    levels = []
    outer: exp.Expr = node
    while isinstance(outer.parent, exp.Dot) and outer.parent.expression is outer:
        levels = [outer.parent.this.sql(dialect="databricks").replace("`", "")]
        outer = outer.parent
    names = [*levels[0].split("."), node.name] if levels else [node.name]
    key = full_name(names, session)
    if key not in declarations.routines:
        return node
    catalog, schema, name = key
    call = exp.Anonymous(
        this=f'"{physical(catalog)}"."{schema}"."{name}"', expressions=node.expressions
    )
    if outer is not node:
        outer.replace(call)
        return node
    return call


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    return node.expressions if isinstance(node, exp.Anonymous) else list(node.iter_expressions())


def _number(value: int) -> exp.Expr:
    return exp.Literal.number(value)


def _ewkt(default: int) -> Callable[[exp.Expr], exp.Expr]:
    def call(node: exp.Expr) -> exp.Expr:
        text, *rest = _arguments(node)
        return _anonymous("warehouse_ewkt", text, rest[0] if rest else _number(default))

    return call


def _point(node: exp.Expr) -> exp.Expr:
    x, y, *rest = _arguments(node)
    numbers = [exp.cast(value, exp.DataType.Type.DOUBLE) for value in (x, y)]
    return _anonymous("warehouse_point", *numbers, rest[0] if rest else _number(0))


def _set_srid(node: exp.Expr) -> exp.Expr:
    value, srid = _arguments(node)
    return _anonymous("warehouse_ewkt", _anonymous("warehouse_wkt", value), srid)


def _first(name: str) -> Callable[[exp.Expr], exp.Expr]:
    return lambda node: _anonymous(name, _arguments(node)[0])


def _typeof(node: exp.Expr) -> exp.Expr:
    return _anonymous("warehouse_typeof", _anonymous("typeof", _arguments(node)[0]))


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
        _anonymous(unit, exp.cast(value, exp.DataType.Type.INT))
        for unit, value in zip(units, _arguments(node), strict=False)
    ]
    seconds = _arguments(node)[3:]
    return _sum([*given, *[_anonymous("to_seconds", value) for value in seconds]], "to_days")


def _year_month(node: exp.Expr) -> exp.Expr:
    units = ("to_years", "to_months")
    pairs = zip(units, _arguments(node), strict=False)
    return _sum([_anonymous(unit, value) for unit, value in pairs], "to_months")


def _sum(parts: list[exp.Expr], unit: str) -> exp.Expr:
    total = parts[0] if parts else _anonymous(unit, _number(0))
    for part in parts[1:]:
        total = exp.Add(this=total, expression=part)
    return exp.paren(total)


def _try(operator: type[exp.Binary]) -> Callable[[exp.Expr], exp.Expr]:
    def call(node: exp.Expr) -> exp.Expr:
        left, right = (exp.paren(value) for value in _arguments(node))
        return _anonymous("try", operator(this=left, expression=right))

    return call


def _variant_get(node: exp.Expr) -> exp.Expr:
    value, path, *kind = _arguments(node)
    if not kind:
        return _anonymous("json_extract", value, path)
    to = exp.DataType.build(kind[0].name, dialect="databricks")
    text = _anonymous("json_extract_string", value, path)
    return exp.Cast(this=text, to=to) if to.this is not exp.DataType.Type.TEXT else text


def _parse_json(node: exp.Expr) -> exp.Expr:
    return _variant(_arguments(node)[0])


def _try_parse_json(node: exp.Expr) -> exp.Expr:
    text = _arguments(node)[0]
    valid = _anonymous("json_valid", text.copy())
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


_CALLS: dict[str, Callable[[exp.Expr], exp.Expr]] = {
    "parse_json": _parse_json,
    "try_parse_json": _try_parse_json,
    "to_json": lambda node: exp.cast(
        _anonymous("to_json", _arguments(node)[0]), exp.DataType.Type.TEXT
    ),
    "to_variant_object": lambda node: exp.cast(
        _anonymous("to_json", _arguments(node)[0]), exp.DataType.Type.JSON
    ),
    "variant_get": _variant_get,
    "try_variant_get": lambda node: _anonymous("try", _variant_get(node)),
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
        _anonymous("make_timestamp", *_arguments(node)), exp.DataType.Type.TIMESTAMPTZ
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


def _try_divide(node: exp.Expr) -> exp.Expr:
    left, right = node.expressions
    zero = exp.Literal.number(0)
    return exp.Div(this=exp.paren(left), expression=exp.Nullif(this=right, expression=zero))


def _guarded_division(node: exp.Div, *, ansi: bool) -> exp.Expr:
    """DuckDB answers infinity for x / 0."""
    divisor = node.expression
    constant = divisor.unnest()
    if isinstance(constant, exp.Nullif) or (
        isinstance(constant, exp.Literal) and float(constant.name or 0) != 0
    ):
        return node
    zero = exp.EQ(this=divisor.copy(), expression=exp.Literal.number(0))
    fail = _anonymous("error", _text(DIVIDE_BY_ZERO)) if ansi else exp.Null()
    guarded = exp.Case(ifs=[exp.If(this=zero, true=fail)], default=divisor.copy())
    node.set("expression", guarded)
    return node


def _cast(node: exp.Cast, *, ansi: bool) -> exp.Expr:
    kind = node.to.this
    if kind is exp.DataType.Type.NULL:
        return exp.Null()
    text = isinstance(node.this, exp.Literal) and node.this.is_string
    if kind in (exp.DataType.Type.BINARY, exp.DataType.Type.VARBINARY) and text:
        return exp.Encode(this=node.this, charset=_text("utf-8"))
    if kind is exp.DataType.Type.JSON:
        return exp.cast(_anonymous("to_json", node.this), exp.DataType.Type.JSON)
    if kind is exp.DataType.Type.TEXT and isinstance(node.this, exp.JSONExtract):
        inner = node.this
        return exp.JSONExtractScalar(this=inner.this, expression=inner.expression)
    if kind in _TEMPORAL and text:
        node.set("this", _text(_whole(node.this.name)))
    if ansi or isinstance(node, exp.TryCast):
        return node
    return exp.TryCast(this=node.this, to=node.to)


_TEMPORAL = (
    exp.DataType.Type.DATE,
    exp.DataType.Type.TIMESTAMP,
    exp.DataType.Type.TIMESTAMPTZ,
    exp.DataType.Type.TIMESTAMPLTZ,
    exp.DataType.Type.TIMESTAMPNTZ,
)
_PART_OF_DATE = re.compile(r"\s*(\d{4})(?:-(\d{1,2}))?\s*")
_PART_OF_TIME = re.compile(r"\s*(\d{4}-\d{1,2}-\d{1,2})[ T](\d{1,2})(?::(\d{1,2}))?\s*")


def _whole(text: str) -> str:
    """A date or timestamp with the parts that may be left out."""
    if match := _PART_OF_DATE.fullmatch(text):
        return f"{match[1]}-{match[2] or 1}-1"
    if match := _PART_OF_TIME.fullmatch(text):
        return f"{match[1]} {match[2]:0>2}:{match[3] or '0':0>2}:00"
    return text


def keep_dates(tree: exp.Expr) -> None:
    """A date with days or months added is a date; to be done before intervals are rewritten."""
    for node in list(tree.find_all(exp.Add, exp.Sub)):
        added, left = node.expression, node.this.unnest()
        unit = added.args.get("unit") if isinstance(added, exp.Interval) else None
        is_date = isinstance(left, exp.CurrentDate) or (
            isinstance(left, exp.Cast) and left.to.this is exp.DataType.Type.DATE
        )
        if is_date and unit is not None and unit.name.upper().rstrip("S") in _DATE_UNITS:
            node.replace(exp.cast(node.copy(), exp.DataType.Type.DATE))


_DATE_UNITS = ("DAY", "WEEK", "MONTH", "YEAR")


def _data_type(node: exp.DataType) -> exp.Expr:
    if node.this is exp.DataType.Type.VARIANT:
        return exp.DataType(this=exp.DataType.Type.JSON)
    if node.this is exp.DataType.Type.TIMESTAMP:
        return exp.DataType(this=exp.DataType.Type.TIMESTAMPTZ)
    if node.this is exp.DataType.Type.DECIMAL and not node.expressions:
        sizes = [exp.DataTypeParam(this=exp.Literal.number(size)) for size in (10, 0)]
        return exp.DataType(this=node.this, expressions=sizes)
    if node.this in (exp.DataType.Type.GEOMETRY, exp.DataType.Type.GEOGRAPHY):
        return exp.DataType(this=exp.DataType.Type.TEXT)
    for member in node.expressions if node.this is exp.DataType.Type.STRUCT else []:
        if isinstance(member, exp.ColumnDef):
            member.set("constraints", None)
    return node
