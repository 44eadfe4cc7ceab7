"""The two HTTP servers, workspace and storage, and what every request passes through."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import auth, faults
from .admin import PREFIX, Admin
from .answers import Answers
from .api import Api
from .engine import Engine
from .errors import ApiError, not_found
from .request_log import RequestLog
from .sessions import Sessions
from .settings import Settings
from .statements import Statements
from .storage import Storage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HOST = "127.0.0.1"
_LARGEST_BODY = 64 * 1024 * 1024
_OPEN_PATHS = ("/telemetry-unauth",)


@dataclass
class Options:
    """How a server is started."""

    token: str
    warehouse_id: str = "local"
    port: int = 0
    storage_port: int = 0
    tls_cert: str | None = None
    tls_key: str | None = None


class Server:
    """A running warehouse."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._tls = _tls(options)
        self.engine = Engine()
        self.settings = Settings()
        self.log = RequestLog()
        self.faults = faults.Faults()
        self.sessions = Sessions()
        self.statements = Statements(self.engine, self.settings)
        self.storage = Storage(self.statements, self.settings)
        self.url = ""
        self.port = 0
        self._runners: list[web.AppRunner] = []

    async def start(self) -> None:
        """Listen on both ports."""
        answers = Answers(self.storage, self.settings)
        api = Api(self.options.warehouse_id, self.settings, self.sessions, self.statements, answers)
        admin = Admin(self.log, self.settings, self.faults, self.statements, self.sessions)
        workspace = self._application("api", [*api.routes(), *admin.routes()])
        bucket = self._application(
            "storage", [web.get(r"/results/{statement}/{chunk:\d+}", self.storage.serve)]
        )
        self.port = await self._listen(workspace, self.options.port)
        storage_port = await self._listen(bucket, self.options.storage_port)
        scheme = "https" if self.options.tls_cert else "http"
        self.url = f"{scheme}://localhost:{self.port}"
        self.storage.url = f"{scheme}://localhost:{storage_port}"

    async def stop(self) -> None:
        """Stop listening, cancel what runs, close the database."""
        for runner in self._runners:
            await runner.cleanup()
        await self.statements.stop()
        self.engine.close()

    def ready(self) -> dict[str, Any]:
        """What a client needs to know to connect."""
        return {
            "host": HOST,
            "port": self.port,
            "url": self.url,
            "storage_url": self.storage.url,
            "http_path": f"/sql/1.0/warehouses/{self.options.warehouse_id}",
            "token": self.options.token,
        }

    def _application(self, to: str, routes: list[web.RouteDef]) -> web.Application:
        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith(PREFIX):
                return await handler(request)
            return await self._serve(to, request, handler)

        application = web.Application(middlewares=[middleware], client_max_size=_LARGEST_BODY)
        application.add_routes(routes)
        return application

    async def _listen(self, application: web.Application, port: int) -> int:
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, HOST, port, ssl_context=self._tls, backlog=1024)
        await site.start()
        bound: int = runner.addresses[0][1]
        return bound

    async def _serve(self, to: str, request: web.Request, handler: Handler) -> web.StreamResponse:
        entry = await self.log.begin(to, request, _parsed(await request.read()))
        known = self.statements.find(entry["statement_id"])
        text = entry["statement"] or (known.request.statement if known else None)
        action = request["hints"] = self.faults.actions(entry, text)
        status, answer = None, b""
        try:
            response = await faults.before(request, action)
            if response is None:
                handled = await self._handle(to, request, handler)
                answer = handled.body if isinstance(handled.body, bytes) else b""
                response = await faults.after(request, action, handled)
            if "drop" not in action:
                status = response.status
            return response
        finally:
            await self.log.end(entry, status, answer)

    async def _handle(self, to: str, request: web.Request, handler: Handler) -> web.Response:
        try:
            if to == "api" and request.path not in _OPEN_PATHS:
                auth.check(request, self.options.token)
            response = await handler(request)
        except ApiError as error:
            return web.json_response(error.body(), status=error.status, headers=error.headers)
        except web.HTTPException as error:
            unknown = not_found(f"No API found for '{request.method} {request.path}'")
            unknown.error_code = "ENDPOINT_NOT_FOUND"
            return web.json_response(unknown.body(), status=error.status)
        if not isinstance(response, web.Response):
            raise TypeError(f"no body to change in {response!r}")
        return response


def _tls(options: Options) -> ssl.SSLContext | None:
    if options.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.tls_cert, options.tls_key)
    return context


def _parsed(body: Any) -> Any:
    """The JSON of a body, for the log; None for anything else."""
    if not isinstance(body, bytes) or not body or len(body) > _LARGEST_BODY:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None
