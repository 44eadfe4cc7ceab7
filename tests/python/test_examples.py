"""The examples run as they are, and tell what they promise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

EXAMPLES = Path(__file__).parents[2] / "examples"

TOLD = {
    "arrow.py": ["1000 rows of ['id', 'day']", "a piece of 1000", "a piece of 500"],
    "cancel.py": ["gave up: Timeout", "ended: Cancelled", "and goes on: Row"],
    "errors.py": [
        "ProgrammingError 42P01 TABLE_OR_VIEW_NOT_FOUND",
        "DataError 22012 DIVIDE_BY_ZERO",
        "ProgrammingError 42601 PARSE_SYNTAX_ERROR",
    ],
    "insert_many.py": ["inserted 200", "Row(n=200, last=199)"],
    "query.py": ["rows: 3", "column: id bigint True", "5 25"],
    "rows.py": ["Row(id=1, name='Ada')", "(2, 'Grace')", "{'id': 1, 'name': 'Ada'}", "Person(id=2"],
    "threads.py": ["[45, 4950, 499500, 49995000]"],
    "transactions.py": ["30 [(1, 70), (2, 30)]", "500 [(1, 70), (2, 30)]"],
}


def test_every_example_is_run_and_listed() -> None:
    assert sorted(TOLD) == sorted(file.name for file in EXAMPLES.glob("*.py"))
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [name for name in TOLD if f"| `{name}` |" not in page] == []


@pytest.mark.parametrize("name", TOLD)
def test_the_example_does_what_it_promises(warehouse: Warehouse, name: str) -> None:
    where = {
        "DATABRICKS_HOST": warehouse.server_hostname,
        "DATABRICKS_HTTP_PATH": warehouse.http_path,
        "DATABRICKS_TOKEN": warehouse.access_token,
    }
    done = subprocess.run(
        [sys.executable, "-Werror", str(EXAMPLES / name)],
        env={**os.environ, **where},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert [line for line in TOLD[name] if line not in done.stdout] == [], done.stdout
