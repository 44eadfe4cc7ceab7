"""Results: rows cut into chunks, each encoded as the request asks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from . import csv_rows, framing, json_rows
from .errors import StatementError

if TYPE_CHECKING:
    from .data_types import Column
    from .engine import Outcome
    from .requests import ExecuteRequest
    from .settings import Settings
    from .transfer import Stored

_LARGE_BYTES = 1024 * 1024


@dataclass
class Chunk:
    """One chunk; `body` is what the storage serves, in memory or on disk."""

    index: int
    row_offset: int
    row_count: int
    raw_bytes: int
    body: bytes | Stored

    def read(self) -> bytes:
        """The body."""
        return self.body if isinstance(self.body, bytes) else self.body.read()


class Result:
    """The encoded rows of a succeeded statement."""

    def __init__(self, request: ExecuteRequest, outcome: Outcome, settings: Settings) -> None:
        self.columns: list[Column] = outcome.columns
        self.modified = outcome.modified
        self.truncated = outcome.truncated
        self.volume_operation = outcome.volume_operation
        self.native_metadata = outcome.native_metadata
        self.format = request.format
        self.lz4 = request.lz4 and request.format == "ARROW_STREAM" and settings.lz4
        self._flags = settings.lz4_flg
        self._framing = settings.lz4_framing
        self._batch_rows = settings.batch_rows
        table = outcome.table
        if table is None:
            table = pa.table({})
        if settings.nested_as_json and self.format == "ARROW_STREAM":
            self._columns, table = json_rows.nested_as_text(self.columns, table)
        else:
            self._columns = self.columns
        table = self._limit(table, request.byte_limit)
        self.row_count: int = table.num_rows
        self._large = table.nbytes > _LARGE_BYTES
        starts = range(0, self.row_count, settings.chunk_rows)
        self.chunks = [
            self._chunk(index, start, table.slice(start, settings.chunk_rows))
            for index, start in enumerate(starts)
        ]
        if request.disposition == "INLINE" and self.stored_bytes > settings.json_limit_bytes:
            raise StatementError(
                f"Inline byte limit exceeded. Statements executed with disposition=INLINE can have "
                f"a result size of at most {settings.json_limit_bytes} bytes. Please execute the "
                "statement with disposition=EXTERNAL_LINKS if you want to download the full "
                "result.",
                None,
            )

    @property
    def stored_bytes(self) -> int:
        """The size of all bodies."""
        return sum(len(chunk.body) for chunk in self.chunks)

    def data_array(self, chunk: Chunk) -> list[list[str | None]]:
        """The rows of a JSON chunk."""
        rows: list[list[str | None]] = json.loads(chunk.read())
        return rows

    def body(self, chunk: Chunk, *, more_rows: int = 0) -> bytes:
        """The body of a chunk, made with `more_rows` rows more than declared on demand."""
        if not more_rows:
            return chunk.read()
        wanted = max(chunk.row_count + more_rows, 0)
        if self.format == "JSON_ARRAY":
            rows = self.data_array(chunk)
            return _json_body((rows + rows[-1:] * max(more_rows, 0))[:wanted])
        if self.format == "CSV":
            lines = csv_rows.read(chunk.read())
            wanted += 1 if chunk.index == 0 else 0
            return csv_rows.write((lines + lines[-1:] * max(more_rows, 0))[:wanted], None)
        raw = framing.unframe(chunk.read()) if self.lz4 else chunk.read()
        table = _read_storage(raw, self._storage_schema())
        repeated = [table.slice(table.num_rows - 1)] * max(more_rows, 0)
        return self._encode(pa.concat_tables([table, *repeated]).slice(0, wanted))[1]

    def _limit(self, table: pa.Table, byte_limit: int | None) -> pa.Table:
        if byte_limit is None or table.nbytes <= byte_limit:
            return table
        self.truncated = True
        return table.slice(0, table.num_rows * byte_limit // table.nbytes)

    def _chunk(self, index: int, start: int, table: pa.Table) -> Chunk:
        if self.format != "ARROW_STREAM":
            rows = json_rows.rows(self.columns, table)
            header = [column.name for column in self.columns] if index == 0 else None
            is_csv = self.format == "CSV"
            body = csv_rows.write(rows, header) if is_csv else _json_body(rows)
            return Chunk(index, start, table.num_rows, len(body), body)
        raw_bytes, body = self._encode(table)
        return Chunk(index, start, table.num_rows, raw_bytes, body)

    def _encode(self, table: pa.Table) -> tuple[int, bytes]:
        fields = [
            pa.field(column.name, column.type.arrow, nullable=column.nullable)
            for column in self._columns
        ]
        parts = framing.messages(pa.schema(fields), table, self._batch_rows)
        raw_bytes = sum(len(part) for part in parts)
        whole = self._framing == "body" or (self._framing == "auto" and self._large)
        if whole or not self.lz4:
            parts = [b"".join(parts)]
        return raw_bytes, framing.frame(parts, self._flags) if self.lz4 else parts[0]

    def _storage_schema(self) -> pa.Schema:
        return pa.schema([pa.field(column.name, column.type.storage) for column in self._columns])


def _json_body(rows: list[list[str | None]]) -> bytes:
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()


def _read_storage(raw: bytes, schema: pa.Schema) -> pa.Table:
    """Read a stream by the types that pyarrow can hold."""
    wire = pa.ipc.read_message(raw)
    head = schema.serialize().to_pybytes()
    rest = raw[len(wire.serialize()) :]
    return pa.ipc.open_stream(pa.py_buffer(head + rest)).read_all()


def columns_document(columns: list[Column]) -> dict[str, Any]:
    """The schema of the manifest; a definition has no columns, not an empty list."""
    infos = [column.info(position) for position, column in enumerate(columns)]
    return {"column_count": len(infos), **({"columns": infos} if infos else {})}
