"""Storage: chunks of results behind links, on a port of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import transfer
from .links import refused

if TYPE_CHECKING:
    from .links import Links
    from .results import Chunk, Result
    from .settings import Settings
    from .statements import Statements


class Storage:
    """Makes links to chunks and serves what they point to."""

    def __init__(self, statements: Statements, settings: Settings, links: Links) -> None:
        self._statements = statements
        self._settings = settings
        self._links = links

    def routes(self) -> list[web.RouteDef]:
        """The routes of the storage."""
        return [web.get(r"/results/{statement}/{chunk:\d+}", self._serve)]

    def link(self, statement_id: str, index: int, *, expired: bool = False) -> dict[str, Any]:
        """The URL, expiration and headers of a new link to a chunk."""
        made = self._links.sign(f"/results/{statement_id}/{index}", expired=expired)
        document: dict[str, Any] = {"external_link": made.url, "expiration": made.expiration}
        headers = self._settings.link_headers
        return document if headers is None else {**document, "http_headers": headers}

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        refusal = self._links.refusal(request, self._settings.link_headers or {})
        if refusal is not None:
            return refusal
        statement = self._statements.find(request.match_info["statement"])
        index = int(request.match_info["chunk"])
        if statement is None or statement.result is None or index >= len(statement.result.chunks):
            return refused(404, "NoSuchKey", "The specified key does not exist.")
        result = statement.result
        chunk = result.chunks[index]
        layout = "application/json" if result.format == "JSON_ARRAY" else "binary/octet-stream"
        content = _content(statement.id, result, chunk, request["hints"].get("rows", 0))
        return await transfer.serve(request, content, {"content-type": layout})


def _content(
    statement: str, result: Result, chunk: Chunk, more_rows: int
) -> transfer.Held | transfer.Stored:
    if isinstance(chunk.body, transfer.Stored) and not more_rows:
        return chunk.body
    version = f"{statement} {chunk.index} {more_rows}"
    return transfer.Held(result.body(chunk, more_rows=more_rows), version)
