"""The witness of these tests finds what it looks for."""

from __future__ import annotations

from typing import Any

import pytest
from witness import Witness

from databricks_sql_kernel import dbapi

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
