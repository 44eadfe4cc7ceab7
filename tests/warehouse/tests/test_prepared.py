from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import time
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from databricks_sql_warehouse import Warehouse

from .conftest import Client, fetch, read
from .network import trusting

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

ROWS = "SELECT id, id * 7 AS seven FROM range(1000)"
LARGE = "SELECT id, md5(CAST(id AS STRING)) AS digest FROM range(4000000)"


@pytest.fixture(autouse=True)
def _forget(warehouse: Warehouse) -> Iterator[None]:
    yield
    warehouse.forget_prepared()


def test_a_prepared_result_is_the_same_and_needs_no_engine(
    warehouse: Warehouse, client: Client
) -> None:
    client.execute("CREATE OR REPLACE TABLE prep_t AS SELECT id FROM range(10)")
    warehouse.settings(chunk_rows=4)
    made = warehouse.prepare("SELECT * FROM prep_t ORDER BY id")
    assert (made["row_count"], made["chunk_count"]) == (10, 3)
    client.execute("DROP TABLE prep_t")
    ready = client.table("SELECT * FROM prep_t ORDER BY id")
    assert ready.column("id").to_pylist() == list(range(10))
    warehouse.forget_prepared()
    assert client.error("SELECT * FROM prep_t ORDER BY id")[0] == "42P01"


def test_only_the_same_form_is_prepared(warehouse: Warehouse, client: Client) -> None:
    warehouse.prepare(ROWS)
    hybrid = client.execute(ROWS, disposition="INLINE_OR_EXTERNAL_LINKS")
    assert "attachment" in hybrid["result"]
    assert client.execute(ROWS)["manifest"]["total_row_count"] == 1000
    assert client.execute(ROWS, row_limit=5)["manifest"]["total_row_count"] == 5
    assert len(client.rows(ROWS)) == 1000


def test_faults_and_ranges_meet_prepared_chunks(warehouse: Warehouse, client: Client) -> None:
    warehouse.prepare(ROWS)
    url = client.execute(ROWS)["result"]["external_links"][0]["external_link"]
    whole = fetch(url)
    assert read(whole.body).num_rows == 1000
    tag = whole.headers["etag"]
    part = fetch(url, headers={"range": "bytes=10-19", "if-match": tag})
    assert (part.status, part.body) == (206, whole.body[10:20])
    warehouse.fault(match={"to": "storage"}, action={"cut": 0.5})
    assert len(fetch(url).body) == len(whole.body) // 2
    warehouse.fault(match={"to": "storage"}, action={"rows": -1})
    assert read(fetch(url).body).num_rows == 999


def test_a_statement_that_fails_is_not_prepared(warehouse: Warehouse) -> None:
    with pytest.raises(ValueError, match="nothing_here"):
        warehouse.prepare("SELECT * FROM nothing_here")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc for CPU seconds")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_prepared_chunks_cost_the_warehouse_little(
    tls: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with Warehouse.start(tls=tls) as started:
        made = started.prepare(LARGE)
        context = trusting(started.ca) if tls else None
        before, rates, total = cpu_seconds(started), [], 0
        for _ in range(5):
            began = time.perf_counter()
            received = drained(started, context)
            rates.append(received / (time.perf_counter() - began) / 1e6)
            total += received
        spent = cpu_seconds(started) - before
    assert received >= made["stored_bytes"]
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{'TLS' if tls else 'plain'}: {max(rates):.0f} MB/s at best of "
            f"{[round(rate) for rate in rates]}; {total / spent / 1e6:.0f} MB for a CPU second of "
            f"the warehouse; {made['chunk_count']} chunks of {made['stored_bytes'] / 1e6:.0f} MB"
        )
    assert total / spent / 1e6 >= 500
    # The clock tells of the other work of the machine, too, which the processor time does not.
    if os.getloadavg()[0] < (os.cpu_count() or 1):
        assert max(rates) >= (200 if tls else 500)


def cpu_seconds(warehouse: Warehouse) -> float:
    """What the process of the warehouse has spent, system calls included."""
    fields = Path(f"/proc/{warehouse.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def links_of(warehouse: Warehouse, context: ssl.SSLContext | None) -> list[str]:
    parts = urllib.parse.urlsplit(warehouse.server_hostname)
    made = (
        http.client.HTTPConnection(parts.netloc)
        if context is None
        else http.client.HTTPSConnection(parts.netloc, context=context)
    )
    body = {
        "warehouse_id": "local",
        "statement": LARGE,
        "disposition": "INLINE_OR_EXTERNAL_LINKS",
        "format": "ARROW_STREAM",
        "result_compression": "LZ4_FRAME",
    }
    token = {"authorization": f"Bearer {warehouse.access_token}"}
    with contextlib.closing(made):
        made.request("POST", "/api/2.0/sql/statements", json.dumps(body), token)
        answer = json.loads(made.getresponse().read())
    return [link["external_link"] for link in answer["result"]["external_links"]]


def drained(warehouse: Warehouse, context: ssl.SSLContext | None) -> int:
    """Read all chunks of the result by one connection and throw them away; the bytes read."""
    links = [urllib.parse.urlsplit(link) for link in links_of(warehouse, context)]
    total = 0
    buffer = bytearray(1024 * 1024)
    plain = socket.create_connection((links[0].hostname, links[0].port))
    with context.wrap_socket(plain, server_hostname="localhost") if context else plain as opened:
        for link in links:
            opened.sendall(f"GET {link.path}?{link.query} HTTP/1.1\r\nhost: s\r\n\r\n".encode())
            head, expected = b"", -1
            while expected < 0:
                head += opened.recv(4096)
                if b"\r\n\r\n" in head:
                    lines, _, rest = head.partition(b"\r\n\r\n")
                    length = next(
                        line for line in lines.lower().split(b"\r\n") if b"content-length" in line
                    )
                    expected = int(length.split(b":")[1]) - len(rest)
                    total += len(rest)
            while expected > 0:
                count = opened.recv_into(buffer, min(len(buffer), expected))
                assert count
                expected -= count
                total += count
    return total
