"""The official connector on our backend, on both of its paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from databricks import sql

from databricks_sql_kernel import connector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from databricks_sql_warehouse import Warehouse

    # The connector's own, whose types are not strict.
    Connection = Any
    Cursor = Any
    Open = Callable[..., Connection]


@pytest.fixture
def installed() -> Iterator[None]:
    connector.install()
    yield
    connector.uninstall()


@pytest.fixture(params=["use_sea", "use_kernel"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_connection(warehouse: Warehouse, way: str, installed: None) -> Iterator[Open]:  # noqa: ARG001
    """Open connections with further options; they are closed after the test."""
    opened: list[Connection] = []

    def open_one(**options: Any) -> Connection:
        own = {**warehouse.connect_args(), way: True, "enable_telemetry": False, **options}
        connection = sql.connect(**own)
        opened.append(connection)
        return connection

    yield open_one
    warehouse.clear_faults()
    for connection in opened:
        connection.close()


@pytest.fixture
def connection(open_connection: Open) -> Connection:
    return open_connection()


@pytest.fixture
def cursor(connection: Connection) -> Cursor:
    return connection.cursor()
