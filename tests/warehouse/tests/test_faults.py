from __future__ import annotations

import http.client
import urllib.error
from typing import TYPE_CHECKING, Any

import lz4.frame
import pytest

from .conftest import Client, fetch, read

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

BROKEN = (http.client.HTTPException, urllib.error.URLError, ConnectionError)


def link_of(client: Client, sql: str = "SELECT 1 AS a") -> str:
    return str(client.execute(sql)["result"]["external_links"][0]["external_link"])


def test_a_status_with_headers_and_body(warehouse: Warehouse, client: Client) -> None:
    action = {"status": 503, "headers": {"retry-after": "1"}, "body": {"message": "later"}}
    warehouse.fault(match={"statement": "SELECT 7"}, action=action)
    assert client.post("SELECT 1").status == 200
    refused = client.post("SELECT 7")
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert refused.json == {"message": "later"}
    assert client.post("SELECT 7").status == 200
    assert [entry["status"] for entry in warehouse.log(statement="SELECT 7")] == [503, 200]


def test_a_rule_skips_and_counts(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(match={"path": "statements$"}, action={"status": 429}, after=1, times=2)
    statuses = [client.post("SELECT 1").status for _ in range(5)]
    assert statuses == [200, 429, 429, 200, 200]


def test_a_rule_without_end_can_be_removed(warehouse: Warehouse, client: Client) -> None:
    rule = warehouse.fault(match={"method": "post"}, action={"status": 500}, times=None)
    assert [client.post("SELECT 1").status for _ in range(3)] == [500] * 3
    warehouse.clear_faults(rule)
    assert client.post("SELECT 1").status == 200


@pytest.mark.parametrize(("when", "ran"), [("before", 0), ("after", 1), ("mid", 1)])
def test_a_dropped_connection(warehouse: Warehouse, client: Client, when: str, ran: int) -> None:
    client.execute("CREATE OR REPLACE TABLE drop_t (id INT)")
    warehouse.fault(match={"statement": "INSERT"}, action={"drop": when})
    with pytest.raises(BROKEN):
        client.post("INSERT INTO drop_t VALUES (1)")
    assert client.rows("SELECT count(*) FROM drop_t") == [[str(ran)]]
    assert warehouse.log(statement="INSERT INTO drop_t VALUES (1)")[0]["status"] is None


@pytest.mark.parametrize(("cut", "kept"), [(10, lambda _: 10), (0.5, lambda size: size // 2)])
def test_a_cut_body_has_a_consistent_length(
    warehouse: Warehouse, client: Client, cut: float, kept: Any
) -> None:
    url = link_of(client)
    size = len(fetch(url).body)
    warehouse.fault(match={"to": "storage"}, action={"cut": cut})
    answer = fetch(url)
    assert answer.status == 200
    assert len(answer.body) == int(answer.headers["content-length"]) == kept(size)


def test_a_corrupt_body_fails_its_checksum(warehouse: Warehouse, client: Client) -> None:
    url = link_of(client)
    warehouse.fault(match={"to": "storage"}, action={"corrupt": 0.5})
    with pytest.raises(RuntimeError):
        read(fetch(url).body)
    assert lz4.frame.decompress(fetch(url).body)


@pytest.mark.parametrize(("delta", "rows"), [(2, 5), (-1, 2)])
def test_a_body_with_other_rows_than_declared(
    warehouse: Warehouse, client: Client, delta: int, rows: int
) -> None:
    url = link_of(client, "SELECT id FROM range(3)")
    warehouse.fault(match={"to": "storage", "chunk": 0}, action={"rows": delta})
    assert read(fetch(url).body).num_rows == rows


@pytest.mark.parametrize(
    ("links", "indexes"), [("missing", [2]), ("empty", []), ("repeat", [0]), (None, [1])]
)
def test_a_chunk_answer_with_wrong_links(
    warehouse: Warehouse, client: Client, links: str | None, indexes: list[int]
) -> None:
    warehouse.settings(chunk_rows=1)
    result = client.execute("SELECT id FROM range(3)")["result"]
    if links is not None:
        warehouse.fault(match={"path": "/chunks/1"}, action={"links": links})
    page = client.call("GET", result["external_links"][0]["next_chunk_internal_link"]).json
    assert [link["chunk_index"] for link in page["external_links"]] == indexes


def test_a_manifest_with_other_fields(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(match={"statement": "SELECT"}, action={"manifest": {"total_row_count": 9}})
    assert client.execute("SELECT 1")["manifest"]["total_row_count"] == 9


def test_links_that_are_expired_when_they_come(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(match={"statement": "SELECT"}, action={"expire_links": True})
    assert fetch(link_of(client)).status == 403
    url = link_of(client)
    warehouse.fault(match={"to": "storage"}, action={"expire_links": True})
    assert [fetch(url).status, fetch(url).status] == [403, 200]


def test_a_body_can_be_replaced(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(action={"replace_body": "<html>no json</html>"})
    assert client.post("SELECT 1").body == b"<html>no json</html>"


def test_a_delay_still_answers(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(action={"delay": [0.0, 0.01]})
    assert client.post("SELECT 1").status == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"action": {}},
        {"action": {"explode": True}},
        {"match": {"verb": "GET"}, "action": {"status": 500}},
        {"action": {"drop": "later"}},
    ],
)
def test_a_malformed_rule_is_refused(warehouse: Warehouse, fault: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="faults"):
        warehouse.fault(**fault)
