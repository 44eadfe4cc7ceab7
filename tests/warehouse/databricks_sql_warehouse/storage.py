"""Storage: presigned-looking links to chunks, served on a port of their own."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from .results import Result
    from .settings import Settings
    from .statements import Statements


class Storage:
    """Signs links and serves what they point to."""

    def __init__(self, statements: Statements, settings: Settings) -> None:
        self._statements = statements
        self._settings = settings
        self._secret = secrets.token_bytes(32)
        self.url = ""
        self.dead_urls: dict[str, str] = {}

    def link(self, statement_id: str, index: int, *, expired: bool = False) -> dict[str, Any]:
        """The URL, expiration and headers of a new link to a chunk."""
        now = time.time()
        expires = int((now - 60 if expired else now + self._settings.link_ttl_seconds) * 1000)
        path = f"/results/{statement_id}/{index}"
        headers = self._settings.link_headers
        shown = expires / 1000 + self._settings.clock_skew_seconds
        moment = datetime.fromtimestamp(shown, timezone.utc)
        document = {
            "external_link": f"{self._base()}{path}?expires={expires}"
            f"&signature={self._sign(path, str(expires))}",
            "expiration": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        return document if headers is None else {**document, "http_headers": headers}

    async def serve(self, request: web.Request) -> web.Response:
        """Answer a GET or HEAD of a link."""
        if "authorization" in request.headers:
            return _refusal(400, "InvalidArgument", "Only one auth mechanism allowed.")
        if refusal := self._check(request):
            return refusal
        statement = self._statements.find(request.match_info["statement"])
        index = int(request.match_info["chunk"])
        if statement is None or statement.result is None or index >= len(statement.result.chunks):
            return _refusal(404, "NoSuchKey", "The specified key does not exist.")
        return _content(request, statement.result, index)

    def _base(self) -> str:
        return self.dead_urls.get(self._settings.storage_network, self.url)

    def _check(self, request: web.Request) -> web.Response | None:
        expires = request.query.get("expires", "")
        signature = request.query.get("signature", "")
        if not hmac.compare_digest(signature, self._sign(request.path, expires)):
            return _refusal(
                403, "SignatureDoesNotMatch", "The request signature we calculated does not match."
            )
        if request["hints"].get("expire_links") or int(expires) <= time.time() * 1000:
            return _refusal(403, "AccessDenied", "Request has expired")
        for name, value in (self._settings.link_headers or {}).items():
            if request.headers.get(name) != value:
                return _refusal(403, "AccessDenied", "There were headers not present: " + name)
        return None

    def _sign(self, path: str, expires: str) -> str:
        return hmac.new(self._secret, f"{path}?{expires}".encode(), hashlib.sha256).hexdigest()


def _content(request: web.Request, result: Result, index: int) -> web.Response:
    body = result.body(result.chunks[index], more_rows=request["hints"].get("rows", 0))
    layout = "application/json" if result.format == "JSON_ARRAY" else "binary/octet-stream"
    hints = request["hints"]
    version = secrets.token_bytes(8) if hints.get("change_etag") else b""
    digest = hashlib.md5(body + version, usedforsecurity=False).hexdigest()
    headers = {"content-type": layout, "accept-ranges": "bytes", "etag": f'"{digest}"'}
    if request.headers.get("if-match", headers["etag"]) != headers["etag"]:
        return _refusal(412, "PreconditionFailed", "The entity tag does not match.")
    wanted = request.headers.get("range")
    if hints.get("ignore_range"):
        wanted = None
    if wanted is None or request.headers.get("if-range", headers["etag"]) != headers["etag"]:
        return web.Response(body=body, headers=headers)
    start, stop = _range(wanted, len(body))
    if start >= stop:
        refusal = _refusal(416, "InvalidRange", "The requested range is not satisfiable")
        refusal.headers["content-range"] = f"bytes */{len(body)}"
        return refusal
    headers["content-range"] = f"bytes {start}-{stop - 1}/{len(body)}"
    return web.Response(status=206, body=body[start:stop], headers=headers)


def _range(wanted: str, size: int) -> tuple[int, int]:
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted)
    if match is None or not (match[1] or match[2]):
        return 0, size
    if not match[1]:
        return max(size - int(match[2]), 0), size
    return int(match[1]), min(int(match[2]) + 1, size) if match[2] else size


def _refusal(status: int, code: str, message: str) -> web.Response:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    return web.Response(status=status, text=text, content_type="application/xml")
