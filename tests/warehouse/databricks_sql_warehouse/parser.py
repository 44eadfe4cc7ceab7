"""From statement text to a syntax tree, with the service's errors for what does not parse."""

from __future__ import annotations

import itertools
import logging

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from .errors import Position, StatementError, sql_error, syntax_error
from .parameters import number_markers

logging.getLogger("sqlglot").setLevel(logging.ERROR)

_DIALECT = sqlglot.Dialect.get_or_raise("databricks")
_STATEMENTS = (
    exp.Query,
    exp.Values,
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.Create,
    exp.Drop,
    exp.Alter,
    exp.TruncateTable,
    exp.Comment,
)


def tokenize(statement: str) -> list[Token]:
    """The tokens of the statement; a doubled quote is a quote, not the end of a string."""
    try:
        found = _DIALECT.tokenize(statement)
    except SqlglotError as error:
        raise syntax_error(statement, "'", Position(1, 0)) from error
    merged: list[Token] = []
    for token in found:
        before = merged[-1] if merged else None
        if before is not None and _continues(statement, before, token):
            text = before.text + statement[token.start] + token.text
            merged[-1] = Token(
                token.token_type, text, token.line, token.col, before.start, token.end
            )
        else:
            merged.append(token)
    return merged


def _continues(statement: str, before: Token, token: Token) -> bool:
    return (
        before.token_type is token.token_type is TokenType.STRING
        and before.end + 1 == token.start
        and statement[before.end] == statement[token.start]
    )


def parse(statement: str, found: list[Token]) -> exp.Expr:
    """The tree of one statement."""
    if not found:
        raise sql_error(
            "PARSE_EMPTY_STATEMENT", "Syntax error, unexpected empty statement.", "42617"
        )
    try:
        built = _DIALECT.parser(error_level=ErrorLevel.IMMEDIATE)
        trees = built.parse(number_markers(found), statement)
    except ParseError as error:
        raise _from_parse_error(statement, found, error) from error
    except SqlglotError as error:
        raise _at(statement, found[0]) from error
    several = [tree for tree in trees if tree is not None]
    if len(several) != 1:
        second = next(
            after
            for token, after in itertools.pairwise(found)
            if token.token_type is TokenType.SEMICOLON
        )
        raise _at(statement, second)
    tree = several[0]
    if not isinstance(tree, _STATEMENTS):
        raise _at(statement, found[0])
    return tree


def _from_parse_error(statement: str, found: list[Token], error: ParseError) -> StatementError:
    if found[0].token_type is TokenType.VAR:
        return _at(statement, found[0])
    detail = error.errors[0] if error.errors else {}
    if "number of provided arguments" in str(detail.get("description")):
        return sql_error(
            "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
            f"The function call at `{detail.get('highlight')}` has a wrong number of arguments.",
            "42605",
        )
    line, end = detail.get("line"), detail.get("col")
    if "SENTINEL" in str(detail.get("description")) or not line or not end:
        last = found[-1]
        return syntax_error(statement, "", Position(last.line, last.col))
    for token in found:
        if token.line == line and token.col == end:
            return _at(statement, token)
    return syntax_error(statement, str(detail.get("highlight")), Position(line, max(end - 1, 0)))


def _at(statement: str, token: Token) -> StatementError:
    start = token.col - (token.end - token.start) - 1
    return syntax_error(statement, token.text, Position(token.line, max(start, 0)))
