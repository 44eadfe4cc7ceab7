"""Rows that go missing, results that hang, counts that are not looked at."""

from __future__ import annotations

import base64
import resource
import struct
import sys
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import databricks_sql_kernel as kernel

from .conftest import execute
from .faults import ROWS, all_rows, answered, code_of

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Open, Run


# 1. The last chunks of paginated links go missing in silence.
@pytest.mark.parametrize("links_per_page", [1, 2, 3])
def test_1_no_chunk_of_paginated_links_is_lost(
    chunked: Warehouse, open_session: Open, links_per_page: int
) -> None:
    chunked.settings(links_per_page=links_per_page)
    chunked.fault(match={"to": "storage"}, action={"delay": [0.0, 0.01]}, times=None)
    session = open_session()
    for _ in range(15):
        assert all_rows(session) == list(range(ROWS))


# 2. Pages, counts and formats that are wrong pass as success.
def test_2_an_empty_page_of_links_is_no_end(chunked: Warehouse, open_session: Open) -> None:
    chunked.fault(match={"path": "result/chunks/3"}, action={"links": "empty"}, times=None)
    assert code_of(lambda: all_rows(open_session(retry_max_attempts=2))) == "DataLoss"


def test_2_json_results_have_their_rows(open_session: Open) -> None:
    session = open_session(session_conf={"cloudfetch_enabled": "false"})
    assert all_rows(session, 10) == list(range(10))


@pytest.mark.parametrize("manifest", [{"total_row_count": ROWS + 1}, {"total_row_count": ROWS - 1}])
def test_2_wrong_counts_are_noticed(
    chunked: Warehouse, open_session: Open, manifest: dict[str, Any]
) -> None:
    chunked.fault(match={"path": "statements$"}, action={"manifest": manifest})
    assert code_of(lambda: all_rows(open_session())) == "DataLoss"


def test_2_one_count_is_enough_to_notice_an_early_end(
    chunked: Warehouse, open_session: Open
) -> None:
    ends = {"next_chunk_index": None, "next_chunk_internal_link": None}
    no_rows = {"manifest": {"total_row_count": None, "chunks": None}, "link": ends}
    chunked.fault(match={"path": "statements$"}, action=no_rows)
    assert all_rows(open_session()) == list(range(ROWS))
    no_chunks = {"manifest": {"total_chunk_count": None, "chunks": None}, "link": ends}
    chunked.fault(match={"path": "statements$"}, action=no_chunks)
    assert code_of(lambda: all_rows(open_session())) == "DataLoss"


def test_2_data_where_none_were_announced_are_noticed(
    chunked: Warehouse, open_session: Open
) -> None:
    none = {"manifest": {"total_row_count": 0, "total_chunk_count": 0, "chunks": []}}
    chunked.fault(match={"path": "statements$"}, action=none)
    assert code_of(lambda: all_rows(open_session())) == "DataLoss"


def test_2_a_truncated_result_is_warned_of(
    warehouse: Warehouse, session: kernel.Session, caplog: pytest.LogCaptureFixture
) -> None:
    cut = {"manifest": {"truncated": True}}
    warehouse.fault(match={"path": "statements$"}, action=cut)
    execute(session, "SELECT 1")
    assert "cut the result" in caplog.text
    caplog.clear()
    statement = session.statement()
    statement.set_sql("SELECT 1")
    warehouse.fault(match={"method": "GET"}, action=cut, times=None)
    statement.submit().await_result()
    assert "cut the result" in caplog.text


def test_2_a_result_that_was_to_be_cut_is_not_warned_of(
    session: kernel.Session, caplog: pytest.LogCaptureFixture
) -> None:
    statement = session.statement()
    statement.set_sql("SELECT id FROM range(10)")
    statement.set_row_limit(3)
    assert statement.execute().fetch_all_arrow().num_rows == 3
    submitted = statement.submit()
    assert submitted.await_result().fetch_all_arrow().num_rows == 3
    assert submitted.reader().await_result().fetch_all_arrow().num_rows == 3
    assert not caplog.records


# 2b. A chunk that takes more than 20 seconds can never be read.
@pytest.mark.slow
def test_2b_a_slow_chunk_that_keeps_coming_is_read(chunked: Warehouse, open_session: Open) -> None:
    chunked.settings(chunk_rows=ROWS)
    chunked.fault(match={"to": "storage"}, action={"trickle": 900})
    started = time.monotonic()
    assert all_rows(open_session()) == list(range(ROWS))
    assert time.monotonic() - started > 21


# 3. A chunk that repeats, or a close that nobody answers, hangs for good.
def test_3_a_repeated_chunk_is_no_endless_wait(chunked: Warehouse, open_session: Open) -> None:
    chunked.fault(match={"path": "result/chunks/4"}, action={"links": "repeat"}, times=None)
    assert code_of(lambda: all_rows(open_session(retry_max_attempts=2))) == "DataLoss"


def test_3_a_silent_server_does_not_hold_a_close(warehouse: Warehouse, open_session: Open) -> None:
    session = open_session()
    warehouse.fault(match={"method": "DELETE"}, action={"delay": 60}, times=None)
    started = time.monotonic()
    session.close()
    assert time.monotonic() - started < 5


# 5. Empty inline results fail.
def test_5_an_empty_result_has_its_schema(run: Run) -> None:
    table = run("SELECT CAST(id AS STRING) AS s, id FROM range(5) WHERE id > 9")
    assert (table.num_rows, table.schema.names) == (0, ["s", "id"])


@pytest.mark.parametrize("batches", [0, 1])
def test_5_an_empty_stream_has_its_schema(
    warehouse: Warehouse, session: kernel.Session, batches: int
) -> None:
    empty = pa.table({"s": pa.array([], pa.string()), "n": pa.array([], pa.int32())})
    rows = pa.RecordBatch.from_arrays(
        [column.combine_chunks() for column in empty.columns], schema=empty.schema
    )
    answered(warehouse, empty, [rows] * batches)
    executed = execute(session, "SELECT s, n")
    assert executed.arrow_schema().types == [pa.string(), pa.int32()]
    while (batch := executed.fetch_next_batch()) is not None:
        assert batch.num_rows == 0
    table = executed.fetch_all_arrow()
    assert (table.num_rows, table.schema.types) == (0, [pa.string(), pa.int32()])


# 16. Every page of links is asked for twice, and small chunks are warned of.
def test_16_each_page_is_asked_for_once_and_in_silence(
    chunked: Warehouse, open_session: Open, caplog: pytest.LogCaptureFixture
) -> None:
    assert all_rows(open_session()) == list(range(ROWS))
    pages = [entry["path"] for entry in chunked.log(to="api") if "/chunks/" in entry["path"]]
    assert len(pages) == len(set(pages))
    assert not caplog.records


# 19. Deep nesting and lengths that nobody could hold fail late or obscurely.
def nested(levels: int) -> pa.Table:
    kind: pa.DataType = pa.int32()
    value: list[Any] = [7]
    for _ in range(levels):
        kind, value = pa.list_(kind), [value]
    return pa.table({"deep": pa.array(value, kind)})


def test_19_nesting_as_deep_as_arrow_reads_is_read(
    warehouse: Warehouse, session: kernel.Session
) -> None:
    table = nested(60)
    answered(warehouse, table)
    assert execute(session, "SELECT deep").fetch_all_arrow()["deep"][0] == table["deep"][0]


def test_19_nesting_too_deep_for_arrow_is_called_that(
    warehouse: Warehouse, open_session: Open
) -> None:
    answered(warehouse, nested(100).slice(1))  # pyarrow writes no row that is so deep
    with pytest.raises(kernel.KernelError, match="nested deeper than") as caught:
        execute(open_session(), "SELECT deep").fetch_all_arrow()
    assert caught.value.code == "DataLoss"


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xff\xff\xff" + struct.pack("<i", 2**31 - 1) + bytes(64),
        b"\x04\x22\x4d\x18\x68\x70" + struct.pack("<Q", 2**31) + bytes(64),
    ],
    ids=["Arrow", "LZ4"],
)
def test_19_a_length_that_nobody_could_hold_is_refused_at_once(
    chunked: Warehouse, open_session: Open, body: bytes
) -> None:
    action = {"replace_body_base64": base64.b64encode(body).decode()}
    chunked.fault(match={"to": "storage", "chunk": 1}, action=action, times=None)
    session = open_session(retry_max_attempts=1)
    started, held = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert code_of(lambda: all_rows(session)) == "DataLoss"
    assert time.monotonic() - started < 2
    kibibytes = 1 if sys.platform != "darwin" else 1024
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held
    assert grown < 256 * 1024 * kibibytes
