"""Tokens: issued, recognised, expired on demand, and counted."""

from __future__ import annotations

import functools
import json
import secrets
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

if TYPE_CHECKING:
    from databricks_sql_warehouse.settings import Settings


@dataclass
class Token:
    """An access token; `expires` is None for one that lasts."""

    text: str
    principal: str
    kind: str
    scope: str = "all-apis"
    expires: float | None = None

    @property
    def expired(self) -> bool:
        """Whether its life is over."""
        return self.expires is not None and self.expires <= time.time()

    @property
    def seconds_left(self) -> int:
        """What `expires_in` says."""
        return 0 if self.expires is None else max(int(self.expires - time.time()), 0)


class Signer:
    """An RSA key that signs tokens, made when the first one is wanted."""

    def __init__(self) -> None:
        self.kid = secrets.token_hex(8)

    @functools.cached_property
    def key(self) -> rsa.RSAPrivateKey:
        """The private key."""
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign(self, claims: dict[str, Any]) -> str:
        """A JSON web token of these claims."""
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.kid})

    def key_set(self) -> dict[str, Any]:
        """The public key as a JSON web key set."""
        public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": "RS256"}]}


class Tokens:
    """All access tokens that were given out, and how often somebody asked for one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[str, Token] = {}
        self.requests: Counter[str] = Counter()
        self.issued: Counter[str] = Counter()

    def accept(self, text: str, principal: str) -> None:
        """Know a personal access token."""
        self._known[text] = Token(text, principal, "pat")

    def issue(
        self,
        signer: Signer,
        issuer: str,
        principal: str,
        *,
        kind: str = "oauth",
        scope: str = "all-apis",
        lifetime: float | None = None,
        claims: dict[str, Any] | None = None,
    ) -> Token:
        """A new token: a signed JWT with the life that the settings give it."""
        now = time.time()
        life = self._settings.token_ttl_seconds if lifetime is None else lifetime
        document = {
            "iss": issuer,
            "sub": principal,
            "aud": issuer,
            "scp": scope,
            "iat": int(now),
            "exp": int(now + life),
            "jti": str(uuid.uuid4()),
            **(claims or {}),
        }
        token = Token(signer.sign(document), principal, kind, scope, now + life)
        self._known[token.text] = token
        return token

    def find(self, text: str) -> Token | None:
        """The token of this text, expired or not."""
        return self._known.get(text)

    def expire_all(self) -> int:
        """End the life of every token but the personal ones; the number of those it ended."""
        living = [t for t in self._known.values() if t.expires is not None and not t.expired]
        for token in living:
            token.expires = 0.0
        return len(living)

    def document(self) -> dict[str, Any]:
        """The counters as the admin API shows them."""
        return {
            "requests": dict(self.requests),
            "issued": dict(self.issued),
            "living": sum(not token.expired for token in self._known.values()),
        }

    def forget_counts(self) -> None:
        """Start the counters again."""
        self.requests.clear()
        self.issued.clear()
