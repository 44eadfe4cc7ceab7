"""Functions, operators and types that DuckDB lacks or that behave otherwise there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable

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


def rewrite(tree: exp.Expr, session: Session, token: str) -> exp.Expr:
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
        "parse_json": lambda node: _variant(node.this),
        "to_json": lambda node: _anonymous("to_json", node.this),
        "try_divide": _try_divide,
    }

    def replace(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Func) and (call := calls.get(_call_name(node))):
            return call(node)
        if isinstance(node, _INT_FUNCTIONS):
            return exp.cast(node.copy(), exp.DataType.Type.INT)
        if isinstance(node, exp.Div):
            return _guarded_division(node)
        if isinstance(node, exp.Cast):
            return _cast(node)
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


def _guarded_division(node: exp.Div) -> exp.Expr:
    """DuckDB answers infinity for x / 0."""
    divisor = node.expression
    constant = divisor.unnest()
    if isinstance(constant, exp.Nullif) or (
        isinstance(constant, exp.Literal) and float(constant.name or 0) != 0
    ):
        return node
    zero = exp.EQ(this=divisor.copy(), expression=exp.Literal.number(0))
    fail = _anonymous("error", _text(DIVIDE_BY_ZERO))
    guarded = exp.Case(ifs=[exp.If(this=zero, true=fail)], default=divisor.copy())
    node.set("expression", guarded)
    return node


def _cast(node: exp.Cast) -> exp.Expr:
    kind = node.to.this
    if kind is exp.DataType.Type.NULL:
        return exp.Null()
    text = isinstance(node.this, exp.Literal) and node.this.is_string
    if kind in (exp.DataType.Type.BINARY, exp.DataType.Type.VARBINARY) and text:
        return exp.Encode(this=node.this, charset=_text("utf-8"))
    if kind is exp.DataType.Type.JSON:
        return exp.cast(_anonymous("to_json", node.this), exp.DataType.Type.JSON)
    return node


def _data_type(node: exp.DataType) -> exp.Expr:
    if node.this is exp.DataType.Type.VARIANT:
        return exp.DataType(this=exp.DataType.Type.JSON)
    if node.this is exp.DataType.Type.DECIMAL and not node.expressions:
        sizes = [exp.DataTypeParam(this=exp.Literal.number(size)) for size in (10, 0)]
        return exp.DataType(this=node.this, expressions=sizes)
    for member in node.expressions if node.this is exp.DataType.Type.STRUCT else []:
        if isinstance(member, exp.ColumnDef):
            member.set("constraints", None)
    return node
