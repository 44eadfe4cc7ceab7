"""Witnesses of whole test runs, who look for secrets where they must not be.

One hears every test: tokens and signed links of any local warehouse have a form of their own, and
are looked for in what was logged at any level, raised by `dbapi` and printed.

The other sees the tests of directories whose `conftest.py` imports its fixtures. Each option that
is a secret, each token, assertion and code that was sent, and each presigned query is looked for in
whatever was logged, printed, raised and shown, and in requests to other hosts.
"""

from __future__ import annotations

import json
import logging
import pickle
import re
import traceback
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from databricks_sql_warehouse import Warehouse

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPTIONS = {
    "access_token",
    "azure_client_secret",
    "oauth_client_secret",
    "oauth_jwt_passphrase",
    "oauth_token_cache_passphrase",
    "tls_client_cert_key_password",
}
_KEYS = {"oauth_jwt_key_file", "tls_client_cert_file", "tls_client_cert_key_file"}
_FIELDS = {
    "assertion",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "refresh_token",
    "subject_token",
}
# Shorter ones are no secrets but mistakes, and part of many a text.
_LEAST = 8
# A token of a local warehouse that was given no other, and the query of a presigned link.
_TOKEN_OR_LINK = re.compile(r"dapi[0-9a-f]{32}|signature=[0-9a-f]{8}")


class Listener(logging.Handler):
    """Hears every test, and remembers where it heard a token or a presigned link."""

    def __init__(self) -> None:
        super().__init__(level=1)
        self.counts: Counter[str] = Counter()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.hear("records of logs", f"{record.getMessage()} {record.args} {record.exc_text}")

    def hear(self, kind: str, text: str) -> None:
        self.counts[kind] += 1
        if _TOKEN_OR_LINK.search(text):
            self.found.append(f"{kind}: {text}")

    def taken(self) -> str:
        """What was found since the last call."""
        found, self.found = self.found, []
        return "\n".join(found)


LISTENER = Listener()


@pytest.fixture(autouse=True)
def heard(request: pytest.FixtureRequest) -> Iterator[None]:
    """Has all that a test logs and raises heard."""
    root, level = logging.getLogger(), logging.getLogger().level

    def heard_error(error: BaseException, *arguments: object) -> None:
        BaseException.__init__(error, *arguments)
        LISTENER.hear("errors", repr(error))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbapi.Error, "__init__", heard_error)
        root.addHandler(LISTENER)
        # Who looks at records says of which level.
        root.setLevel(level if "caplog" in request.fixturenames else 1)
        yield
        root.removeHandler(LISTENER)
        root.setLevel(level)
    found = LISTENER.taken()
    assert not found, f"secrets are shown: {found}"


def hear_printed(report: pytest.TestReport) -> None:
    """Listen to what a test printed, whoever captured it."""
    for _, text in report.sections:
        LISTENER.hear("printed texts", text)
    if (found := LISTENER.taken()) and report.passed:
        report.outcome = "failed"
        report.longrepr = f"secrets are shown: {found}"


class Witness(logging.Handler):
    """What was seen of one test, and how much of all."""

    def __init__(self) -> None:
        super().__init__(level=1)
        self.secrets: set[str] = set()
        self.texts: list[tuple[str, str]] = []
        self.errors: list[BaseException] = []
        self.counts: Counter[str] = Counter()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.saw("records of logs", f"{record.getMessage()} {vars(record)}")

    def saw(self, kind: str, text: str) -> None:
        if text:
            self.texts.append((kind, text))
            self.counts[kind] += 1

    def plant(self, secret: object) -> None:
        if isinstance(secret, str) and len(secret) >= _LEAST and secret not in self.secrets:
            self.secrets.add(secret)
            self.counts["secrets"] += 1

    def connecting(self, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Note the secrets among what `connect` is called with."""
        self.plant(arguments[2] if len(arguments) > 2 else None)
        for name, value in options.items():
            if name in _OPTIONS:
                self.plant(value)
            elif name == "proxy" and isinstance(value, str):
                self.plant(value.rpartition("@")[0].rpartition(":")[2])
            elif name in _KEYS and value is not None and Path(value).is_file():
                _, mark, key = Path(value).read_text(encoding="utf-8").partition("PRIVATE KEY-----")
                for line in key.partition("-----END")[0].split() if mark else ():
                    self.plant(line if len(line) > 40 else None)

    def raised(self, error: BaseException | None) -> None:
        """Note all ways to look at an error."""
        while error is not None:
            shown = [str(error), repr(error), repr(vars(error))]
            # The lines of tests that a traceback quotes may hold what they plant.
            shown += traceback.format_exception_only(error)
            shown += map(repr, traceback.extract_tb(error.__traceback__))
            if isinstance(error, dbapi.Error):
                shown.append(repr(pickle.dumps(error)))
            self.saw("errors", "\n".join(shown))
            error = error.__cause__

    def requested(self, entries: list[dict[str, Any]]) -> None:
        """Note the secrets in requests, and look for them in those that others got."""
        raw = [entry for entry in entries if "raw" in entry]
        bearers: set[str] = set()
        queries: set[str] = set()
        for entry in raw:
            url, body = entry["raw"]["url"], entry["raw"]["body"]
            for name, value in entry["raw"]["headers"]:
                kind, _, credentials = value.partition(" ")
                if name == "authorization":
                    self.plant(credentials)
                    bearers |= {credentials} if entry["to"] == "api" and kind == "Bearer" else set()
                elif name == "x-databricks-azure-sp-management-token":
                    self.plant(value)
                    bearers.add(value)
            if entry["to"] == "storage" and (query := urlsplit(url).query):
                self.plant(query)
                queries.add(query)
            for name, value in parse_qsl(body) if "statement" not in body else ():
                self.plant(value if name in _FIELDS else None)
        elsewhere = {bearer for bearer in bearers if len(bearer) >= _LEAST} | queries
        for to, secrets in (("storage", self.secrets), ("idp", elsewhere), ("proxy", elsewhere)):
            received = [entry["raw"] for entry in raw if entry["to"] == to]
            self.counts[f"requests to {to}"] += len(received)
            # The query of a link is meant for the storage.
            parts = [{**request, "url": request["url"].partition("?")[0]} for request in received]
            self._look(f"requests to {to}", json.dumps(parts), secrets)

    def _look(self, kind: str, text: str, secrets: set[str]) -> None:
        self.found += [f"{kind}: {secret!r} in {text}" for secret in secrets if secret in text]

    def conclude(self, test: str) -> None:
        """Look for all secrets in all texts of a test."""
        for error in self.errors:
            self.raised(error)
        for kind in {kind for kind, _ in self.texts}:
            text = "\n".join(text for other, text in self.texts if other == kind)
            self._look(kind, text, self.secrets)
        found, self.found = self.found, []
        self.counts["tests"] += 1
        self.texts.clear()
        self.errors.clear()
        assert not found, f"{test} shows secrets: " + "\n".join(found)


WITNESS = Witness()


@pytest.fixture(autouse=True)
def witnessed(request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Has all that a test does seen, and its secrets looked for when it has ended."""
    connect, reset, clear = dbapi.connect, Warehouse.reset, Warehouse.clear_log
    root, level = logging.getLogger(), logging.getLogger().level

    def seen_connect(*arguments: Any, **options: Any) -> dbapi.Connection:
        WITNESS.connecting(arguments, options)
        connection = connect(*arguments, **options)
        WITNESS.saw("connections", f"{connection!r} {connection}")
        return connection

    def seen_reset(warehouse: Warehouse) -> None:
        WITNESS.requested(warehouse.log())
        reset(warehouse)
        warehouse.settings(log_secrets=True)

    def seen_clear(warehouse: Warehouse) -> None:
        WITNESS.requested(warehouse.log())
        clear(warehouse)

    def seen_error(error: BaseException, *arguments: object) -> None:
        BaseException.__init__(error, *arguments)
        WITNESS.errors.append(error)

    # Tests undo their own patches, and not these.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbapi, "connect", seen_connect)
        patch.setattr(dbapi.Error, "__init__", seen_error)
        patch.setattr(Warehouse, "reset", seen_reset)
        patch.setattr(Warehouse, "clear_log", seen_clear)
        patch.setenv("RUST_LOG", "trace")
        root.addHandler(WITNESS)
        root.setLevel(1)
        yield
        root.removeHandler(WITNESS)
        root.setLevel(level)
    printed = capfd.readouterr()
    WITNESS.saw("printed texts", printed.out)
    WITNESS.saw("printed texts", printed.err)
    WITNESS.conclude(request.node.name)


@pytest.fixture(scope="session", autouse=True)
def witness_at_the_end() -> Iterator[None]:
    """A witness who saw nothing is none."""
    yield
    if WITNESS.counts["tests"] > 20:
        for kind in ("secrets", "records of logs", "errors", "connections", "requests to storage"):
            assert WITNESS.counts[kind] > 10, (kind, WITNESS.counts)


def report(terminalreporter: Any) -> None:
    """How much was looked at."""
    if not hasattr(terminalreporter, "witness_reported"):
        terminalreporter.witness_reported = True
        terminalreporter.section("secrets looked for")
        for who, counts in (("everywhere", LISTENER.counts), ("closely", WITNESS.counts)):
            for kind, count in sorted(counts.items()):
                terminalreporter.write_line(f"{count:6} {kind}, {who}")
