"""The Statement Execution API: handlers of sessions and statements."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import requests
from .errors import bad_request, not_found
from .native_metadata import OPERATION, WANTED
from .sessions import Session

if TYPE_CHECKING:
    from .answers import Answers
    from .sessions import Sessions
    from .settings import Settings
    from .statements import Statement, Statements

_SQL = "/api/2.0/sql"


class Api:
    """Handlers of the paths below `/api/2.0/sql/`, and stubs of what drivers call beside them."""

    def __init__(
        self,
        warehouse_id: str,
        settings: Settings,
        sessions: Sessions,
        statements: Statements,
        answers: Answers,
    ) -> None:
        self._warehouse_id = warehouse_id
        self._settings = settings
        self._sessions = sessions
        self._statements = statements
        self._answers = answers

    def routes(self) -> list[web.RouteDef]:
        """The routes of the API."""
        statement = _SQL + "/statements/{statement}"
        return [
            web.post(_SQL + "/sessions{slash:/?}", self._create_session),
            web.delete(_SQL + "/sessions/{session}", self._delete_session),
            web.post(_SQL + "/statements{slash:/?}", self._execute),
            web.get(statement, self._poll),
            web.delete(statement, self._close),
            web.post(statement + "/cancel", self._cancel),
            web.get(statement + r"/result/chunks/{chunk:\d+}", self._chunk),
            web.get("/api/2.0/connector-service/feature-flags/{client}/{version}", self._flags),
            web.post("/telemetry-{kind:ext|unauth}", self._telemetry),
        ]

    async def _create_session(self, request: web.Request) -> web.Response:
        body = await _body(request)
        requests.check_warehouse(body.get("warehouse_id"), self._warehouse_id)
        session = self._sessions.create(body, self._settings.session_version)
        document: dict[str, Any] = {"session_id": session.id}
        if session.version is not None:
            document["session_version"] = {"version_id": session.version}
        return web.json_response(document)

    async def _delete_session(self, request: web.Request) -> web.Response:
        body = await _body(request)
        asked = request.query.get("warehouse_id", body.get("warehouse_id"))
        if asked is not None:
            requests.check_warehouse(asked, self._warehouse_id)
        session = self._sessions.get(request.match_info["session"])
        self._sessions.close(session.id)
        self._statements.end_session(session)
        return web.json_response({})

    async def _execute(self, request: web.Request) -> web.Response:
        asked = requests.read(await _body(request), self._warehouse_id, self._settings)
        if self._settings.native_metadata and WANTED in request.headers:
            asked.native_metadata = request.headers.get(OPERATION)
        if asked.session_id is None:
            session = Session(id="")
            session.use(asked.catalog, asked.schema)
        else:
            session = self._sessions.get(asked.session_id)
        statement = self._statements.submit(asked, session)
        if asked.wait_seconds and not statement.pending_polls:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(statement.done.wait(), asked.wait_seconds)
            if not statement.done.is_set() and asked.cancel_on_timeout:
                await statement.cancel()
        state = statement.state
        if not asked.wait_seconds or statement.pending_polls:
            state = "PENDING"
        return web.json_response(self._answers.statement(statement, request["hints"], state=state))

    async def _poll(self, request: web.Request) -> web.Response:
        statement = self._statement(request)
        state = statement.state
        if statement.closed or self._statements.is_expired(statement):
            state = "CLOSED"
        elif statement.pending_polls > 0 and not statement.cancel_requested:
            statement.pending_polls -= 1
            state = "RUNNING"
        return web.json_response(self._answers.statement(statement, request["hints"], state=state))

    async def _chunk(self, request: web.Request) -> web.Response:
        statement, result = self._statements.open_result(request.match_info["statement"])
        index = int(request.match_info["chunk"])
        if index >= len(result.chunks):
            raise not_found(f"The chunk {index} of statement {statement.id} was not found.")
        return web.json_response(self._answers.chunk(statement, result, index, request["hints"]))

    async def _cancel(self, request: web.Request) -> web.Response:
        self._statements.cancel(self._statement(request))
        return web.json_response({})

    async def _close(self, request: web.Request) -> web.Response:
        self._statements.close(self._statement(request).id)
        return web.json_response({})

    async def _flags(self, _: web.Request) -> web.Response:
        return web.json_response({"flags": [], "ttl_seconds": 900})

    async def _telemetry(self, request: web.Request) -> web.Response:
        count = len((await _body(request)).get("protoLogs", []))
        return web.json_response({"errors": [], "numSuccess": 0, "numProtoSuccess": count})

    def _statement(self, request: web.Request) -> Statement:
        return self._statements.get(request.match_info["statement"])


async def _body(request: web.Request) -> dict[str, Any]:
    if not await request.read():
        return {}
    try:
        body = await request.json()
    except ValueError as error:
        raise bad_request("The request body is not JSON.", "MALFORMED_REQUEST") from error
    if not isinstance(body, dict):
        raise bad_request("The request body is not a JSON object.", "MALFORMED_REQUEST")
    return body
