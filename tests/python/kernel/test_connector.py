"""The connector's own end-to-end tests, on the official kernel and on this one.

They are not part of this project: `--connector-source` or CONNECTOR_SOURCE names a checkout of the
connector's repository, `--peer-python` an interpreter of the same version as this one, with the
connector, the official kernel, pytest, pytest-timeout and pytz.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

MODULES = [
    "test_kernel_backend.py",
    "test_kernel_tls.py",
    "test_parameterized_queries.py",
    "test_complex_types.py",
    "test_transactions.py",
    "test_driver.py",
]
# A test of theirs that uses Thrift, which the local warehouse does not speak, waits for nothing.
PATIENCE = "20"
OUTCOME = re.compile(r"^(PASSED|FAILED|ERROR|SKIPPED) (?:\[\d+\] )?(\S+)", re.MULTILINE)


@pytest.fixture(scope="module")
def source(request: pytest.FixtureRequest) -> Path:
    given = request.config.getoption("--connector-source", default=None)
    given = given or os.environ.get("CONNECTOR_SOURCE")
    if not given:
        pytest.skip("no --connector-source: a checkout of the connector's repository is needed")
    return Path(given).resolve()


def outcomes(
    python: str, source: Path, module: str, place: Path, **variables: str
) -> dict[str, str]:
    """What each test of a module came to."""
    place.mkdir()
    command = [
        *(python, "-m", "pytest", "-q", "--tb=line", "-rA", "-p", "no:cacheprovider"),
        *("--rootdir", str(place), "--timeout", PATIENCE, str(source / "tests" / "e2e" / module)),
    ]
    environment = {**os.environ, "PYTHONPATH": str(source), **variables}
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    return {name: outcome for outcome, name in OUTCOME.findall(done.stdout)}


def copy_of_ours(place: Path) -> Path:
    """Our package alone, to be found before the official one."""
    own = Path(sysconfig.get_paths()["platlib"])
    parts = list(own.glob("databricks_sql_kernel*"))
    assert len(parts) == 2
    for part in parts:
        shutil.copytree(part, place / part.name)
    return place


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("module", MODULES)
def test_whatever_passes_on_the_official_kernel_passes_on_this_one(  # noqa: PLR0913, PLR0917
    warehouse: Warehouse,
    source: Path,
    peer_python: str,
    module: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    variables = {
        "DATABRICKS_SERVER_HOSTNAME": warehouse.server_hostname,
        "DATABRICKS_HTTP_PATH": warehouse.http_path,
        "DATABRICKS_TOKEN": warehouse.access_token,
        "DATABRICKS_CATALOG": "main",
        "DATABRICKS_SCHEMA": "default",
    }
    theirs = outcomes(peer_python, source, module, tmp_path / "theirs", **variables)
    packages = copy_of_ours(tmp_path / "packages")
    variables["PYTHONPATH"] = os.pathsep.join([str(packages), str(source)])
    ours = outcomes(peer_python, source, module, tmp_path / "ours", **variables)
    for who, result in [("official", theirs), ("ours", ours)]:
        counts = {kind: list(result.values()).count(kind) for kind in sorted(set(result.values()))}
        record_property(f"{module} on {who}", counts)
        print(f"{module} on {who}: {counts}")
    assert ours or not theirs
    passed = {name for name, outcome in theirs.items() if outcome == "PASSED"}
    worse = {name: ours.get(name) for name in passed if ours.get(name) != "PASSED"}
    assert worse == {}
