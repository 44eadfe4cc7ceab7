"""Counters: what a test asks when all is over."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .identity import Identity
    from .request_log import RequestLog
    from .sessions import Sessions
    from .statements import Statements


class Counters:
    """Counts since the last reset, and what is open now."""

    def __init__(
        self, log: RequestLog, statements: Statements, sessions: Sessions, identity: Identity
    ) -> None:
        self._log = log
        self._statements = statements
        self._sessions = sessions
        self._identity = identity
        self._before = 0

    def forget(self) -> None:
        """Start again."""
        self._before = len(self._statements.documents())
        self._log.forget_counts()
        self._identity.tokens.forget_counts()

    def document(self) -> dict[str, Any]:
        """The counters as the admin API shows them.

        Unclosed is what runs, or holds rows that nobody has given back.
        """
        statements = self._statements.documents()
        return {
            "open_sessions": len(self._sessions.documents()),
            "unclosed_statements": sum(_is_open(each) for each in statements),
            "executions": Counter(each["statement"] for each in statements[self._before :]),
            "requests": self._log.requests,
            "storage_requests_with_token": self._log.storage_with_token,
            "token_requests": self._identity.tokens.requests,
        }


def _is_open(statement: dict[str, Any]) -> bool:
    return statement["state"] in ("PENDING", "RUNNING") or (
        statement["state"] == "SUCCEEDED" and statement["chunk_count"] != 0
    )
