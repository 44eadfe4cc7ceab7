"""The admin API: log, settings, faults, and what is open; for tests, without credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from .errors import ApiError, StatementError

if TYPE_CHECKING:
    from .counters import Counters
    from .faults import Faults
    from .identity import Identity
    from .preparation import Preparation
    from .request_log import RequestLog
    from .sessions import Sessions
    from .settings import Settings
    from .statements import Statements

PREFIX = "/__warehouse__/"
VERSION_HEADER = "x-warehouse-log-version"


class Admin:
    """Handlers of the paths below `/__warehouse__/`."""

    def __init__(
        self,
        log: RequestLog,
        settings: Settings,
        faults: Faults,
        statements: Statements,
        sessions: Sessions,
        identity: Identity,
        counters: Counters,
        preparation: Preparation,
    ) -> None:
        self._log = log
        self._settings = settings
        self._faults = faults
        self._statements = statements
        self._sessions = sessions
        self._identity = identity
        self._counters = counters
        self._preparation = preparation

    def routes(self) -> list[web.RouteDef]:
        """The routes of the admin API."""
        return [
            web.get(PREFIX + "log", self._get_log),
            web.delete(PREFIX + "log", self._delete_log),
            web.get(PREFIX + "settings", self._get_settings),
            web.post(PREFIX + "settings", self._post_settings),
            web.delete(PREFIX + "settings", self._delete_settings),
            web.get(PREFIX + "faults", self._get_faults),
            web.post(PREFIX + "faults", self._post_fault),
            web.delete(PREFIX + "faults", self._delete_faults),
            web.delete(PREFIX + "faults/{id}", self._delete_faults),
            web.get(PREFIX + "statements", self._get_statements),
            web.get(PREFIX + "sessions", self._get_sessions),
            web.get(PREFIX + "prepared", self._get_prepared),
            web.post(PREFIX + "prepared", self._post_prepared),
            web.delete(PREFIX + "prepared", self._delete_prepared),
            web.get(PREFIX + "counters", self._get_counters),
            web.get(PREFIX + "tokens", self._get_tokens),
            web.post(PREFIX + "tokens", self._post_token),
            web.post(PREFIX + "tokens/expire", self._expire_tokens),
            web.post(PREFIX + "foreign-tokens", self._post_foreign_token),
            web.get(PREFIX + "clients", self._get_clients),
            web.post(PREFIX + "clients", self._post_client),
        ]

    async def _get_log(self, request: web.Request) -> web.Response:
        if "wait" in request.query:
            since = int(request.query.get("since", "0"))
            await self._log.wait(since, float(request.query["wait"]))
        response = web.json_response(self._log.entries)
        response.headers[VERSION_HEADER] = str(self._log.version)
        return response

    async def _delete_log(self, _: web.Request) -> web.Response:
        await self._log.clear()
        self._counters.forget()
        return web.json_response({})

    async def _get_settings(self, _: web.Request) -> web.Response:
        return web.json_response(self._settings.document())

    async def _post_settings(self, request: web.Request) -> web.Response:
        try:
            self._settings.update(await request.json())
        except ValueError as error:
            return _refused(error)
        return web.json_response(self._settings.document())

    async def _delete_settings(self, _: web.Request) -> web.Response:
        self._settings.reset()
        return web.json_response(self._settings.document())

    async def _get_faults(self, _: web.Request) -> web.Response:
        return web.json_response(self._faults.documents())

    async def _post_fault(self, request: web.Request) -> web.Response:
        try:
            fault = self._faults.add(await request.json())
        except ValueError as error:
            return _refused(error)
        return web.json_response({"id": fault.id})

    async def _delete_faults(self, request: web.Request) -> web.Response:
        found = self._faults.remove(request.match_info.get("id"))
        return web.json_response({}, status=200 if found else 404)

    async def _get_statements(self, _: web.Request) -> web.Response:
        return web.json_response(self._statements.documents())

    async def _get_sessions(self, _: web.Request) -> web.Response:
        return web.json_response(self._sessions.documents())

    async def _get_prepared(self, _: web.Request) -> web.Response:
        return web.json_response(self._preparation.prepared.documents())

    async def _post_prepared(self, request: web.Request) -> web.Response:
        try:
            document = await self._preparation.prepare(await request.json())
        except (ValueError, ApiError, StatementError) as error:
            return _refused(error)
        return web.json_response(document)

    async def _delete_prepared(self, _: web.Request) -> web.Response:
        self._preparation.prepared.forget()
        return web.json_response({})

    async def _get_counters(self, _: web.Request) -> web.Response:
        return web.json_response(self._counters.document())

    async def _get_tokens(self, _: web.Request) -> web.Response:
        return web.json_response(self._identity.tokens.document())

    async def _post_token(self, request: web.Request) -> web.Response:
        body = await request.json()
        base = body.get("url") or f"{request.scheme}://{request.host}"
        return web.json_response({"token": self._identity.issue(base, body.get("lifetime"))})

    async def _post_foreign_token(self, request: web.Request) -> web.Response:
        body = await request.json()
        token = self._identity.provider.token(body.get("claims") or {}, body.get("lifetime"))
        return web.json_response({"token": token.text})

    async def _expire_tokens(self, _: web.Request) -> web.Response:
        return web.json_response({"expired": self._identity.tokens.expire_all()})

    async def _get_clients(self, _: web.Request) -> web.Response:
        return web.json_response(self._identity.clients.documents())

    async def _post_client(self, request: web.Request) -> web.Response:
        try:
            client = self._identity.clients.add(await request.json())
        except ValueError as error:
            return _refused(error)
        return web.json_response({"client_id": client.id, "client_secret": client.secret})


def _refused(error: Exception) -> web.Response:
    body: dict[str, Any] = {"error": str(error)}
    return web.json_response(body, status=400)
