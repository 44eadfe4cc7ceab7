"""Statements: their states, their runs in a thread pool, their results."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import commands, native_metadata
from .command import Context
from .errors import StatementCanceled, StatementError, not_found
from .information_rows import fill
from .results import Result
from .transactions import not_in_transaction
from .translate import translate

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from .engine import Engine, Outcome, Run
    from .prepared import Prepared
    from .requests import ExecuteRequest
    from .sessions import Session
    from .settings import Settings
    from .volumes import VolumeCommands

_MOST_RUNNING = 64
_KEPT_AFTER_CLOSE = 100
_KEPT_AFTER_CLOSE_BYTES = 128 * 1024 * 1024
_CANCEL_AGAIN_SECONDS = 0.02


@dataclass(eq=False)
class Statement:
    """One statement from its submission to its end."""

    id: str
    request: ExecuteRequest
    session: Session
    pending_polls: int = 0
    alone: bool = True
    asked: float = field(default_factory=time.monotonic)
    ended: float | None = None
    state: str = "PENDING"
    closed: bool = False
    told_closed: bool = False
    error: StatementError | None = None
    result: Result | None = None
    cancel_requested: bool = False
    timed_out: float | None = None
    run: Run | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def cancel(self) -> None:
        """Interrupt the run until it has ended."""
        self.cancel_requested = True
        while not self.done.is_set():
            if self.run is not None:
                self.run.cancel()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.done.wait(), _CANCEL_AGAIN_SECONDS)

    def document(self) -> dict[str, Any]:
        """The statement as the admin API shows it."""
        return {
            "statement_id": self.id,
            "session_id": self.session.id,
            "statement": self.request.statement,
            "state": "CLOSED" if self.closed or self.told_closed else self.state,
            "outcome": self.state,
            "message": self.error.message if self.error else None,
            "row_count": self.result.row_count if self.result else None,
            "chunk_count": len(self.result.chunks) if self.result else None,
            "query_tags": self.request.query_tags,
        }


class Statements:
    """All statements, and the threads that run them."""

    def __init__(
        self, engine: Engine, settings: Settings, volumes: VolumeCommands, prepared: Prepared
    ) -> None:
        self._engine = engine
        self._volumes = volumes
        self._prepared = prepared
        self._settings = settings
        self._known: dict[str, Statement] = {}
        self._closed: deque[Statement] = deque()
        self._kept_bytes = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._pool = ThreadPoolExecutor(_MOST_RUNNING, thread_name_prefix="statement")

    def submit(self, request: ExecuteRequest, session: Session) -> Statement:
        """Start a statement."""
        statement = Statement(
            str(uuid.uuid4()),
            request,
            session,
            pending_polls=self._settings.pending_polls,
            alone=session.running == 0,
        )
        session.running += 1
        self._known[statement.id] = statement
        self._start(self._follow(statement))
        return statement

    def cancel(self, statement: Statement) -> None:
        """Begin to cancel a statement; one that has ended stays as it is."""
        self._start(statement.cancel())

    def get(self, statement_id: str) -> Statement:
        """The statement of this id, closed or not; one that nobody asked for is gone."""
        statement = self._known.get(statement_id)
        now = time.monotonic()
        if statement is not None and now - statement.asked > self._settings.statement_idle_seconds:
            self.cancel(statement)
            statement = None
        if statement is None:
            raise not_found(f"The statement {statement_id} was not found.")
        statement.asked = now
        return statement

    def is_expired(self, statement: Statement) -> bool:
        """Whether the result has been kept as long as results are."""
        age = 0 if statement.ended is None else time.monotonic() - statement.ended
        return age > self._settings.result_ttl_seconds

    def find(self, statement_id: str | None) -> Statement | None:
        """The statement of this id, if there is one."""
        return self._known.get(statement_id or "")

    def open_result(self, statement_id: str) -> tuple[Statement, Result]:
        """A succeeded statement that is not closed, with its result."""
        statement = self.get(statement_id)
        if statement.closed or statement.result is None or self.is_expired(statement):
            raise not_found(f"The result of statement {statement_id} was not found.")
        return statement, statement.result

    def close(self, statement_id: str) -> None:
        """Close a statement; downloads that have begun may still go on."""
        statement = self.get(statement_id)
        self.cancel(statement)
        statement.closed = True
        if statement.result is None or statement in self._closed:
            return
        self._closed.append(statement)
        self._kept_bytes += statement.result.stored_bytes
        while self._kept_bytes > _KEPT_AFTER_CLOSE_BYTES or len(self._closed) > _KEPT_AFTER_CLOSE:
            oldest = self._closed.popleft()
            if oldest.result is not None:
                self._kept_bytes -= oldest.result.stored_bytes
            oldest.result = None

    def end_session(self, session: Session) -> None:
        """Cancel what still runs in a session that is closed, and roll back."""
        for statement in self._known.values():
            if statement.session is session:
                self.cancel(statement)
        if session.transaction is not None:
            self._pool.submit(session.transaction.close)
        if session.temporary:
            self._pool.submit(self._engine.end_session, session)

    def documents(self) -> list[dict[str, Any]]:
        """Every statement as the admin API shows it."""
        return [statement.document() for statement in self._known.values()]

    async def stop(self) -> None:
        """Cancel whatever runs and wait for it."""
        for statement in self._known.values():
            self.cancel(statement)
        await asyncio.gather(*self._tasks)
        self._pool.shutdown()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, statement: Statement) -> None:
        loop = asyncio.get_running_loop()
        timer = self._timer(loop, statement)
        try:
            if self._settings.one_statement_per_session and not statement.alone:
                raise _session_in_use()
            statement.result = await loop.run_in_executor(self._pool, self._work, statement)
            statement.state = "SUCCEEDED"
        except StatementCanceled:
            statement.state = "CANCELED"
            if statement.timed_out is not None:
                statement.error = _timeout(statement.timed_out)
                statement.state = "FAILED"
        except StatementError as error:
            statement.error = error
            statement.state = "FAILED"
        except Exception as error:  # noqa: BLE001  (whatever it is, the client is told)
            message = f"[INTERNAL_ERROR] {type(error).__name__}: {error} SQLSTATE: XX000"
            statement.error = StatementError(message, "XX000", "INTERNAL_ERROR")
            statement.state = "FAILED"
        finally:
            if timer is not None:
                timer.cancel()
            statement.session.running -= 1
            statement.ended = time.monotonic()
            self._engine.forget(statement.id)
            statement.done.set()

    def _timer(
        self, loop: asyncio.AbstractEventLoop, statement: Statement
    ) -> asyncio.TimerHandle | None:
        """Cancel the statement when the session lets none run so long."""
        seconds = statement.session.statement_timeout
        if seconds is None:
            return None

        def end() -> None:
            statement.timed_out = seconds
            self.cancel(statement)

        return loop.call_later(seconds, end)

    def _work(self, statement: Statement) -> Result:
        request, session = statement.request, statement.session
        if ready := self._prepared.find(request):
            return ready
        run = statement.run = self._engine.run_of(statement.id, session)
        try:
            statement.state = "RUNNING"
            return Result(request, self._in_transaction(statement, run), self._settings)
        finally:
            statement.run = None
            run.end()

    def _in_transaction(self, statement: Statement, run: Run) -> Outcome:
        """The outcome; in an open transaction a failure is its end but for ROLLBACK."""
        transaction = statement.session.transaction
        if transaction is None:
            return self._outcome(statement, run)
        if not commands.ends_transaction(statement.request.statement, transaction):
            transaction.check()
        try:
            return self._outcome(statement, run)
        except Exception:
            transaction.fail()
            raise

    def _outcome(self, statement: Statement, run: Run) -> Outcome:
        request, session = statement.request, statement.session
        outcome = self._volumes.execute(request.statement, session)
        if outcome is not None:
            return outcome
        context = Context(request.statement, session, run, self._engine, self._settings)
        outcome = commands.execute(context)
        if outcome is not None:
            operation = request.native_metadata
            shaped = operation and native_metadata.reshape(outcome, operation, request.statement)
            return shaped or outcome
        plan = translate(
            request.statement,
            request.parameters,
            session,
            self._engine.declarations,
            self._settings,
            statement.id,
        )
        if plan.relations and session.transaction is not None and session.transaction.active:
            raise not_in_transaction(plan.relations[0].name, "INFORMATION_SCHEMA_TABLE")
        fill(run, plan.relations, self._engine.declarations)
        outcome = run.run(request.statement, plan, request.row_limit)
        if plan.effect is not None:
            plan.effect(self._engine.declarations)
        return outcome


def _session_in_use() -> StatementError:
    """What the service may answer to a second statement of a session."""
    return StatementError(
        "[INTERNAL_ERROR] Cannot run the statement: sparkSession is null SQLSTATE: XX000",
        "XX000",
        "INTERNAL_ERROR",
    )


def _timeout(seconds: float) -> StatementError:
    """A statement that ran as long as STATEMENT_TIMEOUT lets it."""
    return StatementError(
        f"[STATEMENT_TIMEOUT] The statement has timed out after {seconds:g} seconds. "
        "SQLSTATE: 57KD0",
        "57KD0",
        "DEADLINE_EXCEEDED",
    )
