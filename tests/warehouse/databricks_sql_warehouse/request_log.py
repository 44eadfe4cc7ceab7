"""The log of requests, which tests read and wait on."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import web

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

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.version = 0
        self._count = 0
        self._changed = asyncio.Condition()

    async def begin(self, to: str, request: web.Request, body: Any) -> Entry:
        """Note a request on arrival; its status is not known yet."""
        self._count += 1
        known = body if isinstance(body, dict) else {}
        entry = {
            "n": self._count,
            "time": time.time(),
            "to": to,
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "status": None,
            "answered": False,
            **_ids(request.path, known),
            "statement": known.get("statement"),
            "body": {name: value for name, value in known.items() if name != "statement"},
            "headers": _headers(request),
            "faults": [],
        }
        self.entries.append(entry)
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


def _ids(path: str, body: dict[str, Any]) -> dict[str, Any]:
    ids: dict[str, Any] = {"session_id": body.get("session_id"), "statement_id": None}
    if match := _IDS.search(path):
        if match[1] == "session":
            ids["session_id"] = match[2]
        else:
            ids["statement_id"] = match[2] or match[4]
    ids["chunk"] = chunk_of(path)
    return ids


def _headers(request: web.Request) -> dict[str, Any]:
    shown = {
        name.lower(): value
        for name, value in request.headers.items()
        if name.lower() in _SHOWN_HEADERS or name.lower().startswith("x-")
    }
    return {**shown, "authorization": "authorization" in request.headers}
