"""One local warehouse for all tests, connections to it, and fresh interpreters."""

from __future__ import annotations

import functools
import itertools
import json
import os
import subprocess
import sys
import textwrap
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from databricks_sql_warehouse import Warehouse
from witness import hear_printed, heard, report

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["heard"]
_PRELUDE = """\
import json, sys
from databricks_sql_kernel import dbapi
WAREHOUSE = json.loads(sys.argv[1])
"""
_BLOCK = """\
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError("blocked: " + name, name=name)
sys.meta_path.insert(0, Blocked())
"""


class Interpreters:
    """Runs Python code in fresh interpreters, where `dbapi` and `WAREHOUSE` are known."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self._started: list[subprocess.Popen[str]] = []

    def start(self, code: str, *, without: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start code that goes on by itself; the modules of `without` cannot be imported."""
        block = _BLOCK.format(blocked=set(without)) if without else ""
        process = subprocess.Popen(
            [
                sys.executable,
                "-Werror",
                "-c",
                block + _PRELUDE + textwrap.dedent(code),
                json.dumps(self.warehouse.connect_args()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def run(self, code: str, *, without: tuple[str, ...] = ()) -> Any:
        """Run code to its end; what it prints is JSON."""
        process = self.start(code, without=without)
        output, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
        assert not errors
        return json.loads(output) if output else None

    def end(self) -> None:
        """End what still runs."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Names the interpreters with other clients, which have environments of their own."""
    parser.addoption("--peer-python", default=None, help="has databricks-sql-connector 4.9.0")
    parser.addoption("--arrowbricks-python", default=None, help="has arrowbricks 6.2.0")
    parser.addoption("--tools-python", default=None, help="has SQLAlchemy's and dbt's adapters")
    parser.addoption("--airflow-python", default=None, help="has Airflow and ibis")
    parser.addoption("--connector-source", default=None, help="a checkout of its repository")
    parser.addoption("--sqlalchemy-source", default=None, help="one of databricks-sqlalchemy's")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Look for secrets in what tests print."""
    outcome: Any = yield
    hear_printed(outcome.get_result())


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How much was looked at for secrets."""
    report(terminalreporter)


@pytest.fixture(autouse=True)
def _no_databricks_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests see no variables and no profiles but their own."""
    for name in os.environ:
        if name.startswith(("DATABRICKS_", "ARM_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "no-such-databrickscfg"))


@pytest.fixture(scope="session")
def running_warehouse() -> Iterator[Warehouse]:
    with Warehouse.start() as warehouse:
        yield warehouse


@pytest.fixture
def warehouse(running_warehouse: Warehouse) -> Iterator[Warehouse]:
    running_warehouse.reset()
    yield running_warehouse
    running_warehouse.reset()


@pytest.fixture
def connect(warehouse: Warehouse) -> Iterator[Callable[..., dbapi.Connection]]:
    """Open connections with further options; they are closed after the test."""
    opened: list[dbapi.Connection] = []

    def open_one(**options: Any) -> dbapi.Connection:
        arguments: dict[str, Any] = {**warehouse.connect_args(), **options}
        connection = dbapi.connect(**arguments)
        opened.append(connection)
        return connection

    yield open_one
    warehouse.clear_faults()
    for connection in opened:
        connection.close()


@pytest.fixture
def connection(connect: Callable[..., dbapi.Connection]) -> dbapi.Connection:
    return connect()


@pytest.fixture
def cursor(connection: dbapi.Connection) -> dbapi.Cursor:
    return connection.cursor()


_numbers = itertools.count(1)


@pytest.fixture
def table(warehouse: Warehouse) -> Iterator[str]:
    """The name of a table that no other test has; it is dropped after the test."""
    name = f"table_{next(_numbers)}"
    yield name
    warehouse.clear_faults()
    with dbapi.connect(**warehouse.connect_args()) as connection:
        connection.cursor().execute(f"DROP TABLE IF EXISTS {name}")


@pytest.fixture
def python(warehouse: Warehouse) -> Iterator[Interpreters]:
    interpreters = Interpreters(warehouse)
    yield interpreters
    interpreters.end()


class Held:
    """A statement that the service says is running until `cancelled` is called."""

    def __init__(self, warehouse: Warehouse, sql: str, *, named_after: float = 0) -> None:
        self.sql = sql
        self.statement_id = str(uuid.uuid4())
        self._warehouse = warehouse
        running = {"status": 200, "body": self._answer("RUNNING")}
        named = {**running, "delay": named_after}
        warehouse.fault(match={"path": "statements$", "statement": sql}, action=named)
        self._polls = {"method": "GET", "path": f"{self.statement_id}$"}
        self._rule = warehouse.fault(match=self._polls, action=running, times=None)

    def _answer(self, state: str) -> dict[str, Any]:
        return {"statement_id": self.statement_id, "status": {"state": state}}

    def polled(self) -> None:
        """Wait until it is asked for."""
        self._warehouse.wait_for(
            lambda entry: (entry["method"], entry["statement_id"]) == ("GET", self.statement_id)
        )

    def cancelled(self) -> None:
        """Wait until it is cancelled, and let it end then."""
        self._warehouse.wait_for(
            lambda entry: bool(entry["path"].endswith(f"{self.statement_id}/cancel"))
        )
        self._warehouse.clear_faults(self._rule)
        ended = {"status": 200, "body": self._answer("CANCELED")}
        self._warehouse.fault(match=self._polls, action=ended, times=None)


@pytest.fixture
def hold(warehouse: Warehouse) -> Callable[..., Held]:
    return functools.partial(Held, warehouse)


@pytest.fixture
def held(hold: Callable[..., Held]) -> Held:
    return hold("SELECT 'held'")


@pytest.fixture
def value(cursor: dbapi.Cursor) -> Callable[..., Any]:
    """The value of an SQL expression, and that it is the same by way of JSON is left to others."""

    def evaluate(expression: str, parameters: Any = None) -> Any:
        rows = cursor.execute(f"SELECT {expression} AS c", parameters).fetchall()
        assert len(rows) == 1
        assert len(rows[0]) == 1
        return rows[0][0]

    return evaluate


@pytest.fixture
def type_code(cursor: dbapi.Cursor) -> Callable[[str], str]:
    """The type code of an SQL expression."""

    def describe(expression: str) -> str:
        description = cursor.execute(f"SELECT {expression} AS c").description
        assert description is not None
        return description[0][1]

    return describe
