from __future__ import annotations

import json
import signal
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


def test_a_wrong_option_is_told() -> None:
    with pytest.raises(RuntimeError, match="status 1"):
        Warehouse.start(tls_cert="no-such-file")
