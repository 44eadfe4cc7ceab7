"""The two HTTP servers, workspace and storage, and what every request passes through."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import fault_actions, faults
from .admin import PREFIX, Admin
from .answers import Answers
from .api import Api
from .certificates import PASSPHRASE, Certificates, Presented, server_context
from .counters import Counters
from .dead_ports import KINDS, DeadPorts
from .engine import Engine
from .errors import ApiError, not_found
from .functions import USER
from .identity import Identity
from .identity.provider import TENANT
from .links import Links
from .loopback import loopback_context
from .preparation import Preparation
from .prepared import Prepared
from .proxy import Proxy, Route
from .request_log import RequestLog
from .sessions import Sessions
from .settings import Settings
from .statements import Statements
from .storage import Storage
from .volumes import Files, VolumeCommands, Volumes
from .warehouses import Warehouses

if TYPE_CHECKING:
    import ssl
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
    idp_port: int = 0
    proxy_port: int = 0
    client_id: str = "local-client"
    client_secret: str = "local-secret"  # noqa: S105
    tls: bool = False
    storage_tls: str = "same"
    tls_cert: str | None = None
    tls_key: str | None = None


class Server:
    """A running warehouse."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._directory = tempfile.TemporaryDirectory(prefix="databricks-sql-warehouse-")
        directory = Path(self._directory.name)
        self._network = Network(options, directory)
        self.engine = Engine()
        self.settings = Settings()
        self.log = RequestLog(self.settings)
        self.faults = faults.Faults()
        self.identity = Identity(self.settings)
        self.identity.tokens.accept(options.token, "user@example.com")
        self.identity.clients.add(
            {"client_id": options.client_id, "client_secret": options.client_secret}
        )
        self.sessions = Sessions(self.settings)
        self.links = Links(self.settings)
        volumes = Volumes(directory, USER)
        self.engine.declarations.volume_names = volumes.names
        self._prepared = Prepared(directory)
        self.statements = Statements(
            self.engine,
            self.settings,
            VolumeCommands(volumes, self.links, self.settings),
            self._prepared,
        )
        self.storage = Storage(self.statements, self.settings, self.links)
        self._files = Files(volumes, self.links, self.settings)
        self.proxy = Proxy(self.log, self.faults, self.settings)
        self._dead = DeadPorts(HOST)
        self.url = ""
        self.port = 0
        self._proxy_port = 0
        self._runners: list[web.AppRunner] = []

    async def start(self) -> None:
        """Listen on all ports."""
        answers = Answers(self.storage, self.settings)
        api = Api(self.options.warehouse_id, self.settings, self.sessions, self.statements, answers)
        admin = Admin(
            self.log,
            self.settings,
            self.faults,
            self.statements,
            self.sessions,
            self.identity,
            Counters(self.log, self.statements, self.sessions, self.identity),
            Preparation(self._prepared, self.statements, self.options.warehouse_id, self.settings),
        )
        network, options = self._network, self.options
        warehouses = Warehouses(
            options.warehouse_id, lambda: ("localhost", self.port), self.settings
        )
        workspace = self._application(
            "api",
            [
                *api.routes(),
                *warehouses.routes(),
                *self._files.routes(),
                *self.identity.routes(),
                *admin.routes(),
            ],
        )
        bucket = self._application(
            "storage", [*self.storage.routes(), *self._files.storage_routes()]
        )
        provider = self._application("idp", self.identity.provider.routes())
        self.port = await self._listen(workspace, options.port, network.tls)
        storage_port = await self._listen(bucket, options.storage_port, network.storage_tls)
        idp_port = await self._listen(provider, options.idp_port, network.tls)
        self._proxy_port = await self.proxy.start(HOST, options.proxy_port)
        self.proxy.routes = {
            "api": Route(self.port, network.tls and loopback_context()),
            "storage": Route(storage_port, network.storage_tls and loopback_context()),
            "idp": Route(idp_port, network.tls and loopback_context()),
        }
        self.url = f"{network.scheme}://localhost:{self.port}"
        self.links.url = f"{network.storage_scheme}://localhost:{storage_port}"
        self.links.dead_urls = {
            kind: self._dead.url(kind, network.storage_scheme) for kind in KINDS if kind != "up"
        }
        # A host name other than the workspace's: clients compare hosts to tell foreign tokens.
        self.identity.provider.url = f"{network.scheme}://127.0.0.1:{idp_port}"
        self.settings.on_change(self._present)

    async def stop(self) -> None:
        """Stop listening, cancel what runs, close the database."""
        for runner in self._runners:
            await runner.cleanup()
        await self.proxy.stop()
        await self.statements.stop()
        self.engine.close()
        self._dead.close()
        self._directory.cleanup()

    def ready(self) -> dict[str, Any]:
        """What a client needs to know to connect."""
        return {
            "host": HOST,
            "port": self.port,
            "url": self.url,
            "storage_url": self.links.url,
            "http_path": f"/sql/1.0/warehouses/{self.options.warehouse_id}",
            "token": self.options.token,
            "client_id": self.options.client_id,
            "client_secret": self.options.client_secret,
            "idp_url": self.identity.provider.url,
            "proxy_url": f"http://localhost:{self._proxy_port}",
            "azure_tenant_id": TENANT,
            "dead_urls": {
                kind: self._dead.url(kind, self._network.scheme) for kind in KINDS if kind != "up"
            },
            **self._network.files(),
        }

    def _present(self) -> None:
        self._network.present(self.settings)

    def _application(self, to: str, routes: list[web.RouteDef]) -> web.Application:
        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith(PREFIX):
                return await handler(request)
            return await self._serve(to, request, handler)

        application = web.Application(middlewares=[middleware], client_max_size=_LARGEST_BODY)
        application.add_routes(routes)
        application.on_response_prepare.append(self._begun)
        return application

    async def _listen(
        self, application: web.Application, port: int, tls: ssl.SSLContext | None
    ) -> int:
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, HOST, port, ssl_context=tls, backlog=1024)
        await site.start()
        bound: int = runner.addresses[0][1]
        return bound

    async def _serve(self, to: str, request: web.Request, handler: Handler) -> web.StreamResponse:
        entry = await self.log.begin(
            to, request, b"" if _is_upload(request) else await request.read()
        )
        request["entry"] = entry
        known = self.statements.find(entry["statement_id"])
        text = entry["statement"] or (known.request.statement if known else None)
        action = request["hints"] = self.faults.actions(entry, text)
        status, answer = None, b""
        try:
            response = await fault_actions.before(request, action, to)
            if response is None:
                handled = await self._handle(to, request, handler)
                answer = _small_body(handled)
                response = await fault_actions.after(request, action, handled)
            if not fault_actions.is_lost(action):
                status = response.status
            return response
        except ConnectionError:
            # The client is gone; nobody reads this.
            status = None
            return fault_actions.cut_off(request, {})
        finally:
            await self.log.end(entry, status, answer)

    async def _handle(self, to: str, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if to == "api" and not self._is_open(request.path):
                self.identity.check(request)
            return await handler(request)
        except ApiError as error:
            return web.json_response(error.body(), status=error.status, headers=error.headers)
        except web.HTTPException as error:
            unknown = not_found(f"No API found for '{request.method} {request.path}'")
            unknown.error_code = "ENDPOINT_NOT_FOUND"
            return web.json_response(unknown.body(), status=error.status)

    async def _begun(self, request: web.Request, response: web.StreamResponse) -> None:
        """What must be there before the client can have the whole answer."""
        if "entry" in request and not fault_actions.is_lost(request["hints"]):
            request["entry"]["status"] = response.status
        skew = self.settings.clock_skew_seconds
        if skew and "skew" not in request.get("hints", {}):
            response.headers["date"] = formatdate(time.time() + skew, usegmt=True)

    def _is_open(self, path: str) -> bool:
        return path in _OPEN_PATHS or self.identity.is_open(path)


def _is_upload(request: web.Request) -> bool:
    return request.method == "PUT" and request.content_type != "application/json"


def _small_body(response: web.StreamResponse) -> bytes:
    body = response.body if isinstance(response, web.Response) else None
    return body if isinstance(body, bytes) else b""


class Network:
    """Which servers speak TLS, and with which certificates."""

    def __init__(self, options: Options, directory: Path) -> None:
        self._certificates: Certificates | None = None
        self._api: Presented | None = None
        self._storage: Presented | None = None
        self.tls: ssl.SSLContext | None = None
        self.storage_tls: ssl.SSLContext | None = None
        if options.tls_cert is not None:
            self.tls = self.storage_tls = server_context(options.tls_cert, options.tls_key)
        elif options.tls:
            made = self._certificates = Certificates(directory)
            self._api = made.presented()
            self._storage = made.presented(other=options.storage_tls == "other")
            self.tls, self.storage_tls = self._api.context, self._storage.context
        if options.storage_tls == "off":
            self.storage_tls = None
        self.scheme = "http" if self.tls is None else "https"
        self.storage_scheme = "http" if self.storage_tls is None else "https"

    def files(self) -> dict[str, str]:
        """The PEM files that clients need."""
        made = self._certificates
        if made is None:
            return {}
        names = ("ca", "other_ca", "client_cert", "client_key", "encrypted_client_key")
        found: dict[str, str] = {name: getattr(made, name) for name in names}
        return {**found, "client_key_passphrase": PASSPHRASE}

    def present(self, settings: Settings) -> None:
        """Show the certificates that the settings ask for."""
        if self._api is not None:
            self._api.apply(settings.certificate, client_certificate=settings.client_certificate)
        if self._storage is not None:
            self._storage.apply(
                settings.storage_certificate,
                client_certificate=settings.storage_client_certificate,
            )
