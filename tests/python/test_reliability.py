"""The page of promises: each has a test that exists, and versions are told as they are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TOP = Path(__file__).parents[2]
PAGE = (TOP / "docs" / "reliability.md").read_text(encoding="utf-8")
HERE = Path(__file__).parent


def names_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_is_proved_by_a_test_that_exists() -> None:
    before, _, _ = PAGE.partition("## Versions")
    rows = [line for line in before.splitlines() if line.startswith("|")]
    promises = [row for row in rows if not row.startswith(("| what |", "|---"))]
    assert len(promises) > 30
    for row in promises:
        pins = re.findall(r"`([\w/]+\.py)::(\w+)`", row)
        assert pins, row
        for file, test in pins:
            assert test in names_in(HERE / file), row


def test_versions_that_are_called_tested_are_the_classifiers() -> None:
    project = (TOP / "pyproject.toml").read_text(encoding="utf-8")
    classified = set(re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project))
    tested = re.findall(r"^\| ([^|]*) \| tested", PAGE, re.MULTILINE)
    assert classified == set(re.findall(r"3\.\d+", " ".join(tested)))
