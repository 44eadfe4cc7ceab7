"""Two thousand queries while links and storage fail at random: nothing lost, doubled or leaked."""

from __future__ import annotations

import gc
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    from .conftest import Report

SEED = 20_261_127
QUERIES = 2000
WARM_UP = 400
QUERIES_A_CONNECTION = 50
THREADS = 4
MOST_GROWTH_MB = 24
QUICK: dict[str, Any] = {
    "_retry_delay_min": 0.001,
    "_retry_delay_max": 0.01,
    "_retry_stop_after_attempts_count": 4,
    "_socket_timeout": 2,
}
STORAGE = {"to": "storage"}
LINKS = {"to": "api", "path": "result/chunks/"}
FAULTS: list[tuple[dict[str, Any], dict[str, Any], float]] = [
    (STORAGE, {"status": 503, "retry_after": 0}, 0.02),
    (STORAGE, {"status": 403}, 0.01),
    (STORAGE, {"drop": "before"}, 0.01),
    (STORAGE, {"drop": "mid"}, 0.03),
    (STORAGE, {"cut": 0.6}, 0.02),
    (STORAGE, {"corrupt": 0.4}, 0.02),
    (STORAGE, {"rows": -1}, 0.02),
    (STORAGE, {"replace_body": "<html>busy</html>"}, 0.01),
    (STORAGE, {"delay": [0, 0.01]}, 0.2),
    (LINKS, {"status": 500}, 0.02),
    (LINKS, {"drop": "mid"}, 0.02),
    (LINKS, {"links": "empty"}, 0.02),
    (LINKS, {"links": "repeat"}, 0.02),
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux' /proc"),
]


def test_two_thousand_queries_under_random_faults(
    acceptance_warehouse: Warehouse, report: Report
) -> None:
    warehouse = acceptance_warehouse
    warehouse.settings(inline_limit_bytes=0, links_per_page=2, first_links=1)
    for number, (match, action, probability) in enumerate(FAULTS):
        warehouse.fault(
            match=match, action=action, times=None, probability=probability, seed=SEED + number
        )
    sockets = _held()["sockets"]
    started = time.monotonic()
    outcomes = _run(warehouse, range(WARM_UP // QUERIES_A_CONNECTION))
    _wait_until_closed(warehouse, sockets)
    before = _held()
    outcomes += _run(
        warehouse, range(WARM_UP // QUERIES_A_CONNECTION, QUERIES // QUERIES_A_CONNECTION)
    )
    took = time.monotonic() - started
    _wait_until_closed(warehouse, sockets)
    # Threads for blocking work end when there is none for ten seconds.
    _settled(lambda: _held()["threads"] <= before["threads"])
    after = _held()
    report("right, raised, wrong", (outcomes["right"], outcomes["raised"], outcomes["wrong"]))
    report("seed", SEED)
    report("seconds", round(took))
    report("before", before)
    report("after", after)
    assert outcomes["wrong"] == 0
    assert outcomes["right"] + outcomes["raised"] == QUERIES
    assert outcomes["right"] > QUERIES * 0.8
    assert after["files"] <= before["files"]
    assert after["MB"] - before["MB"] <= MOST_GROWTH_MB


def _run(warehouse: Warehouse, numbers: range) -> Counter[str]:
    """Connections with these numbers, some of them at the same time."""
    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(partial(_use, warehouse), numbers), Counter())


def _use(warehouse: Warehouse, number: int) -> Counter[str]:
    """How the queries of one connection ended, and how many of its requests were hit."""
    rng = random.Random(f"{SEED} {number}")
    warehouse.settings(chunk_rows=rng.randint(3, 12))
    with dbapi.connect(**warehouse.connect_args(), **QUICK) as connection:
        return Counter(_ending(connection, rng) for _ in range(QUERIES_A_CONNECTION))


def _wait_until_closed(warehouse: Warehouse, sockets: float) -> None:
    """Nothing is left open at the service, and no connection to it."""
    _settled(lambda: warehouse.sessions() == [])
    _settled(lambda: warehouse.counters()["unclosed_statements"] == 0)
    assert warehouse.counters()["open_sessions"] == 0
    _settled(lambda: _held()["sockets"] <= sockets)


def _ending(connection: dbapi.Connection, rng: random.Random) -> str:
    """How one query ended: an error is all right after rows that are."""
    count = rng.randint(1, 120)
    expected = [(row, f"row {row}") for row in range(count)]
    got: list[tuple[Any, ...]] = []
    leaves_rest = rng.random() < 0.1
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"SELECT id, concat('row ', id) AS name FROM range({count})")
            if leaves_rest:
                got += [tuple(row) for row in cursor.fetchmany(1)]
                return "right" if got == expected[:1] else "wrong"
            while rows := cursor.fetchmany(rng.randint(1, 50)):
                got += [tuple(row) for row in rows]
        except dbapi.OperationalError:
            return "raised" if got == expected[: len(got)] else "wrong"
    return "right" if got == expected else "wrong"


def _held() -> dict[str, float]:
    """What this process holds."""
    gc.collect()
    files = [_target(path) for path in Path("/proc/self/fd").iterdir()]
    status = Path("/proc/self/status").read_text().splitlines()
    resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    threads = len(list(Path("/proc/self/task").iterdir())) - threading.active_count()
    sockets = sum(name.startswith("socket:") for name in files)
    return {
        "sockets": sockets,
        "files": len(files) - sockets,
        "threads": threads,
        "MB": resident / 1024,
    }


def _target(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def _settled(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Give what happens in the background its time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
