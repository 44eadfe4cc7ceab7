"""Links to the storage: presigned-looking URLs, each good for one method and a while."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
import urllib.parse
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from .settings import Settings


@dataclass(frozen=True)
class Link:
    """A URL, and the time at which it ends as the service would tell it."""

    url: str
    expiration: str


@dataclass
class Links:
    """Signs URLs and checks requests that come by them."""

    settings: Settings
    url: str = ""
    dead_urls: dict[str, str] = field(default_factory=dict)
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def sign(self, path: str, *, method: str = "GET", expired: bool = False) -> Link:
        """A new link to a path of the storage."""
        now = time.time()
        expires = int((now - 60 if expired else now + self.settings.link_ttl_seconds) * 1000)
        shown = expires / 1000 + self.settings.clock_skew_seconds
        moment = datetime.fromtimestamp(shown, timezone.utc)
        base = self.dead_urls.get(self.settings.storage_network, self.url)
        query = f"expires={expires}&signature={self._signature(method, path, str(expires))}"
        return Link(
            f"{base}{urllib.parse.quote(path)}?{query}",
            moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        )

    def refusal(self, request: web.Request, headers: dict[str, str]) -> web.Response | None:
        """What the storage answers to a request by a wrong link, or without the headers."""
        if "authorization" in request.headers:
            return refused(400, "InvalidArgument", "Only one auth mechanism allowed.")
        expires = request.query.get("expires", "")
        method = "GET" if request.method == "HEAD" else request.method
        expected = self._signature(method, request.path, expires)
        if not hmac.compare_digest(request.query.get("signature", ""), expected):
            return refused(
                403, "SignatureDoesNotMatch", "The request signature we calculated does not match."
            )
        if request["hints"].get("expire_links") or int(expires) <= time.time() * 1000:
            return refused(403, "AccessDenied", "Request has expired")
        for name, value in headers.items():
            if request.headers.get(name) != value:
                return refused(403, "AccessDenied", "There were headers not present: " + name)
        return None

    def _signature(self, method: str, path: str, expires: str) -> str:
        signed = f"{method} {path}?{expires}".encode()
        return hmac.new(self.secret, signed, hashlib.sha256).hexdigest()


def refused(status: int, code: str, message: str) -> web.Response:
    """An error of the storage, in XML."""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    return web.Response(status=status, text=text, content_type="application/xml")
