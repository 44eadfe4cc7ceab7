from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from databricks_sql_warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "databricks_sql_warehouse"]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    arguments = [*COMMAND, "--token=secret", "--warehouse-id=w1"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as started:
        yield started
        started.kill()


def test_one_line_says_how_to_connect(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert ready["token"] == "secret"
    assert ready["http_path"] == "/sql/1.0/warehouses/w1"
    assert ready["url"] == f"http://localhost:{ready['port']}"
    assert ready["storage_url"] != ready["url"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(process: subprocess.Popen[str], number: signal.Signals) -> None:
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    assert process.wait(timeout=10) == 0


def test_it_ends_with_its_parent() -> None:
    warehouse = Warehouse.start()
    warehouse.stop()
    with pytest.raises(OSError, match="refused"):
        warehouse.log()


def test_a_file_that_is_missing_is_named() -> None:
    ended = run("--tls-cert", "no-such-file")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "cannot start: --tls-cert no-such-file" in line
    with pytest.raises(RuntimeError, match="status 1"):
        Warehouse.start(tls_cert="no-such-file")


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("--port", str(port))
    assert ended.returncode == 1
    assert f"('127.0.0.1', {port})" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "options",
    [["--storage-tls", "other"], ["--storage-tls", "off"], ["--tls", "--tls-cert", "file"]],
)
def test_options_that_do_not_go_together_are_refused(options: list[str]) -> None:
    ended = run(*options)
    assert ended.returncode == 2
    assert "--tls" in ended.stderr


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *options], capture_output=True, text=True, timeout=30, check=False
    )
