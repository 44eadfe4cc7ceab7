"""A warehouse for the acceptance tests, and their figures."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from databricks_sql_warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Report = Callable[[str, object], None]


@pytest.fixture(scope="session")
def running_acceptance_warehouse() -> Iterator[Warehouse]:
    with Warehouse.start() as warehouse:
        yield warehouse


@pytest.fixture
def acceptance_warehouse(running_acceptance_warehouse: Warehouse) -> Iterator[Warehouse]:
    running_acceptance_warehouse.reset()
    yield running_acceptance_warehouse
    running_acceptance_warehouse.reset()


@pytest.fixture
def connect_args(acceptance_warehouse: Warehouse) -> dict[str, Any]:
    return {**acceptance_warehouse.connect_args()}


@pytest.fixture
def report(record_property: Report) -> Report:
    """Records a figure and prints it; `pytest -rP` shows what was printed."""

    def add(name: str, value: object) -> None:
        record_property(name, value)
        print(f"{name}: {value}")  # noqa: T201

    return add


@pytest.fixture(scope="session")
def peer_python(request: pytest.FixtureRequest) -> str:
    given: str | None = request.config.getoption("--peer-python", default=None)
    if given is None:
        pytest.skip("no --peer-python: an interpreter with databricks-sql-connector is needed")
    return str(Path(given).absolute())


@pytest.fixture(scope="session")
def drivers(peer_python: str) -> list[str]:
    """Ours, and the connector by each of its ways to this API that is installed."""
    looking = "import importlib.util as u; print(u.find_spec('databricks_sql_kernel') is not None)"
    found = subprocess.run(
        [peer_python, "-c", looking], check=True, capture_output=True, text=True
    ).stdout
    return ["ours", "use_sea", *(["use_kernel"] if "True" in found else [])]


def connect_options(driver: str, warehouse: Warehouse) -> dict[str, Any]:
    """What leads a driver to the warehouse."""
    url = f"https://localhost:{warehouse.port}"
    options: dict[str, Any] = {"_tls_trusted_ca_file": str(warehouse.ca)}
    if driver == "use_sea":
        options |= {"server_hostname": "localhost", "_port": warehouse.port}
    else:
        options["server_hostname"] = url
    if driver != "ours":
        options |= {driver: True, "enable_telemetry": False}
    return options
