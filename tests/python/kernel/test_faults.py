"""The known faults of the official kernel 1.3.0: each has tests of its number, in other files."""

from __future__ import annotations

import re
from pathlib import Path


def test_each_fault_has_a_test_of_its_number() -> None:
    numbers: set[str] = set()
    for file in Path(__file__).parent.glob("test_faults_*.py"):
        text = file.read_text(encoding="utf-8")
        tested = re.findall(r"^def test_(\d+b?)_", text, re.MULTILINE)
        told = re.findall(r"^# (\d+b?)\. ", text, re.MULTILINE)
        assert list(dict.fromkeys(tested)) == told, file.name
        numbers |= set(told)
    assert numbers == {"2b", *(str(number) for number in range(1, 21))}
