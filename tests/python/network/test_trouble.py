"""Hosts that cannot be reached, are busy, or are slow."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from .conftest import Network

_THREADS = 64


def test_a_name_that_nobody_knows(network: Network) -> None:
    error = network.fails(server_hostname="workspace.invalid")
    assert "the workspace cannot be reached" in str(error)
    assert "no connection to workspace.invalid" in str(error)
    assert error.code == "NetworkError"


def test_a_workspace_behind_a_black_hole(network: Network) -> None:
    url = network.warehouse.dead_urls["unreachable"]
    started = time.monotonic()
    error = network.fails(server_hostname=url.replace("http:", "https:"), connect_timeout=0.5)
    assert time.monotonic() - started < 3
    assert url.partition("://")[2].rstrip("/") in str(error)
    assert "within connect_timeout" in str(error)


def test_a_service_that_is_always_busy(network: Network) -> None:
    match = {"method": "POST", "path": "sessions$"}
    network.warehouse.fault(match=match, action={"status": 503, "retry_after": 1}, times=None)
    started = time.monotonic()
    error = network.fails(login_timeout=1.5)
    assert time.monotonic() - started < 3
    assert "login_timeout of 1.5s" in str(error)
    assert "HTTP 503" in str(error)
    assert error.code == "Timeout"
    assert error.retryable


def test_storage_behind_a_black_hole(network: Network) -> None:
    network.warehouse.settings(storage_network="unreachable")
    started = time.monotonic()
    error = network.fails(connect_timeout=0.5)
    assert time.monotonic() - started < 3
    place = network.warehouse.dead_urls["unreachable"].partition("://")[2].rstrip("/")
    assert f"no connection to {place}" in str(error)
    assert "use_cloud_fetch=False" in str(error)
    assert network.reach(use_cloud_fetch=False) == 1000


@pytest.mark.parametrize("kind", ["refused", "unresolvable"])
def test_storage_that_cannot_be_reached(network: Network, kind: str) -> None:
    network.warehouse.settings(storage_network=kind)
    error = network.fails(retry_delay_min=0.1)
    assert "the cloud storage that holds the result cannot be reached" in str(error)


def test_storage_that_says_nothing(network: Network) -> None:
    network.warehouse.settings(storage_network="silent")
    error = network.fails(
        connect_timeout=0.5, socket_timeout=0.5, retry_stop_after_attempts_count=2
    )
    assert "127.0.0.1" in str(error) or "localhost" in str(error)
    assert "within socket_timeout" in str(error)


def test_storage_that_drips_is_no_failure(network: Network) -> None:
    network.warehouse.settings(lz4=False)
    network.warehouse.fault(match={"to": "storage"}, action={"trickle": 5000})
    started = time.monotonic()
    assert network.reach(socket_timeout=1) == 1000
    assert time.monotonic() - started > 1.2


def test_storage_that_falls_silent_is_asked_again(network: Network) -> None:
    network.warehouse.fault(match={"to": "storage"}, action={"stall": 100})
    assert network.reach(socket_timeout=0.5, retry_delay_min=0.1) == 1000
    assert len(network.warehouse.log(to="storage")) == 2


def test_a_busy_service_is_waited_for_by_all_threads_together(network: Network) -> None:
    warehouse = network.warehouse
    options = {**warehouse.connect_args(), "tls_trusted_ca_file": warehouse.ca}
    barrier = threading.Barrier(_THREADS)
    started = time.monotonic()
    with dbapi.connect(**options) as connection:
        busy = {"status": 429, "retry_after": 1}
        match = {"method": "POST", "path": "statements$"}
        warehouse.fault(match=match, action=busy, times=None, lasting=1.5)

        def ask(number: int) -> int:
            barrier.wait()
            cursor = connection.cursor().execute(f"SELECT {number}")
            row = cursor.fetchone()
            assert row is not None
            got: int = row[0]
            return got

        with ThreadPoolExecutor(_THREADS) as threads:
            answers = list(threads.map(ask, range(_THREADS)))
    took = time.monotonic() - started
    assert answers == list(range(_THREADS))
    posts = [
        entry
        for entry in warehouse.log(to="api", method="POST")
        if entry["path"].endswith("/statements")
    ]
    refused = [entry["time"] for entry in posts if entry["status"] == 429]
    again = sorted(entry["time"] for entry in posts if entry["status"] == 200)
    assert len(again) == _THREADS
    # Those who were under way, and few who looked whether the service is still busy.
    assert len(refused) <= _THREADS + 8
    assert min(again) - min(refused) >= 1.5
    # They do not come back in one rush.
    assert sum(moment < again[0] + 0.2 for moment in again) <= 8
    assert took < 20
    network.note(started, f"{_THREADS} threads work after {len(refused)} answers of 429")


def test_a_service_that_runs_one_statement_of_a_session_at_a_time(network: Network) -> None:
    warehouse = network.warehouse
    warehouse.settings(one_statement_per_session=True)
    options = {**warehouse.connect_args(), "tls_trusted_ca_file": warehouse.ca}
    barrier = threading.Barrier(8)
    with dbapi.connect(**options) as connection:
        connection.cursor().execute("CREATE OR REPLACE TABLE turns (n INT)")

        def insert(number: int) -> int:
            barrier.wait()
            return connection.cursor().execute(f"INSERT INTO turns VALUES ({number})").rowcount

        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(insert, range(8))) == [1] * 8
        rows = connection.cursor().execute("SELECT n FROM turns ORDER BY n").fetchall()
        connection.cursor().execute("DROP TABLE turns")
    assert [row[0] for row in rows] == list(range(8))


def test_headers_that_cannot_be_sent_are_refused(network: Network) -> None:
    for headers in ([("x-a\r\nx-b", "v")], [("x-a", "v\r\nx-b: w")]):
        assert "cannot be sent" in str(network.fails(http_headers=headers))
    assert "cannot be sent" in str(network.fails(user_agent_entry="a\r\nx-b: w"))
    for name in ("Authorization", "host", "Content-Length", "transfer-encoding"):
        error = network.fails(http_headers=[(name, "v")])
        assert f"'{name.lower()}' is the driver's own" in str(error)
    assert not network.warehouse.log(to="api")


def test_the_user_agent_names_the_driver_and_who_uses_it(network: Network) -> None:
    assert network.reach(user_agent_entry="a-tool/2") == 1000
    agents = {entry["headers"]["user-agent"] for entry in network.warehouse.log(to="api")}
    (agent,) = agents
    assert agent.startswith("databricks-sql-kernel/")
    assert agent.endswith(" (a-tool/2)")
