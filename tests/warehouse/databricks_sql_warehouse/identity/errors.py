"""What token endpoints refuse, as RFC 6749 words it."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class OAuthError(Exception):
    """A refused token request: a JSON body with `error` and `error_description`."""

    error: str
    description: str
    status: int = 400
    more: dict[str, object] = field(default_factory=dict)

    def answer(self) -> web.Response:
        """The answer; a client that failed to authenticate is told how it could."""
        body = {"error": self.error, "error_description": self.description, **self.more}
        headers = {"cache-control": "no-store"}
        if self.status == 401:
            headers["www-authenticate"] = 'Basic realm="oauth"'
        return web.json_response(body, status=self.status, headers=headers)


def invalid_client(description: str) -> OAuthError:
    """The client is unknown, or could not prove who it is."""
    return OAuthError("invalid_client", description, 401)


def invalid_grant(description: str) -> OAuthError:
    """The code, the token or the assertion is worth nothing."""
    return OAuthError("invalid_grant", description)


def invalid_request(description: str) -> OAuthError:
    """The request lacks something or says it wrongly."""
    return OAuthError("invalid_request", description)
