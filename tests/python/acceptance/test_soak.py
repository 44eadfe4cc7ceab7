"""Two thousand queries while links and storage fail at random: nothing lost, doubled or leaked."""

from __future__ import annotations

import gc
import random
import threading
import time
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
    acceptance_warehouse: Warehouse, connect_args: dict[str, Any], report: Report
) -> None:
    rng = random.Random(SEED)
    acceptance_warehouse.settings(inline_limit_bytes=0, links_per_page=2, first_links=1)
    for number, (match, action, probability) in enumerate(FAULTS):
        acceptance_warehouse.fault(
            match=match, action=action, times=None, probability=probability, seed=SEED + number
        )
    right = raised = 0
    before: dict[str, float] = {}
    for query in range(0, QUERIES, QUERIES_A_CONNECTION):
        if query == WARM_UP:
            before = _held()
        acceptance_warehouse.settings(chunk_rows=rng.randint(3, 12))
        acceptance_warehouse.clear_log()
        with dbapi.connect(**connect_args, **QUICK) as connection:
            for _ in range(QUERIES_A_CONNECTION):
                if _is_right(connection, rng):
                    right += 1
                else:
                    raised += 1
    report("seed", SEED)
    report("right, raised", (right, raised))
    assert right + raised == QUERIES
    assert right > QUERIES * 0.8
    _settled(lambda: acceptance_warehouse.sessions() == [])
    counters = acceptance_warehouse.counters()
    assert counters["open_sessions"] == 0
    _settled(lambda: acceptance_warehouse.counters()["unclosed_statements"] == 0)
    # Idle connections are kept for a minute and a half, for the next session to use.
    _settled(lambda: _held()["sockets"] <= before["sockets"], seconds=150)
    after = _held()
    report("before", before)
    report("after", after)
    assert after["threads"] <= before["threads"]
    assert after["files"] <= before["files"]
    assert after["MB"] - before["MB"] <= MOST_GROWTH_MB


def _is_right(connection: dbapi.Connection, rng: random.Random) -> bool:
    """Whether all rows came; an error must come after a right beginning."""
    count = rng.randint(1, 120)
    expected = [(row, f"row {row}") for row in range(count)]
    got: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"SELECT id, concat('row ', id) AS name FROM range({count})")
            if rng.random() < 0.1:
                return cursor.fetchone() is not None  # the rest is left unread
            while rows := cursor.fetchmany(rng.randint(1, 50)):
                got += [tuple(row) for row in rows]
        except dbapi.OperationalError:
            assert got == expected[: len(got)]
            return False
    assert got == expected
    return True


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
