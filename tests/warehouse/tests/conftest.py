"""One warehouse for all tests, and a small client of its REST API."""

from __future__ import annotations

import itertools
import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest

from databricks_sql_warehouse import Warehouse
from databricks_sql_warehouse.framing import unframe

if TYPE_CHECKING:
    from collections.abc import Iterator

SQL = "/api/2.0/sql"
needs_duckdb_2 = pytest.mark.skipif(
    int(duckdb.__version__.partition(".")[0]) < 2,
    reason="with DuckDB 1, the last for Python 3.10, NULL is INT, VARIANT keeps the order of keys, "
    "and there are no zones like +05:30",
)


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Speaks the REST API in one session."""

    def __init__(self, warehouse: Warehouse, **session: Any) -> None:
        self.warehouse = warehouse
        body = {"warehouse_id": "local", **session}
        self.session_id = self.call("POST", SQL + "/sessions", body).json["session_id"]

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        token = {"authorization": f"Bearer {self.warehouse.access_token}"}
        url = self.warehouse.server_hostname + path
        return fetch(url, method, body, {**token, **headers})

    def post(self, sql: str, **fields: Any) -> Answer:
        body = {
            "warehouse_id": "local",
            "session_id": self.session_id,
            "statement": sql,
            "disposition": "EXTERNAL_LINKS",
            "format": "ARROW_STREAM",
            "result_compression": "LZ4_FRAME",
            "wait_timeout": "30s",
            **fields,
        }
        sent = {name: value for name, value in body.items() if value is not None}
        return self.call("POST", SQL + "/statements", sent)

    def execute(self, sql: str, **fields: Any) -> Any:
        return self.post(sql, **fields).json

    def rows(self, sql: str, **fields: Any) -> Any:
        inline = {"disposition": "INLINE", "format": "JSON_ARRAY", "result_compression": "NONE"}
        answer = self.execute(sql, **{**inline, **fields})
        assert answer["status"]["state"] == "SUCCEEDED", answer
        return answer["result"].get("data_array", [])

    def columns(self, sql: str, **fields: Any) -> Any:
        answer = self.execute(sql, **fields)
        assert answer["status"]["state"] == "SUCCEEDED", answer
        return answer["manifest"]["schema"].get("columns")

    def table(self, sql: str, **fields: Any) -> pa.Table:
        answer = self.execute(sql, **fields)
        assert answer["status"]["state"] == "SUCCEEDED", answer
        links = self.links(answer)
        return pa.concat_tables([read(fetch(link["external_link"]).body) for link in links])

    def links(self, answer: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = answer["result"].get("external_links", [])
        while found and (following := found[-1].get("next_chunk_internal_link")):
            found += self.call("GET", following).json["external_links"]
        return found

    def error(self, sql: str, **fields: Any) -> tuple[str, str]:
        status = self.execute(sql, **fields)["status"]
        assert status["state"] == "FAILED", status
        return status["sql_state"], status["error"]["message"]

    def poll(self, statement_id: str) -> Any:
        return self.call("GET", f"{SQL}/statements/{statement_id}").json

    def finish(self, statement_id: str) -> Any:
        """Poll until the statement has ended."""
        for _ in itertools.count():
            answer = self.poll(statement_id)
            if answer["status"]["state"] not in ("PENDING", "RUNNING"):
                break
        return answer


def fetch(
    url: str, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None
) -> Answer:
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            shown = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, response.read(), shown)
    except urllib.error.HTTPError as error:
        with error:
            shown = {name.lower(): value for name, value in error.headers.items()}
            return Answer(error.code, error.read(), shown)


def read(body: bytes) -> pa.Table:
    return pa.ipc.open_stream(pa.py_buffer(unframe(body))).read_all()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs clients of other hands, which have interpreters of their own."""
    for item in items:
        if {"peer_python", "arrowbricks_python"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("peer")


@pytest.fixture(scope="session")
def arrowbricks_python(request: pytest.FixtureRequest) -> str:
    option = request.config.getoption("--arrowbricks-python", default=None)
    found: str | None = option or os.environ.get("ARROWBRICKS_PYTHON")
    if found is None:
        pytest.skip("no ARROWBRICKS_PYTHON: an interpreter with arrowbricks[arro3] 6.2.0")
    return found


@pytest.fixture(scope="session")
def peer_python(request: pytest.FixtureRequest) -> str:
    option = request.config.getoption("--peer-python", default=None)
    found: str | None = option or os.environ.get("PEER_PYTHON")
    if found is None:
        pytest.skip("no PEER_PYTHON: an interpreter with the official connector and kernel")
    return found


@pytest.fixture(scope="session")
def running() -> Iterator[Warehouse]:
    with Warehouse.start() as warehouse:
        yield warehouse


@pytest.fixture(scope="session")
def running_tls() -> Iterator[Warehouse]:
    with Warehouse.start(tls=True) as warehouse:
        yield warehouse


@pytest.fixture
def secure(running_tls: Warehouse) -> Iterator[Warehouse]:
    running_tls.reset()
    yield running_tls
    running_tls.reset()


@pytest.fixture
def warehouse(running: Warehouse) -> Iterator[Warehouse]:
    yield running
    running.reset()


@pytest.fixture
def client(warehouse: Warehouse) -> Client:
    return Client(warehouse)
