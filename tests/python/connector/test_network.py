"""Options of the connector about TLS and repeating are honoured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from databricks.sql import exc
from databricks.sql.auth.authenticators import AccessTokenAuthProvider
from databricks.sql.types import SSLOptions
from databricks_sql_warehouse import Warehouse

from databricks_sql_kernel import connector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Open


@pytest.fixture(scope="module")
def secure() -> Iterator[Warehouse]:
    with Warehouse.start(tls=True) as warehouse:
        yield warehouse


def where(warehouse: Warehouse, way: str, host: str = "localhost") -> dict[str, Any]:
    port = warehouse.port
    return {
        "server_hostname": host if way == "use_sea" else f"{host}:{port}",
        "_port": port,
        "http_path": warehouse.http_path,
        "access_token": warehouse.access_token,
        "_retry_stop_after_attempts_count": 1,
    }


def answer(connection: Any) -> list[Any]:
    rows: list[Any] = connection.cursor().execute("SELECT 1").fetchall()
    return rows


def test_a_certificate_is_trusted_by_its_authority_alone(
    open_connection: Open, secure: Warehouse, way: str
) -> None:
    place = where(secure, way)
    assert answer(open_connection(**place, _tls_trusted_ca_file=secure.ca)) == [(1,)]
    with pytest.raises(exc.OperationalError, match="certificate"):
        open_connection(**place)
    assert answer(open_connection(**place, _tls_no_verify=True)) == [(1,)]


def test_the_name_in_a_certificate_is_checked_unless_told_otherwise(
    open_connection: Open, way: str
) -> None:
    with Warehouse.start(tls=True) as other:
        other.settings(certificate="wrong_host")
        place = {**where(other, way), "_tls_trusted_ca_file": other.ca}
        with pytest.raises(exc.DatabaseError, match="certificate"):
            open_connection(**place)
        connection = open_connection(**place, _tls_verify_hostname=False)
        assert answer(connection) == [(1,)]
        connection.close()


@pytest.mark.parametrize("content", [None, b""])
def test_files_that_cannot_be_read_are_named(
    secure: Warehouse, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "authority"
    if content is not None:
        file.write_bytes(content)
    client = connector.KernelDatabricksClient(
        server_hostname=secure.server_hostname,
        http_path=secure.http_path,
        auth_provider=AccessTokenAuthProvider(secure.access_token),
        ssl_options=SSLOptions(tls_trusted_ca_file=str(file)),
    )
    with pytest.raises(
        exc.ProgrammingError, match=r"tls_trusted_ca_file '.*authority' (is|cannot)"
    ):
        client.open_session(None, None, None)


def test_what_did_not_run_is_repeated_as_often_as_told(
    open_connection: Open, warehouse: Warehouse
) -> None:
    options = {"_retry_delay_min": 0.01, "_retry_delay_max": 0.02}
    connection = open_connection(**options, _retry_stop_after_attempts_count=3)
    busy = {"status": 429, "body": {"message": "slow down"}}
    warehouse.fault(match={"path": "statements$"}, action=busy, times=2)
    assert answer(connection) == [(1,)]
    warehouse.fault(match={"path": "statements$"}, action=busy, times=3)
    with pytest.raises(exc.RequestError) as caught:
        answer(connection)
    assert caught.value.context["http-code"] == 429


def test_a_proxy_by_another_way_than_its_url_is_refused(open_connection: Open, way: str) -> None:
    if way == "use_kernel":
        pytest.skip("the connector keeps this option to itself")
    with pytest.raises(exc.NotSupportedError, match="_proxy_auth_method must be 'basic'"):
        open_connection(_proxy_auth_method="negotiate")
