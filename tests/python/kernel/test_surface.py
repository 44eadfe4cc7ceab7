"""Names, signatures and attributes are those of the official kernel."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import databricks_sql_kernel as kernel

DESCRIBE = Path(__file__).with_name("describe_surface.py")


def surface(python: str) -> dict[str, Any]:
    done = subprocess.run(
        [python, DESCRIBE], check=True, capture_output=True, text=True, timeout=60
    )
    described: dict[str, Any] = json.loads(done.stdout)
    return described


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    return surface(sys.executable)


def test_the_signature_lists_every_keyword_of_a_session() -> None:
    parameters = inspect.signature(kernel.Session).parameters
    assert len(parameters) == 61
    assert list(parameters)[:3] == ["host", "http_path", "auth_type"]
    for name in (
        "max_connections",
        "enable_geospatial_support",
        "driver_name",
        "telemetry_enabled",
    ):
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY


def test_only_sessions_can_be_made(ours: dict[str, Any]) -> None:
    others = set(ours["members"]) - {"KernelError"}
    assert set(ours["not made"]) == others


@pytest.mark.slow
def test_it_is_that_of_the_official_kernel(ours: dict[str, Any], peer_python: str) -> None:
    theirs = surface(peer_python)
    assert theirs["version"] == "1.3.0"
    assert ours["names"] == theirs["names"]
    assert ours["session"] == theirs["session"]
    assert ours["functions"] == theirs["functions"]
    assert ours["bases"] == theirs["bases"]
    assert ours["not made"] == theirs["not made"]
    for name, members in theirs["members"].items():
        more = {"reader"} if name == "ExecutedAsyncStatement" else set()
        assert set(ours["members"][name]) - set(members) == more, name
        for member, signature in members.items():
            assert ours["members"][name][member] == signature, f"{name}.{member}"
    more = {"maybe_executed"}
    assert set(ours["failure"].pop("attributes")) - set(theirs["failure"].pop("attributes")) == more
    assert ours["failure"] == theirs["failure"]
