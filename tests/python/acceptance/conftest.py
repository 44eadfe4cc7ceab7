"""A warehouse for the acceptance tests, and their figures."""

from __future__ import annotations

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
