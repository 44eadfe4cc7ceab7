"""The Python of the pages runs as it stands there, from top to bottom."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

DOCS = Path(__file__).parents[2] / "docs"

# What a page says that its code prints.
TOLD = {
    "long-queries.md": [
        "total: 499999500000",
        "running by itself: True",
        "answer: 42",
        "found again: late",
        "valid: True",
    ],
    "transactions.md": ["30"],
    "volumes.md": ["/Volumes/main/default/files/people.csv 14"],
}


@pytest.mark.parametrize("page", TOLD)
def test_the_code_of_the_page_runs(
    warehouse: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    page: str,
) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", warehouse.server_hostname)
    monkeypatch.setenv("DATABRICKS_HTTP_PATH", warehouse.http_path)
    monkeypatch.setenv("DATABRICKS_TOKEN", warehouse.access_token)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "people.csv").write_text("id,name\n1,Ada\n", encoding="utf-8")
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) > 1
    known: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), known)  # noqa: S102
    told = capsys.readouterr().out
    assert [line for line in TOLD[page] if line not in told] == [], told
