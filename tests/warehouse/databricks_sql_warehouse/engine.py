"""DuckDB: one database in memory, one connection for each running statement."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from . import arrow_export, bulk_insert, data_types, samples, sql_functions
from .data_types import Column
from .declarations import Declarations
from .engine_errors import from_duckdb
from .errors import StatementCanceled
from .naming import NAMELESS
from .sessions import engine_zone
from .tables import TEMPORARY, physical, temporary_key
from .transactions import Transaction, not_in_transaction
from .translate import Kind, Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .sessions import Session
    from .type_lineage import Marks


@dataclass
class Outcome:
    """What a statement gave: columns and rows, or None for a definition."""

    columns: list[Column]
    table: pa.Table | None
    modified: int | None = None
    truncated: bool = False
    volume_operation: bool = False
    native_metadata: bool = False


def rows_outcome(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> Outcome:
    """An outcome from Python values."""
    arrays = [
        pa.array([row[position] for row in rows], column.type.arrow)
        for position, column in enumerate(columns)
    ]
    names = [column.name for column in columns]
    return Outcome(list(columns), pa.table(arrays, names=names))


class Engine:
    """Runs plans."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._root = duckdb.connect(":memory:", config={"python_enable_replacements": "false"})
        self._sleepers: dict[str, threading.Event] = {}
        self.declarations = Declarations()
        self._root.create_function(
            "warehouse_sleep",
            self._sleep,
            [duckdb.sqltype("DOUBLE"), duckdb.sqltype("VARCHAR")],
            duckdb.sqltype("INTEGER"),
            side_effects=True,
        )
        sql_functions.register(self._root)
        for catalog in (TEMPORARY, "main", samples.CATALOG):
            self.create_catalog(catalog)
        samples.create(self._root)

    def create_catalog(self, name: str) -> None:
        """Attach an empty catalog with a schema named default."""
        database = physical(name)
        with self._lock:
            self._root.execute(f"ATTACH IF NOT EXISTS ':memory:' AS \"{database}\"")
            self._root.execute(f'CREATE SCHEMA IF NOT EXISTS "{database}"."default"')

    def drop_catalog(self, name: str) -> None:
        """Detach a catalog with all that is in it."""
        with self._lock:
            self._root.execute(f'DETACH DATABASE IF EXISTS "{physical(name)}"')

    def run_of(self, token: str, session: Session) -> Run:
        """A connection for one statement, in the session's time zone."""
        transaction = session.transaction or self.transaction()
        transaction.lock.acquire()
        wake = self._sleepers[token] = threading.Event()
        return Run(transaction, wake, session)

    def transaction(self, *, single: bool = False) -> Transaction:
        """A connection of its own."""
        with self._lock:
            return Transaction(self._root.cursor(), single=single)

    def end_session(self, session: Session) -> None:
        """Drop what is only there for a session."""
        catalog, schema, _ = temporary_key("", session)
        with self._lock:
            self._root.execute(f'DROP SCHEMA IF EXISTS "{physical(catalog)}"."{schema}" CASCADE')

    def forget(self, token: str) -> None:
        """The statement of this token no longer runs."""
        self._sleepers.pop(token, None)

    def close(self) -> None:
        """Wake whatever sleeps and close the database."""
        for wake in list(self._sleepers.values()):
            wake.set()
        self._root.close()

    def _sleep(self, seconds: float, token: str) -> int:
        wake = self._sleepers.get(token)
        if wake is not None and wake.wait(seconds):
            raise StatementCanceled
        return 0


class Run:
    """One statement on its own connection."""

    def __init__(self, transaction: Transaction, wake: threading.Event, session: Session) -> None:
        self._transaction = transaction
        self._cursor = transaction.cursor
        self._wake = wake
        self._session = session
        self._canceled = False
        if not transaction.broken:
            self._cursor.execute(f"SET TimeZone = '{engine_zone(session.zone)}'")

    @property
    def zone(self) -> str:
        """The time zone of the session."""
        return self._session.zone

    def register(self, name: str, table: pa.Table) -> None:
        """Let the statement read an Arrow table."""
        self._cursor.register(name, table)

    def end(self) -> None:
        """Give the connection back to the session, or up."""
        self._transaction.lock.release()
        if self._session.transaction is not self._transaction:
            self._cursor.close()

    def cancel(self) -> None:
        """Interrupt the statement; called from another thread.

        An interrupt before the engine has begun is lost: whoever cancels repeats it.
        """
        self._canceled = True
        self._wake.set()
        with contextlib.suppress(duckdb.ConnectionException):
            self._cursor.interrupt()

    def fetch(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query of our own."""
        return self._cursor.execute(sql, list(values)).fetchall()

    def columns(self, sql: str, marks: Marks) -> list[Column]:
        """The columns that a query has."""
        return self._columns(self._cursor.sql(sql), marks)

    def described(self, statement: str, plan: Plan) -> list[Column]:
        """The columns that a planned query has; `statement` is quoted in errors."""
        try:
            return self.columns(plan.sql[-1], plan.marks)
        except duckdb.Error as error:
            raise from_duckdb(error, statement, plan.references) from error

    def run(self, statement: str, plan: Plan, row_limit: int | None) -> Outcome:
        """The outcome of a plan; `statement` is quoted in errors."""
        try:
            if self._canceled:
                raise StatementCanceled
            if self._session.transaction is self._transaction:
                if plan.kind is not Kind.DEFINITION:
                    self._transaction.begin()
                elif self._transaction.active:
                    raise not_in_transaction(" ".join(statement.split()[:2]).upper())
                else:
                    self._transaction.defined = True
            return self._run(plan, row_limit)
        except duckdb.InterruptException as error:
            raise StatementCanceled from error
        except duckdb.Error as error:
            if self._canceled:
                raise StatementCanceled from error
            raised = from_duckdb(error, statement, plan.references)
            if plan.count is None or not self._conflicts(error):
                raise raised from error
            self._transaction.conflict = raised
            return self._counted(plan, self._cursor.cursor().execute(plan.count).fetchall())

    def _conflicts(self, error: duckdb.Error) -> bool:
        """Whether two open transactions change the same rows; the service says so at COMMIT."""
        return self._transaction.active and "onflict" in str(error)

    def _run(self, plan: Plan, row_limit: int | None) -> Outcome:
        if plan.kind is Kind.QUERY:
            return self._query(plan, row_limit)
        if plan.rows is not None:
            self._cursor.register(bulk_insert.TABLE, plan.rows)
        for sql in plan.sql:
            self._cursor.execute(sql)
        if plan.kind is Kind.DEFINITION:
            return Outcome([], None)
        return self._counted(plan, self._cursor.fetchall())

    @staticmethod
    def _counted(plan: Plan, rows: list[tuple[Any, ...]]) -> Outcome:
        """The one row that a change answers with."""
        if plan.kind is Kind.MERGE:
            actions = Counter(action for (action,) in rows)
            counts = {
                "num_affected_rows": len(rows),
                "num_updated_rows": actions["UPDATE"],
                "num_deleted_rows": actions["DELETE"],
                "num_inserted_rows": actions["INSERT"],
            }
        else:
            counts = {"num_affected_rows": rows[0][0]}
            if plan.kind is Kind.INSERT:
                counts["num_inserted_rows"] = rows[0][0]
        columns = [Column(name, data_types.BIGINT) for name in counts]
        outcome = rows_outcome(columns, [list(counts.values())])
        outcome.modified = counts["num_affected_rows"]
        return outcome

    def _query(self, plan: Plan, row_limit: int | None) -> Outcome:
        sql = plan.sql[-1]
        relation = self._cursor.sql(sql)
        columns = self._columns(relation, plan.marks)
        natives, shown = list(relation.types), list(relation.columns)
        exported = [
            arrow_export.expression(f"c{position}", str(native), column.type)
            for position, (native, column) in enumerate(zip(natives, columns, strict=True))
        ]
        if any(expression != f"c{position}" for position, expression in enumerate(exported)):
            names = ", ".join(f"c{position}" for position in range(len(columns)))
            sql = f"SELECT {', '.join(exported)} FROM ({sql}) AS result({names})"  # noqa: S608
            relation = self._cursor.sql(sql)
        if row_limit is not None:
            relation = relation.limit(row_limit + 1)
        table = relation.to_arrow_table()
        truncated = row_limit is not None and table.num_rows > row_limit
        if truncated:
            table = table.slice(0, row_limit)
        columns = [
            replace(column, nullable=name.lower() not in plan.required or values.null_count > 0)
            for name, column, values in zip(shown, columns, table.columns, strict=True)
        ]
        return Outcome(columns, arrow_export.conform(table, columns), truncated=truncated)

    def _columns(self, relation: duckdb.DuckDBPyRelation, marks: Marks) -> list[Column]:
        return [
            Column(
                "" if name == NAMELESS else name,
                data_types.from_duckdb(native, self._session.zone, marks.get(name.lower())),
            )
            for name, native in zip(relation.columns, relation.types, strict=True)
        ]
