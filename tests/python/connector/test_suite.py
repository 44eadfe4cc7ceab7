"""The connector's own tests, end to end and of its units, on its own backends and on this one.

They are not part of this project: `--connector-source` or CONNECTOR_SOURCE names a checkout of the
connector's repository, `--peer-python` an interpreter of the same version as this one, with the
connector, the official kernel, pytest, pytest-timeout and pytz.
"""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from databricks_sql_warehouse import Warehouse

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

END_TO_END = {
    "use_sea": [
        "test_parameterized_queries.py",
        "test_complex_types.py",
        "test_variant_types.py",
        "test_transactions.py",
        "test_driver.py",
    ],
    "use_kernel": [
        "test_kernel_backend.py",
        "test_kernel_tls.py",
        "test_parameterized_queries.py",
        "test_complex_types.py",
        "test_variant_types.py",
        "test_transactions.py",
        "test_driver.py",
    ],
}
# The workspace has a real one's name, which the proxy of the local warehouse leads to: the
# connector puts a port of its own behind the name it is given.
WORKSPACE = "adb-1.2.azuredatabricks.net"
LEFT_OUT = {
    # Makes a query larger until it takes the service a minute: it measures the machine.
    "test_long_running_query",
    # Call assertEqual, which their classes do not have, after minutes.
    "test_query_with_large_wide_result_set",
    "test_query_with_large_narrow_result_set",
    # Compares more than a thousand million pairs of rows.
    "test_execute_async__long_running",
}
# They look for requests in urllib3, by which this backend sends nothing.
BY_URLLIB3 = {"retry", "retries", "retried", "test_3xx", "staging_ingestion_retr"}
# Tests that demand of their backends what this one does better.
DIFFERENT = {
    "staging_put_raises_not_supported": "PUT works by use_kernel, too",
}
# Files of unit tests that test the Python modules in whose place this backend stands.
REPLACED = [
    "test_filters.py",
    "test_kernel_auth_bridge.py",
    "test_kernel_client.py",
    "test_kernel_result_set.py",
    "test_kernel_type_mapping.py",
    "test_sea_backend.py",
    "test_sea_conversion.py",
    "test_sea_http_client.py",
    "test_sea_queue.py",
    "test_sea_result_set.py",
]
ON_A_PATH = """
import databricks.sql as sql
as_asked = sql.connect
def connect(*args, use_sea=None, use_kernel=None, **options):
    return as_asked(*args, **{{**options, {way!r}: True}})
sql.connect = connect
"""
INSTALLED = """
from databricks_sql_kernel import connector
connector.install()
"""
OUTCOME = re.compile(r"^(PASSED|FAILED|ERROR|SKIPPED) (?:\[\d+\] )?(\S+)", re.MULTILINE)


@pytest.fixture(scope="module")
def source(request: pytest.FixtureRequest) -> Path:
    given = request.config.getoption("--connector-source", default=None)
    given = given or os.environ.get("CONNECTOR_SOURCE")
    if not given:
        pytest.skip("no --connector-source: a checkout of the connector's repository is needed")
    return Path(given).resolve()


@pytest.fixture
def peer_python(request: pytest.FixtureRequest) -> str:
    given: str | None = request.config.getoption("--peer-python", default=None)
    if given is None:
        pytest.skip("no --peer-python: an interpreter with the connector is needed")
    return str(Path(given).absolute())


@pytest.fixture
def served() -> Iterator[Warehouse]:
    """A warehouse that no other module has."""
    with Warehouse.start(tls=True) as warehouse:
        options = {**warehouse.connect_args(), "tls_trusted_ca_file": warehouse.ca}
        with dbapi.connect(**options) as connection:
            connection.cursor().execute("CREATE VOLUME main.default.e2etests")
        yield warehouse


class Runs:
    """Runs tests of the connector's repository, with and without our backend."""

    def __init__(self, python: str, source: Path, place: Path) -> None:
        self._python = python
        self._source = source
        self._place = place
        # Our package alone, to be found before the official one.
        own = Path(sysconfig.get_paths()["platlib"]) / "databricks_sql_kernel"
        (place / "packages").mkdir()
        (place / "packages" / "databricks_sql_kernel").symlink_to(own)

    def outcomes(
        self, who: str, plugin: str, tests: list[str], left_out: set[str], **variables: str
    ) -> dict[str, str]:
        """What each test came to."""
        place = self._place / who
        place.mkdir()
        (place / "as_wanted.py").write_text(plugin)
        path = [str(place), str(self._source)]
        if who == "ours":
            path.insert(0, str(self._place / "packages"))
        chosen = " and ".join(f"not {name}" for name in sorted(left_out))
        command = [
            *(self._python, "-m", "pytest", "-q", "--tb=line", "-rA", "-p", "no:cacheprovider"),
            *("-p", "as_wanted", "--rootdir", str(place), "--timeout", "300", "-k", chosen),
            *tests,
        ]
        environment = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(path)}
        done = subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, check=False
        )
        (place / "output").write_text(done.stdout + done.stderr)
        return {name: outcome for outcome, name in OUTCOME.findall(done.stdout)}


@pytest.fixture
def runs(peer_python: str, source: Path, tmp_path: Path) -> Runs:
    return Runs(peer_python, source, tmp_path)


def nothing_is_worse(
    what: str,
    theirs: dict[str, str],
    ours: dict[str, str],
    record_property: Callable[[str, object], None],
) -> None:
    for who, result in [("official", theirs), ("ours", ours)]:
        counts = dict(sorted(Counter(result.values()).items()))
        record_property(f"{what} on {who}", counts)
        print(f"{what} on {who}: {counts}")  # noqa: T201
    passed = {name for name, outcome in theirs.items() if outcome == "PASSED"}
    assert passed, f"no test of {what} passed on the official stack"
    worse = {name: ours.get(name) for name in passed if ours.get(name) != "PASSED"}
    assert {name for name in worse if not any(part in name for part in DIFFERENT)} == set()


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(
    ("way", "module"), [(way, module) for way, modules in END_TO_END.items() for module in modules]
)
def test_whatever_passes_end_to_end_on_the_official_stack_passes_on_this_backend(  # noqa: PLR0913, PLR0917
    served: Warehouse,
    source: Path,
    runs: Runs,
    way: str,
    module: str,
    record_property: Callable[[str, object], None],
) -> None:
    assert served.ca
    variables = {
        "DATABRICKS_SERVER_HOSTNAME": WORKSPACE,
        "DATABRICKS_HTTP_PATH": served.http_path,
        "DATABRICKS_TOKEN": served.access_token,
        "DATABRICKS_CATALOG": "main",
        "DATABRICKS_SCHEMA": "default",
        "DATABRICKS_VOLUME": "files",
        "DATABRICKS_USER": "warehouse@localhost",
        "HTTPS_PROXY": served.proxy_url,
        "NO_PROXY": "",
        "MITMPROXY_CA_CERT": served.ca,
    }
    if module != "test_kernel_tls.py":  # where whom to trust is told by arguments
        variables |= {"SSL_CERT_FILE": served.ca, "REQUESTS_CA_BUNDLE": served.ca}
    tests = [str(source / "tests" / "e2e" / module)]
    plugin = ON_A_PATH.format(way=way)
    left_out = LEFT_OUT | BY_URLLIB3
    theirs = runs.outcomes("official", plugin, tests, left_out, **variables)
    ours = runs.outcomes("ours", INSTALLED + plugin, tests, left_out, **variables)
    nothing_is_worse(f"{module} by {way}", theirs, ours, record_property)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_whatever_unit_test_passes_on_the_official_stack_passes_with_this_backend(
    source: Path, runs: Runs, record_property: Callable[[str, object], None]
) -> None:
    files = sorted((source / "tests" / "unit").glob("test_*.py"))
    names = {file.name for file in files}
    assert names >= set(REPLACED)
    tests = [str(file) for file in files if file.name not in REPLACED]
    theirs = runs.outcomes("official", "", tests, {"no_such_test"})
    ours = runs.outcomes("ours", INSTALLED, tests, {"no_such_test"})
    nothing_is_worse("unit tests", theirs, ours, record_property)
