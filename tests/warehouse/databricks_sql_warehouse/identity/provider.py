"""An identity provider of the customer's, on a host of its own, which also answers as Entra ID.

Its tokens are foreign to the workspace: they are worth something after an exchange only, but for
those that its Azure endpoints issue for the workspace.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import jwt
from aiohttp import web

from .errors import OAuthError, invalid_grant, invalid_request
from .grants import document_of, form_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .authorization import Authorization
    from .clients import Clients
    from .tokens import Signer, Token, Tokens

TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"
DATABRICKS_APP = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
_MANAGEMENT = ("https://management.core.windows.net", "https://management.azure.com")


class Provider:
    """The handlers of the identity provider."""

    def __init__(
        self, tokens: Tokens, clients: Clients, authorization: Authorization, signer: Signer
    ) -> None:
        self._tokens = tokens
        self._clients = clients
        self._authorization = authorization
        self._signer = signer
        self.url = ""

    def routes(self) -> list[web.RouteDef]:
        """The routes of the provider."""
        tenant = "/{tenant}/oauth2"
        return [
            web.get("/.well-known/openid-configuration", self._discovery),
            web.get("/jwks.json", self._keys),
            web.post("/oauth2/v1/token", self._answering(self._token)),
            web.get("/workload/token", self._workload),
            web.get("/metadata/identity/oauth2/token", self._answering(self._managed_identity)),
            web.get(tenant + "/authorize", self._authorization.serve),
            web.get(tenant + "/v2.0/authorize", self._authorization.serve),
            web.post(tenant + "/token", self._answering(self._azure_v1)),
            web.post(tenant + "/v2.0/token", self._answering(self._azure_v2)),
        ]

    def token(self, claims: dict[str, Any], lifetime: float | None = None) -> Token:
        """A foreign token with these claims."""
        principal = str(claims.get("sub", "user@example.com"))
        return self._tokens.issue(
            self._signer, self.url, principal, kind="foreign", lifetime=lifetime, claims=claims
        )

    def verified(self, text: str) -> dict[str, Any]:
        """The claims of a foreign token that the workspace trusts."""
        try:
            claims: dict[str, Any] = jwt.decode(
                text,
                self._signer.key.public_key(),
                algorithms=["RS256"],
                issuer=self.url,
                options={"verify_aud": False, "require": ["exp", "iss", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise invalid_grant(f"The token to exchange is not valid: {error}") from error
        known = self._tokens.find(text)
        if known is not None and known.expired:
            raise invalid_grant("The token to exchange is not valid: Signature has expired")
        return claims

    def _answering(
        self, handler: Callable[[web.Request, dict[str, str]], tuple[str, dict[str, Any]]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        name = handler.__name__.lstrip("_")
        counted = "provider" if name == "token" else name

        async def answer(request: web.Request) -> web.Response:
            form = await form_of(request)
            self._tokens.requests[counted] += 1
            try:
                kind, document = handler(request, form)
            except OAuthError as error:
                return error.answer()
            self._tokens.issued[kind] += 1
            return web.json_response(document, headers={"cache-control": "no-store"})

        return answer

    async def _discovery(self, request: web.Request) -> web.Response:
        base = f"{request.scheme}://{request.host}"
        return web.json_response(
            {
                "issuer": self.url,
                "token_endpoint": base + "/oauth2/v1/token",
                "jwks_uri": base + "/jwks.json",
            }
        )

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response(self._signer.key_set())

    async def _workload(self, request: web.Request) -> web.Response:
        """What a continuous-integration service gives its jobs: a token for an audience."""
        if not request.headers.get("authorization", "").lower().startswith("bearer "):
            return web.json_response({"message": "Requires authentication"}, status=401)
        self._tokens.requests["workload"] += 1
        self._tokens.issued["workload"] += 1
        claims = {"sub": "repo:example/project", "aud": request.query.get("audience", self.url)}
        return web.json_response({"value": self.token(claims).text})

    def _token(self, request: web.Request, form: dict[str, str]) -> tuple[str, dict[str, Any]]:
        if form.get("grant_type") != "client_credentials":
            raise OAuthError("unsupported_grant_type", "Only client_credentials is supported")
        client = self._clients.authenticate(request, form)
        return "provider", document_of(self.token({"sub": client.id}))

    def _azure_v1(self, request: web.Request, form: dict[str, str]) -> tuple[str, dict[str, Any]]:
        token = self._azure(request, form, form.get("resource", ""), "https://sts.windows.net/{}/")
        return "azure_v1", _texts(token, form.get("resource", ""))

    def _azure_v2(self, request: web.Request, form: dict[str, str]) -> tuple[str, dict[str, Any]]:
        scope = form.get("scope", "")
        if not scope.endswith("/.default"):
            raise OAuthError("invalid_scope", f"AADSTS1002012: The scope {scope} is not valid.")
        issuer = "https://login.microsoftonline.com/{}/v2.0"
        token = self._azure(request, form, scope.removesuffix("/.default"), issuer)
        life = token.seconds_left
        return "azure_v2", {
            "token_type": "Bearer",
            "expires_in": life,
            "ext_expires_in": life,
            "access_token": token.text,
        }

    def _azure(
        self, request: web.Request, form: dict[str, str], resource: str, issuer: str
    ) -> Token:
        tenant = request.match_info["tenant"]
        if tenant != TENANT:
            raise invalid_request(f"AADSTS90002: Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials":
            raise OAuthError(
                "unsupported_grant_type", "AADSTS70003: The app requested another grant."
            )
        try:
            client = self._clients.authenticate(request, form)
        except OAuthError as error:
            text = "AADSTS7000215: Invalid client secret provided."
            raise OAuthError(error.error, text, error.status, {"error_codes": [7000215]}) from error
        return self._for_resource(client.id, resource, issuer.format(TENANT))

    def _managed_identity(
        self, request: web.Request, _: dict[str, str]
    ) -> tuple[str, dict[str, Any]]:
        query = request.query
        if request.headers.get("metadata", "").lower() != "true":
            raise invalid_request("Required metadata header not specified")
        if "api-version" not in query or "resource" not in query:
            raise invalid_request("Required query variable 'api-version' or 'resource' is missing")
        identity = query.get("client_id") or "system-assigned-identity"
        if "client_id" in query and self._clients.find(identity) is None:
            raise invalid_request("Identity not found")
        issuer = f"https://sts.windows.net/{TENANT}/"
        token = self._for_resource(identity, query["resource"], issuer)
        return "managed_identity", {**_texts(token, query["resource"]), "client_id": identity}

    def _for_resource(self, principal: str, resource: str, issuer: str) -> Token:
        wanted = resource.rstrip("/")
        if wanted != DATABRICKS_APP and wanted not in _MANAGEMENT:
            text = f"AADSTS500011: The resource principal named {resource} was not found."
            raise OAuthError("invalid_resource", text)
        kind = "azure" if wanted == DATABRICKS_APP else "management"
        claims = {"aud": resource, "tid": TENANT, "appid": principal}
        return self._tokens.issue(self._signer, issuer, principal, kind=kind, claims=claims)


def _texts(token: Token, resource: str) -> dict[str, Any]:
    """The answer of the older endpoints, where numbers are texts."""
    now = int(time.time())
    return {
        "token_type": "Bearer",
        "expires_in": str(token.seconds_left),
        "ext_expires_in": str(token.seconds_left),
        "expires_on": str(now + token.seconds_left),
        "not_before": str(now),
        "resource": resource,
        "access_token": token.text,
    }
