from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def run(directory: Path, *arguments: str) -> str:
    """The output of pytest in a project of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_a_project_finds_the_fixture_by_itself(tmp_path: Path) -> None:
    (tmp_path / "test_project.py").write_text(
        "import urllib.request\n"
        "def test_it_answers(warehouse):\n"
        "    url = warehouse.server_hostname + '/.well-known/databricks-config'\n"
        "    assert urllib.request.urlopen(url).status == 200\n"
        "    warehouse.settings(chunk_rows=1)\n"
        "def test_it_is_clean_again(warehouse, running_warehouse):\n"
        "    assert warehouse is running_warehouse\n"
        "    assert warehouse.log() == []\n"
        "    assert warehouse.settings()['chunk_rows'] > 1\n"
    )
    assert "2 passed" in run(tmp_path, "-W", "error")


def test_options_are_overridden_by_a_fixture(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import pytest\n"
        "@pytest.fixture(scope='session')\n"
        "def warehouse_options():\n"
        "    return {'tls': True, 'token': 'mine'}\n"
    )
    (tmp_path / "test_project.py").write_text(
        "def test_it_has_the_options(warehouse):\n"
        "    assert warehouse.server_hostname.startswith('https://')\n"
        "    assert warehouse.access_token == 'mine'\n"
    )
    assert "1 passed" in run(tmp_path)


def test_the_example_of_the_documentation_runs(tmp_path: Path) -> None:
    if importlib.util.find_spec("databricks_sql_kernel") is None:
        pytest.skip("the example uses databricks_sql_kernel, which is not installed")
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    (example,) = [block for block in blocks if "def test_" in block]
    (tmp_path / "test_example.py").write_text(example)
    assert "2 passed" in run(tmp_path)


def test_loading_the_plugin_costs_nothing_much() -> None:
    program = (
        "import sys, databricks_sql_warehouse.pytest_plugin\n"
        "loaded = {'aiohttp', 'cryptography', 'duckdb', 'pyarrow'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
