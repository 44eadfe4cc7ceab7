"""A forward proxy: CONNECT and plain requests, with or without a password.

It reaches this machine only. Names of the service and of Entra ID lead to the warehouse itself, so
that clients can be run with the host names of real workspaces.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fnmatch
import hmac
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .fault_actions import delay

if TYPE_CHECKING:
    import ssl

    from .faults import Faults
    from .request_log import Entry, RequestLog
    from .settings import Settings

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_LONGEST_HEAD = 64 * 1024
_PIECE = 256 * 1024
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_IDENTITY_NAMES = ("login.*", "169.254.169.254")
_STORAGE_NAMES = ("*.blob.core.windows.net", "*.amazonaws.com", "storage.googleapis.com")
_API_NAMES = ("*.azuredatabricks.*", "*.databricks.azure.*", "*.databricks.com", "*.databricks.us")
_REASONS = {400: "Bad Request", 407: "Proxy Authentication Required", 502: "Bad Gateway"}


@dataclass
class Route:
    """Where the proxy connects to."""

    port: int
    tls: ssl.SSLContext | None = None


class Proxy:
    """The proxy; what it carries is in the request log, under `proxy`."""

    def __init__(self, log: RequestLog, faults: Faults, settings: Settings) -> None:
        self._log = log
        self._faults = faults
        self._settings = settings
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.routes: dict[str, Route] = {}

    async def start(self, host: str, port: int) -> int:
        """Listen; the port that was taken."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=_LONGEST_HEAD)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Stop listening and cut what is open."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            while await self._carry(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Carry one request; whether another may follow on the connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        shown = target if method == "CONNECT" else target.partition("?")[0]
        entry = await self._log.add("proxy", method, shown, headers)
        if self._settings.log_secrets:
            entry["raw"] = {"url": target, "headers": list(headers.items()), "body": ""}
        action = self._faults.actions(entry, None)
        status: int | None = None
        try:
            await delay(action)
            if action.get("drop") == "before":
                writer.transport.abort()
                return False
            status = action.get("status") or self._refusal(headers)
            if status is not None:
                return await _refuse(writer, status)
            url = urllib.parse.urlsplit(f"//{target}" if method == "CONNECT" else target)
            route = self._route(url)
            upstream = route and await _open(route, plain=method == "CONNECT")
            if not upstream:
                status = 502
                return await _refuse(writer, status)
            # Known as soon as the tunnel is there, not only when it has ended.
            status = entry["status"] = 200
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = urllib.parse.urlunsplit(("", "", url.path or "/", url.query, ""))
                upstream[1].write(_forwarded(lines, method, path))
            await _tunnel((reader, writer), upstream, entry)
        finally:
            await self._log.end(entry, status, b"")
        return False

    def _refusal(self, headers: dict[str, str]) -> int | None:
        wanted = self._settings.proxy_credentials
        if wanted is None:
            return None
        expected = "Basic " + base64.b64encode(wanted.encode()).decode()
        given = headers.get("proxy-authorization", "")
        return None if hmac.compare_digest(given.encode(), expected.encode()) else 407

    def _route(self, url: urllib.parse.SplitResult) -> Route | None:
        host = url.hostname or ""
        if host in _LOOPBACK:
            return Route(url.port or (443 if url.scheme == "https" else 80))
        for to, names in (
            ("idp", _IDENTITY_NAMES), ("storage", _STORAGE_NAMES), ("api", _API_NAMES),
        ):  # fmt: skip
            if any(fnmatch.fnmatch(host, name) for name in names):
                return self.routes[to]
        return None


async def _open(route: Route, *, plain: bool) -> Streams | None:
    with contextlib.suppress(OSError):
        tls = None if plain else route.tls
        return await asyncio.open_connection("127.0.0.1", route.port, ssl=tls)
    return None


async def _refuse(writer: asyncio.StreamWriter, status: int) -> bool:
    reason = _REASONS.get(status, "Refused")
    body = f"<html><body><h1>{status} {reason}</h1></body></html>\n".encode()
    lines = [
        f"HTTP/1.1 {status} {reason}",
        "content-type: text/html",
        f"content-length: {len(body)}",
        "connection: close",
    ]
    if status == 407:
        lines.append('proxy-authenticate: Basic realm="warehouse"')
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()
    return False


def _forwarded(lines: list[str], method: str, path: str) -> bytes:
    """The head of a plain request as the server behind gets it; one request a connection."""
    kept = [
        line
        for line in lines[1:]
        if line and not line.lower().startswith(("proxy-", "connection:"))
    ]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *kept, "connection: close", "", ""]).encode(
        "latin-1"
    )


async def _tunnel(client: Streams, upstream: Streams, entry: Entry) -> None:
    """Carry bytes both ways until the server has ended; `entry` counts them."""
    up = asyncio.create_task(_pump(client[0], upstream[1], entry, "bytes_up"))
    try:
        await _pump(upstream[0], client[1], entry, "bytes_down")
    finally:
        up.cancel()
        upstream[1].close()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, entry: Entry, counter: str
) -> None:
    entry[counter] = 0
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
            entry[counter] += len(piece)
        if writer.can_write_eof():
            writer.write_eof()
