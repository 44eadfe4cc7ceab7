"""Signing in to the local warehouse: without its personal token, by every other way."""

from __future__ import annotations

import itertools
import socket
import stat
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from databricks_sql_warehouse import Warehouse
from witness import report, witness_at_the_end, witnessed

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["witness_at_the_end", "witnessed"]
PASSPHRASE = "passphrase-s3cret"  # noqa: S105
# Who wants the same shares a token; here each test has its own.
_numbers = itertools.count()
KeyPair = tuple[bytes, str]
Connect: TypeAlias = "Callable[..., dbapi.Connection]"
_BROWSER = """\
import sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=30) as page:
    page.read()
"""


def key_pair(kind: str, passphrase: str | None = None) -> KeyPair:
    """A private key in PEM, and its public one."""
    key: Any
    if kind == "RSA":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    else:
        key = ec.generate_private_key(ec.SECP256R1() if kind == "P-256" else ec.SECP384R1())
    sealed = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private, public.decode()


def one(connection: dbapi.Connection) -> int:
    """Asks for a number that shows that the connection works."""
    with connection.cursor() as cursor:
        row = cursor.execute("SELECT 1").fetchone()
    assert row is not None
    number: int = row[0]
    return number


@pytest.fixture
def sign_in(warehouse: Warehouse) -> Iterator[Callable[..., dbapi.Connection]]:
    """Connect without the personal token."""
    opened: list[dbapi.Connection] = []
    apart = 600 + next(_numbers)

    def connect(**options: Any) -> dbapi.Connection:
        address = {
            "server_hostname": warehouse.server_hostname,
            "http_path": warehouse.http_path,
            "login_timeout": apart,
        }
        connection = dbapi.connect(**{**address, **options})
        opened.append(connection)
        return connection

    yield connect
    warehouse.clear_faults()
    for connection in opened:
        connection.close()


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Put a program written in Python first on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")

    def write(name: str, code: str) -> Path:
        file = folder / name
        file.write_text(f"#!{sys.executable}\n{code}")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return file

    return write


@pytest.fixture
def browser(program: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who follows every link."""
    file = program("browser", _BROWSER)
    monkeypatch.setenv("BROWSER", str(file))
    return file


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        number: int = listener.getsockname()[1]
        return number


@pytest.fixture(scope="session")
def running_tls_warehouse() -> Iterator[Warehouse]:
    with Warehouse.start(tls=True) as warehouse:
        yield warehouse


@pytest.fixture
def azure(running_tls_warehouse: Warehouse) -> Iterator[Callable[..., dbapi.Connection]]:
    """Connect to a workspace in Azure by its name, through the proxy of the local warehouse."""
    warehouse = running_tls_warehouse
    warehouse.reset()
    opened: list[dbapi.Connection] = []
    apart = 600 + next(_numbers)

    def connect(host: str = "adb-1.2.azuredatabricks.net", **options: Any) -> dbapi.Connection:
        connection = dbapi.connect(
            host,
            warehouse.http_path,
            proxy=warehouse.proxy_url,
            tls_trusted_ca_file=warehouse.ca,
            login_timeout=apart,
            **options,
        )
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.close()
    warehouse.reset()


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How much was looked at for secrets."""
    report(terminalreporter)
