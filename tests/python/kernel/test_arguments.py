"""What `Session` refuses, and how."""

from __future__ import annotations

import base64
import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import databricks_sql_kernel as kernel

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Open

PATH = "/sql/1.0/warehouses/local"
TOKEN = {"access_token": "dapi"}
REFUSED: list[tuple[dict[str, Any], type[Exception], str | None]] = [
    ({}, ValueError, "requires auth"),
    ({"client_id": "a", "client_secret": "b"}, ValueError, "requires auth"),
    ({"auth_type": "PAT", **TOKEN}, ValueError, "'oauth-m2m-jwt'"),
    ({"access_token": ""}, ValueError, "must not be empty"),
    ({"auth_type": "pat"}, ValueError, "requires access_token"),
    ({"auth_type": "oauth-m2m"}, ValueError, "requires client_id"),
    (
        {"auth_type": "oauth-m2m", "client_id": "a", "client_secret": ""},
        ValueError,
        "client_secret",
    ),
    ({"auth_type": "oauth-m2m-jwt", "client_id": "a"}, ValueError, "requires jwt_key_file"),
    (
        {"auth_type": "oauth-m2m-jwt", "client_id": "a", "jwt_key_file": "/f"},
        ValueError,
        "requires jwt_kid",
    ),
    ({"auth_type": "oauth-u2m", "client_id": ""}, ValueError, "client_id"),
    ({"auth_type": "azure-sp-m2m"}, ValueError, "non-empty azure_client_id"),
    ({"redirect_ports": [], **TOKEN}, ValueError, "redirect_ports"),
    ({"redirect_ports": [0], **TOKEN}, ValueError, "redirect_ports"),
    ({"redirect_ports": [65536], **TOKEN}, OverflowError, None),
    ({"oauth_callback_timeout_secs": 0, **TOKEN}, ValueError, "oauth_callback_timeout_secs"),
    ({"oauth_scopes": "sql", **TOKEN}, TypeError, None),
    ({"token_cache_enabled": 1, **TOKEN}, TypeError, None),
    ({"tls_ca_cert": "PEM", **TOKEN}, TypeError, None),
    ({"tls_skip_verify": 1, **TOKEN}, TypeError, None),
    ({"request_timeout_secs": float("nan"), **TOKEN}, ValueError, "finite and >= 0"),
    ({"request_timeout_secs": -1, **TOKEN}, ValueError, "finite and >= 0"),
    ({"request_timeout_secs": 1e30, **TOKEN}, ValueError, "finite and >= 0"),
    ({"request_timeout_secs": "1", **TOKEN}, TypeError, None),
    ({"max_connections": 0, **TOKEN}, ValueError, "greater than 0"),
    ({"max_connections": -1, **TOKEN}, OverflowError, None),
    ({"retry_min_wait_secs": 1.5, **TOKEN}, TypeError, None),
    ({"retry_max_attempts": -1, **TOKEN}, OverflowError, None),
    ({"http_headers": {"a": "b"}, **TOKEN}, TypeError, None),
    ({"http_headers": [["a", "b"]], **TOKEN}, TypeError, None),
    ({"session_conf": {"a": 1}, **TOKEN}, TypeError, None),
    ({"enable_geospatial_support": None, **TOKEN}, TypeError, None),
    ({"telemetry_batch_size": 0, **TOKEN}, ValueError, "telemetry_batch_size"),
    ({"telemetry_circuit_breaker_threshold": 0, **TOKEN}, ValueError, "threshold"),
    ({"nonsense": 1, **TOKEN}, TypeError, "nonsense"),
]


@pytest.mark.parametrize(("arguments", "error", "text"), REFUSED)
def test_arguments_that_make_no_sense_are_refused(
    arguments: dict[str, Any], error: type[Exception], text: str | None
) -> None:
    with pytest.raises(error, match=text):
        kernel.Session("localhost", PATH, **arguments)


@pytest.mark.parametrize(
    ("host", "path", "arguments"),
    [
        ("localhost", "/sql/protocolv1/o/1/2", {}),
        ("localhost", "/sql/1.0/warehouses/", {}),
        ("a b", PATH, {}),
        ("", PATH, {}),
        ("localhost", PATH, {"access_token": "a\nb"}),
        ("localhost", PATH, {"tls_ca_cert": b"nothing"}),
        ("localhost", PATH, {"tls_client_cert": b"x"}),
        ("localhost", PATH, {"http_headers": [("a b", "c")]}),
        (
            "localhost",
            PATH,
            {"auth_type": "oauth-m2m-jwt", "client_id": "a", "jwt_kid": "k", "jwt_key_file": "/no"},
        ),
    ],
)
def test_settings_that_cannot_work_are_invalid_arguments(
    host: str, path: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(kernel.KernelError) as caught:
        kernel.Session(host, path, **{**TOKEN, **arguments})
    assert caught.value.code == "InvalidArgument"
    assert caught.value.retryable is False


def test_settings_of_this_driver_are_not_sent(warehouse: Warehouse, open_session: Open) -> None:
    open_session(
        catalog="main",
        schema="default",
        session_conf={
            "TIMEZONE": "UTC",
            "cloudfetch_enabled": "true",
            "cloudfetch_link_prefetch_window": "5",
            "intervals_as_string": "true",
        },
    )
    sent = warehouse.log(method="POST", path="/api/2.0/sql/sessions")[-1]["body"]
    assert sent["session_confs"] == {"TIMEZONE": "UTC"}
    assert (sent["catalog"], sent["schema"]) == ("main", "default")


def test_a_session_without_links_reads_inline_json(
    warehouse: Warehouse, open_session: Open
) -> None:
    session = open_session(session_conf={"cloudfetch_enabled": "false"})
    statement = session.statement()
    statement.set_sql("SELECT id FROM range(3)")
    assert statement.execute().fetch_all_arrow().to_pydict() == {"id": [0, 1, 2]}
    sent = warehouse.log(method="POST", path="/api/2.0/sql/statements")[-1]["body"]
    assert sent["disposition"] == "INLINE"


def test_a_workspace_may_be_below_a_path(warehouse: Warehouse) -> None:
    host = f"{warehouse.server_hostname}/gate/way/"
    with pytest.raises(kernel.KernelError):
        kernel.Session(host, PATH, access_token=warehouse.access_token)
    assert warehouse.log()[-1]["path"] == "/gate/way/api/2.0/sql/sessions"


@pytest.mark.parametrize("on", [True, False])
def test_answers_are_compressed_where_asked(
    warehouse: Warehouse,
    open_session: Open,
    on: bool,  # noqa: FBT001
) -> None:
    warehouse.settings(log_secrets=True, inline_limit_bytes=0)
    session = open_session(sea_response_compression_enabled=on)
    statement = session.statement()
    statement.set_sql("SELECT 1 AS n")
    statement.execute().fetch_all_arrow()
    coding = {
        (entry["to"], dict(entry["raw"]["headers"]).get("accept-encoding"))
        for entry in warehouse.log()
    }
    assert coding == {("api", "gzip" if on else "identity"), ("storage", "identity")}


def test_a_compressed_answer_is_read(warehouse: Warehouse, open_session: Open) -> None:
    session = open_session(sea_response_compression_enabled=True)
    statement = session.statement()
    statement.set_sql("SELECT 1")
    submitted = statement.submit()
    body = {"statement_id": submitted.statement_id, "status": {"state": "RUNNING"}}
    compressed = gzip.compress(json.dumps(body).encode())
    action = {
        "replace_body_base64": base64.b64encode(compressed).decode(),
        "headers": {"content-encoding": "gzip"},
    }
    warehouse.fault(match={"method": "GET", "path": submitted.statement_id}, action=action)
    assert submitted.status() == ("Running", None)


@pytest.mark.parametrize(("kept", "made"), [(None, 4), (1, 7)])
def test_max_connections_bounds_those_that_are_kept(
    tls_warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    kept: int | None,
    made: int,
) -> None:
    """Each connection is a tunnel through the proxy; four requests at a time need four."""
    warehouse = tls_warehouse
    monkeypatch.setenv("HTTPS_PROXY", warehouse.proxy_url)
    assert warehouse.ca
    session = kernel.Session(
        "adb-1.2.azuredatabricks.net",
        warehouse.http_path,
        access_token=warehouse.access_token,
        tls_ca_cert=Path(warehouse.ca).read_bytes(),
        max_connections=kept,
    )
    warehouse.fault(match={"path": "statements/none"}, action={"delay": 1.5}, times=None)

    def ask(number: int) -> str:
        with pytest.raises(kernel.KernelError) as caught:
            session.attach_async_statement(f"none-{number}")
        code: str = caught.value.code
        return code

    for _ in range(2):
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(ask, range(4))) == ["NotFound"] * 4
    assert len(warehouse.log(to="proxy")) == made
    session.close()


def test_whoever_asks_for_telemetry_is_told_that_there_is_none(
    warehouse: Warehouse, open_session: Open, caplog: pytest.LogCaptureFixture
) -> None:
    open_session(telemetry_enabled=False).close()
    open_session(telemetry_enabled=None).close()
    assert not caplog.records
    open_session(telemetry_enabled=True).close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "telemetry_enabled" in caplog.text
    assert {entry["path"].split("/")[3] for entry in warehouse.log(to="api")} == {"sql"}


def test_telemetry_and_identity_are_accepted_and_nothing_is_sent(
    warehouse: Warehouse, open_session: Open
) -> None:
    session = open_session(
        driver_name="Databricks SQL Python Connector",
        driver_version="4.9.0",
        runtime_name="Python",
        runtime_version="3.11",
        runtime_vendor="CPython",
        os_name="Linux",
        os_version="6",
        os_arch="x86_64",
        client_app_name="app",
        locale_name="en_US",
        char_set_encoding="utf-8",
        process_name="python",
        telemetry_batch_size=5,
        telemetry_flush_interval_ms=1,
        telemetry_max_retries=0,
        telemetry_retry_delay_ms=0,
        telemetry_close_flush_timeout_ms=1,
        telemetry_circuit_breaker_enabled=False,
        telemetry_circuit_breaker_threshold=0,
        telemetry_circuit_breaker_timeout_ms=0,
    )
    session.close()
    assert {entry["path"].split("/")[3] for entry in warehouse.log(to="api")} == {"sql"}
