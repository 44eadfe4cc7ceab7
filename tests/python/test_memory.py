"""Memory: what was fetched and dropped is given back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.python.conftest import Interpreters

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(),
    reason="this system does not tell how much memory is used",
)
REPEAT = """
    import gc, os
    from pathlib import Path

    def resident():
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 2**20

    connection = dbapi.connect(**WAREHOUSE)
    sizes = []
    for number in range(200):
        work(connection)
        if number % 25 == 24:
            sizes.append(resident())
    print(json.dumps(sizes))
"""
SQL = "SELECT id, concat('name-', id) AS s, array(id) AS a, id / 7 AS d FROM range(2000)"
WORK = {
    "rows": "connection.cursor().execute({sql!r}).fetchall()",
    "dicts": "connection.cursor(row_factory=dict).execute({sql!r}).fetchall()",
    "half of the rows": "connection.cursor().execute({sql!r}).fetchmany(1000)",
    "one by one": "[row for _, row in zip(range(1500), connection.cursor().execute({sql!r}))]",
    "arrow": "connection.cursor().execute({sql!r}).fetchall_arrow()",
    "nothing": "connection.cursor().execute({sql!r}).close()",
    "errors": "refused(connection)",
    "connections": "dbapi.connect(**WAREHOUSE).close()",
}


@pytest.mark.parametrize("what", WORK)
def test_doing_it_again_needs_no_more_memory(python: Interpreters, what: str) -> None:
    code = f"""
    def refused(connection):
        try:
            connection.cursor().execute("SELECT 1 / 0")
        except dbapi.Error:
            pass

    def work(connection):
        {WORK[what].format(sql=SQL)}
    """
    sizes = python.run(code + REPEAT)
    assert len(sizes) == 8
    assert max(sizes[4:]) - max(sizes[:4]) < 8, sizes


def test_objects_are_freed_without_the_garbage_collector(python: Interpreters) -> None:
    code = """
        import gc, weakref
        gc.disable()
        connection = dbapi.connect(**WAREHOUSE)
        cursor = connection.cursor()
        cursor.execute("SELECT 1 AS a").fetchall()
        seen = [weakref.ref(connection), weakref.ref(cursor)]
        del cursor, connection
        print(json.dumps([one() is None for one in seen]))
    """
    assert python.run(code) == [True, True]
