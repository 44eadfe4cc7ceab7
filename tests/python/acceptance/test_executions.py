"""The service counts how often a write ran, whatever happens to its answers in every phase."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from databricks_sql_warehouse import Warehouse

    from .conftest import Report

QUICK: dict[str, Any] = {
    "_retry_delay_min": 0.001,
    "_retry_delay_max": 0.01,
    "_retry_stop_after_attempts_count": 4,
    "_socket_timeout": 1,
}
POLL = {"to": "api", "method": "GET"}


@dataclass
class Phase:
    """Requests of one kind on the way of a write."""

    match: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)


PHASES = {
    "opening": Phase({"to": "api", "method": "POST", "path": "sql/sessions/?$"}),
    "sending": Phase(
        {"to": "api", "method": "POST", "path": "sql/statements/?$", "statement": "INSERT"}
    ),
    "polling": Phase({**POLL, "statement": "INSERT"}, {"pending_polls": 3}),
    "listing": Phase(
        {**POLL, "path": "result/chunks/"},
        {"inline_limit_bytes": 0, "first_links": 0, "pending_polls": 0},
    ),
    "storage": Phase({"to": "storage"}, {"inline_limit_bytes": 0}),
    "closing": Phase({"to": "api", "method": "DELETE"}, {"inline_limit_bytes": 0}),
}
FAULTS: dict[str, dict[str, Any]] = {
    "dropped before": {"drop": "before"},
    "dropped after": {"drop": "after"},
    "reset after": {"drop": "after", "reset": True},
    "dropped in the body": {"drop": "mid"},
    "body cut": {"cut": 0.5},
    "no JSON": {"replace_body": "<html>It works!</html>"},
    "empty": {"replace_body": ""},
    "answered late": {"delay_after": 1.6},
    "asked late": {"delay": 1.6},
    "redirected": {"redirect": "http://localhost:9"},
    **{str(status): {"status": status} for status in (401, 403, 408, 429, 500, 502, 503, 504)},
    "429, retry-after": {"status": 429, "retry_after": 0},
    "503, retry-after": {"status": 503, "retry_after": 0},
}
_numbers = itertools.count()


@pytest.fixture(scope="module")
def table(running_acceptance_warehouse: Warehouse) -> Iterator[str]:
    warehouse = running_acceptance_warehouse
    with dbapi.connect(**warehouse.connect_args()) as connection:
        connection.cursor().execute("CREATE OR REPLACE TABLE executions (id INT)")
        yield "executions"
        connection.cursor().execute("DROP TABLE executions")


def write(cursor: dbapi.Cursor, table: str, number: int) -> None:
    cursor.execute(f"/* {number} */ INSERT INTO {table} VALUES ({number})")


def write_many(cursor: dbapi.Cursor, table: str, number: int) -> None:
    cursor.executemany(f"/* {number} */ INSERT INTO {table} VALUES (?)", [(number,)])


def submit(cursor: dbapi.Cursor, table: str, number: int) -> None:
    cursor.execute_async(f"/* {number} */ INSERT INTO {table} VALUES ({number})")
    cursor.get_async_execution_result()


WRITES: dict[str, Callable[[dbapi.Cursor, str, int], None]] = {
    "execute": write,
    "executemany": write_many,
    "execute_async": submit,
}

SLOW = [
    case for case in itertools.product(WRITES, ("lasting", "once")) if case != ("execute", "once")
]


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("how", "often"),
    [
        ("execute", "once"),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW),
    ],
)
@pytest.mark.parametrize("phase", PHASES)
def test_a_write_runs_once_at_most_and_says_so_when_that_is_open(  # noqa: PLR0913, PLR0917
    acceptance_warehouse: Warehouse, table: str, phase: str, how: str, often: str, report: Report
) -> None:
    wrong = []
    for name, action in FAULTS.items():
        # A host that answers 429 is asked again after a second and more.
        if often == "lasting" and name == "429":
            continue
        number = next(_numbers)
        warehouse = acceptance_warehouse
        warehouse.reset()
        warehouse.settings(**PHASES[phase].settings)
        warehouse.fault(
            match=PHASES[phase].match, action=action, times=1 if often == "once" else None
        )
        error: dbapi.Error | None = None
        try:
            with dbapi.connect(**warehouse.connect_args(), **QUICK) as connection:
                WRITES[how](connection.cursor(), table, number)
        except dbapi.Error as raised:
            error = raised
        warehouse.clear_faults()
        counted = warehouse.counters()["executions"].items()
        executions = sum(count for sql, count in counted if sql.startswith(f"/* {number} */"))
        rows = _rows(warehouse, table, number)
        outcome = f"{executions} executions, {rows} rows, {_told(error)}"
        report(f"{phase}, {name}", outcome)
        silent = error is None or not error.maybe_executed
        if executions > 1 or rows > 1 or (silent and rows != (error is None)):
            wrong.append(f"{name}: {outcome}: {error}")
    assert not wrong


def _told(error: dbapi.Error | None) -> str:
    if error is None:
        return "no error"
    return f"{error.code}, maybe_executed={error.maybe_executed}"


def _rows(warehouse: Warehouse, table: str, number: int) -> int:
    with dbapi.connect(**warehouse.connect_args()) as connection:
        cursor = connection.cursor().execute(f"SELECT id FROM {table} WHERE id = {number}")
        return len(cursor.fetchall())
