"""The witness of these tests finds what it looks for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from witness import Witness

from databricks_sql_kernel import dbapi

_HEARING = """
import logging
import pytest
from witness import hear_printed, heard

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    outcome = yield
    hear_printed(outcome.get_result())
"""
_SHOWING = """
import logging
import pytest
from databricks_sql_kernel import dbapi

@pytest.mark.parametrize("text", ["dapi" + 32 * "0", "http://h/?expires=1&signature=" + 64 * "a"])
@pytest.mark.parametrize("show", [
    lambda text: print(text),
    lambda text: logging.getLogger("any").log(1, "a %s", text),
    lambda text: dbapi.OperationalError(text),
])
def test_shown(show, text):
    show(text)

def test_quiet():
    logging.getLogger("any").log(1, "dapi")
    dbapi.OperationalError("a signature")
"""
_SECRET = "s3cret-of-the-witness"  # noqa: S105


def request(to: str, url: str, **headers: str) -> dict[str, Any]:
    raw = {"url": url, "headers": list(headers.items()), "body": ""}
    return {"to": to, "raw": raw}


def test_secrets_in_texts_are_found() -> None:
    witness = Witness()
    witness.connecting(("host", "path", _SECRET), {"proxy": "http://u:pw-of-the-proxy@h:1"})
    witness.saw("logs", "nothing")
    witness.conclude("t")
    for text in (_SECRET, "http://u:pw-of-the-proxy@h:1"):
        witness.saw("logs", f"before {text} behind")
        with pytest.raises(AssertionError, match="t shows secrets: logs"):
            witness.conclude("t")
    witness.conclude("t")


def test_secrets_in_errors_and_their_causes_are_found() -> None:
    witness = Witness()
    witness.plant(_SECRET)
    error = dbapi.OperationalError("fine")
    error.__cause__ = LookupError("s3cret-of-the-" + "witness")
    witness.errors.append(error)
    with pytest.raises(AssertionError, match="errors"):
        witness.conclude("t")


def test_secrets_in_requests_to_others_are_found() -> None:
    witness = Witness()
    token = request("api", "https://h/", authorization=f"Bearer {_SECRET}")
    link = "https://storage/a?signature=0123456789"
    witness.requested([token, request("storage", link), request("idp", "https://idp/")])
    witness.conclude("t")
    for other in (
        request("storage", link, authorization=f"Bearer {_SECRET}"),
        request("storage", link, referer=link),
        request("idp", "https://idp/", cookie=_SECRET),
        request("proxy", "h:443", authorization=_SECRET),
    ):
        witness.requested([token, request("storage", link), other])
        with pytest.raises(AssertionError, match=f"requests to {other['to']}"):
            witness.conclude("t")


def test_tokens_and_links_are_heard_in_logs_errors_and_prints(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(_HEARING)
    (tmp_path / "test_showing.py").write_text(_SHOWING)
    here = Path(__file__).parents[1]
    code = f"import pytest, sys; sys.path.insert(0, {str(here)!r}); sys.exit(pytest.main(['-q']))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert "6 failed, 1 passed" in done.stdout, done.stdout
    assert done.stdout.count("secrets are shown") >= 6
