"""Networks as they are: what each does to a connection is shown in a table after the run."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from databricks_sql_warehouse import Warehouse
from witness import report, witness_at_the_end, witnessed

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["witness_at_the_end", "witnessed"]
_TABLE: list[tuple[str, float, str]] = []
_numbers = itertools.count()
_VARIABLES = ("ALL", "HTTP", "HTTPS", "NO")


@dataclass
class Network:
    """A workspace that is spoken to over TLS, and the ways to it."""

    warehouse: Warehouse
    situation: str

    def reach(self, **options: Any) -> int:
        """Connect and fetch rows from the cloud storage; how many came."""
        address: dict[str, Any] = {
            **self.warehouse.connect_args(),
            "tls_trusted_ca_file": self.warehouse.ca,
            # Those who want the same share connections; here each makes its own.
            "connect_timeout": 5 + next(_numbers) / 1000,
        }
        started = time.monotonic()
        outcome = "works"
        try:
            with dbapi.connect(**{**address, **options}) as connection:
                cursor = connection.cursor().execute("SELECT id FROM range(1000)")
                return len(cursor.fetchall())
        except dbapi.Error as error:
            outcome = str(error)
            raise
        finally:
            self.note(started, outcome)

    def note(self, started: float, outcome: str) -> None:
        """Put what happened since `started` into the table."""
        _TABLE.append((self.situation, time.monotonic() - started, outcome))

    def fails(self, **options: Any) -> dbapi.Error:
        """The error of a connection that must fail."""
        with pytest.raises(dbapi.Error) as raised:
            self.reach(**options)
        return raised.value


@pytest.fixture(scope="session")
def running_network() -> Iterator[Warehouse]:
    with Warehouse.start(tls=True) as warehouse:
        yield warehouse


@pytest.fixture
def network(
    running_network: Warehouse, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Network]:
    for name in _VARIABLES:
        monkeypatch.delenv(f"{name}_PROXY", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".lower(), raising=False)
    running_network.reset()
    running_network.settings(inline_limit_bytes=0)
    name = request.node.name.removeprefix("test_").replace("_", " ")
    yield Network(running_network, name)
    running_network.reset()


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table of situations."""
    if _TABLE:
        terminalreporter.section("network situations")
        for situation, seconds, outcome in _TABLE:
            terminalreporter.write_line(f"{seconds:6.2f} s  {situation}: {outcome}")
    report(terminalreporter)
