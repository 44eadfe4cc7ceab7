from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import SQL, Client, fetch

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse


def first_link(client: Client) -> dict[str, str]:
    link: dict[str, str] = client.execute("SELECT 1")["result"]["external_links"][0]
    return link


def test_a_link_has_the_recorded_keys(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(chunk_rows=1)
    link = client.execute("SELECT id FROM range(2)")["result"]["external_links"][0]
    assert list(link) == [
        "chunk_index",
        "row_offset",
        "row_count",
        "byte_count",
        "next_chunk_index",
        "next_chunk_internal_link",
        "external_link",
        "expiration",
    ]
    assert link["external_link"].startswith(warehouse.storage_url)


def test_links_come_in_pages(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(chunk_rows=1, first_links=2, links_per_page=3)
    result = client.execute("SELECT id FROM range(7)")["result"]
    assert [link["chunk_index"] for link in result["external_links"]] == [0, 1]
    following = result["external_links"][-1]["next_chunk_internal_link"]
    page = client.call("GET", following + "?row_offset=2").json["external_links"]
    assert [link["chunk_index"] for link in page] == [2, 3, 4]


def test_storage_refuses_an_authorization_header(client: Client) -> None:
    url = first_link(client)["external_link"]
    assert fetch(url, headers={"authorization": "Bearer x"}).status == 400


def test_an_expired_link_is_forbidden_and_can_be_renewed(
    warehouse: Warehouse, client: Client
) -> None:
    warehouse.settings(link_ttl_seconds=-1)
    answer = client.execute("SELECT 1")
    expired = fetch(answer["result"]["external_links"][0]["external_link"])
    assert expired.status == 403
    assert b"<Code>AccessDenied</Code>" in expired.body
    warehouse.settings(link_ttl_seconds=60)
    page = client.call("GET", f"{SQL}/statements/{answer['statement_id']}/result/chunks/0").json
    assert fetch(page["external_links"][0]["external_link"]).status == 200


def test_a_forged_link_is_forbidden(client: Client) -> None:
    url = first_link(client)["external_link"]
    forged = fetch(url[:-4] + "0000")
    assert forged.status == 403
    assert b"SignatureDoesNotMatch" in forged.body


def test_link_headers_are_demanded(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(link_headers={"x-key": "secret"})
    answer = client.execute("SELECT 1")["result"]["external_links"][0]
    assert answer["http_headers"] == {"x-key": "secret"}
    assert fetch(answer["external_link"]).status == 403
    assert fetch(answer["external_link"], headers={"x-key": "secret"}).status == 200


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [("bytes=0-9", 0, 10), ("bytes=10-", 10, None), ("bytes=-5", -5, None)],
)
def test_ranges_are_served(client: Client, wanted: str, start: int, stop: int | None) -> None:
    url = first_link(client)["external_link"]
    whole = fetch(url)
    part = fetch(url, headers={"range": wanted, "if-range": whole.headers["etag"]})
    assert part.status == 206
    assert part.body == whole.body[start:stop]
    assert part.headers["content-range"].endswith(f"/{len(whole.body)}")
    assert part.headers["etag"] == whole.headers["etag"]


def test_a_range_of_another_version_gives_the_whole(client: Client) -> None:
    url = first_link(client)["external_link"]
    assert fetch(url, headers={"range": "bytes=0-9", "if-range": '"other"'}).status == 200
    assert fetch(url, headers={"range": "bytes=100000-"}).status == 416


def test_a_chunk_beyond_the_last_is_not_found(client: Client) -> None:
    statement_id = client.execute("SELECT 1")["statement_id"]
    path = f"{SQL}/statements/{statement_id}/result/chunks/1"
    assert client.call("GET", path).status == 404
