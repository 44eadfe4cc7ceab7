"""The pytest plugin: a warehouse for the whole run, and a clean slate for every test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .client import Warehouse


@pytest.fixture(scope="session")
def warehouse_options() -> dict[str, Any]:
    """The arguments of `Warehouse.start()`; a project overrides this fixture to change them."""
    return {}


@pytest.fixture(scope="session")
def running_warehouse(warehouse_options: dict[str, Any]) -> Iterator[Warehouse]:
    """A local warehouse that runs as long as the tests do."""
    # Imported here: every pytest run on the machine loads this module.
    from . import Warehouse  # noqa: PLC0415

    with Warehouse.start(**warehouse_options) as started:
        yield started


@pytest.fixture
def warehouse(running_warehouse: Warehouse) -> Iterator[Warehouse]:
    """The local warehouse; faults, settings and log are reset around each test, tables stay."""
    running_warehouse.reset()
    yield running_warehouse
    running_warehouse.reset()
