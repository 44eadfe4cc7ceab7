"""What the official kernel 1.3.0 gets wrong, one test for each of its known faults."""

from __future__ import annotations

import base64
import datetime
import re
import resource
import struct
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from interrupting import WAITING, end, interrupt

import databricks_sql_kernel as kernel

from .conftest import OPEN, execute

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Held, Interpreters

    from .conftest import Open, Run

ROWS = 5000


def all_rows(session: kernel.Session, rows: int = ROWS) -> list[int]:
    table = execute(session, f"SELECT id FROM range({rows})").fetch_all_arrow()
    ids: list[int] = table["id"].to_pylist()
    return ids


@pytest.fixture
def chunked(warehouse: Warehouse) -> Warehouse:
    """Every result comes in chunks behind links, few links a page."""
    warehouse.settings(chunk_rows=500, links_per_page=1, first_links=1, inline_limit_bytes=0)
    return warehouse


def code_of(call: Any) -> str:
    with pytest.raises(kernel.KernelError) as caught:
        call()
    code: str = caught.value.code
    return code


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


# 4. A large ordinal ends the process.
@pytest.mark.parametrize("ordinal", [2**16, 2**32, 2**63 - 1, 0, -1])
def test_4_an_ordinal_out_of_range_is_refused(session: kernel.Session, ordinal: int) -> None:
    statement = session.statement()
    statement.set_sql("SELECT ?")
    assert code_of(lambda: statement.bind_param(ordinal, "1", "INT")) == "InvalidArgument"
    with pytest.raises(OverflowError):
        statement.bind_param(2**64, "1", "INT")


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


# 6. Parameters lose their instant, their type or their value.
def bound(
    session: kernel.Session, value: str | None, sql_type: str, sql: str = "SELECT ? AS a"
) -> Any:
    statement = session.statement()
    statement.set_sql(sql)
    statement.bind_param(1, value, sql_type)
    return statement.execute().fetch_all_arrow()["a"][0].as_py()


def test_6_a_timestamp_keeps_its_instant_in_any_zone(open_session: Open) -> None:
    session = open_session(session_conf={"TIMEZONE": "America/New_York"})
    value = bound(session, "2024-01-02 03:04:05+02:00", "TIMESTAMP")
    assert value == datetime.datetime(2024, 1, 2, 1, 4, 5, tzinfo=datetime.timezone.utc)


def test_6_what_can_be_said_can_be_bound(session: kernel.Session, warehouse: Warehouse) -> None:
    assert bound(session, "NaN", "DOUBLE", "SELECT isnan(?) AS a") is True
    assert bound(session, "-inf", "FLOAT") == float("-inf")
    assert bound(session, "ab", "VARCHAR(5)") == "ab"
    assert bound(session, "ab", "BINARY") == b"ab"
    interval = bound(session, "3 04:05:06", "INTERVAL DAY TO SECOND")
    assert interval == datetime.timedelta(days=3, hours=4, minutes=5, seconds=6)
    assert bound(session, "SRID=4326;POINT(1 2)", "GEOMETRY") == "SRID=4326;POINT(1 2)"
    bound(session, None, "BIGINT")
    sent = warehouse.log(method="POST", path="/api/2.0/sql/statements")[-1]["body"]
    assert [each["type"] for each in sent["parameters"]] == ["BIGINT"]


def test_6_void_drops_no_value(session: kernel.Session) -> None:
    statement = session.statement()
    statement.set_sql("SELECT ?")
    assert code_of(lambda: statement.bind_param(1, "x", "VOID")) == "InvalidArgument"


# 7. Texts and JSON lose months, NaN and nested intervals.
def test_7_json_keeps_nan_and_intervals(open_session: Open) -> None:
    session = open_session(complex_types_as_json=True)
    sql = "SELECT array(CAST('NaN' AS DOUBLE)) AS a, array(INTERVAL '14' MONTH) AS b"
    table = execute(session, sql).fetch_all_arrow()
    assert table.to_pydict() == {"a": ['["NaN"]'], "b": ['["1-2"]']}


def test_7_nested_intervals_are_texts_too(open_session: Open) -> None:
    session = open_session(intervals_as_string=True)
    table = execute(session, "SELECT array(INTERVAL '14' MONTH) AS b").fetch_all_arrow()
    assert table.to_pydict() == {"b": [["1-2"]]}


# 8. Calls that Ctrl-C does not end; test_lifecycle has the others.
def test_8_an_interrupt_ends_the_wait_for_a_result(
    python: Interpreters, warehouse: Warehouse, held: Held
) -> None:
    code = f"""
    session = open_session()
    statement = session.statement()
    statement.set_sql({held.sql!r})
    submitted = statement.submit()
    interrupted(submitted.await_result)
    print(submitted.status()[0], flush=True)
    """
    process = python.start(WAITING + OPEN + code)
    took = interrupt(
        process,
        warehouse,
        lambda entry: (entry["method"], entry["statement_id"]) == ("GET", held.statement_id),
    )
    assert took < 2
    assert end(process) == "Running"


# 9. A cancel during the first request is lost, and polls come in steps of half a second.
def test_9_a_cancel_during_the_first_request_is_remembered(
    warehouse: Warehouse, session: kernel.Session, hold: Callable[..., Held]
) -> None:
    held = hold("SELECT 'named late'", named_after=1.0)
    statement = session.statement()
    statement.set_sql(held.sql)
    canceller = statement.canceller()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(statement.execute)
        warehouse.wait_for(lambda entry: entry["statement"] == held.sql)
        assert canceller.statement_id() is None
        canceller.cancel()
        # It runs until the service hears of it.
        held.cancelled()
        assert code_of(lambda: running.result(timeout=20)) == "Cancelled"


def test_9_a_statement_that_ends_soon_is_not_waited_for_long(
    warehouse: Warehouse, session: kernel.Session
) -> None:
    warehouse.settings(pending_polls=3)
    statement = session.statement()
    statement.set_sql("SELECT 1")
    submitted = statement.submit()
    started = time.monotonic()
    submitted.await_result()
    # Steps of half a second need one and a half at least; those of 50, 100 and 200 ms do not.
    assert time.monotonic() - started < 1.4


# 10. Links that expired are not renewed, nor are tokens.
def test_10_an_expired_link_is_renewed(chunked: Warehouse, open_session: Open) -> None:
    dead = f"{chunked.storage_url}/results/x/2?expires=9&signature=none"
    chunked.fault(match={"path": "result/chunks/2"}, action={"link": {"external_link": dead}})
    assert all_rows(open_session()) == list(range(ROWS))
    asked = [
        entry["path"] for entry in chunked.log(to="storage") if "/results/x/2" in entry["path"]
    ]
    assert len(asked) == 1  # the same link would be refused again


def test_10_a_clock_that_is_wrong_does_not_expire_links(
    chunked: Warehouse, open_session: Open
) -> None:
    chunked.fault(match={"to": "api"}, action={"skew": -7200}, times=None)
    assert all_rows(open_session()) == list(range(ROWS))


def test_10_a_refused_token_is_fetched_anew(warehouse: Warehouse, open_session: Open) -> None:
    client_id, client_secret = warehouse.add_client()
    session = open_session(
        access_token=None,
        auth_type="oauth-m2m",
        client_id=client_id,
        client_secret=client_secret,
    )
    warehouse.fault(match={"path": "statements$"}, action={"status": 401})
    assert all_rows(session, 3) == [0, 1, 2]
    assert warehouse.token_requests() == {"client_credentials": 2}


# 11. A refused exchange of a token is passed over, although a client id makes it mandatory.
def test_11_a_refused_exchange_is_an_error_where_it_is_mandatory(
    warehouse: Warehouse, open_session: Open
) -> None:
    token = warehouse.issue_foreign_token()
    assert all_rows(open_session(access_token=token), 3) == [0, 1, 2]
    assert list(warehouse.token_requests()) == ["jwt_bearer"]
    warehouse.settings(federation="refuse")
    with pytest.raises(kernel.KernelError) as caught:
        open_session(access_token=token, identity_federation_client_id="some-client")
    assert caught.value.code == "Unauthenticated"
    assert token not in str(caught.value)


# 12. Secrets leak into messages, and headers to storage; plain http and redirects are followed.
def test_12_an_answer_that_is_not_understood_is_not_repeated(
    warehouse: Warehouse, open_session: Open
) -> None:
    action = {"status": 200, "body": "<html>s3cret</html>"}
    warehouse.fault(match={"path": "statements$"}, action=action)
    with pytest.raises(kernel.KernelError) as caught:
        execute(open_session(), "SELECT 1")
    assert caught.value.code == "DataLoss"
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in str(caught.value.__cause__)


def test_12_what_storage_answers_and_its_link_are_not_repeated(
    chunked: Warehouse, open_session: Open
) -> None:
    session = open_session(retry_max_attempts=1)
    for action in ({"status": 500, "body": "<html>s3cret</html>"}, {"drop": "before"}):
        chunked.fault(match={"to": "storage", "chunk": 0}, action=action, times=None)
        with pytest.raises(kernel.KernelError) as caught:
            all_rows(session)
        chunked.clear_faults()
        told = f"{caught.value} {caught.value.__cause__} {vars(caught.value)}"
        for secret in ("s3cret", "signature", "expires=", "?"):
            assert secret not in told


def test_12_storage_gets_no_header_of_the_caller(chunked: Warehouse, open_session: Open) -> None:
    chunked.settings(log_secrets=True)
    all_rows(open_session(http_headers=[("X-Mine", "s3cret"), ("User-Agent", "me/1")]))
    requests = chunked.log(to="storage")
    assert requests
    assert all("s3cret" not in str(entry.get("raw")).lower() for entry in requests)
    assert all("authorization" not in str(entry.get("raw")).lower() for entry in requests)


def test_12_plain_http_is_for_this_machine_alone() -> None:
    for host in ("http://example.com", "http://10.1.2.3"):
        assert code_of(
            lambda host=host: kernel.Session(host, "/sql/1.0/warehouses/x", access_token="x")
        ) == ("InvalidArgument")


def test_12_redirects_are_not_followed(warehouse: Warehouse, open_session: Open) -> None:
    session = open_session()
    action = {"headers": {"location": "http://127.0.0.1:1"}}
    for status in (307, 302):
        warehouse.fault(match={"path": "statements$"}, action={"status": status, **action})
        with pytest.raises(kernel.KernelError) as caught:
            execute(session, "SELECT 1")
        assert caught.value.http_status == status
    assert len(warehouse.log(path="/api/2.0/sql/statements")) == 2


# 13. Ids reach into paths, and Host can be overridden.
def test_13_an_id_is_one_segment_of_a_path(warehouse: Warehouse, session: kernel.Session) -> None:
    assert code_of(lambda: session.attach_async_statement("../../evil")) == "NotFound"
    paths = [entry["path"] for entry in warehouse.log(method="GET")]
    assert not any(path.endswith("/api/2.0/evil") for path in paths)


def test_13_the_driver_sets_its_own_headers(
    warehouse: Warehouse, open_session: Open, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.settings(log_secrets=True)
    headers = [("Host", "evil"), ("Authorization", "evil"), ("X-Fine", "yes")]
    session = open_session(http_headers=headers)
    execute(session, "SELECT 1")
    raw = str(warehouse.log(method="POST", path="/api/2.0/sql/statements")[-1]["raw"])
    assert "evil" not in raw
    assert "yes" in raw
    # 16: one warning for each header and session, not one for each request.
    assert len([record for record in caplog.records if "not sent" in record.getMessage()]) == 2


# 14. Tags are corrupted, and a column's name makes a SELECT a DML.
def test_14_tags_are_sent_as_they_are(session: kernel.Session, warehouse: Warehouse) -> None:
    statement = session.statement()
    statement.set_sql("SELECT 1")
    statement.set_query_tags({"k:1": "v", "a,b": "c"})
    statement.execute()
    sent = warehouse.log(method="POST", path="/api/2.0/sql/statements")[-1]["body"]["query_tags"]
    assert {tag["key"]: tag["value"] for tag in sent} == {"k:1": "v", "a,b": "c"}


def test_14_a_column_name_makes_no_count(session: kernel.Session) -> None:
    executed = execute(session, "/* x */ SELECT CAST(7 AS BIGINT) AS num_affected_rows")
    assert executed.num_modified_rows is None


# 15. Errors of configuration are called network errors.
@pytest.mark.parametrize(
    "arguments",
    [{"tls_ca_cert": b"x"}, {"tls_client_key": b"x"}, {"http_headers": [("a b", "c")]}],
)
def test_15_wrong_settings_are_no_network_errors(arguments: dict[str, Any]) -> None:
    def open_one() -> None:
        kernel.Session("localhost", "/sql/1.0/warehouses/x", access_token="x", **arguments)

    assert code_of(open_one) == "InvalidArgument"


# 16. Every page of links is asked for twice, and small chunks are warned of.
def test_16_each_page_is_asked_for_once_and_in_silence(
    chunked: Warehouse, open_session: Open, caplog: pytest.LogCaptureFixture
) -> None:
    assert all_rows(open_session()) == list(range(ROWS))
    pages = [entry["path"] for entry in chunked.log(to="api") if "/chunks/" in entry["path"]]
    assert len(pages) == len(set(pages))
    assert not caplog.records


# 17. Threads on one object raise; closes come in the wrong order; sessions leak: test_lifecycle.
def test_17_many_threads_may_use_one_object(session: kernel.Session) -> None:
    statement = session.statement()
    statement.set_sql("SELECT id FROM range(100000)")
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(statement.execute) for _ in range(8)]
        executed = [result.result() for result in results][-1]

        def read(_: int) -> list[int]:
            rows: list[int] = []
            while (batch := executed.fetch_next_batch()) is not None:
                rows += batch.column(0).to_pylist()
            return rows

        rows = [row for part in pool.map(read, range(4)) for row in part]
    assert sorted(rows) == list(range(100000))


def test_17_the_callers_user_agent_is_added(warehouse: Warehouse, open_session: Open) -> None:
    open_session(http_headers=[("User-Agent", "mine/1")])
    sent = warehouse.log(method="POST", path="/api/2.0/sql/sessions")[-1]
    agent = sent["headers"]["user-agent"]
    assert agent.startswith("databricks-sql-kernel/")
    assert agent.endswith(" mine/1")


# 18. `reader()` is missing: test_async.
def test_18_a_reader_exists(session: kernel.Session) -> None:
    statement = session.statement()
    statement.set_sql("SELECT 7 AS n")
    submitted = statement.submit()
    submitted.await_result()
    assert submitted.reader().await_result().fetch_all_arrow()["n"].to_pylist() == [7]


# 19. Deep nesting and lengths that nobody could hold fail late or obscurely, and TLS errors hide
# their cause.
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


def test_19_tls_errors_tell_their_cause(tls_warehouse: Warehouse) -> None:
    address = (tls_warehouse.server_hostname, tls_warehouse.http_path)
    with pytest.raises(kernel.KernelError, match="issued by nobody who is trusted") as caught:
        kernel.Session(*address, access_token="x", retry_max_attempts=1)
    assert caught.value.code == "NetworkError"


# 20. A table without a type fails the list; errors of polls do not name their statement.
def test_20_an_error_of_a_poll_names_its_statement(
    warehouse: Warehouse, open_session: Open
) -> None:
    session = open_session(retry_max_attempts=1)
    statement = session.statement()
    statement.set_sql("SELECT 1")
    submitted = statement.submit()
    action = {"status": 500, "body": {"message": "no"}}
    warehouse.fault(match={"method": "GET", "path": submitted.statement_id}, action=action)
    with pytest.raises(kernel.KernelError) as caught:
        submitted.status()
    assert caught.value.query_id == submitted.statement_id


def test_20_a_table_without_a_type_is_listed(warehouse: Warehouse, session: kernel.Session) -> None:
    kind = pa.schema(
        [
            ("database", pa.string()),
            ("tableName", pa.string()),
            ("isTemporary", pa.bool_()),
            ("information", pa.string()),
            ("catalogName", pa.string()),
            ("tableType", pa.string()),
            ("remarks", pa.string()),
        ]
    )
    row = {"database": "default", "tableName": "t", "catalogName": "main"}
    answered(warehouse, pa.Table.from_pylist([row], schema=kind))
    tables = session.metadata().list_tables(catalog="main").fetch_all_arrow()
    assert tables["TABLE_NAME"].to_pylist() == ["t"]


def test_each_fault_has_a_test_of_its_number() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    tested = re.findall(r"^def test_(\d+b?)_", text, re.MULTILINE)
    told = re.findall(r"^# (\d+b?)\. ", text, re.MULTILINE)
    numbers = ["1", "2", "2b", *(str(number) for number in range(3, 21))]
    assert list(dict.fromkeys(tested)) == told == numbers


def test_nothing_warns_by_itself(session: kernel.Session) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        execute(session, "SELECT 1").close()
