"""The authorization endpoint: approves by itself and redirects to the application's port."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import time
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from .errors import invalid_grant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from databricks_sql_warehouse.settings import Settings

    from .clients import Client, Clients

_CODE_SECONDS = 60
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass
class Code:
    """An authorization code, bound to the request that obtained it."""

    client_id: str
    redirect_uri: str
    challenge: str
    scope: str
    expires: float


class Authorization:
    """Gives out codes and takes each back once."""

    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings
        self._codes: dict[str, Code] = {}

    async def serve(self, request: web.Request) -> web.Response:
        """Answer what the user's browser asks."""
        query = request.query
        redirect = urllib.parse.urlsplit(query.get("redirect_uri", ""))
        if self._clients.find(query.get("client_id")) is None:
            return _page("The client is not registered.")
        if redirect.scheme != "http" or redirect.hostname not in _LOOPBACK:
            return _page("The redirect_uri is not registered for this client.")
        if self._settings.authorization == "hang":
            await asyncio.sleep(3600)
        answer = self._answer(query)
        if "state" in query:
            wrong = self._settings.authorization == "wrong_state"
            answer["state"] = secrets.token_hex(8) if wrong else query["state"]
        target = urllib.parse.urlunsplit(redirect._replace(query=urllib.parse.urlencode(answer)))
        return web.Response(status=302, headers={"location": target})

    def redeem(self, form: Mapping[str, str], client: Client) -> Code:
        """The code that a token request brings, used up."""
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.expires <= time.time():
            raise invalid_grant("The authorization code is unknown, used or expired")
        if code.client_id != client.id or code.redirect_uri != form.get("redirect_uri"):
            raise invalid_grant("The authorization code was given to another client or address")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
            raise invalid_grant("The code_verifier does not match the code_challenge")
        return code

    def _answer(self, query: Mapping[str, str]) -> dict[str, str]:
        if query.get("response_type") != "code":
            return {"error": "unsupported_response_type"}
        if query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
            return {
                "error": "invalid_request",
                "error_description": "PKCE with code_challenge_method S256 is required",
            }
        if self._settings.authorization == "deny":
            return {"error": "access_denied", "error_description": "The user said no"}
        code = secrets.token_urlsafe(24)
        self._codes[code] = Code(
            client_id=query["client_id"],
            redirect_uri=query["redirect_uri"],
            challenge=query["code_challenge"],
            scope=query.get("scope", "all-apis"),
            expires=time.time() + _CODE_SECONDS,
        )
        return {"code": code}


def _page(text: str) -> web.Response:
    """What is shown to the user where no application may be told."""
    return web.Response(
        status=400, text=f"<html><body>{text}</body></html>\n", content_type="text/html"
    )
