"""Reads a large result in each of several ways, by turns, and prints the CPU seconds of each.

Run with a JSON document on standard input: `connect` (arguments), `sql`, `rows` (how many come) and
`rounds`. It runs in an interpreter of its own, whose threads do nothing else.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable


def fetchall_arrow(connection: dbapi.Connection, sql: str) -> int:
    table: Any = connection.cursor().execute(sql).fetchall_arrow()
    return int(table.num_rows)


def read_database(connection: dbapi.Connection, sql: str) -> int:
    return len(pl.read_database(sql, connection))


def fetch_polars(connection: dbapi.Connection, sql: str) -> int:
    return len(connection.cursor().execute(sql).fetch_polars())


def count_by_duckdb(connection: dbapi.Connection, sql: str) -> int:
    cursor = connection.cursor().execute(sql)
    assert cursor.description
    counted: Any = duckdb.sql("SELECT count(*) FROM cursor")
    return int(counted.fetchall()[0][0])


WAYS: list[Callable[[dbapi.Connection, str], int]] = [
    fetchall_arrow,
    read_database,
    fetch_polars,
    count_by_duckdb,
]


def main() -> None:
    order = json.load(sys.stdin)
    seconds: dict[str, list[float]] = {way.__name__: [] for way in WAYS}
    with dbapi.connect(**order["connect"]) as connection:
        for way in WAYS:
            # What is imported is no part of the figures.
            assert way(connection, "SELECT 1 AS a") == 1
        for _ in range(order["rounds"]):
            for way in WAYS:
                before = _cpu_seconds()
                assert way(connection, order["sql"]) == order["rows"]
                seconds[way.__name__].append(_cpu_seconds() - before)
    sys.stdout.write(json.dumps(seconds))


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
