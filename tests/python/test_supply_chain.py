"""What the driver is made of: licences, sources, `unsafe`, and what the workflows run."""

from __future__ import annotations

import json
import re
import subprocess
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).parents[2]
WORKFLOWS = sorted((TOP / ".github" / "workflows").glob("*.yml"))


def listed(section: str, key: str) -> set[str]:
    """The texts of a list in `deny.toml`."""
    text = (TOP / "deny.toml").read_text(encoding="utf-8")
    _, _, text = text.partition(f"[{section}]\n")
    (found,) = re.findall(rf"^{key} = \[\n(.*?)^\]", text, re.DOTALL | re.MULTILINE)[:1]
    return set(re.findall(r'"([^"]+)"', found))


@pytest.fixture(scope="module")
def packages() -> list[dict[str, Any]]:
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--offline"]
    done = subprocess.run(command, cwd=TOP, capture_output=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)["packages"]
    return found


def is_allowed(expression: str, allowed: set[str]) -> bool:
    """Whether one alternative of a licence expression is allowed, all of its parts."""
    alternatives = re.split(r" OR |/", expression.replace("(", "").replace(")", ""))
    parts = [re.split(r" AND ", alternative) for alternative in alternatives]
    return any(all(part in allowed for part in each) for each in parts)


def test_dependencies_have_known_licences_and_come_from_one_registry(
    packages: list[dict[str, Any]],
) -> None:
    allowed = listed("licenses", "allow")
    banned = listed("bans", "deny")
    others = [package for package in packages if package["source"]]
    assert len(others) > 100
    refused = [
        (package["name"], package["license"])
        for package in others
        if not is_allowed(package["license"] or "", allowed)
    ]
    assert not refused
    assert {package["name"] for package in others} & banned == set()
    assert len({package["source"] for package in others}) == 1


def test_the_wheel_lists_what_it_was_built_from() -> None:
    files = distribution("databricks_sql_kernel").files or []
    (sbom,) = [file for file in files if "sboms" in file.parts]
    document = json.loads(Path(str(sbom.locate())).read_text(encoding="utf-8"))
    assert document["bomFormat"] == "CycloneDX"
    names = {component["name"] for component in document["components"]}
    assert {"arrow", "pyo3", "reqwest", "ring", "rustls", "tokio"} <= names


def test_unsafe_code_is_in_the_making_of_rows_only_and_gives_its_reason() -> None:
    assert 'unsafe_code = "deny"' in (TOP / "Cargo.toml").read_text(encoding="utf-8")
    for file in (TOP / "src").rglob("*.rs"):
        text = file.read_text(encoding="utf-8")
        if "unsafe_code" in text:
            place = file.relative_to(TOP).as_posix()
            assert place.startswith(("src/python/convert/", "src/client/results/decode/texts.rs"))
        blocks = re.findall(r"^.*\bunsafe \{", text, re.MULTILINE)
        assert text.count("SAFETY:") >= bool(blocks)


def test_actions_are_pinned_and_nothing_is_granted_that_is_not_needed() -> None:
    assert {file.name for file in WORKFLOWS} == {"ci.yml", "release.yml"}
    for file in WORKFLOWS:
        text = file.read_text(encoding="utf-8")
        uses = re.findall(r"uses: (\S+)(.*)", text)
        assert uses
        for action, comment in uses:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)
            assert re.fullmatch(r" # v[\d.]+", comment)
        assert "\npermissions: {}\n" in text
        assert text.count("persist-credentials: false") == text.count("actions/checkout@")
        assert "secrets." not in text


def test_the_release_has_a_wheel_for_every_platform_and_version() -> None:
    text = (TOP / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    for part in ("manylinux", "musllinux", "macos", "windows", "aarch64", "id-token: write"):
        assert part in text
    project = (TOP / "pyproject.toml").read_text(encoding="utf-8")
    versions = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    assert versions
    for version in versions:
        assert re.search(rf"--interpreter .*\b{re.escape(version)}\b", text)
