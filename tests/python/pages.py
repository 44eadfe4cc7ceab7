"""The examples on the pages about tools, and what they print."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
# Their tools have an environment of their own: acceptance/test_tools_apart.py runs them.
APART = ["airflow.md", "ibis.md"]
HERE = sorted({page.name for page in (DOCS / "tools").glob("*.md")} - set(APART))


def examples(page: str) -> list[tuple[str, str]]:
    """Each example of a page, with what it prints."""
    text = (DOCS / "tools" / page).read_text(encoding="utf-8")
    found = re.findall(
        r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", text, re.DOTALL | re.MULTILINE
    )
    assert len(found) == text.count("```python") > 0
    return found
