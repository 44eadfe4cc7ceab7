"""Answers: the JSON documents of a statement, its manifest and its chunks."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

from .results import columns_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .errors import StatementError
    from .results import Chunk, Result
    from .settings import Settings
    from .statements import Statement
    from .storage import Storage

Hints = dict[str, Any]


class Answers:
    """Builds the documents; `hints` are the faults that ask for a wrong one."""

    def __init__(self, storage: Storage, settings: Settings) -> None:
        self._storage = storage
        self._settings = settings

    def statement(self, statement: Statement, hints: Hints, *, state: str) -> dict[str, Any]:
        """The answer to execute and to a poll, for a statement seen in `state`."""
        status: dict[str, Any] = {"state": state}
        document = {"statement_id": statement.id, "status": status}
        if statement.session.version is not None:
            status["session_version"] = {"version_id": statement.session.version}
        if state == "FAILED" and statement.error is not None:
            status["error"] = {
                "error_code": statement.error.error_code,
                "message": statement.error.message,
            }
            if statement.error.sql_state is not None and self._settings.sql_state:
                status["sql_state"] = statement.error.sql_state
            if self._settings.error_details:
                status |= _details(statement.error)
        if state == "SUCCEEDED" and statement.result is not None:
            result = statement.result
            if self._settings.num_modified_rows and result.modified is not None:
                status["num_modified_rows"] = result.modified
            inline = self._inline(statement, result)
            if inline and self._settings.close_inline:
                status["state"] = "CLOSED"
                statement.told_closed = True
            document["manifest"] = self._manifest(statement, result, hints)
            document["result"] = self._first(statement, result, hints, inline=inline)
        return self._trimmed(document)

    def chunk(self, statement: Statement, result: Result, index: int, hints: Hints) -> Hints:
        """The answer to a request for a chunk."""
        return self._trimmed(self._chunk(statement, result, index, hints))

    def _trimmed(self, document: Hints) -> Hints:
        """As serialisers write it that leave out what is zero."""
        if self._settings.omit_zeros:
            for part in _parts(document):
                for name in ("chunk_index", "row_offset", "position"):
                    if part.get(name) == 0:
                        part.pop(name)
        return document

    def _chunk(self, statement: Statement, result: Result, index: int, hints: Hints) -> Hints:
        if self._inline(statement, result):
            return self._rows(statement, result, index, hints)
        fault = hints.get("links")
        if fault == "empty":
            return {"external_links": []}
        if fault == "repeat":
            return self._links(statement, result, max(index - 1, 0), 1, hints)
        if fault == "missing":
            return self._links(statement, result, index + 1, 1, hints)
        return self._links(statement, result, index, self._settings.links_per_page, hints)

    def _inline(self, statement: Statement, result: Result) -> bool:
        request = statement.request
        if request.disposition == "INLINE":
            return True
        if not request.hybrid:
            return False
        few = len(result.chunks) <= 1 or self._settings.inline_chunks
        return few and result.stored_bytes <= self._settings.inline_limit_bytes

    def _manifest(self, statement: Statement, result: Result, hints: Hints) -> dict[str, Any]:
        inline_json = statement.request.disposition == "INLINE"
        chunks = [
            {
                "chunk_index": chunk.index,
                "row_offset": chunk.row_offset,
                "row_count": chunk.row_count,
                **({} if inline_json else {"byte_count": chunk.raw_bytes}),
            }
            for chunk in result.chunks
        ]
        manifest: dict[str, Any] = {
            "format": result.format,
            "schema": columns_document(result.columns),
        }
        if self._settings.total_chunk_count:
            manifest["total_chunk_count"] = len(chunks)
        if chunks:
            manifest["chunks"] = chunks
        manifest["total_row_count"] = result.row_count
        if not inline_json:
            manifest["total_byte_count"] = sum(chunk.raw_bytes for chunk in result.chunks)
        manifest["truncated"] = result.truncated
        if result.lz4:
            manifest["result_compression"] = "LZ4_FRAME"
        if result.volume_operation:
            manifest["is_volume_operation"] = True
        if result.native_metadata:
            manifest["is_native_metadata_result"] = True
        return {**manifest, **hints.get("manifest", {})}

    def _first(
        self, statement: Statement, result: Result, hints: Hints, *, inline: bool
    ) -> dict[str, Any]:
        if not result.chunks:
            return {}
        if inline:
            return self._rows(statement, result, 0, hints)
        count = self._settings.first_links
        if count is None:
            count = len(result.chunks) if statement.request.hybrid else 1
        return self._links(statement, result, 0, count, hints)

    def _links(
        self, statement: Statement, result: Result, first: int, count: int, hints: Hints
    ) -> dict[str, Any]:
        links = [
            self._link(statement, result, index, hints)
            for index in range(first, min(first + count, len(result.chunks)))
        ]
        if not links:
            return {}
        document: dict[str, Any] = {"external_links": links}
        if self._settings.next_chunk != "link":
            document |= _next(statement, result, links[-1]["chunk_index"])
        if self._settings.next_chunk == "answer":
            for link in links:
                for name in ("next_chunk_index", "next_chunk_internal_link"):
                    link.pop(name, None)
        return document

    def _link(
        self, statement: Statement, result: Result, index: int, hints: Hints
    ) -> dict[str, Any]:
        chunk = result.chunks[index]
        return {
            "chunk_index": index,
            "row_offset": chunk.row_offset,
            "row_count": chunk.row_count,
            "byte_count": self._byte_count(chunk),
            **_next(statement, result, index),
            **self._storage.link(statement.id, index, expired=bool(hints.get("expire_links"))),
            **hints.get("link", {}),
        }

    def _rows(
        self, statement: Statement, result: Result, index: int, hints: Hints
    ) -> dict[str, Any]:
        chunk = result.chunks[index]
        document: dict[str, Any] = {
            "chunk_index": index,
            "row_offset": chunk.row_offset,
            "row_count": chunk.row_count,
            **_next(statement, result, index),
        }
        if result.format == "JSON_ARRAY":
            return {**document, "data_array": result.data_array(chunk)}
        body = result.body(chunk, more_rows=hints.get("rows", 0))
        document["byte_count"] = self._byte_count(chunk)
        return {**document, "attachment": base64.b64encode(body).decode("ascii")}

    def _byte_count(self, chunk: Chunk) -> int:
        return chunk.raw_bytes if self._settings.byte_count == "raw" else len(chunk.body)


def _details(error: StatementError) -> dict[str, str]:
    """What newer servers tell about a failure, beside the message."""
    condition = re.search(r"\[([A-Z_.]+)\]", error.message)
    details = {"errorClass": condition[1] if condition else None, "sqlState": error.sql_state}
    return {
        "display_message": error.message.strip().partition("\n")[0],
        "diagnostic_info": f"org.apache.spark.SparkException: {error.message.strip()}",
        "error_details_json": json.dumps(details),
    }


def _parts(document: Any) -> Iterator[Hints]:
    """The document and all objects in it."""
    if isinstance(document, dict):
        yield document
        for inner in document.values():
            yield from _parts(inner)
    elif isinstance(document, list):
        for inner in document:
            yield from _parts(inner)


def _next(statement: Statement, result: Result, index: int) -> dict[str, Any]:
    if index + 1 >= len(result.chunks):
        return {}
    following = index + 1
    path = f"/api/2.0/sql/statements/{statement.id}/result/chunks/{following}"
    return {"next_chunk_index": following, "next_chunk_internal_link": path}
