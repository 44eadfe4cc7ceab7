"""Elements of arrays and maps: `value[index]`, `element_at()` and `get()`.

Only DuckDB knows whether a value is an array, whose elements it counts from one, or a map.
"""

from __future__ import annotations

from sqlglot import exp

from .calls import anonymous, literal

_ZERO = (
    "[INVALID_INDEX_OF_ZERO] The index 0 is invalid. An index shall be either < 0 or > 0 (the "
    "first element has index 1). SQLSTATE: 22003"
)


def element(node: exp.Bracket, *, ansi: bool) -> exp.Expr:
    """The element by the service's index; in ANSI mode one that an array lacks is an error."""
    key = node.expressions[0]
    if isinstance(key, exp.Null) or (isinstance(key, exp.Literal) and key.is_string):
        return node
    from_one = node.args.get("offset") == 1
    value = exp.paren(node.this)
    is_array = exp.Like(this=anonymous("typeof", value), expression=literal("%]"))
    index = exp.TryCast(this=key, to=exp.DataType.build("BIGINT"))
    zero, one = exp.Literal.number(0), exp.Literal.number(1)
    following = exp.Add(this=index, expression=one)
    counted = exp.If(this=exp.GTE(this=index, expression=zero), true=following)
    place: exp.Expr = index if from_one else exp.Case(ifs=[counted])
    # By way of text, since a map has keys of any type.
    place = anonymous("cast_to_type", exp.cast(place, exp.DataType.Type.TEXT), key)
    place = exp.Case(ifs=[exp.If(this=is_array, true=place)], default=key)
    # With this offset the generator leaves the index as it is.
    found = exp.Bracket(this=value, expressions=[place], offset=1)
    if not ansi or node.args.get("safe"):
        return found
    size = anonymous("json_array_length", anonymous("to_json", value))
    raised: list[tuple[exp.Expr, exp.Expr]]
    if from_one:
        raised = [
            (exp.EQ(this=index, expression=zero), literal(_ZERO)),
            (
                exp.GT(this=anonymous("abs", index), expression=size),
                _beyond(index, size, "element_at"),
            ),
        ]
    else:
        outside = exp.Not(this=exp.Between(this=following, low=one, high=size))
        raised = [(outside, _beyond(index, size, ""))]
    errors = [
        exp.If(this=exp.And(this=is_array, expression=check), true=anonymous("error", text))
        for check, text in raised
    ]
    # COALESCE measures the array only where there is no element, or one that is NULL.
    return exp.Coalesce(this=found, expressions=[exp.Case(ifs=errors)])


def _beyond(index: exp.Expr, size: exp.Expr, function: str) -> exp.Expr:
    condition = "INVALID_ARRAY_INDEX" + (f"_IN_{function.upper()}" if function else "")
    tolerant = f"Use `try_{function}`" if function else "Use the SQL function `get()`"
    return anonymous(
        "concat",
        literal(f"[{condition}] The index "),
        index,
        literal(" is out of bounds. The array has "),
        size,
        literal(
            f" elements. {tolerant} to tolerate accessing element at invalid index and return NULL "
            'instead. If necessary set "ansi_mode" to "false" to bypass this error. SQLSTATE: 22003'
        ),
    )
