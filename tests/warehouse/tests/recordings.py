"""Recordings of the real service, and what of a document is its shape."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lz4.frame
import pyarrow as pa

from databricks_sql_warehouse.framing import unframe

_BESIDE = Path(__file__).parents[3].parent / "shared" / "recordings"
FOLDER = Path(os.environ.get("DATABRICKS_SQL_RECORDINGS", _BESIDE))
_ENUMS = (
    "column_count",
    "error_code",
    "format",
    "position",
    "result_compression",
    "state",
    "truncated",
    "type_interval_type",
    "type_name",
    "type_precision",
    "type_scale",
    "type_text",
)
LZ4_MAGIC = b"\x04\x22\x4d\x18"


@dataclass(frozen=True)
class Step:
    """A recorded request with its answer."""

    document: dict[str, Any]

    @property
    def to_storage(self) -> bool:
        return bool(self.document["to"] == "storage")

    @property
    def method(self) -> str:
        return str(self.document["method"])

    @property
    def path(self) -> str:
        return str(self.document["path"])

    @property
    def query(self) -> dict[str, str]:
        return self.document.get("query") or {}

    @property
    def body(self) -> dict[str, Any]:
        return self.document.get("body") or {}

    @property
    def status(self) -> int:
        return int(self.document["response"]["status"])

    @property
    def content_type(self) -> str:
        headers = self.document["response"].get("headers") or {}
        return str(headers.get("content-type", "")).partition(";")[0]

    @property
    def answer(self) -> Any:
        return self.document["response"].get("json")

    @property
    def bytes(self) -> bytes:
        return base64.b64decode(self.document["response"].get("base64") or "")

    @property
    def sql(self) -> str | None:
        return self.body.get("statement")


def read(path: Path) -> list[Step]:
    """The steps of a recording."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Step(json.loads(line)) for line in lines[1:]]


def shape(document: Any) -> dict[str, str]:
    """The type of each field by its path, or the value where that is one of few."""
    found: dict[str, str] = {}
    _walk(document, "", found)
    return found


def _walk(value: Any, path: str, found: dict[str, str]) -> None:
    if isinstance(value, dict):
        found.setdefault(path or ".", "object")
        for name, inner in value.items():
            _walk(inner, f"{path}.{name}" if path else name, found)
    elif isinstance(value, list):
        found.setdefault(path, "array")
        in_order = path.endswith("columns")
        for position, inner in enumerate(value):
            _walk(inner, f"{path}[{position}]" if in_order else f"{path}[]", found)
    else:
        name = path.rpartition(".")[2]
        kind = type(value).__name__
        few = name in _ENUMS or (name == "name" and "columns[" in path)
        found[path] = f"{kind} {value}" if few else kind


def framing(body: bytes) -> str:
    """How the LZ4 layer of a body is made: frames, FLG and BD byte."""
    frames = []
    rest = body
    while rest:
        decompressor = lz4.frame.LZ4FrameDecompressor()
        frames.append(decompressor.decompress(rest))
        rest = decompressor.unused_data or b""
    layout = "one frame"
    if len(frames) > 1:
        alone = all(frame.startswith(_MESSAGE) for frame in frames)
        layout = "a frame for each message" if alone else "frames of other content"
    return f"{layout}, FLG {body[4]:#x}, BD {body[5]:#x}"


_MESSAGE = b"\xff\xff\xff\xff"


def stream(body: bytes) -> tuple[str, str]:
    """The Arrow schema of a body as text, and what its batches have in common."""
    reader = pa.ipc.open_stream(pa.py_buffer(unframe(body)))
    fields = [
        f"{field.name}: {field.type}{'' if field.nullable else ' not null'}{field.metadata or ''}"
        for field in reader.schema
    ]
    rows = []
    while True:
        try:
            rows.append(reader.read_next_batch().num_rows)
        except StopIteration:
            break
        except KeyError:  # of a type that pyarrow cannot hand out
            break
    size = "at most 4096 rows" if max(rows, default=0) <= _BATCH_ROWS else f"{max(rows)} rows"
    return "; ".join([*fields, str(reader.schema.metadata or "")]), size


_BATCH_ROWS = 4096
