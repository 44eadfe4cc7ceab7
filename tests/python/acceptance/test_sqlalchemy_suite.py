"""SQLAlchemy's compliance suite as databricks-sqlalchemy runs it, with our module as its driver.

The suite is part of SQLAlchemy; what the dialect expects of it is read from a checkout of its
repository, which `--sqlalchemy-source` or the variable SQLALCHEMY_SOURCE names. Both are run by
the interpreter of `--peer-python`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from databricks_sql_warehouse import Warehouse

import databricks_sql_kernel
from databricks_sql_kernel import dbapi

from .conftest import connect_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Report

    Run = Callable[[str], dict[str, dict[str, str]]]

SUITE = Path(__file__).parent / "connector_suite.py"

# Where the tests of a driver make their tables, beside `test_schema`, which the suite fixes.
SCHEMA = "compliance"


@pytest.fixture(scope="module")
def source(request: pytest.FixtureRequest) -> Path:
    given = request.config.getoption("--sqlalchemy-source", default=None)
    given = given or os.environ.get("SQLALCHEMY_SOURCE")
    if not given:
        pytest.skip("no --sqlalchemy-source: a checkout of databricks-sqlalchemy is needed")
    return Path(given).absolute()


@pytest.fixture
def tls_warehouse() -> Iterator[Warehouse]:
    with Warehouse.start(tls=True) as warehouse:
        yield warehouse


def _empty_schemas(warehouse: Warehouse) -> None:
    options = connect_options("ours", warehouse)
    with dbapi.connect(**warehouse.connect_args() | options) as connection:
        cursor = connection.cursor()
        for schema in (SCHEMA, "test_schema"):
            cursor.execute(f"DROP SCHEMA IF EXISTS main.{schema} CASCADE")
            cursor.execute(f"CREATE SCHEMA main.{schema}")


@pytest.fixture
def run(peer_python: str, source: Path, tls_warehouse: Warehouse, tmp_path: Path) -> Run:
    """Run the suite for a driver; its outcomes, and why tests failed."""

    def run_one(driver: str) -> dict[str, dict[str, str]]:
        _empty_schemas(tls_warehouse)
        folder = tmp_path / driver
        folder.mkdir()
        _fill(folder, source)
        return _outcomes(peer_python, source, driver, tls_warehouse, folder)

    return run_one


def _fill(folder: Path, source: Path) -> None:
    for name in ("conftest.py", "test_suite.py"):
        shutil.copy(source / "tests" / "test" / name, folder)
    shutil.copy(source / "src" / "databricks" / "sqlalchemy" / "setup.cfg", folder)
    package = folder / "package"
    package.mkdir()
    ours = Path(databricks_sql_kernel.__file__ or "").parent
    (package / "databricks_sql_kernel").symlink_to(ours)


def _outcomes(
    python: str, source: Path, driver: str, warehouse: Warehouse, folder: Path
) -> dict[str, dict[str, str]]:
    url = (
        f"databricks://token:{warehouse.access_token}@localhost"
        f"?http_path={warehouse.http_path}&catalog=main&schema={SCHEMA}"
    )
    order: dict[str, Any] = {
        "driver": driver,
        "options": connect_options(driver, warehouse),
        "folder": str(folder),
        "path": str(folder / "package"),
        "dialect": str(source / "tests"),
        "tests": ["test_suite.py", "--dburi", url, "-q", "--maxfail", "10000"],
    }
    done = subprocess.run(
        [python, str(SUITE)],
        input=json.dumps(order),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=3000,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.slow
@pytest.mark.peer
@pytest.mark.timeout(9000)
def test_the_dialect_passes_with_us_what_it_passes_with_the_connector(
    run: Run, drivers: list[str], report: Report
) -> None:
    told: dict[str, dict[str, dict[str, str]]] = {}
    for driver in drivers:
        told[driver] = run(driver)
        outcomes = list(told[driver]["outcomes"].values())
        counts = [f"{outcomes.count(kind)} {kind}" for kind in ("passed", "failed", "skipped")]
        report(f"compliance of SQLAlchemy, {driver}", ", ".join(counts))
    ours = told["ours"]
    assert list(ours["outcomes"].values()).count("passed") > 300
    worse: dict[str, str] = {}
    for name in (name for name, outcome in ours["outcomes"].items() if outcome == "failed"):
        theirs = {driver: told[driver]["outcomes"].get(name) for driver in drivers[1:]}
        why = ours["why"].get(name, "")
        report(f"fails with ours, {name}", f"{theirs}: {why[:300]}")
        if "passed" in theirs.values():
            worse[name] = why
    assert worse == {}
