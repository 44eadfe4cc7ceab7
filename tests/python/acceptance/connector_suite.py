"""Runs files of the official connector's repository in an interpreter of its own.

Run with a JSON document on standard input: `driver` (ours, use_sea or use_kernel), `options` (that
are added to each `connect`), `folder` (a copy of the repository's files), `path` (where our package
is), and either `example` (a file) or `tests` (arguments of pytest). With `dialect`, the folder of
the tests of databricks-sqlalchemy, that dialect uses the driver. The outcomes of tests are printed
as JSON. It must run where only the connector is installed.
"""

from __future__ import annotations

import importlib
import json
import runpy
import sys
import warnings
from pathlib import Path
from typing import Any


def main() -> None:
    order = json.load(sys.stdin)
    warnings.simplefilter("ignore")
    module = _add_options(order["driver"], order["options"], order["path"])
    if dialect := order.get("dialect"):
        _use_in_dialect(module, dialect)
    sys.path.insert(0, order["folder"])
    if example := order.get("example"):
        sys.argv = [example]
        runpy.run_path(str(Path(order["folder"]) / example), run_name="__main__")
    else:
        _run_tests(order["folder"], order["tests"])


def _add_options(driver: str, options: dict[str, Any], path: str) -> Any:
    """Have `connect` of the driver go to the warehouse at hand, whatever else it is told."""
    if driver == "ours":
        sys.path.insert(0, path)
        module = importlib.import_module("databricks_sql_kernel.dbapi")
    else:
        module = importlib.import_module("databricks.sql")
    connect = module.connect

    def connect_with_options(*args: Any, **given: Any) -> Any:
        given = {name: value for name, value in given.items() if name != "use_sea"}
        return connect(*args, **{**given, **options})

    module.__dict__["connect"] = connect_with_options
    return module


def _use_in_dialect(driver: Any, tests: str) -> None:
    """Have the dialect use the driver, and find its tests where it looks for them."""
    package = importlib.import_module("databricks.sqlalchemy")
    package.__path__.append(tests)
    dialect = importlib.import_module("databricks.sqlalchemy.base").DatabricksDialect
    dialect.import_dbapi = classmethod(lambda _: driver)


class _Outcomes:
    """What became of each test."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}
        self.why: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        name = report.nodeid.split("/")[-1]
        if report.failed:
            self.of[name] = "failed"
            crash = getattr(report.longrepr, "reprcrash", None)
            self.why[name] = (crash.message if crash else str(report.longrepr))[:300]
        elif report.skipped or report.when == "call":
            self.of.setdefault(name, report.outcome)


def _run_tests(folder: str, arguments: list[str]) -> None:
    pytest = importlib.import_module("pytest")
    outcomes = _Outcomes()
    stdout = sys.stdout
    with (Path(folder) / "pytest.log").open("w", encoding="utf-8") as log:
        sys.stdout = log
        try:
            code = pytest.main(
                ["-p", "no:cacheprovider", "--rootdir", folder, *arguments], [outcomes]
            )
        finally:
            sys.stdout = stdout
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        sys.exit(f"pytest ended with {code!r}; see {log.name}")
    json.dump({"outcomes": outcomes.of, "why": outcomes.why}, stdout)


if __name__ == "__main__":
    main()
