"""The page about the backend: its lines have tests, its modules work in the connector's tree."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import databricks.sql

if TYPE_CHECKING:
    from tests.python.conftest import Interpreters

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "connector.md"
BLOCK = re.compile(r"^`src/(\S+)`\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_difference_is_pinned_by_a_test_that_exists() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and "pinned by" not in line]
    assert len(rows) > 10
    for row in rows:
        pin = re.search(r"`(\w+\.py)::(\w+)` \|$", row)
        assert pin, row
        tree = ast.parse((HERE / pin[1]).read_text(encoding="utf-8"))
        assert pin[2] in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def patched(place: Path) -> Path:
    """A copy of the installed connector with the modules of the page."""
    installed = Path(databricks.sql.__file__).parents[1]
    shutil.copytree(installed, place / "databricks")
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert [name for name, _ in blocks] == [
        "databricks/sql/backend/kernel/client.py",
        "databricks/sql/backend/sea/backend.py",
    ]
    for name, code in blocks:
        assert (place / name).exists()
        (place / name).write_text(code, encoding="utf-8")
    return place


IN_THE_COPY = """
    sys.path.insert(0, {place!r})
    from databricks import sql
    assert sql.__file__.startswith({place!r})
    def connect(way):
        return sql.connect(**WAREHOUSE, **{{way: True}}, enable_telemetry=False)
"""


def test_the_modules_of_the_page_work_in_the_connectors_own_tree(
    python: Interpreters, tmp_path: Path
) -> None:
    code = """
        seen = []
        for way in ("use_sea", "use_kernel"):
            with connect(way) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT id FROM range(3) ORDER BY id")
                seen.append([type(connection.session.backend).__module__, cursor.fetchall()])
        print(json.dumps(seen))
    """
    place = str(patched(tmp_path))
    expected = ["databricks_sql_kernel.connector", [[0], [1], [2]]]
    assert python.run(dedent(IN_THE_COPY.format(place=place)) + dedent(code)) == [
        expected,
        expected,
    ]


def test_without_the_package_the_error_says_what_to_install(
    python: Interpreters, tmp_path: Path
) -> None:
    code = """
        for name in [name for name in sys.modules if name.startswith("databricks_sql_kernel")]:
            sys.modules[name] = None
        sys.unraisablehook = lambda raised: None
        seen = []
        for way in ("use_sea", "use_kernel"):
            try:
                connect(way)
            except ImportError as error:
                seen.append(str(error))
        print(json.dumps(seen))
    """
    place = str(patched(tmp_path))
    seen = python.run(dedent(IN_THE_COPY.format(place=place)) + dedent(code))
    assert [message.partition(" needs ")[0] for message in seen] == [
        "use_sea=True",
        "use_kernel=True",
    ]
    assert all("pip install 'databricks-sql-connector[kernel]'" in message for message in seen)
