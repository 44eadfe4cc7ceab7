from __future__ import annotations

import base64
import http.client
import json
import time
import urllib.error
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lz4.frame
import pytest

from databricks_sql_warehouse import fault_actions

from .conftest import SQL, Client, fetch, read
from .network import ask, connection

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
    warehouse.fault(action={"delay": [0.2, 0.3]})
    began = time.monotonic()
    assert client.post("SELECT 1").status == 200
    assert time.monotonic() - began >= 0.2


def test_retry_after_in_seconds_and_as_a_date(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(action={"status": 429, "retry_after": 3})
    assert client.post("SELECT 1").headers["retry-after"] == "3"
    warehouse.fault(action={"status": 503, "retry_after_date": 60})
    moment = parsedate_to_datetime(client.post("SELECT 1").headers["retry-after"])
    assert 55 <= moment.timestamp() - time.time() <= 61


def test_a_refusal_in_html(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(action={"status": 502, "body": "<html>Bad gateway</html>"})
    answer = client.post("SELECT 1")
    assert (answer.status, answer.headers["content-type"]) == (502, "text/html")
    assert answer.body == b"<html>Bad gateway</html>"


def test_a_storage_that_fails_speaks_xml(warehouse: Warehouse, client: Client) -> None:
    url = link_of(client)
    warehouse.fault(match={"to": "storage"}, action={"status": 500}, times=2)
    assert [fetch(url).status for _ in range(3)] == [500, 500, 200]
    warehouse.fault(match={"to": "storage"}, action={"status": 503})
    assert fetch(url).body.startswith(b"<Error><Code>")


def test_each_n_th_request_of_a_kind(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(match={"statement": "SELECT 1"}, action={"status": 500}, times=None, every=3)
    statuses = [client.post("SELECT 1").status for _ in range(7)]
    assert statuses == [200, 200, 500, 200, 200, 500, 200]


def test_a_rule_by_session_and_by_statement(warehouse: Warehouse, client: Client) -> None:
    other = Client(warehouse)
    match = {"session_id": other.session_id}
    warehouse.fault(match=match, action={"status": 500}, times=None)
    assert [client.post("SELECT 1").status, other.post("SELECT 1").status] == [200, 500]
    ids = [client.execute("SELECT 1")["statement_id"] for _ in range(2)]
    warehouse.fault(match={"statement_id": ids[1]}, action={"status": 404}, times=None)
    assert [client.call("GET", f"{SQL}/statements/{each}").status for each in ids] == [200, 404]


def test_a_rule_that_ends_by_the_clock(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(action={"status": 500}, times=None, lasting=0.2)
    assert client.post("SELECT 1").status == 500
    deadline = time.monotonic() + 10
    while client.post("SELECT 1").status != 200:
        assert time.monotonic() < deadline


def test_dice_fall_the_same_way_each_time(warehouse: Warehouse, client: Client) -> None:
    runs = []
    for _ in range(2):
        rule = warehouse.fault(action={"status": 500}, times=None, probability=0.5, seed=7)
        runs.append([client.post("SELECT 1").status for _ in range(16)])
        warehouse.clear_faults(rule)
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


def test_a_connection_that_is_closed_while_it_is_idle(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(match={"path": "databricks-config"}, action={"drop": "idle"})
    with connection(warehouse.server_hostname) as made:
        made.request("GET", "/.well-known/databricks-config")
        answer = made.getresponse()
        assert (answer.status, answer.headers.get("connection")) == (200, None)
        assert b"oidc_endpoint" in answer.read()
        assert made.sock.recv(1) == b""
    assert client.post("SELECT 1").status == 200
    assert warehouse.log(path="/.well-known/databricks-config")[0]["status"] == 200


def test_a_reset_connection(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(action={"drop": "after", "reset": True})
    with pytest.raises(ConnectionResetError):
        client.post("SELECT 1")


def test_an_answer_that_comes_late_although_executed(warehouse: Warehouse, client: Client) -> None:
    client.execute("CREATE OR REPLACE TABLE late_t (id INT)")
    warehouse.fault(match={"statement": "INSERT"}, action={"delay_after": 3600})
    url = warehouse.server_hostname + SQL + "/statements"
    token = {"authorization": f"Bearer {warehouse.access_token}"}
    body = {"warehouse_id": "local", "statement": "INSERT INTO late_t VALUES (1)"}
    with pytest.raises(TimeoutError):
        ask(url, "POST", headers=token, body=body, timeout=1)
    assert client.rows("SELECT count(*) FROM late_t") == [["1"]]


def test_a_body_that_trickles(warehouse: Warehouse, client: Client) -> None:
    url = link_of(client)
    whole = fetch(url).body
    warehouse.fault(match={"to": "storage"}, action={"trickle": len(whole) * 4})
    began = time.monotonic()
    assert fetch(url).body == whole
    assert time.monotonic() - began >= 0.15


def test_a_body_that_stalls(warehouse: Warehouse, client: Client) -> None:
    url = link_of(client)
    warehouse.fault(match={"to": "storage"}, action={"stall": 0.5})
    with connection(url, timeout=0.3) as made:
        made.request("GET", url.removeprefix(warehouse.storage_url))
        response = made.getresponse()
        size = int(response.headers["content-length"])
        assert len(response.read(size // 2)) == size // 2
        with pytest.raises(TimeoutError):
            response.read(1)


def test_a_length_that_lies(warehouse: Warehouse, client: Client) -> None:
    url = link_of(client)
    warehouse.fault(match={"to": "storage"}, action={"length": 10**15})
    with connection(url) as made:
        made.request("GET", url.removeprefix(warehouse.storage_url))
        response = made.getresponse()
        assert response.headers["content-length"] == str(10**15)
        received = 0
        while piece := response.read(4096):
            received += len(piece)
        assert received == len(fetch(url).body)


def test_a_body_without_end(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(match={"statement": "SELECT"}, action={"endless": True})
    url = warehouse.server_hostname + SQL + "/statements"
    with connection(url) as made:
        body = {"warehouse_id": "local", "statement": "SELECT 1"}
        token = {"authorization": f"Bearer {warehouse.access_token}"}
        made.request("POST", SQL + "/statements", json.dumps(body), token)
        assert len(made.getresponse().read(1_000_000)) == 1_000_000
    assert client.post("SELECT 1").status == 200


def test_a_patch_changes_any_field(warehouse: Warehouse, client: Client) -> None:
    patch = {
        "status": {"state": "FAILED", "error": {"error_code": "ABORTED", "message": "as asked"}},
        "manifest": None,
        "result": None,
    }
    warehouse.fault(match={"statement": "SELECT"}, action={"patch": patch})
    answer = client.execute("SELECT 1")
    assert set(answer) == {"statement_id", "status"}
    assert answer["status"] == patch["status"]


def test_links_with_other_fields(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(match={"statement": "SELECT"}, action={"link": {"row_count": 9}})
    (link,) = client.execute("SELECT 1")["result"]["external_links"]
    assert link["row_count"] == 9


def test_malformed_json_and_bytes_that_are_no_text(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(match={"statement": "SELECT"}, action={"cut": 0.5})
    with pytest.raises(json.JSONDecodeError):
        client.execute("SELECT 1")
    encoded = base64.b64encode(b'{"a": "\xff\xfe"}').decode()
    warehouse.fault(match={"statement": "SELECT"}, action={"replace_body_base64": encoded})
    with pytest.raises(UnicodeDecodeError):
        client.execute("SELECT 1")


def test_headers_of_a_handled_answer(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(action={"headers": {"content-encoding": "gzip"}})
    assert client.post("SELECT 1").headers["content-encoding"] == "gzip"


def test_a_storage_that_ignores_ranges(warehouse: Warehouse, client: Client) -> None:
    url = link_of(client)
    part = {"range": "bytes=0-9"}
    warehouse.fault(match={"to": "storage"}, action={"ignore_range": True})
    assert [fetch(url, headers=part).status for _ in range(2)] == [200, 206]


def test_an_entity_tag_that_changes(warehouse: Warehouse, client: Client) -> None:
    url = link_of(client)
    tag = fetch(url).headers["etag"]
    warehouse.fault(match={"to": "storage"}, action={"change_etag": True}, times=3)
    assert fetch(url).headers["etag"] != tag
    assert fetch(url, headers={"range": "bytes=0-9", "if-range": tag}).status == 200
    assert fetch(url, headers={"range": "bytes=0-9", "if-match": tag}).status == 412
    assert fetch(url).headers["etag"] == tag


def test_a_redirect_to_another_host(warehouse: Warehouse) -> None:
    warehouse.fault(action={"redirect": "http://elsewhere.example/", "status": 302})
    answer = ask(warehouse.server_hostname + "/api/2.0/sql/sessions?a=1", "POST")
    assert answer.status == 302
    assert answer.headers["location"] == "http://elsewhere.example/api/2.0/sql/sessions?a=1"


def test_clocks_that_differ(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(action={"skew": -3600})
    skewed = client.post("SELECT 1").headers["date"]
    assert -3610 <= parsedate_to_datetime(skewed).timestamp() - time.time() <= -3590
    warehouse.settings(clock_skew_seconds=3600)
    answer = client.post("SELECT 1")
    (link,) = answer.json["result"]["external_links"]
    expiration = datetime.fromisoformat(link["expiration"].replace("Z", "+00:00"))
    for moment in (parsedate_to_datetime(answer.headers["date"]), expiration):
        assert moment.timestamp() - time.time() >= 3590
    assert fetch(link["external_link"]).status == 200


def test_faults_of_the_identity_endpoints(warehouse: Warehouse) -> None:
    url = warehouse.server_hostname + "/oidc/v1/token"
    warehouse.fault(match={"path": "^/oidc/v1/token$"}, action={"status": 503, "retry_after": 1})
    form = {"grant_type": "client_credentials"}
    assert [ask(url, "POST", form=form).status for _ in range(2)] == [503, 401]
    warehouse.fault(match={"to": "idp"}, action={"status": 500})
    assert ask(warehouse.idp_url + "/jwks.json").status == 500


@pytest.mark.parametrize(
    "fault",
    [
        {"action": {}},
        {"action": {"explode": True}},
        {"match": {"verb": "GET"}, "action": {"status": 500}},
        {"action": {"drop": "later"}},
        {"action": {"status": "500"}},
        {"action": {"rows": True}},
        {"match": {"path": "("}, "action": {"status": 500}},
    ],
)
def test_a_malformed_rule_is_refused(warehouse: Warehouse, fault: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="faults"):
        warehouse.fault(**fault)


def test_every_action_is_seen_by_a_test_of_this_file() -> None:
    text = Path(__file__).read_text()
    names = set(fault_actions.ACTIONS)
    assert len(names) > 20
    assert {name for name in names if f'"{name}"' not in text} == set()
