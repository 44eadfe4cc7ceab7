"""Every fault of links and storage, in every form of a result, at its first, middle and last chunk.

What passes costs no row; what lasts raises the right class within its deadline. Nothing is ever
short, doubled or out of order.
"""

from __future__ import annotations

import itertools
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from databricks_sql_warehouse import Warehouse

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEED = 20_261_126
CHUNKS = 5
CHUNK_ROWS = 6
ROWS = CHUNKS * CHUNK_ROWS - 2
DEADLINE = 20.0
QUICK: dict[str, Any] = {
    "_retry_delay_min": 0.001,
    "_retry_delay_max": 0.01,
    "_retry_stop_after_attempts_count": 4,
    "_socket_timeout": 1,
}
STORAGE = {"to": "storage"}
LINKS = {"to": "api", "path": "result/chunks/"}
ONE_BY_ONE = {"links_per_page": 1, "first_links": 1}
PLACES = {"first": 0, "middle": CHUNKS // 2, "last": CHUNKS - 1}

pytestmark = pytest.mark.timeout(240)


@dataclass
class Form:
    """How a result comes: settings of the warehouse and arguments of the connection."""

    settings: dict[str, Any]
    arguments: dict[str, Any] = field(default_factory=dict)
    #: Whether its bodies are behind links.
    linked: bool = True
    #: Whether damage to a single byte is always noticed.
    checked: bool = True


@dataclass
class Fault:
    """What happens to a request, and the classes that it may raise when it lasts."""

    match: dict[str, Any]
    action: Callable[[random.Random], dict[str, Any]]
    raises: tuple[type[dbapi.Error], ...] = (dbapi.OperationalError,)
    needs_checksums: bool = False
    #: It takes time-outs to notice, or makes the driver wait before it asks the host again.
    is_slow: bool = False
    #: Nothing is wrong with it: rows come even if it lasts.
    harmless: bool = False


FORMS = {
    "arrow, lz4, a page each": Form(ONE_BY_ONE),
    "arrow, lz4, frame a message": Form({**ONE_BY_ONE, "lz4_framing": "message"}),
    "arrow, lz4 without checksums": Form({**ONE_BY_ONE, "lz4_flg": 0x60}, checked=False),
    "arrow, plain": Form({**ONE_BY_ONE, "lz4": False}, checked=False),
    "arrow, inline": Form(
        {"inline_chunks": True, "inline_limit_bytes": 1 << 20}, linked=False, checked=True
    ),
    "json, inline": Form(
        {"inline_chunks": True}, {"use_cloud_fetch": False}, linked=False, checked=False
    ),
}
STORAGE_FAULTS = {
    "500": Fault(STORAGE, lambda _: {"status": 500}, (dbapi.InternalError,)),
    "503": Fault(STORAGE, lambda _: {"status": 503, "retry_after": 0}),
    "403": Fault(STORAGE, lambda _: {"status": 403}),
    "404": Fault(STORAGE, lambda _: {"status": 404}),
    "dropped before": Fault(STORAGE, lambda _: {"drop": "before"}),
    "dropped in the body": Fault(STORAGE, lambda _: {"drop": "mid"}),
    "reset in the body": Fault(STORAGE, lambda _: {"drop": "mid", "reset": True}),
    "body cut": Fault(STORAGE, lambda rng: {"cut": rng.random()}),
    "longer than it is": Fault(STORAGE, lambda _: {"length": 1 << 20}),
    "byte damaged": Fault(STORAGE, lambda rng: {"corrupt": rng.random()}, needs_checksums=True),
    "a page instead": Fault(STORAGE, lambda _: {"replace_body": "<html>busy</html>"}),
    "nothing": Fault(STORAGE, lambda _: {"replace_body": ""}),
    "fewer rows": Fault(STORAGE, lambda rng: {"rows": -rng.randint(1, 3)}),
    "more rows": Fault(STORAGE, lambda _: {"rows": 3}, harmless=True),
    "429": Fault(STORAGE, lambda _: {"status": 429, "retry_after": 0}, is_slow=True),
    "stalled": Fault(STORAGE, lambda _: {"stall": 0.5}, is_slow=True),
}
# The link to the first chunk comes with the answer: no page is asked for it.
LINK_FAULTS = {
    "link page: 503": Fault(LINKS, lambda _: {"status": 503, "retry_after": 0}),
    "link page: dropped": Fault(LINKS, lambda _: {"drop": "before"}),
    "link page: dropped after": Fault(LINKS, lambda _: {"drop": "mid"}),
    "link page: cut": Fault(LINKS, lambda _: {"cut": 0.5}),
    "link page: empty": Fault(LINKS, lambda _: {"links": "empty"}),
    "link page: missing": Fault(LINKS, lambda _: {"links": "missing"}),
    "link page: repeated": Fault(LINKS, lambda _: {"links": "repeat"}),
    "link page: html": Fault(LINKS, lambda _: {"replace_body": "<html>busy</html>"}),
}
INLINE_FAULTS = {
    "answer: 503": Fault(LINKS, lambda _: {"status": 503, "retry_after": 0}),
    "answer: dropped": Fault(LINKS, lambda _: {"drop": "before"}),
    "answer: dropped in it": Fault(LINKS, lambda _: {"drop": "mid"}),
    "answer: cut": Fault(LINKS, lambda _: {"cut": 0.7}),
    "answer: html": Fault(LINKS, lambda _: {"replace_body": "<html>busy</html>"}),
    "answer: nothing": Fault(LINKS, lambda _: {"replace_body": "{}"}),
}


def _cases() -> Iterator[tuple[str, str, str]]:
    for form_name, form in FORMS.items():
        faults = {**STORAGE_FAULTS, **LINK_FAULTS} if form.linked else INLINE_FAULTS
        for (name, fault), place in itertools.product(faults.items(), PLACES):
            if fault.match is LINKS and place == "first":
                continue
            if fault.needs_checksums and not form.checked:
                continue
            if fault.is_slow and form.settings is not ONE_BY_ONE:
                continue
            yield form_name, name, place


CASES = list(_cases())
ALL_FAULTS = {**STORAGE_FAULTS, **LINK_FAULTS, **INLINE_FAULTS}


@dataclass
class Tally:
    recovered: int = 0
    raised: int = 0
    wrong: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    found = Tally()
    yield found
    print(  # noqa: T201
        f"\nfaults, once and lasting: {found.recovered} recovered, {found.raised} raised, "
        f"{len(found.wrong)} wrong {found.wrong}, seed {SEED}"
    )


def test_there_are_enough_cases() -> None:
    assert sum(not ALL_FAULTS[name].is_slow for _, name, _ in CASES) >= 200


@pytest.mark.parametrize("form_name", FORMS)
def test_faults_that_pass_cost_no_row_and_faults_that_last_raise(
    acceptance_warehouse: Warehouse, form_name: str, tally: Tally
) -> None:
    cases = [case for case in CASES if case[0] == form_name and not ALL_FAULTS[case[1]].is_slow]
    _try(acceptance_warehouse, form_name, cases, tally)


@pytest.mark.slow
@pytest.mark.parametrize("fault_name", [name for name, each in ALL_FAULTS.items() if each.is_slow])
def test_faults_that_are_waited_for(fault_name: str, tally: Tally) -> None:
    cases = [case for case in CASES if case[1] == fault_name]
    # Hosts that complained are treated gently for a while, so each has its own.
    with Warehouse.start() as warehouse:
        _try(warehouse, cases[0][0], cases, tally)


def _try(
    warehouse: Warehouse, form_name: str, cases: list[tuple[str, str, str]], tally: Tally
) -> None:
    """Every case once with the fault hitting one request, and once with all of them hit."""
    form = FORMS[form_name]
    warehouse.settings(chunk_rows=CHUNK_ROWS, **form.settings)
    if "inline_limit_bytes" not in form.settings:
        warehouse.settings(inline_limit_bytes=0)
    problems = []
    with dbapi.connect(**warehouse.connect_args(), **QUICK, **form.arguments) as connection:
        for (_, name, place), times in itertools.product(cases, (1, None)):
            rng = random.Random(f"{SEED} {form_name} {name} {place}")
            fault = ALL_FAULTS[name]
            trouble = _trouble(warehouse, connection, fault, place, times, rng, tally)
            if trouble:
                often = "once" if times else "lasting"
                problems.append(f"{form_name} | {name} | {place} | {often}: {trouble}")
    tally.wrong += problems
    assert not problems, "\n".join(problems)


def _trouble(  # noqa: PLR0913, PLR0917
    warehouse: Warehouse,
    connection: dbapi.Connection,
    fault: Fault,
    place: str,
    times: int | None,
    rng: random.Random,
    tally: Tally,
) -> str | None:
    """What is not as it should be, if anything."""
    warehouse.clear_log()
    match = {**fault.match, "chunk": PLACES[place]}
    rule = warehouse.fault(match=match, action=fault.action(rng), times=times)
    started = time.monotonic()
    expected = [(row, f"row {row}") for row in range(ROWS)]
    got: list[tuple[Any, ...]] = []
    raised: dbapi.Error | None = None
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"SELECT id, concat('row ', id) AS name FROM range({ROWS})")
            while rows := cursor.fetchmany(rng.randint(1, 20)):
                got += [tuple(row) for row in rows]
        except dbapi.Error as error:
            raised = error
    took = time.monotonic() - started
    hit = any(rule in entry["faults"] for entry in warehouse.log())
    warehouse.clear_faults()
    if not hit:
        return f"the fault hit no request: {raised!r}"
    if took > DEADLINE:
        return f"it took {took:.1f} s"
    if got != expected[: len(got)]:
        return f"wrong rows: {got[:5]}..."
    passes = times is not None or fault.harmless
    trouble = _ended_wrong(raised, () if passes else fault.raises, has_all=got == expected)
    if trouble is None and raised is not None:
        tally.raised += 1
    elif trouble is None:
        tally.recovered += 1
    return trouble


def _ended_wrong(
    raised: dbapi.Error | None, wanted: tuple[type[dbapi.Error], ...], *, has_all: bool
) -> str | None:
    if raised is not None:
        return None if isinstance(raised, wanted) else f"raised {raised!r}"
    if not has_all:
        return "rows are missing, and no error"
    return "no error, although it lasts" if wanted else None
