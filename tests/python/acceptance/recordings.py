"""Recordings of the real service: what was sent and answered, and the server that replays it."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[3].parent / "shared" / "recordings"
_CONVERSIONS = {"INT": int, "BIGINT": int, "DECIMAL": Decimal, "STRING": str}


@dataclass
class Statement:
    """One recorded statement with its answer; `bodies` are its Arrow streams, still compressed."""

    sent: dict[str, Any]
    answer: dict[str, Any]
    bodies: list[bytes]

    @property
    def sql(self) -> str:
        return str(self.sent["statement"])

    @property
    def is_json(self) -> bool:
        return bool(self.sent["format"] == "JSON_ARRAY")

    @property
    def failure(self) -> dict[str, Any] | None:
        """The error of a statement that failed."""
        failure: dict[str, Any] | None = self.answer["status"].get("error")
        return failure

    @property
    def columns(self) -> list[dict[str, Any]]:
        columns: list[dict[str, Any]] = self.answer["manifest"].get("schema", {}).get("columns", [])
        return columns

    @property
    def row_count(self) -> int:
        return int(self.answer["manifest"]["total_row_count"])

    @property
    def texts(self) -> list[list[str | None]]:
        """The rows of a JSON answer."""
        rows: list[list[str | None]] = self.answer["result"].get("data_array", [])
        return rows

    @property
    def parameters(self) -> list[Any] | None:
        """The recorded parameters as Python values of their types."""
        sent = self.sent.get("parameters") or []
        return [_converted(parameter) for parameter in sent] or None

    def table(self) -> pa.Table:
        """What pyarrow reads from the recorded bytes."""
        streams = [pa.ipc.open_stream(_decompressed(body)).read_all() for body in self.bodies]
        return pa.concat_tables(streams)


@dataclass
class Recording:
    """A recorded session."""

    path: Path
    steps: list[dict[str, Any]]

    @property
    def name(self) -> str:
        return self.path.stem.removeprefix("sqlexecapi-")

    @property
    def refusal(self) -> dict[str, Any] | None:
        """The answer that refused the session, if one did."""
        for step in self.steps:
            if (
                step["path"].rstrip("/").endswith("/sql/sessions")
                and step["response"]["status"] > 299
            ):
                response: dict[str, Any] = step["response"]
                return response
        return None

    @property
    def has_inline_arrow(self) -> bool:
        """Whether an answer holds Arrow data itself."""
        results = [each.answer.get("result") or {} for each in self.statements()]
        return any("attachment" in result for result in results)

    def statements(self) -> list[Statement]:
        """The statements in the order in which they were sent."""
        posts = [step for step in self.steps if "statement" in (step.get("body") or {})]
        return [self._statement(step["body"], step["response"]["json"]) for step in posts]

    def _statement(self, sent: dict[str, Any], answer: dict[str, Any]) -> Statement:
        result = answer.get("result") or {}
        if "attachment" in result:
            return Statement(sent, answer, [base64.b64decode(result["attachment"])])
        links = list(result.get("external_links", []))
        while links and "next_chunk_internal_link" in links[-1]:
            links += self._json(links[-1]["next_chunk_internal_link"])["external_links"]
        return Statement(sent, answer, [self._stored(link["external_link"]) for link in links])

    def _json(self, path: str) -> dict[str, Any]:
        return next(step["response"]["json"] for step in self.steps if step["path"] == path)

    def _stored(self, link: str) -> bytes:
        path = urlsplit(link).path
        stored = (step for step in self.steps if step["to"] == "storage")
        return base64.b64decode(
            next(step["response"]["base64"] for step in stored if step["path"] == path)
        )


@dataclass
class Replay:
    """A running replay of one recording."""

    url: str
    http_path: str

    def connect_args(self) -> dict[str, Any]:
        return {
            "server_hostname": self.url,
            "http_path": self.http_path,
            "access_token": "dapi-not-a-secret",
        }

    def misses(self) -> list[dict[str, Any]]:
        """Requests that the recording has no answer to."""
        return self._get("__misses__")

    def sent_statements(self, at_least: int) -> list[dict[str, Any]]:
        """The bodies of the statements that arrived, as soon as there are so many."""
        deadline = time.monotonic() + 5
        while True:
            bodies = [entry["body"] for entry in self._get("__log__")]
            sent = [body for body in bodies if isinstance(body, dict) and "statement" in body]
            if len(sent) >= at_least or time.monotonic() > deadline:
                return sent

    def _get(self, path: str) -> list[dict[str, Any]]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}/{path}", timeout=10) as answer:
            entries: list[dict[str, Any]] = json.load(answer)
            return entries


def load() -> list[Recording]:
    """All recordings; none where the folder is not there."""
    found = []
    for path in sorted(FOLDER.glob("*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found.append(Recording(path, [json.loads(line) for line in lines[1:]]))
    return found


@contextlib.contextmanager
def replayed(recording: Recording, *options: str) -> Iterator[Replay]:
    """The recording, served on a free port of this machine."""
    command = [sys.executable, str(FOLDER / "replay_server.py"), str(recording.path), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            words = process.stdout.readline().split()
            yield Replay(words[words.index("at") + 1], words[-1].removeprefix("http_path="))
        finally:
            process.terminate()


def _converted(parameter: dict[str, Any]) -> Any:
    kind = parameter["type"].partition("(")[0]
    return _CONVERSIONS[kind](parameter["value"])


def _decompressed(body: bytes) -> bytes:
    with pa.input_stream(pa.BufferReader(body), compression="lz4") as stream:
        content: bytes = stream.read()
        return content
