"""A million rows: in bounded memory, and in a fifth of the official connector's CPU time."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from databricks_sql_warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Report

ROWS = 1_000_000
ROUNDS = 3
MOST_GROWTH = 150
MOST_CPU_RATIO = 0.2
READER = Path(__file__).with_name("narrow_reader.py")


def narrow(rows: int) -> str:
    """A query for rows of a BIGINT, a DOUBLE, an INT and a short STRING."""
    # 10^12 + 3i; normal (100, 50) with 3 digits, by Box and Muller; +-100000; one of 20000 codes.
    return f"""
    SELECT 1000000000000 + 3 * id AS id,
           round(100 + 50 * sqrt(-2 * ln((id * 7919 % 1000003 + 0.5) / 1000003))
                     * cos(2 * pi() * (id * 104729 % 999983) / 999983), 3) AS x,
           CAST(id * 15485863 % 200000 - 100000 AS INT) AS k,
           concat('code-', lpad(CAST(id * 32452843 % 20000 AS STRING), 5, '0')) AS s
    FROM range({rows})
"""


NARROW = narrow(ROWS)

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="memory is measured by Linux' /proc"
)


def test_a_million_rows_are_read_in_bounded_memory(
    acceptance_warehouse: Warehouse, report: Report
) -> None:
    figures = _measured(sys.executable, "ours", acceptance_warehouse.connect_args(), "fetchmany")
    report("MB of growth", f"{figures['growth']:.1f}")
    report("CPU seconds", f"{figures['cpu']:.3f}")
    assert figures["growth"] < MOST_GROWTH


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_rows_take_a_fifth_of_the_connectors_cpu_time(
    tls_warehouse: tuple[Warehouse, Path], peer_python: str, report: Report
) -> None:
    warehouse, authority = tls_warehouse
    arguments = {**warehouse.connect_args(), "_tls_trusted_ca_file": str(authority)}
    for_connector = {**arguments, "server_hostname": "localhost", "_port": warehouse.port}
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(_measured(sys.executable, "ours", arguments, "fetchall")["cpu"])
        theirs.append(_measured(peer_python, "connector", for_connector, "fetchall")["cpu"])
    ratio = statistics.median(ours) / statistics.median(theirs)
    report("ours, CPU seconds", _listed(ours))
    report("connector, CPU seconds", _listed(theirs))
    report("ratio of the medians", f"{ratio:.3f}")
    assert ratio <= MOST_CPU_RATIO


@pytest.fixture
def peer_python(request: pytest.FixtureRequest) -> str:
    given: str | None = request.config.getoption("--peer-python", default=None)
    if given is None:
        pytest.skip("no --peer-python: an interpreter with databricks-sql-connector is needed")
    return given


@pytest.fixture
def tls_warehouse(peer_python: str, tmp_path: Path) -> Iterator[tuple[Warehouse, Path]]:
    """A warehouse that speaks TLS, and the file of the authority that signed for it."""
    assert peer_python
    authority, certificate, key = _certificates(tmp_path)
    with Warehouse.start(tls_cert=str(certificate), tls_key=str(key)) as warehouse:
        yield warehouse, authority


def _certificates(folder: Path) -> tuple[Path, Path, Path]:
    """An authority's certificate, and a certificate with its key that it signed for localhost."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is needed to make certificates")
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
    extended = ["-extfile", str(extensions)]
    for command in (
        ["req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority"],
        ["req", *new_key, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost"],
        ["x509", "-req", "-in", "request.pem", *signer, *extended, "-out", "certificate.pem"],
    ):
        subprocess.run([openssl, *command], cwd=folder, check=True, capture_output=True)
    return folder / "ca.pem", folder / "certificate.pem", folder / "key.pem"


def _measured(python: str, driver: str, connect: dict[str, Any], read: str) -> dict[str, Any]:
    """What reading the result took in a process of its own; every row must have come."""
    order = {"driver": driver, "connect": connect, "sql": NARROW, "read": read}
    done = subprocess.run(
        [python, str(READER)],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    assert figures["rows"] == ROWS
    assert figures["last"][0] == 10**12 + 3 * (ROWS - 1)
    return figures


def _listed(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.3f} ({' '.join(f'{each:.3f}' for each in seconds)})"
