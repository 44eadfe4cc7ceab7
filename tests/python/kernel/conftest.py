"""Sessions of the low-level surface on the local warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from databricks_sql_warehouse import Warehouse

import databricks_sql_kernel as kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    Open = Callable[..., kernel.Session]
    Run = Callable[..., pa.Table]


# Opens sessions and executes in a process of its own.
OPEN = """
    import databricks_sql_kernel as kernel
    def open_session():
        return kernel.Session(WAREHOUSE["server_hostname"], WAREHOUSE["http_path"],
                              access_token=WAREHOUSE["access_token"])
    def execute(session, sql):
        statement = session.statement()
        statement.set_sql(sql)
        return statement.execute()
"""


@pytest.fixture
def open_session(warehouse: Warehouse) -> Iterator[Open]:
    """Open sessions with further arguments; they are closed after the test."""
    opened: list[kernel.Session] = []

    def open_one(**arguments: Any) -> kernel.Session:
        own = {"access_token": warehouse.access_token, **arguments}
        session = kernel.Session(warehouse.server_hostname, warehouse.http_path, **own)
        opened.append(session)
        return session

    yield open_one
    warehouse.clear_faults()
    for session in opened:
        session.close()


@pytest.fixture
def chunked(warehouse: Warehouse) -> Warehouse:
    """Every result comes in chunks behind links, few links a page."""
    warehouse.settings(chunk_rows=500, links_per_page=1, first_links=1, inline_limit_bytes=0)
    return warehouse


@pytest.fixture(scope="session")
def running_tls_warehouse() -> Iterator[Warehouse]:
    with Warehouse.start(tls=True) as warehouse:
        yield warehouse


@pytest.fixture
def tls_warehouse(running_tls_warehouse: Warehouse) -> Iterator[Warehouse]:
    """A warehouse that is spoken to over TLS, by its own authority, and through a proxy."""
    running_tls_warehouse.reset()
    yield running_tls_warehouse
    running_tls_warehouse.reset()


@pytest.fixture
def session(open_session: Open) -> kernel.Session:
    return open_session()


def execute(session: kernel.Session, sql: str) -> kernel.ExecutedStatement:
    statement = session.statement()
    statement.set_sql(sql)
    return statement.execute()


@pytest.fixture
def run(session: kernel.Session) -> Run:
    """The whole result of a statement."""

    def run_one(sql: str, on: kernel.Session | None = None) -> pa.Table:
        return execute(on or session, sql).fetch_all_arrow()

    return run_one


@pytest.fixture
def peer_python(request: pytest.FixtureRequest) -> str:
    given: str | None = request.config.getoption("--peer-python", default=None)
    if given is None:
        pytest.skip("no --peer-python: an interpreter with the official kernel is needed")
    return given
