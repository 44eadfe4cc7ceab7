from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .conftest import SQL, Client

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse


def test_a_definition_has_no_columns(client: Client) -> None:
    answer = client.execute("CREATE OR REPLACE TABLE definition_t (id INT)")
    assert answer["manifest"]["schema"] == {"column_count": 0}
    assert answer["manifest"]["total_chunk_count"] == 0
    assert "chunks" not in answer["manifest"]
    assert answer["result"] == {}


def test_an_empty_result_keeps_its_columns(client: Client) -> None:
    answer = client.execute("SELECT 1 AS a WHERE 1 = 0")
    assert answer["manifest"]["schema"]["column_count"] == 1
    assert answer["manifest"]["total_chunk_count"] == 0
    assert answer["result"] == {}


def test_changes_answer_their_row_counts(client: Client) -> None:
    client.execute("CREATE OR REPLACE TABLE counts_t (id INT, s STRING)")

    def counts(sql: str) -> dict[str, str]:
        answer = client.execute(sql, disposition="INLINE", format="JSON_ARRAY")
        names = [column["name"] for column in answer["manifest"]["schema"]["columns"]]
        return dict(zip(names, answer["result"]["data_array"][0], strict=True))

    inserted = counts("INSERT INTO counts_t VALUES (1, 'a'), (2, 'b'), (3, NULL)")
    assert inserted == {"num_affected_rows": "3", "num_inserted_rows": "3"}
    assert counts("UPDATE counts_t SET s = 'x' WHERE id < 3") == {"num_affected_rows": "2"}
    assert counts("DELETE FROM counts_t WHERE id = 1") == {"num_affected_rows": "1"}
    merged = counts(
        "MERGE INTO counts_t USING (SELECT 2 AS id UNION ALL SELECT 9) AS s ON counts_t.id = s.id "
        "WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)"
    )
    assert merged == {
        "num_affected_rows": "2",
        "num_updated_rows": "0",
        "num_deleted_rows": "1",
        "num_inserted_rows": "1",
    }


def test_the_status_counts_changed_rows_on_demand(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(num_modified_rows=True)
    client.execute("CREATE OR REPLACE TABLE modified_t (id INT)")
    answer = client.execute("INSERT INTO modified_t SELECT id FROM range(5)")
    assert answer["status"]["num_modified_rows"] == 5


@pytest.mark.parametrize(
    "fields",
    [
        {"disposition": "INLINE", "format": "ARROW_STREAM"},
        {"disposition": "ELSEWHERE"},
        {"format": "XML"},
        {"wait_timeout": "3s"},
        {"wait_timeout": "51s"},
        {"wait_timeout": "soon"},
        {"row_limit": -1},
        {"byte_limit": 0},
        {"warehouse_id": "other"},
        {"statement": ""},
        {"query_tags": [{"key": "a"}, {"key": "a"}]},
        {"parameters": [{"ordinal": n, "type": "INT", "value": "1"} for n in range(1, 258)]},
        {"parameters": [{"type": "INT", "value": "1"}]},
        {"parameters": [{"name": "a", "type": "ARRAY<INT>", "value": "[1]"}]},
    ],
)
def test_malformed_requests_are_refused(client: Client, fields: dict[str, Any]) -> None:
    answer = client.post("SELECT 1", **fields)
    assert answer.status == 400
    assert answer.json["message"]


def test_hybrid_is_refused_on_demand(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(hybrid=False)
    answer = client.post("SELECT 1", disposition="INLINE_OR_EXTERNAL_LINKS")
    assert answer.status == 400
    assert "is not a supported disposition" in answer.json["message"]


def test_no_wait_answers_pending_and_polls_finish(client: Client) -> None:
    answer = client.execute("SELECT 1 AS a", wait_timeout="0s")
    assert answer["status"] == {"state": "PENDING"}
    assert "manifest" not in answer
    finished = client.finish(answer["statement_id"])
    assert finished["status"]["state"] == "SUCCEEDED"
    assert finished["result"]["external_links"]


def test_pending_polls_answer_running(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(pending_polls=2)
    statement_id = client.execute("SELECT 1")["statement_id"]
    states = [client.poll(statement_id)["status"]["state"] for _ in range(2)]
    assert states == ["RUNNING", "RUNNING"]
    assert client.finish(statement_id)["status"]["state"] == "SUCCEEDED"


def test_cancel_interrupts_a_sleeping_statement(warehouse: Warehouse, client: Client) -> None:
    statement_id = client.execute("SELECT sleep(600)", wait_timeout="0s")["statement_id"]
    assert client.call("POST", f"{SQL}/statements/{statement_id}/cancel").json == {}
    assert client.finish(statement_id)["status"]["state"] == "CANCELED"
    states = {item["statement_id"]: item["state"] for item in warehouse.statements()}
    assert states[statement_id] == "CANCELED"


def test_cancel_interrupts_the_engine(client: Client) -> None:
    sql = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.id + b.id = 7"
    statement_id = client.execute(sql, wait_timeout="0s")["statement_id"]
    client.call("POST", f"{SQL}/statements/{statement_id}/cancel")
    assert client.finish(statement_id)["status"]["state"] == "CANCELED"


def test_a_wait_that_ends_leaves_the_statement_running(client: Client) -> None:
    answer = client.execute("SELECT sleep(600)", wait_timeout="5s")
    assert answer["status"] == {"state": "RUNNING"}
    client.call("DELETE", f"{SQL}/statements/{answer['statement_id']}")


def test_a_wait_that_ends_cancels_when_asked(client: Client) -> None:
    answer = client.execute("SELECT sleep(600)", wait_timeout="5s", on_wait_timeout="CANCEL")
    assert answer["status"] == {"state": "CANCELED"}


def test_sleeping_statements_of_a_session_run_side_by_side(client: Client) -> None:
    sleepers = [
        client.execute("SELECT sleep(600)", wait_timeout="0s")["statement_id"] for _ in range(4)
    ]
    assert client.rows("SELECT 1") == [["1"]]
    for statement_id in sleepers:
        client.call("DELETE", f"{SQL}/statements/{statement_id}")


def test_a_closed_statement_gives_no_more_links(client: Client) -> None:
    statement_id = client.execute("SELECT 1")["statement_id"]
    chunk = f"{SQL}/statements/{statement_id}/result/chunks/0"
    assert client.call("GET", chunk).status == 200
    assert client.call("DELETE", f"{SQL}/statements/{statement_id}").json == {}
    assert client.call("GET", chunk).status == 404
    assert client.poll(statement_id)["status"] == {"state": "CLOSED"}


def test_an_unknown_statement_is_not_found(client: Client) -> None:
    for method, path in [("GET", ""), ("DELETE", ""), ("POST", "/cancel")]:
        assert client.call(method, f"{SQL}/statements/none{path}").status == 404
