"""The cost of rows is that of their bytes, whatever their shape and however they are fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.python.conftest import Interpreters

MOST = 3
NARROW = """
    SELECT id, id / 7 AS x, CAST(id % 100000 AS INT) AS k,
           concat('code-', lpad(CAST(id % 20000 AS STRING), 5, '0')) AS s
    FROM range(1000000)
"""
MANY_COLUMNS = f"SELECT {', '.join(f'id + {n} AS c{n}' for n in range(2000))} FROM range(500)"
LARGE_STRING = "SELECT repeat('0123456789', 10000000) AS s"
SHAPES = {
    "2,000 columns": (MANY_COLUMNS, "len(cursor.fetchall())", 500),
    "a string of 100 MB": (LARGE_STRING, "len(cursor.fetchall()[0][0])", 100_000_000),
    "a million calls of fetchone": (NARROW, "sum(1 for _ in iter(cursor.fetchone, None))", 10**6),
}
MEASURE = """
    import time

    def seconds_a_byte(sql, read):
        with dbapi.connect(**WAREHOUSE) as connection, connection.cursor() as cursor:
            size = cursor.execute(sql).fetchall_arrow().nbytes
            costs = []
            for _ in range(3):
                cursor.execute(sql)
                begun = time.process_time()
                found = read(cursor)
                costs.append(time.process_time() - begun)
        return found, min(costs) / size
"""


def seconds_a_byte(python: Interpreters, sql: str, read: str) -> tuple[int, float]:
    code = f"    print(json.dumps(seconds_a_byte({sql!r}, lambda cursor: {read})))"
    count, cost = python.run(MEASURE + code)
    return count, cost


@pytest.mark.parametrize("shape", SHAPES)
def test_a_byte_costs_no_more_in_another_shape(python: Interpreters, shape: str) -> None:
    sql, read, expected = SHAPES[shape]
    _, usual = seconds_a_byte(python, NARROW, "len(cursor.fetchall())")
    count, cost = seconds_a_byte(python, sql, read)
    assert count == expected
    assert cost < MOST * usual, f"{cost / usual:.2f} times as much"
