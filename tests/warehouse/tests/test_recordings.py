"""Answers have the shape of those that the real service gave to the same requests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import recordings
from .conftest import Answer, Client, fetch, needs_duckdb_2
from .recordings import FOLDER, Step

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

if not FOLDER.is_dir():
    pytest.skip("../shared/recordings is not beside the checkout", allow_module_level=True)

README = Path(__file__).parents[1] / "README.md"
ALL = sorted(FOLDER.glob("*.jsonl"))
LZ4 = "a frame for each message, FLG 0x74, BD"
ZONED = "id: int32 not null; ts: timestamp[us, tz={}]; "
# Where this warehouse answers otherwise, as (field, recorded, here): why. The README has the list.
EXPLAINED = {
    ("status.sql_state", "absent", "str"): "newer servers send it; the setting sql_state drops it",
    (
        "Arrow schema",
        ZONED.format("America/Los_Angeles"),
        ZONED.format("Etc/UTC"),
    ): "the recorded warehouse had another default time zone",
    (
        "LZ4 frames",
        f"{LZ4} 0x40",
        f"{LZ4} 0x70",
    ): "a body that was compressed again when names in it were masked",
}
# Bodies of these steps are not in the recordings: a signature, and what a store answers itself.
LEFT_OUT = ("/oauth2/v1/token",)
VOLUME = "/Volumes/uc_volume_test_catalog/uc_volume_test_schema/test_volume1"


class Replay:
    """Sends what was recorded, with the ids that this warehouse gave, and compares."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.client = Client(warehouse, catalog="main")
        self.ids: dict[str, str] = {}
        self.links: list[str] = []
        self.recorded_links: dict[str, str] = {}
        self.differences: set[tuple[str, str, str]] = set()

    def step(self, step: Step) -> None:
        if step.path in LEFT_OUT:
            return
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
        url = self.recorded_links[step.path]
        if step.method != "GET" or not step.bytes.startswith(recordings.LZ4_MAGIC):
            data = b"hello" if step.method == "PUT" else None
            self._note("HTTP status", str(step.status), str(fetch(url, step.method, data).status))
            return
        body = fetch(url).body
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
    if isinstance(document, dict) and "url" in document:
        return [document["url"]]
    result = document.get("result", document) if isinstance(document, dict) else {}
    return [link["external_link"] for link in result.get("external_links", [])]


def _path(url: str) -> str:
    return re.sub(r"^https://\w+|\?.*$", "", url)


def _ready(client: Client, steps: list[Step]) -> None:
    """Make what the recorded statements take for granted."""
    client.rows("CREATE SCHEMA IF NOT EXISTS main.jdbc_test_schema")
    if any("olume" in f"{step.path} {step.query} {step.body}" for step in steps):
        _ready_volumes(client)
    for step in steps:
        if match := re.match(r"SELECT \* FROM (main\.(\w+)\.\w+) limit", step.sql or ""):
            columns = step.answer["manifest"]["schema"]["columns"]
            written = ", ".join(f"{one['name']} {one['type_text']}" for one in columns)
            client.rows(f"CREATE SCHEMA IF NOT EXISTS main.{match[2]}")
            client.rows(f"CREATE TABLE IF NOT EXISTS {match[1]} ({written})")
            count = step.answer["manifest"]["total_row_count"]
            nulls = ", ".join("NULL" for _ in columns)
            client.rows(f"INSERT OVERWRITE {match[1]} SELECT {nulls} FROM range({count})")


def _ready_volumes(client: Client) -> None:
    catalog, schema = "uc_volume_test_catalog", "uc_volume_test_schema"
    client.rows(f"CREATE CATALOG IF NOT EXISTS {catalog}")
    client.rows(f"CREATE SCHEMA IF NOT EXISTS {catalog}.{schema}")
    client.rows(f"CREATE VOLUME IF NOT EXISTS {catalog}.{schema}.test_volume1")
    for name in ("folder1/one.txt", "two.txt"):
        body = {"path": f"{VOLUME}/{name}"}
        link = client.call("POST", "/api/2.0/fs/create-upload-url", body).json
        headers = {item["name"]: item["value"] for item in link.get("headers") or []}
        assert fetch(link["url"], "PUT", b"hello", headers).status in (200, 201, 204)


def _case(path: Path) -> Any:
    name = path.stem.partition("-")[2]
    marks = [needs_duckdb_2] if name == "datatypes.testnullhandling.invocation1" else []
    return pytest.param(path, id=name, marks=marks)


@pytest.mark.parametrize("path", [_case(path) for path in ALL])
def test_answers_have_the_recorded_shape(warehouse: Warehouse, path: Path) -> None:
    steps = recordings.read(path)
    replay = Replay(warehouse)
    _ready(replay.client, steps)
    flags = {step.bytes[4] for step in steps if step.bytes.startswith(recordings.LZ4_MAGIC)}
    if flags:
        warehouse.settings(lz4_flg=flags.pop())
    for step in steps:
        replay.step(step)
    assert sorted(replay.differences - set(EXPLAINED)) == []


def test_the_readme_lists_the_differences() -> None:
    text = README.read_text(encoding="utf-8")
    assert [why for why in EXPLAINED.values() if why not in text] == []
