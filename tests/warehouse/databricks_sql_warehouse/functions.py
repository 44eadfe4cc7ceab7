"""Functions, operators and types that DuckDB lacks or that behave otherwise there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from . import elements
from .calls import CALLS, anonymous, literal
from .naming import column_name
from .tables import full_name, physical
from .type_lineage import PATH_OF_TEXT, QUALIFIER

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
    exp.Quarter,
    exp.StrPosition,
    exp.WeekOfYear,
    exp.Year,
)
# Functions that have another type in DuckDB.
_RESULTS = (
    (_INT_FUNCTIONS, exp.DataType.Type.INT),
    ((exp.TsOrDsAdd, exp.DateTrunc), exp.DataType.Type.DATE),
    ((exp.TimestampTrunc,), exp.DataType.Type.TIMESTAMPTZ),
)


def rewrite(tree: exp.Expr, session: Session, declarations: Declarations, token: str) -> exp.Expr:
    """Rewrite every node below `tree`; `token` lets sleep() find the statement it runs in."""
    calls: dict[str, Callable[[exp.Expr], exp.Expr]] = {
        "sleep": lambda node: anonymous("warehouse_sleep", _double(node), literal(token)),
        "assert_true": _assert_true,
        "raise_error": lambda node: anonymous("error", _raised(node.expressions[0])),
        "current_catalog": lambda _: literal(session.catalog),
        "current_schema": lambda _: literal(session.schema),
        "current_database": lambda _: literal(session.schema),
        "current_timezone": lambda _: literal(session.zone),
        "current_user": lambda _: literal(USER),
        "session_user": lambda _: literal(USER),
        "user": lambda _: literal(USER),
        "try_divide": _try_divide,
        "get": _get,
        **CALLS,
    }

    def replace(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Func) and (call := calls.get(_call_name(node))):
            return call(node)
        if isinstance(node, exp.Anonymous):
            return _made(node, session, declarations)
        for kinds, result in _RESULTS:
            if isinstance(node, kinds):
                return exp.cast(node.copy(), result)
        if isinstance(node, (exp.Any, exp.All)) and not isinstance(node.parent, exp.Predicate):
            name = "bool_or" if isinstance(node, exp.Any) else "bool_and"
            return anonymous(name, node.this.unnest())
        if isinstance(node, exp.JSONExtract) and node.meta.get(PATH_OF_TEXT):
            return exp.JSONExtractScalar(this=node.this, expression=node.expression)
        if isinstance(node, exp.DataType):
            return _data_type(node)
        for kind, by_mode in _BY_MODE:
            if isinstance(node, kind):
                return by_mode(node, ansi=session.ansi)
        return node

    # Children first: a call that is replaced keeps arguments that are rewritten already.
    for node in reversed(list(tree.walk())):
        if (replaced := replace(node)) is not node:
            node.replace(replaced)
    return tree


def _call_name(node: exp.Func) -> str:
    return node.name.lower() if isinstance(node, exp.Anonymous) else node.sql_name().lower()


def _raised(message: exp.Expr) -> exp.Expr:
    start = literal("[USER_RAISED_EXCEPTION] ")
    return exp.Concat(expressions=[start, message, literal(" SQLSTATE: P0001")])


def _assert_true(node: exp.Expr) -> exp.Expr:
    condition, *message = node.expressions
    shown = message[0] if message else literal(f"'{column_name(condition)}' is not true!")
    failed = anonymous("error", _raised(shown))
    return exp.Case(ifs=[exp.If(this=condition, true=exp.Null())], default=failed)


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


def _get(node: exp.Expr) -> exp.Expr:
    value, index = node.expressions
    return elements.element(exp.Bracket(this=value, expressions=[index]), ansi=False)


def _try_divide(node: exp.Expr) -> exp.Expr:
    left, right = node.expressions
    zero = exp.Literal.number(0)
    return exp.Div(this=exp.paren(left), expression=exp.Nullif(this=right, expression=zero))


def _guarded_division(node: exp.Binary, *, ansi: bool) -> exp.Expr:
    """DuckDB answers infinity for x / 0, and old versions NULL for x % 0."""
    divisor = node.expression
    constant = divisor.unnest()
    if isinstance(constant, exp.Nullif) or (
        isinstance(constant, exp.Literal) and float(constant.name or 0) != 0
    ):
        return node
    zero = exp.EQ(this=divisor.copy(), expression=exp.Literal.number(0))
    fail = anonymous("error", literal(DIVIDE_BY_ZERO)) if ansi else exp.Null()
    guarded = exp.Case(ifs=[exp.If(this=zero, true=fail)], default=divisor.copy())
    node.set("expression", guarded)
    return node


def _cast(node: exp.Cast, *, ansi: bool) -> exp.Expr:
    kind = node.to.this
    if kind is exp.DataType.Type.NULL:
        return exp.Null()
    if qualifier := node.meta.get(QUALIFIER):
        return _interval_text(node.this, qualifier)
    text = isinstance(node.this, exp.Literal) and node.this.is_string
    if kind in (exp.DataType.Type.BINARY, exp.DataType.Type.VARBINARY) and text:
        return exp.Encode(this=node.this, charset=literal("utf-8"))
    if kind is exp.DataType.Type.JSON:
        return exp.cast(anonymous("to_json", node.this), exp.DataType.Type.JSON)
    if kind is exp.DataType.Type.TEXT and isinstance(node.this, exp.JSONExtract):
        inner = node.this
        return exp.JSONExtractScalar(this=inner.this, expression=inner.expression)
    if kind in _TEMPORAL and text:
        node.set("this", literal(_whole(node.this.name)))
    if ansi or isinstance(node, exp.TryCast):
        return node
    return exp.TryCast(this=node.this, to=node.to)


def _interval_text(value: exp.Expr, qualifier: str) -> exp.Expr:
    years, months = (anonymous("datepart", literal(part), value) for part in ("year", "month"))
    total = exp.Add(this=exp.Mul(this=years, expression=exp.Literal.number(12)), expression=months)
    counted = exp.cast(total, exp.DataType.Type.BIGINT)
    micros = anonymous("epoch_us", value)
    return anonymous("warehouse_interval", counted, micros, literal(qualifier))


_BY_MODE: tuple[tuple[type[exp.Expr], Callable[..., exp.Expr]], ...] = (
    (exp.Bracket, elements.element),
    (exp.Div, _guarded_division),
    (exp.Mod, _guarded_division),
    (exp.Cast, _cast),
)
_TEMPORAL = (
    exp.DataType.Type.DATE,
    exp.DataType.Type.TIMESTAMP,
    exp.DataType.Type.TIMESTAMPTZ,
    exp.DataType.Type.TIMESTAMPLTZ,
    exp.DataType.Type.TIMESTAMPNTZ,
)
_PART_OF_DATE = re.compile(r"\s*(\d{4})(?:-(\d{1,2}))?\s*")
_PART_OF_TIME = re.compile(r"\s*(\d{4}-\d{1,2}-\d{1,2})[ T](\d{1,2})(?::(\d{1,2}))?\s*")


_BARE_OFFSET = re.compile(r"(?s)(.*\d\d:\d\d.*?)\s*([+-])(\d{2}):?(\d{2})\s*")


def _whole(text: str) -> str:
    """A date or timestamp with the parts that may be left out."""
    if match := _BARE_OFFSET.fullmatch(text):
        return f"{match[1]}{match[2]}{match[3]}:{match[4]}"
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
