"""Whatever a server answers: an error, soon, in bounded memory, and nothing printed."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import lz4.frame
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

QUICK: dict[str, Any] = {
    "_retry_delay_min": 0.001,
    "_retry_delay_max": 0.01,
    "_retry_stop_after_attempts_count": 2,
}
SENDING = {"to": "api", "method": "POST", "path": "sql/statements/?$"}
STORAGE = {"to": "storage"}
PATIENCE = 120.0

pytestmark = pytest.mark.timeout(240)


def base64_of(body: bytes) -> str:
    return base64.b64encode(body).decode()


ANSWERS: dict[str, dict[str, Any]] = {
    "no JSON": {"replace_body": "{"},
    "no UTF-8": {"replace_body_base64": base64_of(b'{"statement_id": "\xff\xfe"}')},
    "nested deeply": {"replace_body": "[" * 200_000},
    "an array": {"replace_body": [1, 2, 3]},
    "nothing": {"replace_body": ""},
    "without an end": {"endless": True},
    "a number for an id": {"patch": {"statement_id": 7}},
    "an unknown state": {"patch": {"status": {"state": "DREAMING"}}},
    "an id that climbs": {"patch": {"statement_id": "..", "status": {"state": "RUNNING"}}},
    "a negative count": {"patch": {"manifest": {"total_row_count": -1}}},
    "a giant count of chunks": {"patch": {"manifest": {"total_chunk_count": 2**62}}},
    "too many rows": {"patch": {"manifest": {"total_row_count": 10**15}}},
    "too few rows": {"patch": {"manifest": {"total_row_count": 1}}},
    "a foreign format": {"patch": {"manifest": {"format": "PICKLE"}}},
    "columns of no type": {"patch": {"manifest": {"schema": {"columns": [{"name": 5}]}}}},
}
BODIES: dict[str, dict[str, Any]] = {
    "a bomb": {"replace_body_base64": base64_of(lz4.frame.compress(bytes(1 << 28)))},
    "a bomb that begins well": {
        "replace_body_base64": base64_of(lz4.frame.compress(b"\xff" * 4 + bytes(1 << 28)))
    },
    "without an end": {"endless": True},
    "a lie about its length": {"length": 1 << 40},
    "garbage": {"replace_body_base64": base64_of(bytes(range(256)) * 40)},
    "nothing": {"replace_body": ""},
}


def ended(warehouse: Warehouse) -> tuple[str, float]:
    """How a query ends, and after how many seconds."""
    arguments: dict[str, Any] = {**warehouse.connect_args(), **QUICK}
    started = time.monotonic()
    try:
        with dbapi.connect(**arguments) as connection, connection.cursor() as cursor:
            rows = cursor.execute("SELECT id FROM range(3000)").fetchall()
    except dbapi.Error as error:
        return f"{error.code}: {error}", time.monotonic() - started
    assert [row[0] for row in rows] == list(range(3000))
    return "rows", time.monotonic() - started


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_no_service_gives_is_an_error(
    acceptance_warehouse: Warehouse, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    acceptance_warehouse.settings(inline_limit_bytes=0, chunk_rows=1000)
    acceptance_warehouse.fault(match=SENDING, action=ANSWERS[name], times=None)
    told, seconds = ended(acceptance_warehouse)
    assert told != "rows"
    assert len(told) < 500
    assert seconds < PATIENCE
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_no_storage_gives_is_an_error(
    acceptance_warehouse: Warehouse, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    acceptance_warehouse.settings(inline_limit_bytes=0, chunk_rows=1000)
    acceptance_warehouse.fault(match=STORAGE, action=BODIES[name], times=None)
    told, seconds = ended(acceptance_warehouse)
    assert told != "rows"
    assert seconds < PATIENCE
    assert capfd.readouterr() == ("", "")


# The peak of this process alone: that of getrusage begins with what its parent had.
MEMORY = """
import json, sys
from databricks_sql_kernel import dbapi

def peak():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024

try:
    with dbapi.connect(**json.loads(sys.argv[1])) as connection:
        connection.cursor().execute("SELECT id FROM range(3000)").fetchall()
except dbapi.Error as error:
    print(json.dumps([error.code, peak()]))
"""


@pytest.mark.parametrize(
    ("match", "action"),
    [
        (STORAGE, BODIES["a bomb"]),
        (STORAGE, BODIES["without an end"]),
        (SENDING, ANSWERS["without an end"]),
    ],
    ids=["a bomb", "a body without an end", "an answer without an end"],
)
def test_what_unpacks_or_goes_on_for_ever_takes_bounded_memory(
    acceptance_warehouse: Warehouse, match: dict[str, Any], action: dict[str, Any]
) -> None:
    acceptance_warehouse.settings(inline_limit_bytes=0, chunk_rows=1000)
    acceptance_warehouse.fault(match=match, action=action, times=None)
    arguments = json.dumps({**acceptance_warehouse.connect_args(), **QUICK})
    command = [sys.executable, "-c", MEMORY, arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200)
    code, most = json.loads(done.stdout)
    assert code == "DataLoss"
    assert done.stderr == ""
    assert most < 400


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = st.sampled_from(
    [
        ("statement_id",),
        ("status",),
        ("status", "state"),
        ("status", "error"),
        ("manifest",),
        ("manifest", "schema"),
        ("manifest", "schema", "columns"),
        ("manifest", "chunks"),
        ("manifest", "total_row_count"),
        ("manifest", "total_chunk_count"),
        ("manifest", "truncated"),
        ("result",),
        ("result", "external_links"),
        ("result", "chunk_index"),
        ("result", "attachment"),
    ]
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(field=FIELDS, value=VALUES)
def test_any_value_in_any_field_is_an_error_or_changes_no_row(
    acceptance_warehouse: Warehouse, field: tuple[str, ...], value: object
) -> None:
    acceptance_warehouse.reset()
    acceptance_warehouse.settings(inline_limit_bytes=0, chunk_rows=1000)
    patch = value
    for name in reversed(field):
        patch = {name: patch}
    acceptance_warehouse.fault(match=SENDING, action={"patch": patch}, times=1)
    told, seconds = ended(acceptance_warehouse)
    assert told
    assert seconds < PATIENCE
