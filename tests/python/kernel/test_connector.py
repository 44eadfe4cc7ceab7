"""The connector's own end-to-end tests, on the official kernel and on this one.

They are not part of this project: `--connector-source` or CONNECTOR_SOURCE names a checkout of the
connector's repository, `--peer-python` an interpreter of the same version as this one, with the
connector, the official kernel, pytest, pytest-timeout and pytz.

The workspace has a real one's name, which the proxy of the local warehouse leads to: the connector
puts a port of its own behind the name it is given, and its tests of TLS want a proxy between.
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
from databricks_sql_warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODULES = [
    "test_kernel_backend.py",
    "test_kernel_tls.py",
    "test_parameterized_queries.py",
    "test_complex_types.py",
    "test_transactions.py",
    "test_driver.py",
]
WORKSPACE = "adb-1.2.azuredatabricks.net"
PATIENCE = "300"
# Left out, and why.
LEFT_OUT = {
    # Makes a query larger until it takes the service a minute: it measures the machine.
    "test_long_running_query",
    # Compares more than a thousand million pairs of rows, which takes the local warehouse longer
    # than a test may take here.
    "test_execute_async__long_running",
    # Fetches more than twelve million rows one by one.
    "test_query_with_large_narrow_result_set",
}
# Most of these tests ask for Thrift, which the local warehouse does not speak, or for the backend
# in Python. No wheel has a part in either; this sends all of them through the kernel.
PLUGIN = """
import databricks.sql as sql
as_asked = sql.connect
def connect(*args, use_sea=None, **options):
    return as_asked(*args, **{**options, "use_kernel": True})
sql.connect = connect
"""
OUTCOME = re.compile(r"^(PASSED|FAILED|ERROR|SKIPPED) (?:\[\d+\] )?(\S+)", re.MULTILINE)


@pytest.fixture(scope="module")
def source(request: pytest.FixtureRequest) -> Path:
    given = request.config.getoption("--connector-source", default=None)
    given = given or os.environ.get("CONNECTOR_SOURCE")
    if not given:
        pytest.skip("no --connector-source: a checkout of the connector's repository is needed")
    return Path(given).resolve()


def outcomes(
    python: str, source: Path, module: str, place: Path, path: list[str], **variables: str
) -> dict[str, str]:
    """What each test of a module came to."""
    place.mkdir()
    (place / "through_kernel.py").write_text(PLUGIN)
    command = [
        *(python, "-m", "pytest", "-q", "--tb=line", "-rA", "-p", "no:cacheprovider"),
        *("-p", "through_kernel"),
        *(
            "--rootdir",
            str(place),
            "--timeout",
            PATIENCE,
            "-k",
            " and ".join(f"not {name}" for name in sorted(LEFT_OUT)),
            str(source / "tests" / "e2e" / module),
        ),
    ]
    environment = {**os.environ, **variables}
    environment["PYTHONPATH"] = os.pathsep.join([str(place), *path, str(source)])
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


@pytest.fixture
def served() -> Iterator[Warehouse]:
    """A warehouse that no other module has."""
    with Warehouse.start(tls=True) as warehouse:
        yield warehouse


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("module", MODULES)
def test_whatever_passes_on_the_official_kernel_passes_on_this_one(  # noqa: PLR0913, PLR0917
    served: Warehouse,
    source: Path,
    peer_python: str,
    module: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    assert served.ca
    variables = {
        "DATABRICKS_SERVER_HOSTNAME": WORKSPACE,
        "DATABRICKS_HTTP_PATH": served.http_path,
        "DATABRICKS_TOKEN": served.access_token,
        "DATABRICKS_CATALOG": "main",
        "DATABRICKS_SCHEMA": "default",
        "HTTPS_PROXY": served.proxy_url,
        "NO_PROXY": "",
        "MITMPROXY_CA_CERT": served.ca,
    }
    if module != "test_kernel_tls.py":  # where whom to trust is told by arguments
        variables |= {"SSL_CERT_FILE": served.ca, "REQUESTS_CA_BUNDLE": served.ca}
    theirs = outcomes(peer_python, source, module, tmp_path / "theirs", [], **variables)
    packages = copy_of_ours(tmp_path / "packages")
    ours = outcomes(peer_python, source, module, tmp_path / "ours", [str(packages)], **variables)
    for who, result in [("official", theirs), ("ours", ours)]:
        counts = {kind: list(result.values()).count(kind) for kind in sorted(set(result.values()))}
        record_property(f"{module} on {who}", counts)
        print(f"{module} on {who}: {counts}")
    passed = {name for name, outcome in theirs.items() if outcome == "PASSED"}
    assert passed, f"no test of {module} passed on the official kernel"
    worse = {name: ours.get(name) for name in passed if ours.get(name) != "PASSED"}
    assert worse == {}
