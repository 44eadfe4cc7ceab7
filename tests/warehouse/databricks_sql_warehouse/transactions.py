"""Transactions: a session with AUTOCOMMIT off keeps one connection for its statements."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .errors import sql_error

if TYPE_CHECKING:
    import duckdb


class Transaction:
    """The connection of a session with AUTOCOMMIT off; its statements run one at a time."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self.cursor = cursor
        self.lock = threading.Lock()
        self._open = False

    def begin(self) -> None:
        """Open the transaction that a statement needs, unless it is open."""
        if not self._open:
            self.cursor.execute("BEGIN TRANSACTION")
            self._open = True

    def commit(self, *, needed: bool = True) -> None:
        """Commit; without an open transaction an error where one is `needed`."""
        if self._open:
            self._open = False
            self.cursor.execute("COMMIT")
        elif needed:
            raise no_transaction()

    def rollback(self) -> None:
        """Undo what the open transaction did, if there is one."""
        if self._open:
            self._open = False
            self.cursor.execute("ROLLBACK")

    def close(self) -> None:
        """Roll back and give up the connection."""
        with self.lock:
            self.rollback()
            self.cursor.close()


def no_transaction() -> Exception:
    """COMMIT where no transaction is open."""
    return sql_error("NO_ACTIVE_TRANSACTION", "There is no active transaction to commit.", "25000")
