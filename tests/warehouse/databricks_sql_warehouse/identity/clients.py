"""Clients: those that are registered, and how each proves who it is."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from .errors import invalid_client, invalid_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_PUBLIC_CLIENTS = (
    "databricks-cli",
    "databricks-sql-connector",
    "databricks-sql-jdbc",
    "databricks-sql-python",
    "96eecda7-19ea-49cc-abb5-240097d554f5",
)
_LONGEST_ASSERTION_SECONDS = 24 * 3600


@dataclass
class Client:
    """A registered client; one with neither secret nor key is public."""

    id: str
    secret: str | None = None
    keys: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The client as the admin API shows it."""
        return {
            "client_id": self.id,
            "client_secret": self.secret is not None,
            "keys": list(self.keys),
        }


class Clients:
    """All registered clients."""

    def __init__(self) -> None:
        self._known = {name: Client(name) for name in _PUBLIC_CLIENTS}
        self._used: dict[tuple[str, str], float] = {}

    def add(self, body: dict[str, Any]) -> Client:
        """Register a client, or replace one; a malformed one is a ValueError.

        `keys` maps a key id to a public key in PEM.
        """
        unknown = set(body) - {"client_id", "client_secret", "keys"}
        if unknown:
            raise ValueError(f"a client has no {sorted(unknown)}")
        keys = body.get("keys") or {}
        secret = body.get("client_secret")
        if secret is None and not keys:
            secret = f"dose{secrets.token_hex(16)}"
        client = Client(
            str(body.get("client_id") or uuid.uuid4()),
            secret,
            {kid: load_pem_public_key(pem.encode()) for kid, pem in keys.items()},
        )
        self._known[client.id] = client
        return client

    def find(self, client_id: str | None) -> Client | None:
        """The client of this id, if it is registered."""
        return self._known.get(client_id or "")

    def documents(self) -> list[dict[str, Any]]:
        """Every client as the admin API shows it."""
        return [client.document() for client in self._known.values()]

    def authenticate(
        self, request: web.Request, form: Mapping[str, str], *, public: bool = False
    ) -> Client:
        """The client that makes a token request, by secret, by assertion, or just by its name."""
        if "client_assertion" in form:
            return self._by_assertion(form, str(request.url.with_query(None)))
        if request.headers.get("authorization", "").lower().startswith("basic "):
            name, secret = _basic(request.headers["authorization"])
            return self._by_secret(name, secret)
        if "client_secret" in form:
            return self._by_secret([form.get("client_id", "")], [form["client_secret"]])
        client = self.find(form.get("client_id"))
        if public and client is not None and client.secret is None and not client.keys:
            return client
        raise invalid_client("Client authentication failed")

    def _by_secret(self, names: list[str], given: list[str]) -> Client:
        for name in names:
            client = self.find(name)
            if client is not None and client.secret is not None:
                known = client.secret.encode()
                if any(hmac.compare_digest(known, secret.encode()) for secret in given):
                    return client
        raise invalid_client("Client authentication failed")

    def _by_assertion(self, form: Mapping[str, str], endpoint: str) -> Client:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise invalid_request(f"client_assertion_type must be {ASSERTION_TYPE}")
        try:
            return self._verified(form["client_assertion"], form.get("client_id"), endpoint)
        except jwt.PyJWTError as error:
            raise invalid_client(f"The client assertion is not valid: {error}") from error

    def _verified(self, assertion: str, named: str | None, endpoint: str) -> Client:
        kid = jwt.get_unverified_header(assertion).get("kid")
        shown = jwt.decode(assertion, options={"verify_signature": False})
        client = self.find(shown.get("sub"))
        if client is None or kid not in client.keys or named not in (None, client.id):
            raise invalid_client(f"No key {kid!r} of client {shown.get('sub')!r} is registered")
        claims = jwt.decode(
            assertion,
            client.keys[kid],
            algorithms=ALGORITHMS,
            audience=endpoint,
            issuer=client.id,
            options={"require": ["exp", "iat", "iss", "sub", "aud", "jti"]},
        )
        if claims["exp"] - claims["iat"] > _LONGEST_ASSERTION_SECONDS:
            raise invalid_client("The client assertion is not valid: it lives for too long")
        now = time.time()
        self._used = {use: until for use, until in self._used.items() if until > now}
        if (client.id, claims["jti"]) in self._used:
            raise invalid_client("The client assertion is not valid: it was used before")
        self._used[client.id, claims["jti"]] = claims["exp"]
        return client


def _basic(header: str) -> tuple[list[str], list[str]]:
    """The name and secret of a header, each as it is and form-decoded, as RFC 6749 encodes it."""
    try:
        text = base64.b64decode(header.split(None, 1)[1], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, IndexError) as error:
        raise invalid_client("The Authorization header is malformed") from error
    name, _, secret = text.partition(":")
    decode = urllib.parse.unquote_plus
    return [name, decode(name)], [secret, decode(secret)]
