"""Results made beforehand: their chunks are served from disk, and no engine runs.

A client can then be measured against the warehouse without the warehouse being measured.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from .transfer import Stored

if TYPE_CHECKING:
    from pathlib import Path

    from .requests import ExecuteRequest
    from .results import Result

    Key = tuple[str, str, bool, bool]


class Prepared:
    """The results that are ready, by the text and the form that a request asks for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "prepared"
        self._directory.mkdir()
        self._numbers = itertools.count()
        self._ready: dict[Key, Result] = {}

    def find(self, request: ExecuteRequest) -> Result | None:
        """The result that is ready for this request, if there is one."""
        if not self._ready or request.parameters or request.row_limit or request.byte_limit:
            return None
        return self._ready.get(_key(request))

    def keep(self, request: ExecuteRequest, result: Result) -> None:
        """Write the chunks of a result to disk and answer such requests with it from now on."""
        number = next(self._numbers)
        for chunk in result.chunks:
            path = self._directory / f"{number}-{chunk.index}"
            path.write_bytes(chunk.read())
            chunk.body = Stored(path)
        self._ready[_key(request)] = result

    def forget(self) -> None:
        """Let the engine run again for everything; results that are out are served to their end."""
        self._ready.clear()

    def documents(self) -> list[dict[str, Any]]:
        """Every result that is ready as the admin API shows it."""
        return [
            {
                "statement": key[0],
                "format": key[1],
                "row_count": result.row_count,
                "chunk_count": len(result.chunks),
                "stored_bytes": result.stored_bytes,
            }
            for key, result in self._ready.items()
        ]


def _key(request: ExecuteRequest) -> Key:
    inline = request.disposition == "INLINE"
    return request.statement, request.format, request.lz4, inline
