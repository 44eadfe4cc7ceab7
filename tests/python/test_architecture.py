"""The picture of the architecture shows the parts that there are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[2]


def test_the_picture_is_what_its_script_draws(tmp_path: Path) -> None:
    drawn = tmp_path / "architecture.svg"
    script = TOP / "docs" / "architecture.py"
    subprocess.run([sys.executable, str(script), str(drawn)], check=True)
    assert drawn.read_text(encoding="utf-8") == (TOP / "docs" / "architecture.svg").read_text(
        encoding="utf-8"
    )


def test_every_part_of_the_source_is_in_the_picture() -> None:
    picture = (TOP / "docs" / "architecture.svg").read_text(encoding="utf-8")
    source = TOP / "src"
    parts = {
        f"{layer}/{part.name}"
        for layer in ("client", "python")
        for part in (source / layer).iterdir()
        if part.is_dir()
    }
    shown = {
        text.split("<")[0]
        for text in picture.replace(">", "> ").split("> ")
        if text.startswith(("client/", "python/"))
    }
    assert parts <= shown
    assert [part for part in shown if not (source / part).exists()] == []


def test_readers_find_the_picture() -> None:
    for page in ("README.md", "CONTRIBUTING.md"):
        assert "(docs/architecture.svg)" in (TOP / page).read_text(encoding="utf-8")
