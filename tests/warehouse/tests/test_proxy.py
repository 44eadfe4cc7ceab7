from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING, Any

import pytest

from .network import ask, basic, connection, trusting, works

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Client

APP = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"


def through(warehouse: Warehouse, url: str, method: str = "GET", **options: Any) -> Any:
    """The answer to a request through the tunnel of the proxy."""
    return ask(url, method, proxy=warehouse.proxy_url, tls=trusting(warehouse.ca), **options)


def test_a_tunnel_carries_tls_and_is_logged(secure: Warehouse) -> None:
    status = works(secure, secure.access_token, proxy=secure.proxy_url, tls=trusting(secure.ca))
    assert status == 200
    secure.wait_for(lambda entry: entry["to"] == "proxy" and entry["answered"])
    carried, inside = secure.log()
    assert (carried["method"], carried["path"]) == ("CONNECT", f"localhost:{secure.port}")
    assert (carried["status"], inside["path"]) == (200, "/api/2.0/sql/sessions")
    assert carried["bytes_down"] > 500
    assert secure.access_token not in str(secure.log())


def test_a_plain_request_is_forwarded(warehouse: Warehouse) -> None:
    url = f"{warehouse.server_hostname}/oidc/.well-known/oauth-authorization-server?q=1"
    with connection(warehouse.proxy_url) as made:
        made.request("GET", url)
        response = made.getresponse()
        assert response.status == 200
        assert b"token_endpoint" in response.read()
    warehouse.wait_for(lambda entry: entry["to"] == "proxy" and entry["answered"])
    carried, inside = warehouse.log()
    assert (carried["method"], carried["path"]) == ("GET", url.partition("?")[0])
    assert inside["query"] == {"q": "1"}


def test_a_plain_request_with_a_body_is_forwarded(warehouse: Warehouse) -> None:
    with connection(warehouse.proxy_url) as made:
        url = f"{warehouse.server_hostname}/api/2.0/sql/sessions"
        headers = {"authorization": f"Bearer {warehouse.access_token}"}
        made.request("POST", url, b'{"warehouse_id": "local"}', headers)
        assert made.getresponse().status == 200


def test_a_password_is_demanded(secure: Warehouse) -> None:
    secure.settings(proxy_credentials="user:p@ss")
    url = f"{secure.server_hostname}/.well-known/databricks-config"
    with pytest.raises(OSError, match="407"):
        through(secure, url)
    wrong = {"proxy-authorization": basic("user", "wrong")}
    with pytest.raises(OSError, match="407"):
        through(secure, url, proxy_headers=wrong)
    right = {"proxy-authorization": basic("user", "p@ss")}
    assert through(secure, url, proxy_headers=right).status == 200
    carried = secure.log(to="proxy")
    assert [entry["status"] for entry in carried] == [407, 407, 200]
    assert ["proxy-authorization" in entry["headers"] for entry in carried] == [False, True, True]
    assert basic("user", "p@ss")[6:] not in str(secure.log())
    secure.settings(log_secrets=True)
    through(secure, url, proxy_headers=right)
    sent = [entry["raw"]["headers"] for entry in secure.log(to="proxy") if "raw" in entry]
    assert ["proxy-authorization", basic("user", "p@ss")] in sent[0]


def test_a_refusal_names_the_scheme(warehouse: Warehouse) -> None:
    warehouse.settings(proxy_credentials="user:password")
    with connection(warehouse.proxy_url) as made:
        made.request("GET", warehouse.server_hostname + "/")
        response = made.getresponse()
        assert (response.status, response.headers["proxy-authenticate"][:5]) == (407, "Basic")


def test_names_of_the_service_lead_to_the_warehouse(secure: Warehouse) -> None:
    host = "https://adb-1.azuredatabricks.net"
    found = through(secure, host + "/oidc/.well-known/oauth-authorization-server").json
    assert found["token_endpoint"] == host + "/oidc/v1/token"
    form = {
        "grant_type": "client_credentials",
        "client_id": secure.client_id,
        "client_secret": secure.client_secret,
        "scope": f"{APP}/.default",
    }
    login = f"https://login.microsoftonline.com/{secure.azure_tenant_id}/oauth2/v2.0/token"
    token = through(secure, login, "POST", form=form).json["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    body = {"warehouse_id": "local"}
    opened = through(secure, host + "/api/2.0/sql/sessions", "POST", headers=headers, body=body)
    assert opened.status == 200


@pytest.mark.parametrize(
    ("host", "login"),
    [
        ("adb-1.2.azuredatabricks.net", "login.microsoftonline.com"),
        ("adb-1.2.databricks.azure.us", "login.microsoftonline.us"),
        ("adb-1.2.databricks.azure.cn", "login.chinacloudapi.cn"),
    ],
)
def test_every_cloud_has_its_sign_in(secure: Warehouse, host: str, login: str) -> None:
    answer = through(secure, f"https://{host}/aad/auth")
    assert answer.headers["location"].startswith(f"https://{login}/{secure.azure_tenant_id}/")
    form = {"grant_type": "client_credentials", "resource": APP, "client_id": secure.client_id}
    token = f"https://{login}/{secure.azure_tenant_id}/oauth2/token"
    form["client_secret"] = secure.client_secret
    assert through(secure, token, "POST", form=form).status == 200


def test_the_metadata_address_leads_to_the_managed_identity(secure: Warehouse) -> None:
    path = f"/metadata/identity/oauth2/token?api-version=2018-02-01&resource={APP}"
    with connection(secure.proxy_url) as made:
        made.request("GET", f"http://169.254.169.254{path}", headers={"Metadata": "true"})
        response = made.getresponse()
        assert response.status == 200
        assert b"access_token" in response.read()


def test_nothing_beyond_this_machine_is_reached(warehouse: Warehouse) -> None:
    for url in ("https://example.com/", f"https://localhost:{port_of(warehouse, 'refused')}/"):
        with pytest.raises(OSError, match="502"):
            ask(url, proxy=warehouse.proxy_url)


def port_of(warehouse: Warehouse, kind: str) -> str:
    return warehouse.dead_urls[kind].rpartition(":")[2]


def test_faults_reach_the_proxy(secure: Warehouse) -> None:
    url = f"{secure.server_hostname}/.well-known/databricks-config"
    secure.fault(match={"to": "proxy"}, action={"status": 503})
    with pytest.raises(OSError, match="503"):
        through(secure, url)
    secure.fault(match={"to": "proxy", "path": f":{secure.port}$"}, action={"drop": "before"})
    with pytest.raises((OSError, http.client.HTTPException)):
        through(secure, url)
    assert through(secure, url).status == 200


@pytest.mark.parametrize("kind", ["unreachable", "silent", "refused", "unresolvable"])
def test_storage_can_be_out_of_reach(warehouse: Warehouse, client: Client, kind: str) -> None:
    warehouse.settings(storage_network=kind)
    link = client.execute("SELECT 1")["result"]["external_links"][0]["external_link"]
    began = time.monotonic()
    with pytest.raises(OSError) as caught:  # noqa: PT011
        ask(link, timeout=0.5)
    waited = time.monotonic() - began
    if kind in ("unreachable", "silent"):
        assert isinstance(caught.value, TimeoutError)
        assert waited >= 0.5
    warehouse.settings(storage_network="up")
    link = client.execute("SELECT 1")["result"]["external_links"][0]["external_link"]
    assert ask(link).status == 200


def test_an_unreachable_port_takes_no_connection(warehouse: Warehouse) -> None:
    url = warehouse.dead_urls["unreachable"]
    for _ in range(6):
        with connection(url, timeout=0.1) as made, pytest.raises(TimeoutError):
            made.connect()
    with connection(warehouse.dead_urls["silent"], timeout=0.1) as made:
        made.connect()
