"""Thousands of statements while the service fails: nothing lost, doubled, sent twice or leaked.

It prints its figures, and ends with an error where one of them is not as it must be.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from databricks_sql_warehouse import Warehouse

from databricks_sql_kernel import dbapi

WAVE = 400
A_CONNECTION = 20
TOO_MANY_REQUESTS = 429
MOST_GROWTH_MB = 32
QUICK: dict[str, Any] = {
    "_retry_delay_min": 0.001,
    "_retry_delay_max": 0.01,
    "_retry_stop_after_attempts_count": 5,
    "_socket_timeout": 3,
}
STORAGE = {"to": "storage"}
LINKS = {"to": "api", "path": "result/chunks/"}
SENDING = {"to": "api", "method": "POST", "path": "sql/statements/?$"}
POLL = {"to": "api", "method": "GET", "path": "statements/[0-9a-f-]+$"}
CLOSING = {"to": "api", "method": "DELETE"}
OPENING = {"to": "api", "method": "POST", "path": "sql/sessions/?$"}
FAULTS: list[tuple[dict[str, Any], dict[str, Any], float]] = [
    (STORAGE, {"status": 503, "retry_after": 0}, 0.02),
    (STORAGE, {"status": 403}, 0.01),
    (STORAGE, {"drop": "before"}, 0.01),
    (STORAGE, {"drop": "mid"}, 0.02),
    (STORAGE, {"cut": 0.6}, 0.01),
    (STORAGE, {"corrupt": 0.4}, 0.01),
    (STORAGE, {"rows": -1}, 0.01),
    (STORAGE, {"replace_body": "<html>busy</html>"}, 0.01),
    (LINKS, {"status": 500}, 0.01),
    (LINKS, {"drop": "mid"}, 0.01),
    (LINKS, {"links": "empty"}, 0.01),
    (LINKS, {"links": "repeat"}, 0.01),
    (SENDING, {"status": 429, "retry_after": 0}, 0.005),
    (SENDING, {"status": 503}, 0.005),
    (SENDING, {"drop": "before"}, 0.005),
    (SENDING, {"drop": "after"}, 0.01),
    (SENDING, {"drop": "mid"}, 0.005),
    (SENDING, {"replace_body": "<html>busy</html>"}, 0.005),
    (POLL, {"status": 502}, 0.02),
    (POLL, {"drop": "after"}, 0.02),
    (POLL, {"cut": 0.5}, 0.02),
    (CLOSING, {"drop": "after"}, 0.02),
    (OPENING, {"status": 503}, 0.02),
]


@dataclass
class Figures:
    """What the whole run came to."""

    ended: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    hit: int = 0
    recovered: int = 0
    single: int = 0
    numbers: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    wrong: list[str] = field(default_factory=list)


def read(connection: dbapi.Connection, number: int, pick: random.Random) -> str:
    """A query whose rows are known."""
    count = pick.randint(1, 120)
    expected = [(row, f"row {row}") for row in range(count)]
    got: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        try:
            cursor.execute(
                f"SELECT id, concat('row ', id) AS name FROM range({count}) /* {number} */"
            )
            while rows := cursor.fetchmany(pick.randint(1, 50)):
                got += [tuple(row) for row in rows]
        except dbapi.OperationalError:
            return "raised" if got == expected[: len(got)] else "wrong"
        except dbapi.InternalError:
            return "raised" if got == expected[: len(got)] else "wrong"
    return "right" if got == expected else "wrong"


def write(connection: dbapi.Connection, number: int) -> str:
    """A row that must come once, or not at all."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"INSERT INTO soak VALUES ({number}) /* {number} */")
        except dbapi.Error as error:
            return "in doubt" if error.maybe_executed else "refused"
    return "written"


def use(warehouse: Warehouse, seed: int, numbers: range) -> dict[int, str]:
    """How the statements of one connection ended."""
    pick = random.Random(f"{seed} {numbers.start}")  # noqa: S311
    arguments: dict[str, Any] = {**warehouse.connect_args()}
    with dbapi.connect(**arguments, **QUICK) as connection:
        return {
            number: write(connection, number)
            if pick.random() < 0.3
            else read(connection, number, pick)
            for number in numbers
        }


def number_of(sql: str) -> int:
    return int(sql.rpartition("/* ")[2].removesuffix(" */"))


def wave(warehouse: Warehouse, seed: int, numbers: range, threads: int, total: Figures) -> None:
    """Run statements, some at the same time, and compare with what the service saw."""
    parts = [
        range(start, min(start + A_CONNECTION, numbers.stop))
        for start in range(numbers.start, numbers.stop, A_CONNECTION)
    ]
    ended: dict[int, str] = {}
    with ThreadPoolExecutor(threads) as pool:
        for part in pool.map(lambda part: use(warehouse, seed, part), parts):
            ended.update(part)
    counted: Counter[int] = Counter()
    for sql, count in warehouse.counters()["executions"].items():
        if sql.endswith(" */"):
            counted[number_of(sql)] += count
    entries = warehouse.log()
    texts = {each["statement_id"]: each["statement"] for each in warehouse.statements()}
    hit: Counter[int] = Counter()
    in_doubt: set[int] = set()
    for entry in entries:
        sql = entry["statement"] or texts.get(entry["statement_id"], "")
        if not entry["faults"] or not sql.endswith(" */"):
            continue
        hit[number_of(sql)] += len(entry["faults"])
        # Whether it ran is known to the service alone then; by 429 it tells that it did not.
        if entry["method"] == "POST" and entry["status"] != TOO_MANY_REQUESTS:
            in_doubt.add(number_of(sql))
    for number, outcome in ended.items():
        runs = counted[number]
        total.ended[outcome] += 1
        total.numbers[outcome].add(number)
        total.taken["writes" if outcome in {"written", "in doubt", "refused"} else "reads"] += runs
        total.hit += number in hit
        total.recovered += number in hit and outcome in {"right", "written"}
        is_single = hit[number] == 1 and number not in in_doubt
        total.single += is_single
        if (
            outcome == "wrong"
            or runs > 1
            or (is_single and outcome not in {"right", "written"})
            or (outcome == "written" and runs != 1)
            or (outcome == "refused" and runs)
        ):
            total.wrong.append(f"statement {number}: {outcome}, taken {runs} times")
    warehouse.clear_log()


def compare_writes(warehouse: Warehouse, total: Figures, rows: Counter[int]) -> Counter[str]:
    """How the writes that the service took ended there, which explains each row and lack of one.

    One whose answer was lost goes on by itself, and ends early where its session is closed before.
    """
    outcomes: Counter[str] = Counter()
    for each in warehouse.statements():
        sql, outcome = each["statement"], each["outcome"]
        if not (sql.startswith("INSERT INTO soak") and sql.endswith(" */")):
            continue
        number = number_of(sql)
        outcomes[outcome] += 1
        may_have_ended_early = outcome == "CANCELED" and number in total.numbers["in doubt"]
        if rows[number] != (outcome == "SUCCEEDED") or not (
            outcome == "SUCCEEDED" or may_have_ended_early
        ):
            total.wrong.append(f"statement {number}: {outcome} at the server, {rows[number]} rows")
    return outcomes


def rows_of(warehouse: Warehouse) -> Counter[int]:
    arguments: dict[str, Any] = {**warehouse.connect_args()}
    with dbapi.connect(**arguments) as connection, connection.cursor() as cursor:
        return Counter(row[0] for row in cursor.execute("SELECT * FROM soak").fetchall())


def held() -> dict[str, float]:
    """What this process holds."""
    gc.collect()
    names = []
    for path in Path("/proc/self/fd").iterdir():
        try:
            names.append(str(path.readlink()))
        except OSError:
            continue
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    sockets = sum(name.startswith("socket:") for name in names)
    return {"sockets": sockets, "files": len(names) - sockets, "MB": round(resident / 1024, 1)}


def left_open(warehouse: Warehouse) -> dict[str, int]:
    """What the service still has of it. A statement whose id was lost ends with its session."""
    states = Counter(each["state"] for each in warehouse.statements())
    return {
        "sessions": len(warehouse.sessions()),
        "running": states["PENDING"] + states["RUNNING"],
    }


def settled(warehouse: Warehouse, sockets: float) -> bool:
    """Whether everything that goes on in the background comes to its end."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not any(left_open(warehouse).values()) and held()["sockets"] <= sockets:
            return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--statements", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--threads", type=int, default=4)
    given = parser.parse_args()
    total = Figures()
    with Warehouse.start() as warehouse:
        arguments: dict[str, Any] = {**warehouse.connect_args()}
        with dbapi.connect(**arguments) as connection:
            connection.cursor().execute("CREATE OR REPLACE TABLE soak (id INT)")
        warehouse.settings(
            inline_limit_bytes=0, links_per_page=2, first_links=1, chunk_rows=8, pending_polls=1
        )
        for at, (match, action, probability) in enumerate(FAULTS):
            warehouse.fault(
                match=match,
                action=action,
                times=None,
                probability=probability,
                seed=given.seed + at,
            )
        warehouse.clear_log()
        started = time.monotonic()
        before: dict[str, float] = {}
        for start in range(0, given.statements, WAVE):
            numbers = range(start, min(start + WAVE, given.statements))
            wave(warehouse, given.seed, numbers, given.threads, total)
            # The first waves fill what is kept for ever: pools, caches, the allocator's arenas.
            if not before and start + WAVE >= given.statements // 5:
                before = held()
        took = time.monotonic() - started
        warehouse.clear_faults()
        is_settled = settled(warehouse, 1)
        after = held()
        orphans = left_open(warehouse)
        rows = rows_of(warehouse)
        outcomes = compare_writes(warehouse, total, rows)
    ended = total.ended
    doubled = [number for number, count in rows.items() if count > 1]
    lost = total.numbers["written"] - set(rows)
    tell = [
        ("seed", given.seed),
        ("seconds", round(took)),
        ("statements", sum(ended.values())),
        ("hit by a fault", total.hit),
        ("recovered", total.recovered),
        ("  of them hit once, all of which must be", total.single),
        ("raised", ended["raised"] + ended["in doubt"] + ended["refused"]),
        ("  of them writes that may have run", ended["in doubt"]),
        ("wrong", len(total.wrong) + len(doubled) + len(lost)),
        ("right reads, writes told as done", (ended["right"], ended["written"])),
        ("statements that the server took", dict(total.taken)),
        ("  how the writes ended there", dict(outcomes)),
        ("rows written", rows.total()),
        ("left open at the server", orphans),
        ("open handles and RSS before", before),
        ("open handles and RSS after", after),
    ]
    for name, value in tell:
        print(f"{name:36} {value}")
    for line in total.wrong[:20]:
        print(line)
    sound = (
        not total.wrong
        and not doubled
        and not lost
        and outcomes.total() == total.taken["writes"]
        and is_settled
        and sum(ended.values()) == given.statements
        and after["files"] <= before["files"]
        and after["MB"] - before["MB"] <= MOST_GROWTH_MB
    )
    print("sound" if sound else "NOT SOUND")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
