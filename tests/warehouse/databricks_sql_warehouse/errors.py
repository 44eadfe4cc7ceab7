"""The two families of errors: a refused request, and a statement that fails."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field


@dataclass
class ApiError(Exception):
    """A refused request: an HTTP status other than 200 with a JSON body."""

    status: int
    error_code: str | int
    message: str
    reason: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        """The JSON document of the answer; gateway errors carry a number and no details."""
        document: dict[str, object] = {"error_code": self.error_code, "message": self.message}
        if self.reason is not None:
            document["details"] = [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": self.reason,
                    "domain": "sql.databricks.com",
                    "metadata": {},
                },
                {
                    "@type": "type.googleapis.com/google.rpc.RequestInfo",
                    "request_id": str(uuid.uuid4()),
                    "serving_data": "",
                },
            ]
        return document


def bad_request(message: str, error_code: str = "INVALID_PARAMETER_VALUE") -> ApiError:
    """A request that the service refuses as malformed."""
    return ApiError(400, error_code, message, reason="INVALID_REQUEST")


def not_found(message: str) -> ApiError:
    """A session, statement or chunk that does not exist."""
    return ApiError(404, "NOT_FOUND", message, reason="RESOURCE_NOT_FOUND")


class StatementError(Exception):
    """A statement that fails: HTTP 200 with the state FAILED."""

    def __init__(
        self, message: str, sql_state: str | None, error_code: str = "BAD_REQUEST"
    ) -> None:
        super().__init__(message)
        self.message = message
        self.sql_state = sql_state
        self.error_code = error_code


class StatementCanceled(Exception):  # noqa: N818  (a state of the statement, not a failure)
    """The statement was canceled while it ran."""


@dataclass(frozen=True)
class Position:
    """Where in the statement text, the line from 1 and the column from 0, as the service counts."""

    line: int
    column: int


def sql_error(
    condition: str, text: str, sql_state: str, position: Position | None = None
) -> StatementError:
    """An error of the analysis or the run, worded `[CONDITION] text SQLSTATE: state; line pos`."""
    where = f"; line {position.line} pos {position.column}" if position else ""
    return StatementError(f"[{condition}] {text} SQLSTATE: {sql_state}{where}", sql_state)


def syntax_error(statement: str, near: str, position: Position) -> StatementError:
    """PARSE_SYNTAX_ERROR with the statement quoted and marked, as the service lays it out."""
    at = "at or near end of input" if not near else f"at or near '{near}'"
    lines = statement.split("\n")
    marked = [*lines[: position.line], "-" * position.column + "^^^", *lines[position.line :]]
    quoted = "\n".join(marked)
    return StatementError(
        f"\n[PARSE_SYNTAX_ERROR] Syntax error {at}. SQLSTATE: 42601 "
        f"(line {position.line}, pos {position.column})\n\n== SQL ==\n{quoted}\n",
        "42601",
    )


def syntax_error_at(statement: str, word: str) -> StatementError:
    """PARSE_SYNTAX_ERROR at the first occurrence of a word."""
    found = re.search(rf"\b{word}\b", statement, re.IGNORECASE)
    before = statement[: found.start()] if found else ""
    where = Position(before.count("\n") + 1, len(before) - before.rfind("\n") - 1)
    return syntax_error(statement, found[0] if found else "", where)


def unsupported(what: str) -> StatementError:
    """What this warehouse does not do."""
    return sql_error("UNSUPPORTED_FEATURE", f"The local warehouse does not run {what}.", "0A000")
