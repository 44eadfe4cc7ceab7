"""Signing in with a browser, and staying signed in."""

from __future__ import annotations

import sys
import threading
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

from .conftest import one

if TYPE_CHECKING:
    from pathlib import Path

    from databricks_sql_warehouse import Warehouse

    from .conftest import Connect


@pytest.mark.usefixtures("browser")
def test_the_user_signs_in_once_and_stays_signed_in(
    sign_in: Connect, warehouse: Warehouse, port: int
) -> None:
    connection = sign_in(auth_type="databricks-oauth", oauth_redirect_port=port)
    assert one(connection) == 1
    warehouse.expire_tokens()
    assert one(connection) == 1
    warehouse.expire_tokens()
    assert one(connection) == 1
    assert warehouse.token_requests() == {"authorization_code": 1, "refresh_token": 2}


@pytest.mark.usefixtures("browser")
@pytest.mark.parametrize(
    ("answer", "said"),
    [("deny", "access_denied The user said no"), ("wrong_state", "another sign-in")],
)
def test_a_user_who_does_not_sign_in_is_told_of(
    sign_in: Connect, warehouse: Warehouse, port: int, answer: str, said: str
) -> None:
    warehouse.settings(authorization=answer)
    with pytest.raises(dbapi.OperationalError, match=said) as raised:
        sign_in(auth_type="oauth-u2m", oauth_redirect_port=port)
    assert raised.value.code == "Unauthenticated"
    assert not warehouse.token_requests()


@pytest.mark.usefixtures("browser")
def test_nobody_is_waited_for_for_ever(sign_in: Connect, warehouse: Warehouse, port: int) -> None:
    warehouse.settings(authorization="hang")
    with pytest.raises(dbapi.OperationalError, match=r"nobody signed in .* within 500ms"):
        sign_in(auth_type="external-browser", oauth_redirect_port=port, oauth_callback_timeout=0.5)


def test_the_address_is_printed_where_there_is_no_browser(
    sign_in: Connect, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Reader:
        """A user who reads what is printed and goes there."""

        said = ""

        def write(self, text: str) -> int:
            self.said += text
            address = text.split("\n")[-2]
            visit = urllib.request.build_opener().open
            threading.Thread(target=lambda: visit(address).close()).start()
            return len(text)

        def flush(self) -> None:
            pass

    reader = Reader()
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("BROWSER", raising=False)
    monkeypatch.setattr(sys, "stderr", reader)
    connection = sign_in(auth_type="databricks-oauth", oauth_redirect_port=port)
    monkeypatch.undo()
    assert one(connection) == 1
    assert "No browser can be opened here" in reader.said


def test_no_browser_opens_unless_asked_for(
    sign_in: Connect, browser: Path, warehouse: Warehouse
) -> None:
    assert browser.exists()
    with pytest.raises(dbapi.ProgrammingError, match="auth_type='databricks-oauth'"):
        sign_in()
    assert not warehouse.log()


_HESITANT = """\
import socket, sys, urllib.parse, urllib.request
def query(url):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
port = urllib.parse.urlsplit(query(sys.argv[1])["redirect_uri"][0]).port
spare = [socket.create_connection(("localhost", port)) for _ in range(3)]
urllib.request.urlopen(sys.argv[1], timeout=30).read()
"""


def test_a_browser_may_open_connections_that_it_does_not_use(
    sign_in: Connect, browser: Path, port: int
) -> None:
    program = browser.read_text().partition("\n")[0]
    browser.write_text(f"{program}\n{_HESITANT}")
    options = {"oauth_redirect_port": port, "oauth_callback_timeout": 20}
    assert one(sign_in(auth_type="databricks-oauth", **options)) == 1


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the user's settings."""
    folder = tmp_path / "config"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    return folder


@pytest.mark.usefixtures("browser")
@pytest.mark.parametrize("passphrase", [None, "passphrase-s3cret"])
def test_a_cache_on_the_disk_spares_the_next_sign_in(
    sign_in: Connect,
    warehouse: Warehouse,
    port: int,
    settings: Path,
    passphrase: str | None,
) -> None:
    options: dict[str, Any] = {
        "auth_type": "databricks-oauth",
        "oauth_redirect_port": port,
        "oauth_token_cache_enabled": True,
        "oauth_token_cache_passphrase": passphrase,
    }

    def another(number: int) -> dbapi.Connection:
        """As in another process: those with other settings share no token in memory."""
        return sign_in(**options, login_timeout=100 + number)

    first = another(1)
    assert one(first) == 1
    assert one(another(2)) == 1
    assert warehouse.token_requests() == {"authorization_code": 1}
    warehouse.expire_tokens()
    # The remembered token is refused, and its refresh token is not.
    assert one(another(3)) == 1
    assert warehouse.token_requests() == {"authorization_code": 1, "refresh_token": 1}
    # That was good for one use, which the others get to know of.
    assert one(first) == 1
    warehouse.expire_tokens()
    assert one(first) == 1
    assert one(another(4)) == 1
    assert warehouse.token_requests() == {"authorization_code": 1, "refresh_token": 2}
    files = [file for file in settings.rglob("*") if file.is_file()]
    assert files
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert not any(b"dosr" in file.read_bytes() for file in files)


class Store:
    """Keeps the tokens of one host, as programs for the official connector do."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def read(self, hostname: str) -> Any:
        return self.kept.get(hostname)

    def persist(self, hostname: str, oauth_token: Any) -> None:
        self.kept[hostname] = oauth_token


@pytest.mark.usefixtures("browser")
def test_a_program_may_keep_the_sign_in_by_itself(
    sign_in: Connect, warehouse: Warehouse, port: int
) -> None:
    store = Store()
    options: dict[str, Any] = {
        "auth_type": "databricks-oauth",
        "oauth_redirect_port": port,
        "experimental_oauth_persistence": store,
    }
    assert one(sign_in(**options)) == 1
    ((host, token),) = store.kept.items()
    assert warehouse.server_hostname.startswith(f"http://{host}:")
    assert token.refresh_token.startswith("dosr")
    assert one(sign_in(**options)) == 1
    assert warehouse.token_requests() == {"authorization_code": 1}
    warehouse.expire_tokens()
    assert one(sign_in(**options)) == 1
    assert warehouse.token_requests() == {"authorization_code": 1, "refresh_token": 1}
    assert store.kept[host].refresh_token != token.refresh_token


@pytest.mark.usefixtures("browser")
def test_what_a_program_does_wrong_in_keeping_is_told(sign_in: Connect, port: int) -> None:
    class Broken(Store):
        def read(self, hostname: str) -> Any:
            raise LookupError(f"no vault for {hostname}")

    options = {"auth_type": "databricks-oauth", "oauth_redirect_port": port}
    with pytest.raises(dbapi.OperationalError, match="LookupError: no vault") as raised:
        sign_in(experimental_oauth_persistence=Broken(), **options)
    assert isinstance(raised.value.__cause__, LookupError)
    with pytest.raises(TypeError, match="method read"):
        sign_in(experimental_oauth_persistence=object(), **options)
