"""Answers have the shape of those that the real service gave to the same requests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import recordings
from .conftest import Answer, Client, fetch
from .recordings import FOLDER, Step

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

if not FOLDER.is_dir():
    pytest.skip("../shared/recordings is not beside the checkout", allow_module_level=True)

README = Path(__file__).parents[1] / "README.md"
ALL = sorted(FOLDER.glob("*.jsonl"))
# Where this warehouse answers otherwise, as (field, recorded, here): why. The README has the list.
EXPLAINED: dict[tuple[str, str, str], str] = {}
seen: set[tuple[str, str, str]] = set()


class Replay:
    """Sends what was recorded, with the ids that this warehouse gave, and compares."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.client = Client(warehouse, catalog="main")
        self.ids: dict[str, str] = {}
        self.links: list[str] = []
        self.recorded_links: dict[str, str] = {}
        self.differences: set[tuple[str, str, str]] = set()

    def step(self, step: Step) -> None:
        if step.to_storage:
            self._storage(step)
            return
        answer = self._call(step)
        self._note("HTTP status", str(step.status), str(answer.status))
        here = answer.headers.get("content-type", "").partition(";")[0]
        self._note("content-type", step.content_type, here)
        found = answer.json if answer.body else None
        self._compare(step.answer, found)
        self._learn(step.answer, found)

    def _call(self, step: Step) -> Answer:
        body = dict(step.body)
        if "warehouse_id" in body:
            body["warehouse_id"] = "local"
        path = step.path
        for recorded, here in self.ids.items():
            path = path.replace(recorded, here)
        if "session_id" in body:
            body["session_id"] = self.ids[body["session_id"]]
        query = {**step.query, **({"warehouse_id": "local"} if step.query else {})}
        if query:
            path += "?" + "&".join(f"{name}={value}" for name, value in query.items())
        headers = {"authorization": ""} if step.status == 401 else {}
        return self.client.call(step.method, path, body or None, **headers)

    def _learn(self, recorded: Any, here: Any) -> None:
        for name in ("session_id", "statement_id"):
            if isinstance(recorded, dict) and name in recorded:
                self.ids[recorded[name]] = here[name]
        pairs = zip(_links(recorded), _links(here), strict=False)
        self.recorded_links |= {_path(old): new for old, new in pairs}

    def _storage(self, step: Step) -> None:
        body = fetch(self.recorded_links[step.path]).body
        self._note("LZ4 frames", recordings.framing(step.bytes), recordings.framing(body))
        recorded, here = recordings.stream(step.bytes), recordings.stream(body)
        self._note("Arrow schema", recorded[0], here[0])
        self._note("Arrow batches", str(recorded[1]), str(here[1]))

    def _compare(self, recorded: Any, here: Any) -> None:
        before, after = recordings.shape(recorded), recordings.shape(here)
        for path in sorted({*before, *after}):
            self._note(path, before.get(path, "absent"), after.get(path, "absent"))

    def _note(self, field: str, recorded: str, here: str) -> None:
        if recorded != here:
            self.differences.add((field, recorded, here))


def _links(document: Any) -> list[str]:
    result = document.get("result", document) if isinstance(document, dict) else {}
    return [link["external_link"] for link in result.get("external_links", [])]


def _path(url: str) -> str:
    return re.sub(r"^https://\w+|\?.*$", "", url)


def _ready(client: Client, steps: list[Step]) -> None:
    """Make what the recorded statements take for granted."""
    client.rows("CREATE SCHEMA IF NOT EXISTS main.jdbc_test_schema")
    for step in steps:
        if match := re.match(r"SELECT \* FROM (main\.(\w+)\.\w+) limit", step.sql or ""):
            columns = step.answer["manifest"]["schema"]["columns"]
            written = ", ".join(f"{one['name']} {one['type_text']}" for one in columns)
            client.rows(f"CREATE SCHEMA IF NOT EXISTS main.{match[2]}")
            client.rows(f"CREATE TABLE IF NOT EXISTS {match[1]} ({written})")
            count = step.answer["manifest"]["total_row_count"]
            nulls = ", ".join("NULL" for _ in columns)
            client.rows(f"INSERT OVERWRITE {match[1]} SELECT {nulls} FROM range({count})")


@pytest.mark.parametrize("path", ALL, ids=[path.stem.partition("-")[2] for path in ALL])
def test_answers_have_the_recorded_shape(warehouse: Warehouse, path: Path) -> None:
    steps = recordings.read(path)
    replay = Replay(warehouse)
    _ready(replay.client, steps)
    for step in steps:
        replay.step(step)
    seen.update(replay.differences)
    assert sorted(replay.differences - set(EXPLAINED)) == []
