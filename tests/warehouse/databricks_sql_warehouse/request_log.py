"""The log of requests, which tests read and wait on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
import urllib.parse
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from .settings import Settings

_LARGEST_BODY = 64 * 1024 * 1024
_SECRET_HEADERS = {"x-databricks-azure-sp-management-token"}
_SECRET_FIELDS = {
    "assertion",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "refresh_token",
    "signature",
    "subject_token",
}
_SHOWN_HEADERS = (
    "accept",
    "accept-encoding",
    "content-type",
    "if-match",
    "if-range",
    "range",
    "traceparent",
    "user-agent",
)
_IDS = re.compile(r"/sql/(session|statement)s/([^/]+)|/(result)s/([^/]+)/(\d+)$")
_NEW_ID = re.compile(rb'{"(session_id|statement_id)": "([^"]+)"')
_CHUNK = re.compile(r"/chunks/(\d+)$|^/results/[^/]+/(\d+)$")

Entry = dict[str, Any]


class RequestLog:
    """Entries in order of arrival; `version` grows whenever one is added or answered."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.entries: list[Entry] = []
        self.version = 0
        self.requests: Counter[str] = Counter()
        self.storage_with_token = 0
        self._count = 0
        self._changed = asyncio.Condition()

    async def begin(self, to: str, request: web.Request, body: bytes) -> Entry:
        """Note a request on arrival; its status is not known yet."""
        known = _parsed(body, request.content_type)
        entry = await self.add(to, request.method, request.path, request.headers, known)
        entry["query"] = _without_secrets(request.query)
        if self._settings.log_secrets:
            entry["raw"] = {
                "url": str(request.url),
                "headers": [[name.lower(), value] for name, value in request.headers.items()],
                "body": body.decode(errors="replace"),
            }
        return entry

    async def add(
        self,
        to: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Note what is known of a request of any kind."""
        self._count += 1
        known = body or {}
        entry = {
            "n": self._count,
            "time": time.time(),
            "to": to,
            "method": method,
            "path": path,
            "query": {},
            "status": None,
            "answered": False,
            **_ids(path, known),
            "statement": known.get("statement"),
            "body": {name: value for name, value in known.items() if name != "statement"},
            "headers": _headers(headers),
            "faults": [],
        }
        self.entries.append(entry)
        self.requests[to] += 1
        self.storage_with_token += to == "storage" and "authorization" in headers
        await self._notify()
        return entry

    async def end(self, entry: Entry, status: int | None, answer: bytes) -> None:
        """Note the answer to a request; the status is None where none was sent."""
        entry["status"] = status
        entry["answered"] = True
        if match := _NEW_ID.match(answer):
            entry[match[1].decode()] = match[2].decode()
        await self._notify()

    async def clear(self) -> None:
        """Forget all entries; the numbers go on."""
        self.entries.clear()
        await self._notify()

    def forget_counts(self) -> None:
        """Start the counters again."""
        self.requests.clear()
        self.storage_with_token = 0

    async def wait(self, since: int, seconds: float) -> None:
        """Return when the version is past `since`, or after `seconds`."""

        async def newer() -> None:
            async with self._changed:
                await self._changed.wait_for(lambda: self.version > since)

        try:
            await asyncio.wait_for(newer(), seconds)
        except asyncio.TimeoutError:
            return

    async def _notify(self) -> None:
        async with self._changed:
            self.version += 1
            self._changed.notify_all()


def chunk_of(path: str) -> int | None:
    """The chunk that a request is about."""
    match = _CHUNK.search(path)
    return int(match[1] or match[2]) if match else None


def _ids(path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    ids: dict[str, Any] = {"session_id": body.get("session_id"), "statement_id": None}
    if match := _IDS.search(path):
        if match[1] == "session":
            ids["session_id"] = match[2]
        else:
            ids["statement_id"] = match[2] or match[4]
    ids["chunk"] = chunk_of(path)
    return ids


def _headers(headers: Mapping[str, str]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        name.lower(): value
        for name, value in headers.items()
        if name.lower() in _SHOWN_HEADERS or name.lower().startswith("x-")
    }
    for name in _SECRET_HEADERS & set(shown):
        shown[name] = True
    proxy = {"proxy-authorization": True} if "proxy-authorization" in headers else {}
    return {**shown, **proxy, "authorization": "authorization" in headers}


def _without_secrets(fields: Mapping[str, str]) -> dict[str, Any]:
    return {name: True if name in _SECRET_FIELDS else value for name, value in fields.items()}


def _parsed(body: bytes, content_type: str) -> dict[str, Any]:
    """The fields of a JSON object or a form; none of anything else."""
    known = None
    if 0 < len(body) <= _LARGEST_BODY:
        with contextlib.suppress(ValueError):
            known = json.loads(body)
    if known is None and content_type == "application/x-www-form-urlencoded":
        text = body.decode(errors="replace")
        return _without_secrets(dict(urllib.parse.parse_qsl(text, keep_blank_values=True)))
    return known if isinstance(known, dict) else {}
