"""Statement parameters: checked as the service checks them, bound as typed expressions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from . import intervals
from .errors import bad_request, sql_error

MOST_PARAMETERS = 256
_POSITION = "__position_"
_ENDS_OPERAND = {
    TokenType.VAR,
    TokenType.IDENTIFIER,
    TokenType.NUMBER,
    TokenType.STRING,
    TokenType.R_PAREN,
    TokenType.R_BRACKET,
}


@dataclass(frozen=True)
class Parameter:
    """One element of `parameters`; the key is the name, or the ordinal from 1."""

    key: str | int
    type: str
    value: str | None


def read(items: Any) -> list[Parameter]:
    """The parameters of a request; malformed ones are refused."""
    if items is None:
        return []
    if not isinstance(items, list):
        raise bad_request("parameters must be an array.", "MALFORMED_REQUEST")
    if len(items) > MOST_PARAMETERS:
        raise bad_request(
            f"Too many parameters: {len(items)}. A statement takes at most {MOST_PARAMETERS}."
        )
    return [_read_one(item) for item in items]


def _read_one(item: Any) -> Parameter:
    if not isinstance(item, dict):
        raise bad_request("A parameter must be an object.", "MALFORMED_REQUEST")
    name, ordinal, value = item.get("name"), item.get("ordinal"), item.get("value")
    if (name is None) == (ordinal is None):
        raise bad_request("A parameter must have either a name or an ordinal.")
    if ordinal is not None and (not isinstance(ordinal, int) or ordinal < 1):
        raise bad_request(f"Parameter ordinals start at 1, got {ordinal}.")
    if value is not None and not isinstance(value, str):
        raise bad_request("The value of a parameter must be a string.", "MALFORMED_REQUEST")
    kind = (item.get("type") or "STRING").strip().upper()
    if not _TYPE.fullmatch(kind):
        raise bad_request(f"Unsupported parameter type: {kind}.")
    return Parameter(str(name) if ordinal is None else ordinal, kind, value)


_TYPE = re.compile(
    r"(TINYINT|BYTE|SMALLINT|SHORT|INT|INTEGER|BIGINT|LONG|FLOAT|REAL|DOUBLE|BOOLEAN|STRING|"
    r"DATE|TIMESTAMP|TIMESTAMP_NTZ|TIMESTAMP_LTZ|BINARY|VOID|INTERVAL( [A-Z]+( TO [A-Z]+)?)?|"
    r"(DECIMAL|DEC|NUMERIC)( ?\( ?\d+ ?(, ?\d+ ?)?\))?|(VARCHAR|CHAR)\(\d+\))"
)


def number_markers(found: list[Token]) -> list[Token]:
    """The tokens with each `?` replaced by a name that says its position."""
    replaced: list[Token] = []
    position = 0
    for token in found:
        unbound_cast = token.token_type is TokenType.QDCOLON and (
            not replaced or replaced[-1].token_type not in _ENDS_OPERAND
        )
        if token.token_type is not TokenType.PLACEHOLDER and not unbound_cast:
            replaced.append(token)
            continue
        position += 1
        replaced += [
            _like(token, TokenType.COLON, ":"),
            _like(token, TokenType.VAR, f"{_POSITION}{position}"),
        ]
        if unbound_cast:
            replaced.append(_like(token, TokenType.DCOLON, "::"))
    return replaced


def _like(token: Token, kind: TokenType, text: str) -> Token:
    return Token(kind, text, token.line, token.col, token.start, token.end)


def bind(tree: exp.Expr, parameters: list[Parameter]) -> exp.Expr:
    """Replace every marker below `tree` by its value."""
    markers = [node.name for node in tree.find_all(exp.Placeholder)]
    if not markers:
        return tree
    positional = [name.startswith(_POSITION) for name in markers]
    if any(positional) and not all(positional):
        raise sql_error(
            "INVALID_QUERY_MIXED_QUERY_PARAMETERS",
            "Parameterized query must either use positional, or named parameters, but not both.",
            "42613",
        )
    values = {parameter.key: parameter for parameter in parameters}

    def replace(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Placeholder):
            return node
        name = node.name
        key = int(name[len(_POSITION) :]) if name.startswith(_POSITION) else name
        if key not in values:
            raise _unbound(key)
        bound = _value(values[key], shown=isinstance(node.parent, (exp.Select, exp.Alias)))
        bound.meta["name"] = "NULL" if values[key].value is None else values[key].value
        return bound

    return tree.transform(replace, copy=False)


def _unbound(key: str | int) -> Exception:
    shown = f"_{key}" if isinstance(key, int) else key
    return sql_error(
        "UNBOUND_SQL_PARAMETER",
        f"Found the unbound parameter: {shown}. Please, fix `args` and provide a mapping of the "
        "parameter to either a SQL literal or collection constructor functions such as `map()`, "
        "`array()`, `struct()`.",
        "42P02",
    )


def _value(parameter: Parameter, *, shown: bool) -> exp.Expr:
    """The expression of a value; `shown` when its type is the type of a column of the result."""
    kind, value = parameter.type, parameter.value
    if kind == "VOID" or (value is None and not shown):
        return exp.Null()
    if kind == "STRING":
        return exp.Literal.string(value) if value is not None else _cast(exp.Null(), kind)
    if value is None:
        return _cast(exp.Null(), "INTERVAL DAY TO SECOND" if kind == "INTERVAL" else kind)
    if kind == "INTERVAL":
        return _bare_interval(value)
    if kind == "BINARY":
        return exp.Encode(this=exp.Literal.string(value), charset=exp.Literal.string("utf-8"))
    return _cast(exp.Literal.string(value.strip()), kind)


def _cast(node: exp.Expr, kind: str) -> exp.Expr:
    return exp.Cast(this=node, to=exp.DataType.build(kind, dialect="databricks"))


def _bare_interval(value: str) -> exp.Expr:
    text = re.sub(r"(?i)^\s*interval\s+", "", value).strip()
    if re.fullmatch(r"[+-]?\d+-\d+", text):
        text = f"'{text}' YEAR TO MONTH"
    elif re.fullmatch(r"[+-]?\d+ \d+:\d+:\d+(\.\d+)?", text):
        text = f"'{text}' DAY TO SECOND"
    try:
        return sqlglot.parse_one(f"INTERVAL {text}", read="databricks")
    except SqlglotError:
        intervals.parse(value, "DAY TO SECOND")
        raise
