from __future__ import annotations

import base64
import hashlib
import secrets
import time
import urllib.parse
import uuid
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .conftest import SQL, fetch
from .network import ask, basic, works

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Answer

GRANT = "urn:ietf:params:oauth:grant-type:"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
APP = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
REDIRECT = "http://localhost:8020"


def endpoint(warehouse: Warehouse) -> str:
    return f"{warehouse.server_hostname}/oidc/v1/token"


def token_of(warehouse: Warehouse, form: dict[str, str], **options: Any) -> Answer:
    return ask(options.pop("url", endpoint(warehouse)), "POST", form=form, **options)


def by_secret(warehouse: Warehouse, secret: str | None = None) -> Answer:
    header = basic(warehouse.client_id, secret or warehouse.client_secret)
    form = {"grant_type": "client_credentials", "scope": "all-apis"}
    return token_of(warehouse, form, headers={"authorization": header})


def test_a_request_without_credentials_is_unauthorized(warehouse: Warehouse) -> None:
    answer = fetch(f"{warehouse.server_hostname}{SQL}/sessions", "POST", {})
    assert answer.status == 401
    assert answer.json["error_code"] == 401
    assert answer.json["message"].startswith("Credential was not sent")
    assert answer.headers["www-authenticate"].startswith("Bearer realm=")


def test_a_wrong_token_is_forbidden(warehouse: Warehouse) -> None:
    url = f"{warehouse.server_hostname}{SQL}/sessions"
    answer = fetch(url, "POST", {}, {"authorization": "Bearer no"})
    assert answer.status == 403
    assert answer.json == {"error_code": 403, "message": "Invalid access token."}


def test_an_unknown_path_is_not_found(warehouse: Warehouse) -> None:
    token = {"authorization": f"Bearer {warehouse.access_token}"}
    answer = fetch(f"{warehouse.server_hostname}/api/2.0/nothing", "GET", None, token)
    assert answer.status == 404
    assert answer.json["error_code"] == "ENDPOINT_NOT_FOUND"


@pytest.mark.parametrize("prefix", ["/oidc", "/oidc/accounts/1234"])
def test_discovery_names_the_endpoints_under_the_callers_host(
    warehouse: Warehouse, prefix: str
) -> None:
    url = f"http://127.0.0.1:{warehouse.port}{prefix}"
    found = ask(url + "/.well-known/oauth-authorization-server").json
    assert found["authorization_endpoint"] == url + "/v1/authorize"
    assert found["token_endpoint"] == url + "/v1/token"
    assert found["jwks_uri"] == url + "/jwks.json"
    assert set(found) > {"issuer", "scopes_supported", "grant_types_supported"}


def test_a_client_secret_brings_a_token_that_opens_a_session(warehouse: Warehouse) -> None:
    answer = by_secret(warehouse)
    assert answer.status == 200
    assert answer.json["token_type"] == "Bearer"
    assert 3590 <= answer.json["expires_in"] <= 3600
    assert works(warehouse, answer.json["access_token"]) == 200
    assert warehouse.token_requests() == {"client_credentials": 1}


def test_tokens_are_signed_by_the_published_keys(warehouse: Warehouse) -> None:
    token = by_secret(warehouse).json["access_token"]
    keys = jwt.PyJWKSet.from_dict(ask(f"{warehouse.server_hostname}/oidc/jwks.json").json)
    key = keys[jwt.get_unverified_header(token)["kid"]]
    issuer = f"{warehouse.server_hostname}/oidc"
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=issuer, issuer=issuer)
    assert claims["sub"] == warehouse.client_id


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "client_credentials", "scope": "nothing"}, 400, "invalid_scope"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({}, 400, "unsupported_grant_type"),
    ],
)
def test_a_wrong_token_request_is_told(
    warehouse: Warehouse, form: dict[str, str], status: int, error: str
) -> None:
    header = basic(warehouse.client_id, warehouse.client_secret)
    answer = token_of(warehouse, form, headers={"authorization": header})
    assert (answer.status, answer.json["error"]) == (status, error)


def test_a_wrong_secret_is_refused(warehouse: Warehouse) -> None:
    answer = by_secret(warehouse, "wrong")
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_a_client_registered_by_the_test_signs_in(warehouse: Warehouse) -> None:
    name, secret = warehouse.add_client()
    assert secret is not None
    form = {"grant_type": "client_credentials", "client_id": name, "client_secret": secret}
    assert token_of(warehouse, form).status == 200
    quoted = basic(urllib.parse.quote_plus("a/b c"), urllib.parse.quote_plus("p:=+"))
    warehouse.add_client("a/b c", "p:=+")
    form = {"grant_type": "client_credentials"}
    assert token_of(warehouse, form, headers={"authorization": quoted}).status == 200


# -- client assertions


def pem_of(key: Any) -> str:
    layout = serialization.PublicFormat.SubjectPublicKeyInfo
    text: bytes = key.public_key().public_bytes(serialization.Encoding.PEM, layout)
    return text.decode()


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def claims_of(warehouse: Warehouse, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": "signer",
        "sub": "signer",
        "aud": endpoint(warehouse),
        "iat": now,
        "exp": now + 300,
        "jti": uuid.uuid4().hex,
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def by_assertion(warehouse: Warehouse, assertion: str, **options: Any) -> Answer:
    form = {
        "grant_type": "client_credentials",
        "scope": "all-apis",
        "client_assertion_type": ASSERTION,
        "client_assertion": assertion,
    }
    return token_of(warehouse, form, **options)


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_assertion_is_verified(
    warehouse: Warehouse, rsa_key: rsa.RSAPrivateKey, algorithm: str
) -> None:
    warehouse.add_client("signer", keys={"k": pem_of(rsa_key)})
    signed = jwt.encode(claims_of(warehouse), rsa_key, algorithm, {"kid": "k"})
    answer = by_assertion(warehouse, signed)
    assert answer.status == 200, answer.json
    assert works(warehouse, answer.json["access_token"]) == 200
    assert warehouse.token_requests() == {"client_assertion": 1}


@pytest.mark.parametrize(
    ("algorithm", "curve"),
    [("ES256", ec.SECP256R1()), ("ES384", ec.SECP384R1()), ("ES512", ec.SECP521R1())],
)
def test_an_elliptic_assertion_is_verified(
    warehouse: Warehouse, algorithm: str, curve: ec.EllipticCurve
) -> None:
    key = ec.generate_private_key(curve)
    warehouse.add_client("signer", keys={"k": pem_of(key)})
    signed = jwt.encode(claims_of(warehouse), key, algorithm, {"kid": "k"})
    assert by_assertion(warehouse, signed).status == 200
    broken = signed[:-8] + ("A" * 8 if signed[-8:] != "A" * 8 else "B" * 8)
    assert by_assertion(warehouse, broken).status == 401


@pytest.mark.parametrize(
    ("changes", "kid"),
    [
        ({"aud": "http://localhost/other"}, "k"),
        ({"exp": 1_000_000_000}, "k"),
        ({"exp": None}, "k"),
        ({"jti": None}, "k"),
        ({"iss": "other"}, "k"),
        ({"sub": "nobody"}, "k"),
        ({}, "unknown"),
    ],
)
def test_a_false_assertion_is_refused(
    warehouse: Warehouse, rsa_key: rsa.RSAPrivateKey, changes: dict[str, Any], kid: str
) -> None:
    warehouse.add_client("signer", keys={"k": pem_of(rsa_key)})
    signed = jwt.encode(claims_of(warehouse, **changes), rsa_key, "RS256", {"kid": kid})
    answer = by_assertion(warehouse, signed)
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


def test_an_assertion_works_once(warehouse: Warehouse, rsa_key: rsa.RSAPrivateKey) -> None:
    warehouse.add_client("signer", keys={"k": pem_of(rsa_key)})
    signed = jwt.encode(claims_of(warehouse), rsa_key, "RS256", {"kid": "k"})
    assert [by_assertion(warehouse, signed).status for _ in range(2)] == [200, 401]


def test_an_assertion_by_another_key_or_by_none_is_refused(
    warehouse: Warehouse, rsa_key: rsa.RSAPrivateKey
) -> None:
    warehouse.add_client("signer", keys={"k": pem_of(rsa_key)})
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signed = jwt.encode(claims_of(warehouse), other, "RS256", {"kid": "k"})
    assert by_assertion(warehouse, signed).status == 401
    unsigned = jwt.encode(claims_of(warehouse), "", "none", {"kid": "k"})
    assert by_assertion(warehouse, unsigned).status == 401
    assert by_assertion(warehouse, "no token at all").status == 401


# -- authorization code


def authorize(warehouse: Warehouse, verifier: str, **changes: str | None) -> Answer:
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    query = {
        "response_type": "code",
        "client_id": "databricks-sql-python",
        "redirect_uri": REDIRECT,
        "scope": "sql offline_access",
        "state": "s1",
        "code_challenge": digest.rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        **changes,
    }
    asked = urllib.parse.urlencode({name: value for name, value in query.items() if value})
    return ask(f"{warehouse.server_hostname}/oidc/v1/authorize?{asked}")


def redirected(answer: Answer) -> dict[str, str]:
    assert answer.status == 302
    assert answer.headers["location"].startswith(REDIRECT + "?")
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.headers["location"]).query))


def redeem(warehouse: Warehouse, code: str, verifier: str, **changes: str) -> Answer:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "client_id": "databricks-sql-python",
        "code_verifier": verifier,
        **changes,
    }
    return token_of(warehouse, form)


def test_a_code_is_given_and_redeemed_once(warehouse: Warehouse) -> None:
    verifier = secrets.token_urlsafe(32)
    given = redirected(authorize(warehouse, verifier))
    assert given["state"] == "s1"
    answer = redeem(warehouse, given["code"], verifier)
    assert answer.status == 200
    assert works(warehouse, answer.json["access_token"]) == 200
    assert "refresh_token" in answer.json
    assert redeem(warehouse, given["code"], verifier).json["error"] == "invalid_grant"


def test_the_code_verifier_is_checked(warehouse: Warehouse) -> None:
    verifier = secrets.token_urlsafe(32)
    for changes in ({"code_verifier": "wrong"}, {"redirect_uri": "http://localhost:1"}):
        code = redirected(authorize(warehouse, verifier))["code"]
        answer = redeem(warehouse, code, verifier, **changes)
        assert (answer.status, answer.json["error"]) == (400, "invalid_grant")


def test_a_code_needs_a_challenge(warehouse: Warehouse) -> None:
    for changes in ({"code_challenge": None}, {"code_challenge_method": "plain"}):
        assert redirected(authorize(warehouse, "v", **changes))["error"] == "invalid_request"


def test_no_redirect_to_elsewhere(warehouse: Warehouse) -> None:
    for changes in ({"redirect_uri": "http://example.com/"}, {"client_id": "nobody"}):
        assert authorize(warehouse, "v", **changes).status == 400


def test_the_user_can_say_no_and_a_stranger_can_answer(warehouse: Warehouse) -> None:
    warehouse.settings(authorization="deny")
    assert redirected(authorize(warehouse, "v"))["error"] == "access_denied"
    warehouse.settings(authorization="wrong_state")
    assert redirected(authorize(warehouse, "v"))["state"] != "s1"


def test_the_user_may_never_answer(warehouse: Warehouse) -> None:
    warehouse.settings(authorization="hang")
    url = f"{warehouse.server_hostname}/oidc/v1/authorize"
    query = f"client_id=databricks-sql-python&redirect_uri={REDIRECT}"
    with pytest.raises(TimeoutError):
        ask(f"{url}?{query}", timeout=0.2)


def refreshed(warehouse: Warehouse, refresh: str) -> Answer:
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    return token_of(warehouse, {**form, "client_id": "databricks-sql-python"})


def test_refresh_tokens_rotate_and_the_old_one_kills_the_family(warehouse: Warehouse) -> None:
    verifier = secrets.token_urlsafe(32)
    code = redirected(authorize(warehouse, verifier))["code"]
    first = redeem(warehouse, code, verifier).json["refresh_token"]
    second = refreshed(warehouse, first).json
    assert works(warehouse, second["access_token"]) == 200
    assert second["refresh_token"] != first
    assert refreshed(warehouse, first).json["error"] == "invalid_grant"
    assert refreshed(warehouse, second["refresh_token"]).json["error"] == "invalid_grant"


def test_refresh_tokens_can_stay(warehouse: Warehouse) -> None:
    warehouse.settings(refresh_rotation=False)
    verifier = secrets.token_urlsafe(32)
    code = redirected(authorize(warehouse, verifier))["code"]
    refresh = redeem(warehouse, code, verifier).json["refresh_token"]
    assert [refreshed(warehouse, refresh).status for _ in range(2)] == [200, 200]


# -- life and death of tokens


def test_tokens_live_as_long_as_the_settings_say(warehouse: Warehouse) -> None:
    warehouse.settings(token_ttl_seconds=0)
    answer = by_secret(warehouse).json
    assert answer["expires_in"] == 0
    assert works(warehouse, answer["access_token"]) == 401
    warehouse.settings(expired_token_status=403)
    assert works(warehouse, answer["access_token"]) == 403


def test_all_tokens_expire_on_demand_but_the_personal_one(warehouse: Warehouse) -> None:
    token, other = by_secret(warehouse).json["access_token"], warehouse.issue_token(60)
    assert works(warehouse, token) == works(warehouse, other) == 200
    assert warehouse.expire_tokens() >= 2
    assert works(warehouse, token) == works(warehouse, other) == 401
    assert works(warehouse, warehouse.access_token) == 200


# -- federation


def exchange(warehouse: Warehouse, dialect: str, token: str, **more: str) -> Answer:
    if dialect == "token-exchange":
        form = {
            "subject_token": token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        }
    else:
        form = {"assertion": token}
    return token_of(warehouse, {"grant_type": GRANT + dialect, "scope": "sql", **form, **more})


DIALECTS = pytest.mark.parametrize(
    ("dialect", "client"),
    [("token-exchange", "client_id"), ("jwt-bearer", "identity_federation_client_id")],
)
ORIGINAL = {"return_original_token_if_authenticated": "true"}


@DIALECTS
def test_a_foreign_token_is_exchanged(warehouse: Warehouse, dialect: str, client: str) -> None:
    foreign = warehouse.issue_foreign_token(sub="someone")
    assert works(warehouse, foreign) == 403
    answer = exchange(warehouse, dialect, foreign, **ORIGINAL)
    assert answer.status == 200, answer.json
    assert works(warehouse, answer.json["access_token"]) == 200
    own = exchange(warehouse, dialect, answer.json["access_token"], **ORIGINAL)
    assert own.json["access_token"] == answer.json["access_token"]
    acting = exchange(warehouse, dialect, foreign, **{client: warehouse.client_id})
    claims = jwt.decode(acting.json["access_token"], options={"verify_signature": False})
    assert claims["sub"] == warehouse.client_id


@DIALECTS
def test_an_exchange_is_refused(warehouse: Warehouse, dialect: str, client: str) -> None:
    foreign = warehouse.issue_foreign_token(sub="someone")
    assert exchange(warehouse, dialect, foreign, **{client: "nobody"}).status == 401
    assert exchange(warehouse, dialect, foreign[:-6] + "AAAAAA").status == 400
    assert exchange(warehouse, dialect, warehouse.issue_foreign_token(0)).status == 400
    warehouse.settings(federation="refuse")
    assert exchange(warehouse, dialect, foreign).json["error"] == "invalid_grant"


def test_a_workspace_may_take_foreign_tokens_as_they_are(warehouse: Warehouse) -> None:
    foreign = warehouse.issue_foreign_token()
    warehouse.settings(federation="optional")
    assert works(warehouse, foreign) == 200


def test_the_customers_provider_gives_tokens_that_need_an_exchange(warehouse: Warehouse) -> None:
    header = basic(warehouse.client_id, warehouse.client_secret)
    url = f"{warehouse.idp_url}/oauth2/v1/token"
    form = {"grant_type": "client_credentials"}
    token = token_of(warehouse, form, url=url, headers={"authorization": header}).json
    assert works(warehouse, token["access_token"]) == 403
    exchanged = exchange(warehouse, "jwt-bearer", token["access_token"])
    assert works(warehouse, exchanged.json["access_token"]) == 200


def test_a_workload_gets_a_token_for_an_audience(warehouse: Warehouse) -> None:
    url = f"{warehouse.idp_url}/workload/token?audience=account"
    assert ask(url).status == 401
    token = ask(url, headers={"authorization": "bearer request-token"}).json["value"]
    assert jwt.decode(token, options={"verify_signature": False})["aud"] == "account"
    assert exchange(warehouse, "token-exchange", token).status == 200


# -- Azure


def test_the_workspace_leads_to_its_tenant(warehouse: Warehouse) -> None:
    answer = ask(f"{warehouse.server_hostname}/aad/auth")
    assert answer.status == 302
    start = f"https://login.microsoftonline.com/{warehouse.azure_tenant_id}/oauth2/authorize?"
    assert answer.headers["location"].startswith(start)


def azure(warehouse: Warehouse, path: str, **form: str) -> Answer:
    url = f"{warehouse.idp_url}/{warehouse.azure_tenant_id}/oauth2{path}"
    given = {
        "grant_type": "client_credentials",
        "client_id": warehouse.client_id,
        "client_secret": warehouse.client_secret,
        **form,
    }
    return ask(url, "POST", form=given)


def test_both_tenant_endpoints_give_tokens_for_the_workspace(warehouse: Warehouse) -> None:
    old = azure(warehouse, "/token", resource=APP).json
    assert isinstance(old["expires_in"], str)
    new = azure(warehouse, "/v2.0/token", scope=f"{APP}/.default").json
    assert isinstance(new["expires_in"], int)
    for token in (old["access_token"], new["access_token"]):
        assert works(warehouse, token) == 200
        answer = exchange(warehouse, "jwt-bearer", token, **ORIGINAL)
        assert answer.json["access_token"] == token


def test_tenant_endpoints_refuse(warehouse: Warehouse) -> None:
    refused = azure(warehouse, "/token", resource=APP, client_secret="wrong")
    assert (refused.status, refused.json["error"]) == (401, "invalid_client")
    assert azure(warehouse, "/token", resource="other").json["error"] == "invalid_resource"
    assert azure(warehouse, "/v2.0/token", scope=APP).json["error"] == "invalid_scope"


def test_a_resource_id_needs_a_management_token(warehouse: Warehouse) -> None:
    resource = "https://management.core.windows.net/"
    management = azure(warehouse, "/token", resource=resource).json["access_token"]
    token = azure(warehouse, "/token", resource=APP).json["access_token"]
    headers = {"x-databricks-azure-workspace-resource-id": "/subscriptions/1"}
    assert works(warehouse, token, headers=headers) == 403
    both = {**headers, "x-databricks-azure-sp-management-token": management}
    assert works(warehouse, token, headers=both) == 200
    assert works(warehouse, management) == 403
    assert warehouse.log()[-2]["headers"]["x-databricks-azure-sp-management-token"] is True


def test_a_managed_identity_needs_its_header(warehouse: Warehouse) -> None:
    path = f"/metadata/identity/oauth2/token?api-version=2018-02-01&resource={APP}"
    url = warehouse.idp_url + path
    assert ask(url).status == 400
    answer = ask(url, headers={"Metadata": "true"})
    assert works(warehouse, answer.json["access_token"]) == 200
    named = ask(f"{url}&client_id={warehouse.client_id}", headers={"Metadata": "true"})
    assert named.json["client_id"] == warehouse.client_id
    assert warehouse.token_requests() == {"managed_identity": 3}


# -- what the log keeps


def test_no_secret_enters_the_log_unless_a_test_asks(warehouse: Warehouse) -> None:
    token = by_secret(warehouse).json["access_token"]
    works(warehouse, token)
    form = {"grant_type": "client_credentials", "client_secret": warehouse.client_secret}
    token_of(warehouse, {**form, "client_id": warehouse.client_id})
    logged = str(warehouse.log())
    assert token not in logged
    assert warehouse.client_secret not in logged
    assert warehouse.log()[-1]["body"]["client_secret"] is True
    warehouse.settings(log_secrets=True)
    works(warehouse, token)
    raw = warehouse.log()[-1]["raw"]
    assert ["authorization", f"Bearer {token}"] in raw["headers"]
