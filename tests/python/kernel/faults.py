"""Results of many chunks, and such as no service sends."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import databricks_sql_kernel as kernel

from .conftest import execute

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

ROWS = 5000


def all_rows(session: kernel.Session, rows: int = ROWS) -> list[int]:
    table = execute(session, f"SELECT id FROM range({rows})").fetch_all_arrow()
    ids: list[int] = table["id"].to_pylist()
    return ids


def code_of(call: Any) -> str:
    with pytest.raises(kernel.KernelError) as caught:
        call()
    code: str = caught.value.code
    return code


def answered(
    warehouse: Warehouse, table: pa.Table, batches: list[pa.RecordBatch] | None = None
) -> None:
    """The next statement has this table as its result, or the batches, which say the same."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.to_batches() if batches is None else batches:
            writer.write_batch(batch)
    columns = [
        {"name": name, "position": place, "type_name": "STRING", "type_text": "STRING"}
        for place, name in enumerate(table.column_names)
    ]
    manifest = {
        "format": "ARROW_STREAM",
        "schema": {"column_count": len(columns), "columns": columns},
        "total_chunk_count": 1,
        "total_row_count": table.num_rows,
    }
    result = {
        "chunk_index": 0,
        "row_offset": 0,
        "row_count": table.num_rows,
        "attachment": base64.b64encode(sink.getvalue().to_pybytes()).decode(),
    }
    body = {
        "statement_id": "01f0-answered",
        "status": {"state": "SUCCEEDED"},
        "manifest": manifest,
        "result": result,
    }
    warehouse.fault(match={"path": "statements$"}, action={"status": 200, "body": body})
