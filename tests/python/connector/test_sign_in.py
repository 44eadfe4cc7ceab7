"""Tokens come from the connector's own providers, or from credentials that it hands over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from databricks import sql
from databricks.sql.exc import NotSupportedError, OperationalError
from databricks_sql_warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Open


@pytest.fixture(scope="module")
def running() -> Iterator[Warehouse]:
    with Warehouse.start(tls=True) as warehouse:
        yield warehouse


@pytest.fixture
def warehouse(running: Warehouse) -> Iterator[Warehouse]:
    """One by TLS: the connector signs in nowhere else."""
    running.reset()
    yield running
    running.reset()


def where(warehouse: Warehouse, way: str) -> dict[str, Any]:
    """What leads to the warehouse on a path of the connector."""
    port = warehouse.port
    return {
        "server_hostname": "localhost" if way == "use_sea" else f"localhost:{port}",
        "_port": port,
        "_tls_trusted_ca_file": warehouse.ca,
    }


@pytest.fixture
def connect(open_connection: Open, warehouse: Warehouse, way: str) -> Open:
    def connect_with(**options: Any) -> Any:
        return open_connection(**where(warehouse, way), **options)

    return connect_with


class Provider:
    """A `credentials_provider` of the connector, which counts how often it is asked."""

    def __init__(self, token: Callable[[], str]) -> None:
        self.asked = 0
        self._token = token

    def auth_type(self) -> str:
        return "own"

    def __call__(self, *_: Any) -> Callable[[], dict[str, str]]:
        def headers() -> dict[str, str]:
            self.asked += 1
            return {"Authorization": f"Bearer {self._token()}", "x-more": "1"}

        return headers


def test_an_interrupt_in_a_provider_is_raised_as_it_is(connect: Open, warehouse: Warehouse) -> None:
    def stops() -> str:
        raise KeyboardInterrupt("enough")

    provider = Provider(warehouse.issue_token)
    connection = connect(access_token=None, credentials_provider=provider)
    warehouse.expire_tokens()
    provider._token = stops
    with pytest.raises(KeyboardInterrupt, match="enough"):
        connection.cursor().execute("SELECT 1")
    provider._token = warehouse.issue_token
    assert connection.cursor().execute("SELECT 1").fetchall() == [(1,)]


def test_a_provider_is_asked_once_until_its_token_is_refused(
    connect: Open, warehouse: Warehouse
) -> None:
    provider = Provider(warehouse.issue_token)
    connection = connect(access_token=None, credentials_provider=provider)
    asked = provider.asked
    cursor = connection.cursor()
    for _ in range(5):
        cursor.execute("SELECT 1").fetchall()
    assert provider.asked == asked
    warehouse.expire_tokens()
    assert cursor.execute("SELECT 2").fetchall() == [(2,)]
    assert provider.asked > asked


def test_what_a_provider_adds_goes_along(connect: Open, warehouse: Warehouse, way: str) -> None:
    if way == "use_sea":
        pytest.skip("the connector's federation hands over the token alone")
    warehouse.settings(log_secrets=True)
    connect(access_token=None, credentials_provider=Provider(warehouse.issue_token))
    assert ["x-more", "1"] in warehouse.log()[-1]["raw"]["headers"]


def test_what_a_provider_raises_is_the_cause(connect: Open) -> None:
    def fail() -> str:
        raise LookupError("no token today")

    with pytest.raises(OperationalError, match="no token today") as caught:
        connect(access_token=None, credentials_provider=Provider(fail))
    assert isinstance(caught.value.__cause__, LookupError)


def test_a_provider_may_use_the_driver(connect: Open, warehouse: Warehouse) -> None:
    def token() -> str:
        own = {**warehouse.connect_args(), **where(warehouse, "use_sea")}
        own |= {"use_sea": True, "enable_telemetry": False}
        with sql.connect(**own) as other:
            other.cursor().execute("SELECT 1").fetchall()
        return warehouse.issue_token()

    connection = connect(access_token=None, credentials_provider=Provider(token))
    assert connection.cursor().execute("SELECT 1").fetchall() == [(1,)]


def test_service_principals_sign_in(connect: Open, warehouse: Warehouse, way: str) -> None:
    if way == "use_sea":
        pytest.skip("the connector itself has no such sign-in but by a credentials_provider")
    client_id, client_secret = warehouse.add_client()
    connection = connect(
        access_token=None,
        oauth_client_id=client_id,
        oauth_client_secret=client_secret,
    )
    assert connection.cursor().execute("SELECT 1").fetchall() == [(1,)]
    assert warehouse.token_requests() == {"client_credentials": 1}


def test_foreign_tokens_are_exchanged(connect: Open, warehouse: Warehouse, way: str) -> None:
    if way == "use_sea":
        pytest.skip("the connector exchanges them itself, at port 443")
    foreign = warehouse.issue_foreign_token()
    connection = connect(access_token=foreign)
    assert connection.cursor().execute("SELECT 1").fetchall() == [(1,)]
    assert list(warehouse.token_requests().values()) == [1]


def test_without_credentials_the_error_lists_them(connect: Open, way: str) -> None:
    if way == "use_sea":
        pytest.skip("the connector opens a browser")
    with pytest.raises(NotSupportedError, match="found no credentials: pass access_token"):
        connect(access_token=None)


def test_no_secret_shows(connect: Open, warehouse: Warehouse) -> None:
    connection = connect()
    backend = connection.session.backend
    shown = (
        f"{backend!r} {dir(backend)} {connection.cursor().execute('SELECT 1').active_result_set!r}"
    )
    assert warehouse.access_token not in shown
