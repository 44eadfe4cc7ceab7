"""The identity endpoints of the workspace, and the check that every API request passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from databricks_sql_warehouse.errors import ApiError

from .authorization import Authorization
from .clients import Clients
from .grants import Grants, issuer_of
from .provider import DATABRICKS_APP, TENANT, Provider
from .tokens import Signer, Tokens

if TYPE_CHECKING:
    from databricks_sql_warehouse.settings import Settings

ACCOUNT_ID = "10000000-0000-4000-8000-000000000001"
WORKSPACE_ID = "1000000000000001"
_MANAGEMENT_TOKEN = "x-databricks-azure-sp-management-token"  # noqa: S105
_RESOURCE_ID = "x-databricks-azure-workspace-resource-id"
_NO_CREDENTIAL = "Credential was not sent or was of an unsupported type for this API."
_INVALID_TOKEN = "Invalid access token."  # noqa: S105
_EXPIRED_TOKEN = "The access token expired."  # noqa: S105


class Identity:
    """Everything that has to do with who calls."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._signer = Signer()
        self.tokens = Tokens(settings)
        self.clients = Clients()
        authorization = Authorization(self.clients, settings)
        self._authorization = authorization
        self.provider = Provider(self.tokens, self.clients, authorization, Signer())
        self._grants = Grants(
            self.tokens, self.clients, authorization, self.provider, self._signer, settings
        )

    def routes(self) -> list[web.RouteDef]:
        """The routes of the workspace; all of them are open to everybody."""
        routes = [
            web.get("/.well-known/databricks-config", self._config),
            web.get("/oidc/oauth2/v2.0/authorize", self._authorization.serve),
            web.get("/aad/auth", self._aad),
        ]
        for prefix in ("/oidc", "/oidc/accounts/{account}"):
            well_known = prefix + "/.well-known/"
            routes += [
                web.get(well_known + "oauth-authorization-server", self._discovery),
                web.get(well_known + "openid-configuration", self._discovery),
                web.get(prefix + "/jwks.json", self._keys),
                web.get(prefix + "/v1/authorize", self._authorization.serve),
                web.post(prefix + "/v1/token", self._grants.serve),
            ]
        return routes

    def is_open(self, path: str) -> bool:
        """Whether a path takes requests without credentials."""
        return path.startswith(("/oidc/", "/.well-known/", "/aad/"))

    def issue(self, url: str, lifetime: float | None) -> str:
        """A new access token of a user, for tests that need one more."""
        issuer = f"{url}/oidc"
        return self.tokens.issue(self._signer, issuer, "user@example.com", lifetime=lifetime).text

    def check(self, request: web.Request) -> None:
        """Refuse a request without a token that is valid now."""
        scheme, _, sent = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not sent:
            raise _refused(401, _NO_CREDENTIAL, 'Bearer realm="DatabricksRealm"')
        self._check_token(sent.strip(), ("pat", "oauth", "azure"))
        if _RESOURCE_ID in request.headers or _MANAGEMENT_TOKEN in request.headers:
            self._check_token(request.headers.get(_MANAGEMENT_TOKEN, ""), ("management",))

    def _check_token(self, text: str, kinds: tuple[str, ...]) -> None:
        token = self.tokens.find(text)
        foreign = self._settings.federation == "optional" and kinds[0] == "pat"
        if token is None or token.kind not in (*kinds, *(("foreign",) if foreign else ())):
            raise _refused(403, _INVALID_TOKEN)
        if token.expired and self._settings.expired_token_status == 403:
            raise _refused(403, _INVALID_TOKEN)
        if token.expired:
            challenge = 'Bearer realm="DatabricksRealm", error="invalid_token"'
            raise _refused(401, _EXPIRED_TOKEN, challenge)

    async def _config(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "oidc_endpoint": issuer_of(request),
                "account_id": ACCOUNT_ID,
                "workspace_id": WORKSPACE_ID,
            }
        )

    async def _discovery(self, request: web.Request) -> web.Response:
        base = f"{request.scheme}://{request.host}{request.path.partition('/.well-known/')[0]}"
        document: dict[str, Any] = {
            "authorization_endpoint": base + "/v1/authorize",
            "token_endpoint": base + "/v1/token",
            "issuer": base,
            "jwks_uri": base + "/jwks.json",
            **_ABILITIES,
        }
        return web.json_response(document)

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response(self._signer.key_set())

    async def _aad(self, request: web.Request) -> web.Response:
        cloud = request.host.partition(":")[0].rpartition(".")[2]
        host = _LOGIN_HOSTS.get(cloud, "login.microsoftonline.com")
        login = f"https://{host}/{TENANT}/oauth2/authorize"
        query = f"client_id={DATABRICKS_APP}&response_type=code&response_mode=form_post"
        return web.Response(status=302, headers={"location": f"{login}?{query}"})


_LOGIN_HOSTS = {"us": "login.microsoftonline.us", "cn": "login.chinacloudapi.cn"}


def _refused(status: int, message: str, challenge: str | None = None) -> ApiError:
    headers = {"x-databricks-reason-phrase": message}
    if challenge is not None:
        headers["www-authenticate"] = challenge
    return ApiError(status, status, message, headers=headers)


_ABILITIES: dict[str, Any] = {
    "scopes_supported": ["all-apis", "email", "offline_access", "openid", "profile", "sql"],
    "response_types_supported": ["code", "id_token"],
    "response_modes_supported": ["query", "fragment", "form_post"],
    "grant_types_supported": ["client_credentials", "authorization_code", "refresh_token"],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["RS256"],
    "claims_supported": [
        "iss", "sub", "aud", "iat", "exp", "jti",
        "name", "family_name", "given_name", "preferred_username",
    ],
    "request_uri_parameter_supported": False,
}  # fmt: skip
