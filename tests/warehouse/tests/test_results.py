from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import lz4.frame
import pyarrow as pa
import pytest

from databricks_sql_warehouse.framing import END_OF_STREAM, unframe

from .conftest import Client, fetch, read

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

FOUR_COLUMNS = (
    "SELECT id, CAST(id AS DOUBLE) / 2 AS d, CAST(id % 1000 AS INT) AS i, 'row ' || id AS s "
    "FROM range(1000000)"
)


def frames(body: bytes) -> list[bytes]:
    found = []
    while body:
        decompressor = lz4.frame.LZ4FrameDecompressor()
        decompressor.decompress(body)
        rest = decompressor.unused_data or b""
        found.append(body[: len(body) - len(rest)])
        body = rest
    return found


def body_of(client: Client, sql: str, **fields: Any) -> bytes:
    return fetch(client.execute(sql, **fields)["result"]["external_links"][0]["external_link"]).body


def test_a_million_rows_arrive_in_order(client: Client) -> None:
    table = client.table(FOUR_COLUMNS)
    assert table["id"].to_pylist() == list(range(1_000_000))
    assert table["s"][999_999].as_py() == "row 999999"


def test_chunks_cover_the_rows(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(chunk_rows=1000)
    answer = client.execute("SELECT id FROM range(2500)")
    manifest = answer["manifest"]
    assert manifest["total_chunk_count"] == 3
    assert manifest["total_row_count"] == 2500
    spans = [(item["row_offset"], item["row_count"]) for item in manifest["chunks"]]
    assert spans == [(0, 1000), (1000, 1000), (2000, 500)]
    assert manifest["total_byte_count"] == sum(item["byte_count"] for item in manifest["chunks"])
    links = client.links(answer)
    assert [read(fetch(link["external_link"]).body).num_rows for link in links] == [1000, 1000, 500]


def test_batches_have_at_most_4096_rows_and_a_stream_ends(client: Client) -> None:
    raw = unframe(body_of(client, "SELECT id FROM range(10000)"))
    assert raw.endswith(END_OF_STREAM)
    sizes = [batch.num_rows for batch in pa.ipc.open_stream(raw)]
    assert sizes == [4096, 4096, 1808]


def test_a_small_body_has_one_frame_for_each_message(client: Client) -> None:
    found = frames(body_of(client, "SELECT 1"))
    assert len(found) == 3
    assert {frame[4] for frame in found} == {0x74}
    assert {frame[5] for frame in found} == {0x70}


def test_a_large_body_is_one_frame(client: Client) -> None:
    assert len(frames(body_of(client, "SELECT id, uuid() AS u FROM range(100000)"))) == 1


@pytest.mark.parametrize(("framing", "count"), [("message", 4), ("body", 1)])
def test_framing_can_be_chosen(
    warehouse: Warehouse, client: Client, framing: str, count: int
) -> None:
    warehouse.settings(lz4_framing=framing, lz4_flg="0x60")
    found = frames(body_of(client, "SELECT id FROM range(5000)"))
    assert len(found) == count
    assert {frame[4] for frame in found} == {0x60}


def test_without_compression_the_body_is_the_stream(client: Client) -> None:
    answer = client.execute("SELECT 1 AS a", result_compression="NONE")
    assert "result_compression" not in answer["manifest"]
    body = fetch(answer["result"]["external_links"][0]["external_link"]).body
    assert pa.ipc.open_stream(body).read_all().to_pydict() == {"a": [1]}


def test_hybrid_attaches_a_small_result(client: Client) -> None:
    answer = client.execute("SELECT 1 AS a", disposition="INLINE_OR_EXTERNAL_LINKS")
    result = answer["result"]
    assert read(base64.b64decode(result["attachment"])).to_pydict() == {"a": [1]}
    assert (result["chunk_index"], result["row_offset"], result["row_count"]) == (0, 0, 1)


def test_hybrid_links_all_chunks_of_a_large_result(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(chunk_rows=1000, inline_limit_bytes=100)
    answer = client.execute("SELECT id FROM range(3000)", disposition="INLINE_OR_EXTERNAL_LINKS")
    assert len(answer["result"]["external_links"]) == 3


def test_attachments_can_come_in_chunks(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(chunk_rows=2, inline_chunks=True)
    result = client.execute("SELECT id FROM range(3)", disposition="INLINE_OR_EXTERNAL_LINKS")[
        "result"
    ]
    assert result["next_chunk_index"] == 1
    second = client.call("GET", result["next_chunk_internal_link"] + "?row_offset=2").json
    assert read(base64.b64decode(second["attachment"])).to_pydict() == {"id": [2]}
    assert "next_chunk_index" not in second


def test_an_inline_answer_can_come_closed(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(close_inline=True)
    answer = client.execute("SELECT 1 AS a", disposition="INLINE_OR_EXTERNAL_LINKS")
    assert answer["status"]["state"] == "CLOSED"
    assert answer["result"]["attachment"]


def test_inline_json_comes_in_chunks(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(chunk_rows=2)
    answer = client.execute(
        "SELECT id FROM range(3)",
        disposition="INLINE",
        format="JSON_ARRAY",
        result_compression=None,
    )
    assert answer["result"]["data_array"] == [["0"], ["1"]]
    assert "total_byte_count" not in answer["manifest"]
    second = client.call("GET", answer["result"]["next_chunk_internal_link"]).json
    assert second["data_array"] == [["2"]]


def test_inline_json_has_a_limit(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(json_limit_bytes=1000)
    answer = client.execute("SELECT id FROM range(1000)", disposition="INLINE", format="JSON_ARRAY")
    assert answer["status"]["state"] == "FAILED"
    assert "Inline byte limit exceeded" in answer["status"]["error"]["message"]


def test_json_can_be_linked(client: Client) -> None:
    answer = client.execute("SELECT id FROM range(2)", format="JSON_ARRAY")
    assert "result_compression" not in answer["manifest"]
    link = answer["result"]["external_links"][0]
    assert fetch(link["external_link"]).json == [["0"], ["1"]]


def test_a_row_limit_truncates(client: Client) -> None:
    answer = client.execute("SELECT id FROM range(10)", row_limit=3)
    assert answer["manifest"]["truncated"] is True
    assert answer["manifest"]["total_row_count"] == 3
    assert client.execute("SELECT id FROM range(3)", row_limit=3)["manifest"]["truncated"] is False


def test_a_byte_limit_truncates(client: Client) -> None:
    manifest = client.execute("SELECT id FROM range(1000)", byte_limit=800)["manifest"]
    assert manifest["truncated"] is True
    assert 0 < manifest["total_row_count"] <= 100
