"""The workspace's token endpoint: a function for each grant."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .errors import OAuthError, invalid_client, invalid_grant, invalid_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from databricks_sql_warehouse.settings import Settings

    from .authorization import Authorization
    from .clients import Clients
    from .provider import Provider
    from .tokens import Signer, Token, Tokens

Form = "Mapping[str, str]"

_GRANT = "urn:ietf:params:oauth:grant-type:"
_JWT = "urn:ietf:params:oauth:token-type:jwt"
_SCOPES = {"all-apis", "email", "offline_access", "openid", "profile", "sql"}
_AZURE_SCOPE = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/"


@dataclass
class Refresh:
    """A refresh token: good for one use, and the whole family dies when it is used twice."""

    client_id: str
    principal: str
    scope: str
    family: str
    used: bool = False


class Grants:
    """Answers token requests."""

    def __init__(
        self,
        tokens: Tokens,
        clients: Clients,
        authorization: Authorization,
        provider: Provider,
        signer: Signer,
        settings: Settings,
    ) -> None:
        self._tokens = tokens
        self._clients = clients
        self._authorization = authorization
        self._provider = provider
        self._signer = signer
        self._settings = settings
        self._refresh: dict[str, Refresh] = {}

    async def serve(self, request: web.Request) -> web.Response:
        """Answer a token request."""
        form = await form_of(request)
        grant = form.get("grant_type", "")
        name = grant.removeprefix(_GRANT).replace("-", "_")
        if name == "client_credentials" and "client_assertion" in form:
            name = "client_assertion"
        self._tokens.requests[name] += 1
        try:
            document = self._granted(name, request, form)
        except OAuthError as error:
            return error.answer()
        self._tokens.issued[name] += 1
        return web.json_response(document, headers={"cache-control": "no-store"})

    def _granted(self, name: str, request: web.Request, form: Mapping[str, str]) -> dict[str, Any]:
        if name in ("client_credentials", "client_assertion"):
            client = self._clients.authenticate(request, form)
            scope = _scope(form.get("scope", "all-apis"))
            return document_of(self._issue(request, client.id, scope))
        if name == "authorization_code":
            client = self._clients.authenticate(request, form, public=True)
            code = self._authorization.redeem(form, client)
            family = secrets.token_hex(8)
            refresh = Refresh(client.id, "user@example.com", _scope(code.scope), family)
            return self._with_refresh(request, refresh)
        if name == "refresh_token":
            client = self._clients.authenticate(request, form, public=True)
            return self._with_refresh(request, self._refreshed(form, client.id))
        if name in ("token_exchange", "jwt_bearer"):
            return self._exchanged(name, request, form)
        raise OAuthError("unsupported_grant_type", f"The grant type {name!r} is not supported")

    def _issue(self, request: web.Request, principal: str, scope: str) -> Token:
        return self._tokens.issue(self._signer, issuer_of(request), principal, scope=scope)

    def _with_refresh(self, request: web.Request, refresh: Refresh) -> dict[str, Any]:
        document = document_of(self._issue(request, refresh.principal, refresh.scope))
        if "offline_access" in refresh.scope.split():
            text = f"dosr{secrets.token_hex(24)}"
            self._refresh[text] = refresh
            document["refresh_token"] = text
        return document

    def _refreshed(self, form: Mapping[str, str], client_id: str) -> Refresh:
        known = self._refresh.get(form.get("refresh_token", ""))
        if known is None or known.client_id != client_id:
            raise invalid_grant("The refresh token is unknown or revoked")
        if known.used:
            for text, other in list(self._refresh.items()):
                if other.family == known.family:
                    del self._refresh[text]
            raise invalid_grant("The refresh token was used before")
        known.used = self._settings.refresh_rotation
        return Refresh(known.client_id, known.principal, known.scope, known.family)

    def _exchanged(
        self, name: str, request: web.Request, form: Mapping[str, str]
    ) -> dict[str, Any]:
        if name == "token_exchange":
            if form.get("subject_token_type") != _JWT:
                raise invalid_request(f"subject_token_type must be {_JWT}")
            text, acting = form.get("subject_token"), form.get("client_id")
        else:
            text, acting = form.get("assertion"), form.get("identity_federation_client_id")
        if not text:
            raise invalid_request("The token to exchange is missing")
        if self._settings.federation == "refuse":
            raise invalid_grant("No federation policy of the account matches the token")
        own = self._tokens.find(text)
        wants_original = form.get("return_original_token_if_authenticated") == "true"
        if (
            wants_original
            and own is not None
            and own.kind in ("oauth", "azure")
            and not own.expired
        ):
            return document_of(own)
        claims = self._provider.verified(text)
        if acting is not None and self._clients.find(acting) is None:
            raise invalid_client(f"The service principal {acting!r} does not exist")
        return {
            **document_of(
                self._issue(request, acting or claims["sub"], _scope(form.get("scope", "sql")))
            ),
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        }


async def form_of(request: web.Request) -> dict[str, str]:
    """The form that a token request sends; empty where it sends something else."""
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    return {name: str(value) for name, value in (await request.post()).items()}


def issuer_of(request: web.Request) -> str:
    """The issuer of tokens, under the name by which the client called."""
    return f"{request.scheme}://{request.host}/oidc"


def document_of(token: Token) -> dict[str, Any]:
    """The answer that brings a token."""
    return {
        "access_token": token.text,
        "token_type": "Bearer",
        "expires_in": token.seconds_left,
        "scope": token.scope,
    }


def _scope(asked: str) -> str:
    for scope in asked.split():
        if scope not in _SCOPES and not scope.startswith(_AZURE_SCOPE):
            raise OAuthError("invalid_scope", f"The scope {scope!r} is not known")
    return asked
