"""Authentication: one personal access token."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from .errors import ApiError

if TYPE_CHECKING:
    from aiohttp import web

_NO_CREDENTIAL = "Credential was not sent or was of an unsupported type for this API."
_WRONG_TOKEN = "Invalid access token."  # noqa: S105


def check(request: web.Request, token: str) -> None:
    """Refuse a request without the bearer token."""
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not sent:
        raise ApiError(
            401,
            401,
            _NO_CREDENTIAL,
            headers={
                "www-authenticate": 'Bearer realm="DatabricksRealm"',
                "x-databricks-reason-phrase": _NO_CREDENTIAL,
            },
        )
    if not hmac.compare_digest(sent.strip().encode(), token.encode()):
        reason = {"x-databricks-reason-phrase": _WRONG_TOKEN}
        raise ApiError(403, 403, _WRONG_TOKEN, headers=reason)
