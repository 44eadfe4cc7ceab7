"""Reads a large result in an interpreter of its own and prints what that took.

Run with a JSON document on standard input: `driver` (ours or connector), `connect` (arguments),
`sql`, and `read` (a way of `_read`). It must run where only one of the drivers is installed.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
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
        # What is imported for Arrow tables is no part of the figures.
        cursor.fetchall_arrow() if "arrow" in order["read"] else cursor.fetchall()
        Path("/proc/self/clear_refs").write_text("5")
        resident, cpu = _megabytes("VmRSS"), _cpu_seconds()
        cursor.execute(order["sql"])
        read = _read(cursor, order["read"])
        figures = {
            "cpu": _cpu_seconds() - cpu,
            "growth": _megabytes("VmHWM") - resident,
            "rows": read["rows"],
            "last": read["last"],
            "bytes": read["bytes"],
        }
    sys.stdout.write(json.dumps(figures))


def _connect(driver: str, arguments: dict[str, Any]) -> Any:
    if driver == "connector":
        connector = importlib.import_module("databricks.sql")
        return connector.connect(**arguments, use_sea=True, enable_telemetry=False)
    return importlib.import_module("databricks_sql_kernel.dbapi").connect(**arguments)


def _read(cursor: Any, way: str) -> dict[str, Any]:
    """What was read: how many rows and bytes, and the last row."""
    if way == "fetchall":
        rows = cursor.fetchall()
        return {"rows": len(rows), "last": list(rows[-1]), "bytes": None, "kept": rows}
    if way == "fetchone":
        count = 0
        while (row := cursor.fetchone()) is not None:
            count, last = count + 1, row
        return {"rows": count, "last": list(last), "bytes": None}
    if way == "fetchall_arrow":
        table = cursor.fetchall_arrow()
        return {"rows": table.num_rows, "last": None, "bytes": table.nbytes, "kept": table}
    if way in {"stream_arrow", "sleep_arrow"}:
        count = size = 0
        while (table := cursor.fetchmany_arrow(100_000)).num_rows:
            count, size = count + table.num_rows, size + table.nbytes
            time.sleep(0.1 if way == "sleep_arrow" else 0)
        return {"rows": count, "last": None, "bytes": size}
    count, last = 0, []
    while rows := cursor.fetchmany(10_000):
        count += len(rows)
        last = list(rows[-1])
    return {"rows": count, "last": last, "bytes": None}


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _megabytes(field: str) -> float:
    """A size of the process, resident now (VmRSS) or at its peak (VmHWM)."""
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field + ":"))


if __name__ == "__main__":
    main()
