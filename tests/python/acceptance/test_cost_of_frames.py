"""What polars and duckdb take of a million rows, beside `fetchall_arrow`, which all of it is."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from databricks_sql_warehouse import Warehouse

from .conftest import connect_options
from .test_large_result import narrow

if TYPE_CHECKING:
    from .conftest import Report

READER = Path(__file__).with_name("frame_reader.py")
ROWS = 1_000_000
ROUNDS = 9
MOST = 1.3

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def seconds() -> dict[str, list[float]]:
    """CPU seconds of each way to read, by turns."""
    with Warehouse.start(tls=True) as warehouse:
        sql = narrow(ROWS)
        warehouse.prepare(sql)
        connect = {**warehouse.connect_args(), **connect_options("ours", warehouse)}
        order = {"connect": connect, "sql": sql, "rows": ROWS, "rounds": ROUNDS}
        done = subprocess.run(
            [sys.executable, str(READER)],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            check=False,
            timeout=250,
        )
    assert done.returncode == 0, done.stderr
    measured: dict[str, list[float]] = json.loads(done.stdout)
    return measured


@pytest.mark.parametrize(
    "way",
    [
        "count_by_duckdb",
        "fetch_polars",
        pytest.param(
            "read_database",
            marks=pytest.mark.xfail(
                reason="polars imports each batch of a table of pyarrow by itself and copies all "
                "of them once more; by the capsule, as fetch_polars has it, it does not"
            ),
        ),
    ],
)
def test_frames_cost_little_more_than_the_arrow_table(
    seconds: dict[str, list[float]], report: Report, way: str
) -> None:
    table, frame = statistics.median(seconds["fetchall_arrow"]), statistics.median(seconds[way])
    report("fetchall_arrow, CPU seconds", f"{table:.3f}")
    report(f"{way}, CPU seconds", f"{frame:.3f}")
    report("ratio of the medians", f"{frame / table:.2f}")
    assert frame / table <= MOST
