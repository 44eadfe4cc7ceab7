"""The pages about tools and types: each example prints what the page says, each line is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pages
import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse


@pytest.mark.parametrize("page", pages.HERE)
def test_the_example_of_a_page_prints_what_it_says(warehouse: Warehouse, page: str) -> None:
    ((code, output),) = pages.examples(page)
    where = {
        "DATABRICKS_HOST": warehouse.server_hostname,
        "DATABRICKS_HTTP_PATH": warehouse.http_path,
        "DATABRICKS_TOKEN": warehouse.access_token,
    }
    done = subprocess.run(
        [sys.executable, "-Werror", "-c", code],
        env={**os.environ, **where},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == output


def test_every_page_is_in_the_readme() -> None:
    readme = (pages.DOCS.parent / "README.md").read_text(encoding="utf-8")
    for page in [*pages.HERE, *pages.APART]:
        assert f"(docs/tools/{page})" in readme


def types() -> list[list[str]]:
    """The cells of each line of the table of types."""
    lines = (pages.DOCS / "types.md").read_text(encoding="utf-8").splitlines()
    rows = [
        [cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        for line in lines
        if line.startswith("|")
    ]
    return rows[2:]


@pytest.mark.parametrize("line", types(), ids=lambda line: line[0])
def test_every_line_of_the_table_of_types_is_true(cursor: dbapi.Cursor, line: list[str]) -> None:
    name, example, row_value, arrow, parameter = line
    sql = f"SELECT {example} AS c"
    value: Any = cursor.execute(sql).fetchall()[0][0]
    assert type(value).__name__ == row_value
    assert str(cursor.execute(sql).fetchall_arrow().schema.field("c").type) == arrow
    assert cursor.description
    code = cursor.description[0][1]
    if parameter.startswith("none:"):
        return
    given = {"dict": dict}.get(parameter, lambda it: it)(value)
    if parameter.endswith("Parameter"):
        given = getattr(dbapi, parameter)(given)
    else:
        assert type(given).__name__ == parameter
    (again,) = cursor.execute("SELECT ? AS c", [given]).fetchall()[0]
    assert again == value
    assert cursor.description
    if name != "VOID":
        assert cursor.description[0][1] == code
