"""Transactions: a session in one keeps one connection for its statements."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .errors import sql_error

if TYPE_CHECKING:
    import duckdb

_SUPPORTED = "Only SELECT / INSERT / MERGE / UPDATE / DELETE / DESCRIBE TABLE are supported."


class Transaction:
    """The connection of a session in transactions; its statements run one at a time.

    One of `AUTOCOMMIT = FALSE` begins anew after each end, one of BEGIN is a `single` one. A
    definition takes effect at once, outside of it, but a COMMIT may follow (`defined`).
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, *, single: bool = False) -> None:
        self.cursor = cursor
        self.single = single
        self.lock = threading.Lock()
        self.active = False
        self.defined = False
        self.aborted = False
        self.conflict: Exception | None = None

    def begin(self) -> None:
        """Open the transaction that a statement needs, unless it is open."""
        if not self.active:
            self.cursor.execute("BEGIN TRANSACTION")
            self.active = True

    @property
    def broken(self) -> bool:
        """Whether it can only be rolled back."""
        return self.aborted or self.conflict is not None

    def check(self) -> None:
        """Refuse a statement after one that failed."""
        if self.broken:
            raise sql_error(
                "TRANSACTION_ROLLBACK_REQUIRED_AFTER_ABORT.PREVIOUS_QUERY_FAILURE",
                "The current transaction has been aborted. Please run ROLLBACK TRANSACTION before "
                "continuing. Abort reason: The previous query in the transaction failed.",
                "40000",
            )

    def fail(self) -> None:
        """Note that a statement failed: nothing but ROLLBACK may follow in an open transaction."""
        self.aborted = self.active

    def commit(self) -> None:
        """Commit; an error without an open transaction or after a conflict."""
        if not (self.active or self.defined):
            raise no_transaction()
        self.defined = False
        if not self.active:
            return
        conflict = self.conflict
        if conflict is not None:
            self.rollback()
            raise conflict
        self.active = False
        self.cursor.execute("COMMIT")

    def rollback(self) -> None:
        """Undo what the open transaction did, if there is one."""
        self.defined = False
        if self.active:
            self.active = self.aborted = False
            self.conflict = None
            self.cursor.execute("ROLLBACK")

    def close(self) -> None:
        """Roll back and give up the connection."""
        with self.lock:
            self.rollback()
            self.cursor.close()


def no_transaction() -> Exception:
    """COMMIT where no transaction is open."""
    return sql_error("NO_ACTIVE_TRANSACTION", "There is no active transaction to commit.", "25000")


def autocommit_in_transaction() -> Exception:
    """SET AUTOCOMMIT where a transaction is open."""
    return sql_error(
        "SET_AUTOCOMMIT_IN_TRANSACTION",
        "AUTOCOMMIT cannot be set while a transaction is active. Commit it or roll it back first.",
        "25001",
    )


def not_in_transaction(what: str, reason: str = "COMMAND") -> Exception:
    """A statement that the service does not run in a transaction."""
    texts = {
        "COMMAND": f"Command {what} is not supported in a multi-statement transaction. "
        f"{_SUPPORTED}",
        "NESTED_TRANSACTION": "Nested transactions are not supported.",
        "INFORMATION_SCHEMA_TABLE": "Accessing tables from INFORMATION_SCHEMA "
        f"({what}) is not supported in a multi-statement transaction.",
    }
    return sql_error(
        f"TRANSACTION_NOT_SUPPORTED.{reason}",
        f"Failed to execute the statement. {texts[reason]}",
        "0A000",
    )
