from __future__ import annotations

from typing import TYPE_CHECKING

from .conftest import SQL, Client, fetch

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse


def test_a_session_expires_when_it_is_idle(warehouse: Warehouse, client: Client) -> None:
    assert client.rows("SELECT 1") == [["1"]]
    warehouse.settings(session_idle_seconds=0)
    answer = client.post("SELECT 1")
    assert answer.status == 404
    assert answer.json["error_code"] == "NOT_FOUND"
    assert client.session_id in answer.json["message"]


def test_a_session_does_not_expire_while_a_statement_runs(
    warehouse: Warehouse, client: Client
) -> None:
    running = client.execute("SELECT sleep(60)", wait_timeout="0s")
    warehouse.settings(session_idle_seconds=0)
    assert client.rows("SELECT 1") == [["1"]]
    client.call("POST", f"{SQL}/statements/{running['statement_id']}/cancel")
    client.finish(running["statement_id"])


def test_a_second_statement_of_a_session_can_be_refused(
    warehouse: Warehouse, client: Client
) -> None:
    warehouse.settings(one_statement_per_session=True)
    running = client.execute("SELECT sleep(60)", wait_timeout="0s")
    state, message = client.error("SELECT 1")
    assert state == "XX000"
    assert "sparkSession is null" in message
    assert Client(warehouse).rows("SELECT 1") == [["1"]]
    client.call("POST", f"{SQL}/statements/{running['statement_id']}/cancel")
    client.finish(running["statement_id"])
    assert client.rows("SELECT 1") == [["1"]]


def test_a_statement_that_nobody_polls_is_forgotten(warehouse: Warehouse, client: Client) -> None:
    statement = client.execute("SELECT sleep(60)", wait_timeout="0s")["statement_id"]
    warehouse.settings(statement_idle_seconds=0)
    assert client.call("GET", f"{SQL}/statements/{statement}").status == 404
    warehouse.settings(statement_idle_seconds=900)
    assert client.finish(statement)["status"]["state"] == "CANCELED"


def test_a_result_dies_after_its_time(warehouse: Warehouse, client: Client) -> None:
    answer = client.execute("SELECT 1")
    statement = answer["statement_id"]
    assert client.poll(statement)["status"]["state"] == "SUCCEEDED"
    warehouse.settings(result_ttl_seconds=0)
    gone = client.poll(statement)
    assert gone["status"]["state"] == "CLOSED"
    assert "result" not in gone
    assert client.call("GET", f"{SQL}/statements/{statement}/result/chunks/0").status == 404


def test_a_statement_runs_as_long_as_the_session_allows(client: Client) -> None:
    client.rows("SET STATEMENT_TIMEOUT = 1")
    state, message = client.error("SELECT sleep(60)")
    assert state == "57KD0"
    assert "timed out after 1 seconds" in message


def test_query_tags_are_noted(warehouse: Warehouse, client: Client) -> None:
    tags = [{"key": "team", "value": "data"}, {"key": "urgent"}]
    answer = client.execute("SELECT 1", query_tags=tags)
    (known,) = (
        one for one in warehouse.statements() if one["statement_id"] == answer["statement_id"]
    )
    assert known["query_tags"] == {"team": "data", "urgent": None}


def test_zeros_can_be_left_out(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(omit_zeros=True, chunk_rows=2)
    answer = client.execute("SELECT id FROM range(3)")
    (link,) = answer["result"]["external_links"]
    assert "chunk_index" not in link
    assert "row_offset" not in link
    assert "chunk_index" not in answer["manifest"]["chunks"][0]
    assert answer["manifest"]["chunks"][1]["chunk_index"] == 1


def test_the_next_chunk_can_be_told_beside_the_links(warehouse: Warehouse, client: Client) -> None:
    for place, in_link, in_answer in (
        ("link", True, False),
        ("both", True, True),
        ("answer", False, True),
    ):
        warehouse.settings(next_chunk=place, chunk_rows=1)
        result = client.execute("SELECT id FROM range(3)")["result"]
        (link,) = result["external_links"]
        assert ("next_chunk_index" in link, "next_chunk_index" in result) == (in_link, in_answer)


def test_no_rows_can_be_asked_for(client: Client) -> None:
    answer = client.execute("SELECT id FROM range(3)", row_limit=0)
    assert (answer["manifest"]["total_row_count"], answer["manifest"]["truncated"]) == (0, True)
    assert answer["manifest"]["schema"]["column_count"] == 1


def test_links_survive_what_is_asked_with_an_offset(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(chunk_rows=2)
    statement = client.execute("SELECT id FROM range(4)")["statement_id"]
    path = f"{SQL}/statements/{statement}/result/chunks/1?row_offset=2"
    (link,) = client.call("GET", path).json["external_links"]
    assert (link["chunk_index"], link["row_offset"]) == (1, 2)
    assert fetch(link["external_link"]).status == 200
