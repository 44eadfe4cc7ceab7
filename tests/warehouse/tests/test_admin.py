from __future__ import annotations

import contextlib
import http.client
import threading
from typing import TYPE_CHECKING

import pytest

from .conftest import SQL, Client, fetch

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse


def test_the_log_shows_requests(warehouse: Warehouse, client: Client) -> None:
    warehouse.clear_log()
    answer = client.execute("SELECT 1")
    fetch(answer["result"]["external_links"][0]["external_link"], headers={"range": "bytes=0-1"})
    execute, download = warehouse.log()
    assert (execute["to"], execute["method"], execute["status"]) == ("api", "POST", 200)
    assert execute["path"] == f"{SQL}/statements"
    assert execute["statement"] == "SELECT 1"
    assert execute["session_id"] == client.session_id
    assert execute["statement_id"] == download["statement_id"] == answer["statement_id"]
    assert execute["headers"]["authorization"] is True
    assert (download["to"], download["chunk"], download["status"]) == ("storage", 0, 206)
    assert download["headers"]["authorization"] is False
    assert download["headers"]["range"] == "bytes=0-1"
    assert execute["n"] < download["n"]


def test_a_token_never_enters_the_log(warehouse: Warehouse, client: Client) -> None:
    client.execute("SELECT 1")
    assert warehouse.access_token not in str(warehouse.log())


def test_waiting_ends_when_the_request_comes(warehouse: Warehouse, client: Client) -> None:
    thread = threading.Thread(target=client.post, args=["SELECT 'awaited'"])
    thread.start()
    entry = warehouse.wait_for(lambda entry: entry["statement"] == "SELECT 'awaited'")
    assert entry["session_id"] == client.session_id
    thread.join()


def test_waiting_for_nothing_times_out(warehouse: Warehouse) -> None:
    with pytest.raises(TimeoutError):
        warehouse.wait_for(lambda entry: entry["path"] == "/never", timeout=0.1)


def test_settings_are_checked(warehouse: Warehouse) -> None:
    for changes in ({"no_such": 1}, {"chunk_rows": "many"}, {"lz4_framing": "odd"}):
        with pytest.raises(ValueError, match="setting"):
            warehouse.settings(**changes)
    assert warehouse.settings(chunk_rows=5)["chunk_rows"] == 5


def test_reset_keeps_tables(warehouse: Warehouse, client: Client) -> None:
    client.execute("CREATE OR REPLACE TABLE kept_t AS SELECT 1 AS a")
    warehouse.settings(chunk_rows=1)
    warehouse.fault(action={"status": 500}, times=None)
    warehouse.reset()
    assert warehouse.settings()["chunk_rows"] > 1
    assert client.rows("SELECT * FROM kept_t") == [["1"]]
    assert len(warehouse.log()) == 1


def test_open_sessions_and_statements_are_listed(warehouse: Warehouse, client: Client) -> None:
    statement_id = client.execute("SELECT 1")["statement_id"]
    assert client.session_id in [item["session_id"] for item in warehouse.sessions()]
    (shown,) = [item for item in warehouse.statements() if item["statement_id"] == statement_id]
    assert (shown["state"], shown["row_count"]) == ("SUCCEEDED", 1)
    client.call("DELETE", f"{SQL}/statements/{statement_id}")
    (shown,) = [item for item in warehouse.statements() if item["statement_id"] == statement_id]
    assert (shown["state"], shown["outcome"]) == ("CLOSED", "SUCCEEDED")


def test_what_is_open_is_counted(warehouse: Warehouse, client: Client) -> None:
    before = warehouse.counters()
    other = Client(warehouse)
    statement_id = other.execute("SELECT 1")["statement_id"]
    opened = warehouse.counters()
    assert opened["open_sessions"] == before["open_sessions"] + 1
    assert opened["unclosed_statements"] == before["unclosed_statements"] + 1
    other.call("DELETE", f"{SQL}/statements/{statement_id}")
    client.error("SELECT no_such_column")
    other.call("DELETE", f"{SQL}/sessions/{other.session_id}")
    client.execute("CREATE OR REPLACE TABLE counted_t (id INT)")
    warehouse.settings(close_inline=True)
    client.execute("SELECT 1", disposition="INLINE_OR_EXTERNAL_LINKS")
    after = warehouse.counters()
    assert after["open_sessions"] == before["open_sessions"]
    assert after["unclosed_statements"] == before["unclosed_statements"]


def test_executions_are_counted_by_their_text(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(match={"statement": "SELECT 2"}, action={"drop": "before"})
    for sql in ("SELECT 1", "SELECT 1", "SELECT 2"):
        with contextlib.suppress(OSError, http.client.HTTPException):
            client.post(sql)
    assert warehouse.counters()["executions"] == {"SELECT 1": 2}
    warehouse.reset()
    assert warehouse.counters()["executions"] == {}


def test_tokens_sent_to_the_storage_are_counted(warehouse: Warehouse, client: Client) -> None:
    url = client.execute("SELECT 1")["result"]["external_links"][0]["external_link"]
    fetch(url)
    assert warehouse.counters()["storage_requests_with_token"] == 0
    fetch(url, headers={"authorization": "Bearer x"})
    counted = warehouse.counters()
    assert counted["storage_requests_with_token"] == 1
    assert counted["requests"] == {"api": 2, "storage": 2}


def test_the_status_is_known_when_the_client_has_the_answer(
    warehouse: Warehouse, client: Client
) -> None:
    url = client.execute("SELECT 1")["result"]["external_links"][0]["external_link"]
    for _ in range(50):
        fetch(url)
        assert warehouse.log()[-1]["status"] == 200
