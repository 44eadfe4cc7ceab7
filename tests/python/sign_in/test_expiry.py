"""Tokens end: in the middle of a result, and while many threads need one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

from .conftest import one

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Connect

_THREADS = 32


def principal(warehouse: Warehouse) -> dict[str, Any]:
    return {
        "oauth_client_id": warehouse.client_id,
        "oauth_client_secret": warehouse.client_secret,
    }


def test_a_token_may_end_in_the_middle_of_a_long_result(
    sign_in: Connect, warehouse: Warehouse
) -> None:
    warehouse.settings(chunk_rows=1000, inline_limit_bytes=0, first_links=1)
    connection = sign_in(max_buffered_bytes=20_000, **principal(warehouse))
    cursor = connection.cursor().execute("SELECT id FROM range(200000)")
    rows = [row[0] for row in cursor.fetchmany(1500)]
    warehouse.expire_tokens()
    rows += [row[0] for row in cursor.fetchmany(50_000)]
    warehouse.expire_tokens()
    rows += [row[0] for row in cursor.fetchall()]
    assert rows == list(range(200_000))
    assert warehouse.token_requests() == {"client_credentials": 3}


@pytest.mark.parametrize("status", [401, 403])
def test_an_ended_token_is_renewed_once_whatever_the_service_answers(
    sign_in: Connect, warehouse: Warehouse, status: int
) -> None:
    warehouse.settings(expired_token_status=status)
    connection = sign_in(**principal(warehouse))
    for expected in (1, 2, 3):
        assert one(connection) == 1
        assert warehouse.token_requests() == {"client_credentials": expected}
        warehouse.expire_tokens()
    refused = sign_in(access_token=warehouse.issue_token())
    warehouse.expire_tokens()
    with pytest.raises(dbapi.OperationalError) as raised:
        one(refused)
    assert raised.value.http_status == status


@pytest.mark.parametrize("connections", [1, _THREADS])
def test_many_threads_at_the_moment_of_expiry_ask_once(
    sign_in: Connect, warehouse: Warehouse, connections: int
) -> None:
    opened = [sign_in(**principal(warehouse)) for _ in range(connections)]
    assert warehouse.token_requests() == {"client_credentials": 1}
    warehouse.expire_tokens()
    barrier = threading.Barrier(_THREADS)

    def ask(number: int) -> int:
        barrier.wait()
        return one(opened[number % connections])

    with ThreadPoolExecutor(_THREADS) as threads:
        assert list(threads.map(ask, range(_THREADS))) == [1] * _THREADS
    assert warehouse.token_requests() == {"client_credentials": 2}


def test_many_threads_that_connect_at_once_ask_once(sign_in: Connect, warehouse: Warehouse) -> None:
    barrier = threading.Barrier(_THREADS)

    def ask(_: int) -> int:
        barrier.wait()
        return one(sign_in(**principal(warehouse)))

    with ThreadPoolExecutor(_THREADS) as threads:
        assert list(threads.map(ask, range(_THREADS))) == [1] * _THREADS
    assert warehouse.token_requests() == {"client_credentials": 1}


def test_connections_with_other_secrets_do_not_share_a_token(
    sign_in: Connect, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.add_client("other", "s3cret-other")
    assert one(sign_in(**principal(warehouse))) == 1
    assert one(sign_in(oauth_client_id="other", oauth_client_secret="s3cret-other")) == 1
    assert one(sign_in(oauth_scopes=["sql"], **principal(warehouse))) == 1
    assert warehouse.token_requests() == {"client_credentials": 3}
    with pytest.raises(dbapi.OperationalError, match="invalid_client"):
        sign_in(**{**principal(warehouse), "oauth_client_secret": "wrong-s3cret"})
    # Nor do those whose environment leads elsewhere.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert one(sign_in(**principal(warehouse))) == 1
    assert warehouse.token_requests() == {"client_credentials": 5}


def test_a_token_goes_with_the_last_connection(warehouse: Warehouse) -> None:
    for expected in (1, 2):
        address = (warehouse.server_hostname, warehouse.http_path)
        # No other test has this time-out.
        options = {"login_timeout": 599, **principal(warehouse)}
        with dbapi.connect(*address, **options) as connection:
            assert one(connection) == 1
        assert warehouse.token_requests() == {"client_credentials": expected}
        del connection
