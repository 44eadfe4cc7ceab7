"""arrowbricks, a client by other hands, reads from this warehouse with `protocol="sea"`."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from . import peers

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    Run = Callable[[str], Any]

_PROGRAM = """\
import asyncio, importlib.metadata, json, sys
from arrowbricks.cursor import connect
assert importlib.metadata.version("arrowbricks") == "6.2.0"
host, warehouse, token = sys.argv[1:]
async def main():
    connection = connect(host, warehouse, token=token, protocol="sea")
    cursor = connection.cursor()
{body}
print(json.dumps(asyncio.run(main()), default=str))
"""


@pytest.fixture
def run(warehouse: Warehouse, arrowbricks_python: str) -> Run:
    def go(body: str) -> Any:
        code = _PROGRAM.format(body=textwrap.indent(textwrap.dedent(body), "    "))
        arguments = [warehouse.server_hostname, "local", warehouse.access_token]
        return peers.answer(arrowbricks_python, code, *arguments)

    return go


def test_types_are_read(run: Run) -> None:
    found = run(
        """
        await cursor.execute("SELECT 1 AS i, 'two' AS s, CAST('1.50' AS DECIMAL(5,2)) AS d, "
                             "DATE '2024-02-29' AS t, array(1, 2) AS a, NULL AS n")
        return [list(row) for row in await cursor.fetchall()]
        """
    )
    assert found == [[1, "two", "1.50", "2024-02-29", [1, 2], None]]


@pytest.mark.parametrize(
    "links_per_page",
    [
        1,
        pytest.param(
            4,
            marks=pytest.mark.xfail(
                strict=True,
                raises=AssertionError,
                reason="arrowbricks 6.2.0 takes all links of an answer for the one it asked for",
            ),
        ),
    ],
)
def test_a_hundred_thousand_rows_come_over_links(
    run: Run, warehouse: Warehouse, links_per_page: int
) -> None:
    warehouse.settings(chunk_rows=10_000, links_per_page=links_per_page)
    found = run(
        """
        await cursor.execute("SELECT id FROM range(100000)")
        rows = await cursor.fetchall()
        return [len(rows), sum(row[0] for row in rows)]
        """
    )
    assert found == [100_000, 4_999_950_000]
    downloads = warehouse.log(to="storage", status=200)
    assert {entry["chunk"] for entry in downloads} == set(range(10))


def test_parameters_are_bound(run: Run) -> None:
    found = run(
        """
        given = [{"name": "a", "value": "7", "type": "INT"}]
        await cursor.execute("SELECT :a AS a", given)
        return [list(row) for row in await cursor.fetchall()]
        """
    )
    assert found == [[7]]


def test_a_failure_has_the_servers_words(run: Run) -> None:
    found = run(
        """
        try:
            await cursor.execute("SELECT * FROM no_such_table")
        except Exception as error:
            return str(error)
        """
    )
    assert "TABLE_OR_VIEW_NOT_FOUND" in found
    assert "42P01" in found
