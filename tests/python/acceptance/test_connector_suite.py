"""The official connector's own examples and tests, with the import changed, beside the connector.

They are read from a checkout of its repository, which `--connector-source` or the variable
CONNECTOR_SOURCE names, and run by the interpreter of `--peer-python`.
"""

from __future__ import annotations

import json
import os
import re
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
    from collections.abc import Iterator

    from .conftest import Report

SUITE = Path(__file__).parent / "connector_suite.py"

CHANGES = [
    (r"^(\s*)from databricks import sql\b", r"\1from databricks_sql_kernel import dbapi as sql"),
    (r"^(\s*)import databricks\.sql as sql\b", r"\1import databricks_sql_kernel.dbapi as sql"),
    (
        r"^(\s*)from databricks\.sql(?:\.(?:exc|client|types))? import",
        r"\1from databricks_sql_kernel.dbapi import",
    ),
]

# A join that keeps a real warehouse busy for a while, and one machine for an hour.
SMALLER = (r"(?i)range\(10000 \* 16\)", "range(16)")

# Asks which version of the connector there is, to know what to expect.
UNCHANGED = {"predicates.py"}

EXAMPLES = [
    "insert_data",
    "parameters",
    "query_async_execute",
    "query_cancel",
    "query_execute",
    "query_tags_example",
    "set_user_agent",
    "streaming_put",
    "transactions",
    "v3_retries_query_execute",
]

# Why an example of theirs fails here. Whatever else fails is a fault of ours.
EXPLAINED = {
    "transactions": "its queries after the commit open a transaction, in which the service "
    "refuses to set autocommit; the connector ignores transactions unless told otherwise",
}

TESTS = [
    "tests/e2e/test_parameterized_queries.py",
    "tests/e2e/test_complex_types.py",
    "tests/e2e/test_variant_types.py",
    "tests/e2e/test_driver.py::TestPySQLCoreSuite",
    "tests/e2e/test_driver.py::TestPySQLAsyncQueriesSuite",
]
# The retries are tested by patching urllib3.
LEFT_OUT = "retry retried retries 3xx"

# Why a test of theirs fails here, by a part of its function's name. Whatever else fails is a fault
# of ours.
DIFFERENCES = {
    "test_can_flip_compression": "looks into the connector",
    "test_read_complex_types_as_string": "nested values come as Python objects only",
    "test_create_table_will_return_empty_result_set": "fetching after a definition is an error",
    "test_dml_rowcount": "the number of a query's rows is known",
    "test_inline_like_wildcard_breaks": "a percent sign breaks no parameters",
    "test_inline_ordinals_can_break_sql": "a percent sign breaks no parameters",
    "test_queries": "arrays are lists, NULL is of type void",
    "test_read_complex_types_as_arrow[array_": "arrays are lists",
    "test_ssp_passthrough": "booleans of settings are sent in lower case",
    "test_use_inline_off_by_default_with_warning[True]": "there is no other way to bind to warn of",
    "Primitive.ARRAYS": "arrays are lists",
}


@pytest.fixture(scope="module")
def source(request: pytest.FixtureRequest) -> Path:
    given = request.config.getoption("--connector-source", default=None)
    given = given or os.environ.get("CONNECTOR_SOURCE")
    if not given:
        pytest.skip("no --connector-source: a checkout of databricks-sql-python is needed")
    return Path(given)


@pytest.fixture(scope="module")
def tls_warehouse(source: Path) -> Iterator[Warehouse]:
    assert source
    with Warehouse.start(tls=True) as warehouse:
        options = connect_options("ours", warehouse)
        with dbapi.connect(**warehouse.connect_args() | options) as connection:
            cursor = connection.cursor()
            cursor.execute("CREATE TABLE main.default.diamonds (carat DOUBLE, cut STRING)")
            cursor.execute("CREATE VOLUME main.default.e2etests")
            cursor.execute("INSERT INTO main.default.diamonds VALUES (0.3, 'Ideal'), (0.4, 'Good')")
        yield warehouse


class Runner:
    """Runs files of the repository for a driver, in a copy where the import is ours or theirs."""

    def __init__(self, python: str, source: Path, warehouse: Warehouse, folder: Path) -> None:
        self._python = python
        self._source = source
        self._warehouse = warehouse
        self._folder = folder
        package = folder / "package"
        package.mkdir()
        ours = Path(databricks_sql_kernel.__file__ or "").parent
        (package / "databricks_sql_kernel").symlink_to(ours)
        self._package = package

    def run(self, driver: str, what: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        warehouse = self._warehouse
        order = {
            "driver": driver,
            "options": connect_options(driver, warehouse),
            "folder": str(self._copy(driver)),
            "path": str(self._package),
            **what,
        }
        where = {
            "DATABRICKS_SERVER_HOSTNAME": "localhost",
            "DATABRICKS_HTTP_PATH": warehouse.http_path,
            "DATABRICKS_TOKEN": warehouse.access_token,
            "DATABRICKS_CATALOG": "main",
            "DATABRICKS_SCHEMA": "default",
            "DATABRICKS_VOLUME": "files",
            "DATABRICKS_USER": "warehouse@localhost",
        }
        return subprocess.run(
            [self._python, str(SUITE)],
            input=json.dumps(order),
            env={**os.environ, **where},
            cwd=order["folder"],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    def _copy(self, driver: str) -> Path:
        copy = self._folder / driver
        if not copy.exists():
            for part in ("tests", "examples"):
                shutil.copytree(self._source / part, copy / part)
            shutil.copy(self._source / "conftest.py", copy)
            for file in copy.rglob("*.py"):
                ours = driver == "ours" and file.name not in UNCHANGED
                _change(file, [SMALLER, *(CHANGES if ours else [])])
        return copy


def _change(file: Path, changes: list[tuple[str, str]]) -> None:
    text = file.read_text(encoding="utf-8")
    for pattern, by in changes:
        text = re.sub(pattern, by, text, flags=re.MULTILINE)
    file.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def runner(
    peer_python: str,
    source: Path,
    tls_warehouse: Warehouse,
    tmp_path_factory: pytest.TempPathFactory,
) -> Runner:
    return Runner(peer_python, source, tls_warehouse, tmp_path_factory.mktemp("connector"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_their_examples_run_with_the_import_changed(
    runner: Runner, drivers: list[str], report: Report
) -> None:
    failed: dict[str, list[str]] = {driver: [] for driver in drivers}
    for driver in drivers:
        for name in EXAMPLES:
            done = runner.run(driver, {"example": f"examples/{name}.py"})
            if done.returncode != 0:
                failed[driver].append(name)
                why = (done.stderr.strip().splitlines() or ["?"])[-1]
                known = EXPLAINED.get(name) if driver == "ours" else None
                report(f"{driver}, {name}", known or why[:200])
        passed = len(EXAMPLES) - len(failed[driver])
        report(f"examples, {driver}", f"{passed} passed, {len(failed[driver])} failed")
    assert [name for name in failed["ours"] if name not in EXPLAINED] == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_their_tests_pass_with_the_import_changed(
    runner: Runner, drivers: list[str], report: Report
) -> None:
    outcomes: dict[str, dict[str, str]] = {}
    reasons: dict[str, str] = {}
    choice = " and ".join(f"not {word}" for word in LEFT_OUT.split())
    for driver in drivers:
        arguments = [*TESTS, "-k", choice, "-q"]
        done = runner.run(driver, {"tests": arguments})
        assert done.returncode == 0, done.stderr[-2000:]
        told = json.loads(done.stdout.splitlines()[-1])
        outcomes[driver] = told["outcomes"]
        if driver == "ours":
            reasons = told["why"]
        counts = [
            f"{list(outcomes[driver].values()).count(kind)} {kind}"
            for kind in ("passed", "failed", "skipped")
        ]
        report(f"tests, {driver}", ", ".join(counts))
    ours = outcomes["ours"]
    assert len(ours) > 100
    unexplained = {}
    for name in (name for name, outcome in ours.items() if outcome == "failed"):
        theirs = [f"{driver} {outcomes[driver].get(name)}" for driver in drivers[1:]]
        function = name.split("::")[-1]
        why = next((why for part, why in DIFFERENCES.items() if part in function), None)
        report(function, f"{why or reasons[name]} ({', '.join(theirs)})")
        if why is None and any(outcomes[driver].get(name) == "passed" for driver in drivers[1:]):
            unexplained[name] = reasons[name]
    assert unexplained == {}
