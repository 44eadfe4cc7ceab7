"""What faults do to one request: before it is handled, and to the answer.

`manifest`, `link`, `links`, `rows`, `expire_links`, `ignore_range` and `change_etag` are left to
the handlers, who see the action as hints.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import socket
import struct
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Action = dict[str, Any]

_NUMBER = (int, float)
ACTIONS: dict[str, Any] = {
    "status": int,
    "headers": dict,
    "body": object,
    "retry_after": _NUMBER,
    "retry_after_date": _NUMBER,
    "redirect": str,
    "delay": (*_NUMBER, list),
    "delay_after": (*_NUMBER, list),
    "drop": ("before", "after", "mid", "idle"),
    "reset": bool,
    "cut": _NUMBER,
    "corrupt": _NUMBER,
    "replace_body": object,
    "replace_body_base64": str,
    "patch": dict,
    "length": int,
    "trickle": _NUMBER,
    "stall": _NUMBER,
    "endless": bool,
    "skew": _NUMBER,
    "rows": int,
    "links": ("missing", "empty", "repeat"),
    "link": dict,
    "manifest": dict,
    "expire_links": bool,
    "ignore_range": bool,
    "change_etag": bool,
}
_STREAMED = ("length", "trickle", "stall", "endless")
_TRICKLES_A_SECOND = 20


def check(action: Action) -> None:
    """A ValueError for a part that does not exist, or whose value it does not take."""
    for name, value in action.items():
        if name not in ACTIONS:
            raise ValueError(f"unknown action {name!r}; there are {', '.join(sorted(ACTIONS))}")
        wanted = ACTIONS[name]
        if isinstance(wanted, tuple) and isinstance(wanted[0], str):
            if value not in wanted:
                raise ValueError(f"{name} takes one of {wanted}, not {value!r}")
        elif not isinstance(value, wanted) or (isinstance(value, bool) and wanted is int):
            raise ValueError(f"{name} does not take {value!r}")


async def delay(action: Action, name: str = "delay") -> None:
    """Wait as long as the action says."""
    if name in action:
        seconds = action[name]
        low, high = seconds if isinstance(seconds, list) else (seconds, seconds)
        await asyncio.sleep(random.uniform(low, high))  # noqa: S311


async def before(request: web.Request, action: Action, to: str) -> web.StreamResponse | None:
    """What happens instead of handling the request."""
    await delay(action)
    if action.get("drop") == "before":
        return cut_off(request, action)
    if "redirect" in action:
        status = action.get("status", 307)
        target = action["redirect"].rstrip("/") + str(request.rel_url)
        return web.Response(status=status, headers={"location": target})
    if "status" in action:
        return _refusal(action, to)
    return None


async def after(
    request: web.Request, action: Action, response: web.StreamResponse
) -> web.StreamResponse:
    """What happens to the answer of a handled request."""
    if not action:
        return response
    await delay(action, "delay_after")
    if action.get("drop") == "after":
        return cut_off(request, action)
    if not isinstance(response, web.Response):
        raise TypeError(f"no body to change in {response!r}")
    body = response.body if isinstance(response.body, bytes) else b""
    changed = _changed(body, action)
    if changed is not body:
        response.body = changed
    response.headers.update(_headers(action))
    if action.get("drop") == "mid":
        return await _sent(request, response, _first_half(changed), action, len(changed))
    if action.get("drop") == "idle" or any(name in action for name in _STREAMED):
        length = None if action.get("endless") else action.get("length", len(changed))
        return await _sent(request, response, _pieces(changed, action), action, length)
    return response


def cut_off(request: web.Request, action: Action) -> web.Response:
    """Close the connection; nothing more is sent on it."""
    transport = request.transport
    if transport is not None:
        if action.get("reset"):
            opened: socket.socket = transport.get_extra_info("socket")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()
    return web.Response()


def is_lost(action: Action) -> bool:
    """Whether the client got no whole answer."""
    return action.get("drop", "idle") != "idle" or "stall" in action or action.get("endless", False)


def _changed(body: bytes, action: Action) -> bytes:
    if "patch" in action:
        body = json.dumps(_merged(json.loads(body), action["patch"])).encode()
    if "replace_body" in action:
        body = _bytes(action["replace_body"])
    if "replace_body_base64" in action:
        body = base64.b64decode(action["replace_body_base64"])
    if "cut" in action:
        body = body[: _place(action["cut"], len(body))]
    if "corrupt" in action and body:
        place = _place(action["corrupt"], len(body)) % len(body)
        body = body[:place] + bytes([body[place] ^ 0xFF]) + body[place + 1 :]
    return body


def _place(where: float, size: int) -> int:
    """An offset: a whole number as it is, a broken one as a fraction of the size."""
    return int(size * where) if isinstance(where, float) else where


def _merged(document: Any, patch: Any) -> Any:
    """The document after a JSON merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def _headers(action: Action) -> dict[str, str]:
    headers: dict[str, str] = dict(action.get("headers", {}))
    if "retry_after" in action:
        headers["retry-after"] = str(action["retry_after"])
    if "retry_after_date" in action:
        moment = time.time() + action["retry_after_date"]
        headers["retry-after"] = formatdate(moment, usegmt=True)
    if "skew" in action:
        headers["date"] = formatdate(time.time() + action["skew"], usegmt=True)
    return headers


def _refusal(action: Action, to: str) -> web.Response:
    kind, body = "application/json", action.get("body")
    if isinstance(body, str):
        kind = "text/html"
    elif body is None and to == "storage":
        kind = "application/xml"
        body = "<Error><Code>ServiceFault</Code><Message>A fault was asked for.</Message></Error>"
    elif body is None:
        body = {
            "error_code": "TEMPORARILY_UNAVAILABLE",
            "message": "The service is unavailable.",
        }
    headers = {"content-type": kind, **_headers(action)}
    return web.Response(status=action["status"], body=_bytes(body), headers=headers)


async def _first_half(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]


async def _pieces(body: bytes, action: Action) -> AsyncIterator[bytes]:
    """The body as it drips: at `trickle` bytes a second, up to where it stalls, or for ever."""
    stop = _place(action["stall"], len(body)) if "stall" in action else len(body)
    step = max(int(action.get("trickle", 0) / _TRICKLES_A_SECOND), 1)
    if "trickle" not in action:
        step = max(stop, 1)
    for start in range(0, stop, step):
        if start:
            await asyncio.sleep(step / action["trickle"])
        yield body[start : min(start + step, stop)]
    while action.get("endless"):
        yield body or b" "
        await asyncio.sleep(0)
    if "stall" in action:
        await asyncio.sleep(3600)


async def _sent(
    request: web.Request,
    response: web.Response,
    pieces: AsyncIterator[bytes],
    action: Action,
    length: int | None,
) -> web.StreamResponse:
    """Send pieces under the headers of the response; a length not reached ends abruptly."""
    headers = response.headers.copy()
    headers.popall("content-length", None)
    sent = web.StreamResponse(status=response.status, headers=headers)
    sent.content_length = length
    await sent.prepare(request)
    count = 0
    async for piece in pieces:
        await sent.write(piece)
        count += len(piece)
    if action.get("drop") == "idle" or (length is not None and count != length):
        cut_off(request, action)
    return sent
