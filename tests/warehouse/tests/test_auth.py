from __future__ import annotations

from typing import TYPE_CHECKING

from .conftest import SQL, fetch

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse


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
