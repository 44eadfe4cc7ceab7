"""What the arguments of `Session` do that other tests here do not show."""

from __future__ import annotations

import inspect
import re
import sys
import time
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import databricks_sql_kernel as kernel

from .conftest import execute

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Open

BUSY = {"status": 503}


def form(entry: dict[str, Any]) -> dict[str, str]:
    """What was posted to an endpoint of tokens."""
    return dict(urllib.parse.parse_qsl(entry["raw"]["body"]))


def test_oauth_scopes_are_asked_for(warehouse: Warehouse, open_session: Open) -> None:
    warehouse.settings(log_secrets=True)
    client_id, client_secret = warehouse.add_client()
    given = {
        "auth_type": "oauth-m2m",
        "access_token": None,
        "client_id": client_id,
        "client_secret": client_secret,
    }
    open_session(**given)
    open_session(**given, oauth_scopes=["sql", "offline_access"])
    asked = [form(entry)["scope"] for entry in warehouse.log(method="POST", path="/oidc/v1/token")]
    assert asked == ["all-apis", "sql offline_access"]


def test_token_url_replaces_what_the_workspace_names(
    warehouse: Warehouse, open_session: Open
) -> None:
    client_id, client_secret = warehouse.add_client()
    open_session(
        auth_type="oauth-m2m",
        access_token=None,
        client_id=client_id,
        client_secret=client_secret,
        token_url=f"{warehouse.server_hostname}/oidc/v1/token?mine=1",
    )
    paths = [entry["path"] for entry in warehouse.log() if "/oidc/" in entry["path"]]
    assert paths == ["/oidc/v1/token"]


def test_identity_federation_client_id_is_sent(warehouse: Warehouse, open_session: Open) -> None:
    warehouse.settings(log_secrets=True)
    client_id, _ = warehouse.add_client()
    token = warehouse.issue_foreign_token()
    open_session(access_token=token, identity_federation_client_id=client_id)
    (asked,) = warehouse.log(method="POST", path="/oidc/v1/token")
    assert form(asked)["identity_federation_client_id"] == client_id
    assert form(asked)["assertion"] == token
    assert "return_original_token_if_authenticated" not in form(asked)


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A browser that signs in by itself, and a folder without tokens."""
    program = tmp_path / "browser"
    program.write_text(
        f"#!{sys.executable}\nimport sys, urllib.request\n"
        "urllib.request.urlopen(sys.argv[1], timeout=30).read()\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(program))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return program


BROWSER: dict[str, Any] = {"auth_type": "oauth-u2m", "access_token": None}


@pytest.mark.usefixtures("browser")
def test_redirect_ports_are_where_the_browser_comes_back(
    warehouse: Warehouse, open_session: Open
) -> None:
    open_session(**BROWSER, redirect_ports=[0x2F41], token_cache_enabled=False)
    pages = [entry for entry in warehouse.log() if entry["path"].endswith("/authorize")]
    assert [str(0x2F41) in str(entry) for entry in pages] == [True]


@pytest.mark.usefixtures("browser")
def test_token_cache_enabled_keeps_tokens_between_processes(
    warehouse: Warehouse, open_session: Open, tmp_path: Path
) -> None:
    def kept() -> int:
        return len([file for file in tmp_path.rglob("*.json") if file.is_file()])

    open_session(**BROWSER, redirect_ports=[0x2F42], token_cache_enabled=False)
    assert kept() == 0
    open_session(**BROWSER, redirect_ports=[0x2F43], token_cache_enabled=True)
    assert kept() == 1
    assert warehouse.token_requests() == {"authorization_code": 2}


@pytest.mark.usefixtures("browser")
def test_token_cache_passphrase_is_what_opens_it(warehouse: Warehouse, open_session: Open) -> None:
    # Sessions that sign in alike share a token in memory: ports tell them apart.
    open_session(**BROWSER, redirect_ports=[0x2F44], token_cache_passphrase="one")
    open_session(**BROWSER, redirect_ports=[0x2F45], token_cache_passphrase="one")
    assert warehouse.token_requests() == {"authorization_code": 1}
    open_session(**BROWSER, redirect_ports=[0x2F46], token_cache_passphrase="another")
    assert warehouse.token_requests() == {"authorization_code": 2}


def test_oauth_callback_timeout_secs_bounds_the_wait(
    warehouse: Warehouse, open_session: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = tmp_path / "browser"
    idle.write_text("#!/bin/sh\n")
    idle.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(idle))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    started = time.monotonic()
    with pytest.raises(kernel.KernelError, match="within 1s"):
        open_session(**BROWSER, redirect_ports=[0x2F47], oauth_callback_timeout_secs=1)
    assert 1 <= time.monotonic() - started < 10
    assert warehouse.token_requests() == {}


def over_tls(warehouse: Warehouse, **arguments: Any) -> int:
    """Open a session and read a row from storage, over TLS."""
    warehouse.settings(inline_limit_bytes=0)
    session = kernel.Session(
        warehouse.server_hostname,
        warehouse.http_path,
        access_token=warehouse.access_token,
        retry_max_attempts=1,
        **arguments,
    )
    rows: int = execute(session, "SELECT 1").fetch_all_arrow().num_rows
    session.close()
    return rows


def pem(file: str | None) -> bytes:
    assert file
    return Path(file).read_bytes()


def test_tls_skip_verify_trusts_anybody_and_warns(
    tls_warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(kernel.KernelError, match="nobody who is trusted"):
        over_tls(tls_warehouse)
    with pytest.raises(kernel.KernelError, match="nobody who is trusted"):
        over_tls(tls_warehouse, tls_skip_hostname_verify=True)
    caplog.clear()
    assert over_tls(tls_warehouse, tls_skip_verify=True) == 1
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 1
    assert "tls_skip_verify" in warned[0]


def test_tls_client_cert_and_key_are_shown_to_servers(tls_warehouse: Warehouse) -> None:
    tls_warehouse.settings(client_certificate=True, storage_client_certificate=True)
    authority = {"tls_ca_cert": pem(tls_warehouse.ca)}
    certificate, key = pem(tls_warehouse.client_cert), pem(tls_warehouse.client_key)
    given = {"tls_client_cert": certificate, "tls_client_key": key}
    assert over_tls(tls_warehouse, **authority, **given) == 1
    both = dict.fromkeys(given, certificate + key)
    assert over_tls(tls_warehouse, **authority, **both) == 1


@pytest.mark.parametrize("attempts", [0, 1, 3])
def test_retry_max_attempts_counts_the_first(
    warehouse: Warehouse, open_session: Open, attempts: int
) -> None:
    warehouse.fault(match={"path": "sessions$"}, action=BUSY, times=None)
    with pytest.raises(kernel.KernelError) as caught:
        open_session(retry_max_attempts=attempts, retry_min_wait_secs=0, retry_max_wait_secs=0)
    assert caught.value.code == "Unavailable"
    sent = warehouse.log(method="POST", path="/api/2.0/sql/sessions")
    assert len(sent) == max(attempts, 1)


def test_retry_min_wait_secs_is_what_the_waits_grow_from(
    warehouse: Warehouse, open_session: Open
) -> None:
    warehouse.fault(match={"path": "sessions$"}, action=BUSY, times=8)
    started = time.monotonic()
    open_session(retry_max_attempts=9, retry_min_wait_secs=0, retry_max_wait_secs=60)
    assert time.monotonic() - started < 10


def test_retry_overall_timeout_secs_ends_the_repetitions(
    warehouse: Warehouse, open_session: Open
) -> None:
    warehouse.fault(match={"path": "sessions$"}, action={**BUSY, "retry_after": 30}, times=None)
    started = time.monotonic()
    with pytest.raises(kernel.KernelError) as caught:
        open_session(retry_overall_timeout_secs=2)
    assert caught.value.code == "Unavailable"
    assert time.monotonic() - started < 20


def test_retry_max_wait_secs_below_the_least_is_raised_and_told(
    warehouse: Warehouse, open_session: Open, caplog: pytest.LogCaptureFixture
) -> None:
    open_session(retry_min_wait_secs=5, retry_max_wait_secs=1)
    assert "retry_max_wait_secs" in caplog.text
    assert warehouse.sessions()


def test_request_timeout_secs_of_zero_is_no_limit(warehouse: Warehouse, open_session: Open) -> None:
    warehouse.fault(match={"path": "statements$"}, action={"delay": 1.0})
    assert execute(open_session(request_timeout_secs=0), "SELECT 1").fetch_all_arrow().num_rows == 1


def test_request_timeout_secs_holds_for_storage(warehouse: Warehouse, open_session: Open) -> None:
    warehouse.settings(inline_limit_bytes=0)
    warehouse.fault(match={"to": "storage"}, action={"delay": 20}, times=None)
    session = open_session(request_timeout_secs=0.3, retry_max_attempts=1)
    started = time.monotonic()
    with pytest.raises(kernel.KernelError, match="within request_timeout_secs"):
        execute(session, "SELECT 1").fetch_all_arrow()
    assert time.monotonic() - started < 10


def test_catalog_and_schema_are_sent_as_given(warehouse: Warehouse, open_session: Open) -> None:
    open_session()
    sent = warehouse.log(method="POST", path="/api/2.0/sql/sessions")[-1]["body"]
    assert not {"catalog", "schema", "session_confs"} & set(sent)
    session = open_session(catalog="system", schema="information_schema")
    row = execute(session, "SELECT current_catalog() AS a, current_schema() AS b")
    assert row.fetch_all_arrow().to_pylist() == [{"a": "system", "b": "information_schema"}]


def test_every_keyword_is_used_by_some_test() -> None:
    here = "\n".join(
        file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("*.py")
    )
    unused = {
        name
        for name in inspect.signature(kernel.Session).parameters
        if not re.search(rf"\b{name}\b[\"']?\s*[=:]", here)
    }
    assert unused == set()
