"""Reads a large result in an interpreter of its own and prints what that took.

Run with a JSON document on standard input: `driver` (ours or connector), `connect` (arguments),
`sql`, and `read` (fetchall or fetchmany). It must run where only one of the drivers is installed.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")


def main() -> None:
    order = json.load(sys.stdin)
    with (
        _connect(order["driver"], order["connect"]) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT 1")
        cursor.fetchall()
        Path("/proc/self/clear_refs").write_text("5")
        resident, cpu = _megabytes("VmRSS"), _cpu_seconds()
        cursor.execute(order["sql"])
        rows, last = _read(cursor, order["read"])
        figures = {
            "cpu": _cpu_seconds() - cpu,
            "growth": _megabytes("VmHWM") - resident,
            "rows": rows,
            "last": last,
        }
    sys.stdout.write(json.dumps(figures))


def _connect(driver: str, arguments: dict[str, Any]) -> Any:
    if driver == "connector":
        connector = importlib.import_module("databricks.sql")
        return connector.connect(**arguments, use_sea=True, enable_telemetry=False)
    return importlib.import_module("databricks_sql_kernel.dbapi").connect(**arguments)


def _read(cursor: Any, way: str) -> tuple[int, list[Any]]:
    """How many rows there were, and the last one."""
    if way == "fetchall":
        rows = cursor.fetchall()
        return len(rows), list(rows[-1])
    count, last = 0, []
    while rows := cursor.fetchmany(10_000):
        count += len(rows)
        last = list(rows[-1])
    return count, last


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _megabytes(field: str) -> float:
    """A size of the process, resident now (VmRSS) or at its peak (VmHWM)."""
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field + ":"))


if __name__ == "__main__":
    main()
