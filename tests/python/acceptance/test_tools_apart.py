"""Tools with environments of their own: each example of their pages prints what the page says."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pages
import pytest
from databricks_sql_warehouse import Warehouse

import databricks_sql_kernel

from .conftest import connect_options

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.peer, pytest.mark.timeout(300)]

EXAMPLES = {
    f"{page}-{place}": example
    for page in pages.APART
    for place, example in enumerate(pages.examples(page))
}


@pytest.fixture
def airflow_python(request: pytest.FixtureRequest) -> str:
    given: str | None = request.config.getoption("--airflow-python", default=None)
    if given is None:
        pytest.skip("no --airflow-python: an interpreter with Airflow and ibis is needed")
    return str(Path(given).absolute())


@pytest.fixture(scope="module")
def tls_warehouse() -> Iterator[Warehouse]:
    with Warehouse.start(tls=True) as warehouse:
        yield warehouse


@pytest.fixture
def where(tls_warehouse: Warehouse, tmp_path: Path) -> dict[str, str]:
    """Variables that lead to the warehouse, and to our package."""
    ours = Path(databricks_sql_kernel.__file__ or "").parent
    (tmp_path / ours.name).symlink_to(ours)
    options = connect_options("ours", tls_warehouse)
    airflow = {
        "conn_type": "databricks",
        "host": "localhost",
        "password": tls_warehouse.access_token,
        "extra": {
            "http_path": tls_warehouse.http_path,
            "_port": tls_warehouse.port,
            "_tls_trusted_ca_file": options["_tls_trusted_ca_file"],
        },
    }
    return {
        "AIRFLOW_CONN_DATABRICKS_DEFAULT": json.dumps(airflow),
        "AIRFLOW_HOME": str(tmp_path),
        "DATABRICKS_HOST": options["server_hostname"],
        "DATABRICKS_HTTP_PATH": tls_warehouse.http_path,
        "DATABRICKS_TOKEN": tls_warehouse.access_token,
        "PYTHONPATH": str(tmp_path),
        "SSL_CERT_FILE": options["_tls_trusted_ca_file"],
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_of_a_page_prints_what_it_says(
    airflow_python: str, where: dict[str, str], name: str
) -> None:
    code, output = EXAMPLES[name]
    done = subprocess.run(
        [airflow_python, "-c", code],
        env={**os.environ, **where},
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    expected = output.splitlines()
    # Airflow logs to its standard output, too.
    assert [line for line in done.stdout.splitlines() if line in expected] == expected, done.stdout
