"""No row is lost, repeated or altered without an error, whatever links and storage do."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from databricks_sql_warehouse import Warehouse

    from .conftest import Report

CHUNKS = 20
RUNS = 200
FAULT_RUNS = 40
QUICK: dict[str, Any] = {
    "_retry_delay_min": 0.001,
    "_retry_delay_max": 0.01,
    "_retry_stop_after_attempts_count": 4,
}
LINKS = {"to": "api", "path": "result/chunks/"}
STORAGE = {"to": "storage"}
Rows = list[tuple[int, str]]

LONG = [pytest.mark.slow, pytest.mark.timeout(1200)]

pytestmark = pytest.mark.timeout(240)


@dataclass
class Case:
    """A fault: which requests it hits, and what happens to one of them."""

    match: dict[str, Any]
    action: Callable[[random.Random], dict[str, Any]]
    first_chunk: int = 0


# The link to the first chunk comes with the statement's answer, so that no page is asked for it.
FAULTS = {
    "body cut": Case(STORAGE, lambda rng: {"cut": rng.random()}),
    "connection dropped in the body": Case(STORAGE, lambda _: {"drop": "mid"}),
    "page missing": Case(LINKS, lambda _: {"links": "missing"}, first_chunk=1),
    "page empty": Case(LINKS, lambda _: {"links": "empty"}, first_chunk=1),
    "page repeated": Case(LINKS, lambda _: {"links": "repeat"}, first_chunk=1),
    "fewer rows than declared": Case(STORAGE, lambda rng: {"rows": -rng.randint(1, 3)}),
    "damaged frame with checksums": Case(STORAGE, lambda rng: {"corrupt": rng.random()}),
}


@dataclass
class Outcome:
    """How many runs ended in which way; `codes` are those of the exceptions."""

    runs: int = 0
    right: int = 0
    raised: int = 0
    wrong: int = 0
    codes: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return (
            f"{self.runs} runs, {self.right} rows right, {self.raised} raised, {self.wrong} wrong"
            f" {' '.join(sorted(self.codes))}"
        )


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[str, Outcome]]:
    """The outcomes of the module's tests, printed as a table after the last."""
    found: dict[str, Outcome] = {}
    yield found
    line = "{:42} {:>5} {:>11} {:>7} {:>6}  {}"
    print("\n" + line.format("case", "runs", "rows right", "raised", "wrong", "codes"))  # noqa: T201
    for name, each in found.items():
        codes = " ".join(sorted(each.codes))
        print(line.format(name, each.runs, each.right, each.raised, each.wrong, codes))  # noqa: T201


@pytest.fixture
def one_by_one(
    acceptance_warehouse: Warehouse, connect_args: dict[str, Any]
) -> Iterator[dbapi.Connection]:
    """A connection to a warehouse that gives one link at a time."""
    acceptance_warehouse.settings(links_per_page=1, first_links=1)
    with dbapi.connect(**connect_args, **QUICK) as connection:
        yield connection


@pytest.mark.parametrize("runs", [RUNS, pytest.param(5 * RUNS, marks=LONG)])
def test_every_row_comes_in_order_however_slow_links_and_storage_are(
    acceptance_warehouse: Warehouse,
    one_by_one: dbapi.Connection,
    outcomes: dict[str, Outcome],
    report: Report,
    runs: int,
) -> None:
    acceptance_warehouse.fault(match=LINKS, action={"delay": [0, 0.01]}, times=None)
    acceptance_warehouse.fault(match=STORAGE, action={"delay": [0, 0.02]}, times=None)
    outcome = Outcome()
    for seed in range(runs):
        _run(acceptance_warehouse, one_by_one, _generator(seed), outcome)
    outcomes["delays"] = outcome
    report("delays", outcome)
    assert outcome.right == outcome.runs == runs
    for request in ("result/chunks/", "/results/"):
        requests = [e for e in acceptance_warehouse.log() if request in e["path"]]
        assert len(requests) >= runs * (CHUNKS - 1)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_lasts_raises_in_every_run(
    acceptance_warehouse: Warehouse,
    one_by_one: dbapi.Connection,
    outcomes: dict[str, Outcome],
    name: str,
    report: Report,
) -> None:
    outcome = _with_faults(acceptance_warehouse, one_by_one, FAULTS[name], times=None)
    outcomes[f"{name}, lasting"] = outcome
    report(f"{name}, lasting", outcome)
    assert outcome.wrong == 0
    assert outcome.raised == outcome.runs == FAULT_RUNS


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_passes_costs_no_row(
    acceptance_warehouse: Warehouse,
    one_by_one: dbapi.Connection,
    outcomes: dict[str, Outcome],
    name: str,
    report: Report,
) -> None:
    outcome = _with_faults(acceptance_warehouse, one_by_one, FAULTS[name], times=1)
    outcomes[f"{name}, once"] = outcome
    report(f"{name}, once", outcome)
    assert outcome.wrong == 0
    assert outcome.right == outcome.runs == FAULT_RUNS


def _generator(seed: int) -> random.Random:
    return random.Random(seed)


def _with_faults(
    warehouse: Warehouse, connection: dbapi.Connection, case: Case, times: int | None
) -> Outcome:
    outcome = Outcome()
    for seed in range(FAULT_RUNS):
        rng = _generator(seed)
        match = {**case.match, "chunk": rng.randrange(case.first_chunk, CHUNKS)}
        warehouse.clear_log()
        rule = warehouse.fault(match=match, action=case.action(rng), times=times)
        _run(warehouse, connection, rng, outcome)
        assert any(rule in entry["faults"] for entry in warehouse.log())
        warehouse.clear_faults()
    return outcome


def _run(
    warehouse: Warehouse, connection: dbapi.Connection, rng: random.Random, outcome: Outcome
) -> None:
    """One result of 20 chunks, read in ways that change from call to call."""
    chunk_rows = rng.randint(4, 9)
    count = CHUNKS * chunk_rows - rng.randrange(chunk_rows)
    framing = rng.choice(["message", "body"])
    warehouse.settings(chunk_rows=chunk_rows, lz4_framing=framing)
    expected = [(id_, f"row {id_}") for id_ in range(count)]
    got: Rows = []
    outcome.runs += 1
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"SELECT id, concat('row ', id) AS name FROM range({count})")
            _read(cursor, rng, got)
        except dbapi.OperationalError as error:
            outcome.raised += 1
            outcome.codes.add(str(error.code))
            outcome.wrong += got != expected[: len(got)]
            # Whoever goes on after the error must not get the rows behind the gap.
            with pytest.raises(dbapi.Error):
                cursor.fetchall()
        else:
            outcome.right += got == expected
            outcome.wrong += got != expected


def _read(cursor: dbapi.Cursor, rng: random.Random, got: Rows) -> None:
    """Puts all rows into `got`; two of three runs mix the ways to fetch, the others use one."""
    styles: list[Callable[[dbapi.Cursor, random.Random], Rows]]
    styles = [_one, _many, _iterated, _many_arrow]
    if rng.random() < 1 / 3:
        styles = [rng.choice([*styles, _all, _all_arrow])]
    for _ in range(rng.randrange(12)):
        rows = rng.choice(styles)(cursor, rng)
        if not rows:
            return
        got += rows
    got += rng.choice([_all, _all_arrow])(cursor, rng)
    assert cursor.fetchone() is None


def _one(cursor: dbapi.Cursor, _: random.Random) -> Rows:
    row = cursor.fetchone()
    return [] if row is None else [tuple(row)]


def _many(cursor: dbapi.Cursor, rng: random.Random) -> Rows:
    return [tuple(row) for row in cursor.fetchmany(rng.randint(1, 30))]


def _iterated(cursor: dbapi.Cursor, rng: random.Random) -> Rows:
    wanted = rng.randint(1, 20)
    return [tuple(row) for _, row in zip(range(wanted), cursor, strict=False)]


def _many_arrow(cursor: dbapi.Cursor, rng: random.Random) -> Rows:
    return _from_table(cursor.fetchmany_arrow(rng.randint(1, 30)))


def _all(cursor: dbapi.Cursor, _: random.Random) -> Rows:
    return [tuple(row) for row in cursor.fetchall()]


def _all_arrow(cursor: dbapi.Cursor, _: random.Random) -> Rows:
    return _from_table(cursor.fetchall_arrow())


def _from_table(table: Any) -> Rows:
    names = table.column_names
    assert names == ["id", "name"]
    return list(zip(*(table.column(name).to_pylist() for name in names), strict=True))
