"""Memory stays bounded and costs stay linear, on results as large as those people have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .test_large_result import READER, narrow

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Report

MOST_OF_RAW = 1.15
MOST_STREAMED_MB = 80
MOST_FIVEFOLD = 5.25
MOST_PER_BYTE = 3
# Where the cost of one million rows is so small, the clock's own steps count.
ALLOWANCE_S = 0.02
COLUMNS = 2000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux' /proc"),
]


def test_a_whole_result_takes_little_more_memory_than_its_bytes(
    acceptance_warehouse: Warehouse, report: Report
) -> None:
    figures = _read(acceptance_warehouse, narrow(5_000_000), "fetchall_arrow")
    ratio = figures["growth"] / (figures["bytes"] / 2**20)
    report("growth by raw bytes", f"{ratio:.3f}")
    assert ratio <= MOST_OF_RAW


@pytest.mark.parametrize("way", ["stream_arrow", "sleep_arrow"])
def test_a_streamed_result_takes_a_bounded_window(
    acceptance_warehouse: Warehouse, report: Report, way: str
) -> None:
    figures = _read(acceptance_warehouse, narrow(5_000_000), way)
    report("MB of growth", f"{figures['growth']:.1f}")
    assert figures["bytes"] > 150e6
    assert figures["growth"] <= MOST_STREAMED_MB


@pytest.mark.parametrize("way", ["fetchall_arrow", "fetchmany"])
def test_five_times_the_rows_cost_five_times_as_much(
    acceptance_warehouse: Warehouse, report: Report, way: str
) -> None:
    one = _least(acceptance_warehouse, narrow(1_000_000), way)
    five = _least(acceptance_warehouse, narrow(5_000_000), way)
    report("CPU seconds", f"{one['cpu']:.3f} {five['cpu']:.3f}")
    report("MB of growth", f"{one['growth']:.1f} {five['growth']:.1f}")
    assert five["cpu"] <= MOST_FIVEFOLD * one["cpu"] + ALLOWANCE_S
    assert five["growth"] <= MOST_FIVEFOLD * one["growth"]


def test_thousands_of_columns_and_huge_cells_cost_what_their_bytes_cost(
    acceptance_warehouse: Warehouse, report: Report
) -> None:
    columns = ", ".join(f"id + {number} AS c{number}" for number in range(COLUMNS))
    cases = {
        "2,000 columns": (f"SELECT {columns} FROM range(2000)", "fetchall_arrow"),
        "a cell of 100 MB": ("SELECT repeat('x', 100000000) AS s", "fetchall_arrow"),
    }
    usual = _per_byte(acceptance_warehouse, narrow(1_000_000), "fetchall_arrow")
    report("ns a byte", f"{usual * 1e9:.2f}")
    for name, (sql, way) in cases.items():
        cost = _per_byte(acceptance_warehouse, sql, way)
        report(f"{name}, ns a byte", f"{cost * 1e9:.2f}")
        assert cost <= MOST_PER_BYTE * usual, name


def test_a_million_fetchone_calls_cost_little_more_than_one_fetchall(
    acceptance_warehouse: Warehouse, report: Report
) -> None:
    whole = _least(acceptance_warehouse, narrow(1_000_000), "fetchall")["cpu"]
    singly = _least(acceptance_warehouse, narrow(1_000_000), "fetchone")["cpu"]
    report("CPU seconds", f"{whole:.3f} {singly:.3f}")
    assert singly <= MOST_PER_BYTE * whole


def _per_byte(warehouse: Warehouse, sql: str, way: str) -> float:
    figures = _least(warehouse, sql, way)
    return float(figures["cpu"] / figures["bytes"])


def _least(warehouse: Warehouse, sql: str, way: str) -> dict[str, Any]:
    """The cheapest of three runs: others share the machine."""
    return min((_read(warehouse, sql, way) for _ in range(3)), key=lambda figures: figures["cpu"])


def _read(warehouse: Warehouse, sql: str, way: str) -> dict[str, Any]:
    warehouse.settings(inline_limit_bytes=0, chunk_rows=420_000, byte_count="raw")
    warehouse.prepare(sql)
    arguments = warehouse.connect_args()
    order = {"driver": "ours", "connect": arguments, "sql": sql, "read": way}
    ran = subprocess.run(
        [sys.executable, str(READER)],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    figures: dict[str, Any] = json.loads(ran.stdout)
    return figures
