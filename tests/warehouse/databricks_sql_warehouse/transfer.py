"""Bodies on their way to the client: whole or in part, from memory or straight from disk."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from aiohttp import web

from .links import refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# More would only queue up in the transport, and with TLS be copied again and again.
_PIECE = 256 * 1024
_TLS_PIECE = 64 * 1024


@dataclass(frozen=True)
class Held:
    """Content in memory; `version` is told apart from every other content."""

    data: bytes
    version: str

    def __len__(self) -> int:
        return len(self.data)

    @property
    def tag(self) -> str:
        """The entity tag."""
        return hashlib.md5(self.version.encode(), usedforsecurity=False).hexdigest()

    def read(self) -> bytes:
        """All bytes."""
        return self.data

    def pieces(self, start: int, stop: int, most: int) -> Iterator[memoryview]:
        """The bytes from `start` to `stop`."""
        view = memoryview(self.data)
        for begin in range(start, stop, most):
            yield view[begin : min(begin + most, stop)]


@dataclass(frozen=True)
class Stored:
    """Content of a file."""

    path: Path

    def __len__(self) -> int:
        return self._size

    @cached_property
    def _size(self) -> int:
        return self.path.stat().st_size

    @cached_property
    def tag(self) -> str:
        """The entity tag: another one for every version of the file."""
        status = self.path.stat()
        return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"

    def read(self) -> bytes:
        """All bytes."""
        return self.path.read_bytes()

    def pieces(self, start: int, stop: int, most: int) -> Iterator[bytes]:
        """The bytes from `start` to `stop`."""
        with self.path.open("rb") as opened:
            opened.seek(start)
            while start < stop and (piece := opened.read(min(most, stop - start))):
                start += len(piece)
                yield piece


async def serve(
    request: web.Request, content: Held | Stored, headers: dict[str, str]
) -> web.StreamResponse:
    """Answer a GET or HEAD: a range where one is asked for, all of it otherwise."""
    hints = request["hints"]
    changed = secrets.token_hex(4) if hints.get("change_etag") else ""
    tag = f'"{content.tag}{changed}"'
    headers = {**headers, "accept-ranges": "bytes", "etag": tag}
    if request.headers.get("if-match", tag) != tag:
        return refused(412, "PreconditionFailed", "The entity tag does not match.")
    wanted = request.headers.get("range")
    start, stop, status = 0, len(content), 200
    fits = request.headers.get("if-range", tag) == tag
    if wanted is not None and fits and not hints.get("ignore_range"):
        start, stop = _range(wanted, len(content))
        status = 206
        if start >= stop:
            refusal = refused(416, "InvalidRange", "The requested range is not satisfiable")
            refusal.headers["content-range"] = f"bytes */{len(content)}"
            return refusal
        headers["content-range"] = f"bytes {start}-{stop - 1}/{len(content)}"
    if hints or request.method == "HEAD":
        return web.Response(status=status, body=content.read()[start:stop], headers=headers)
    return await _sent(request, content, (start, stop), status, headers)


async def _sent(
    request: web.Request,
    content: Held | Stored,
    part: tuple[int, int],
    status: int,
    headers: dict[str, str],
) -> web.StreamResponse:
    start, stop = part
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = stop - start
    await response.prepare(request)
    transport = request.transport
    if transport is None:
        raise ConnectionResetError
    secure = transport.get_extra_info("sslcontext") is not None
    if isinstance(content, Stored) and not secure and stop > start:
        loop = asyncio.get_running_loop()
        with content.path.open("rb") as opened:
            await loop.sendfile(transport, opened, start, stop - start)
        return response
    for piece in content.pieces(start, stop, _TLS_PIECE if secure else _PIECE):
        await response.write(piece)
    return response


def _range(wanted: str, size: int) -> tuple[int, int]:
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted)
    if match is None or not (match[1] or match[2]):
        return 0, size
    if not match[1]:
        return max(size - int(match[2]), 0), size
    return int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
