"""Tokens that others issued: exchanged, or used as they are; and the tokens of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from databricks_sql_kernel import dbapi

from .conftest import one

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from databricks_sql_warehouse import Warehouse

    from .conftest import Connect


def test_a_foreign_token_is_exchanged_once(sign_in: Connect, warehouse: Warehouse) -> None:
    connection = sign_in(access_token=warehouse.issue_foreign_token(sub="user"))
    assert [one(connection), one(connection)] == [1, 1]
    assert warehouse.token_requests() == {"token_exchange": 1}


def test_a_principal_may_be_named(sign_in: Connect, warehouse: Warehouse) -> None:
    foreign = warehouse.issue_foreign_token(sub="user")
    connection = sign_in(access_token=foreign, identity_federation_client_id=warehouse.client_id)
    assert one(connection) == 1
    with pytest.raises(dbapi.OperationalError, match="'nobody' does not exist") as raised:
        sign_in(access_token=foreign, identity_federation_client_id="nobody")
    assert foreign not in repr(raised.value)


def test_a_refused_exchange_leaves_the_original(sign_in: Connect, warehouse: Warehouse) -> None:
    foreign = warehouse.issue_foreign_token(sub="user")
    warehouse.settings(federation="optional")
    warehouse.fault(match={"path": "/oidc/v1/token"}, action={"status": 400}, times=None)
    assert one(sign_in(access_token=foreign)) == 1
    with pytest.raises(dbapi.OperationalError, match="does not exchange"):
        sign_in(access_token=foreign, identity_federation_client_id=warehouse.client_id)


def test_own_and_opaque_tokens_are_not_exchanged(sign_in: Connect, warehouse: Warehouse) -> None:
    for token in (warehouse.access_token, warehouse.issue_token()):
        assert one(sign_in(access_token=token)) == 1
    assert not warehouse.token_requests()


def test_the_token_of_a_job_in_a_variable(
    sign_in: Connect, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_OIDC_TOKEN", warehouse.issue_foreign_token(sub="job"))
    assert one(sign_in()) == 1
    monkeypatch.delenv("DATABRICKS_OIDC_TOKEN")
    monkeypatch.setenv("MY_TOKEN", warehouse.issue_foreign_token(sub="job"))
    monkeypatch.setenv("DATABRICKS_OIDC_TOKEN_ENV", "MY_TOKEN")
    assert one(sign_in()) == 1
    assert warehouse.token_requests() == {"token_exchange": 2}
    monkeypatch.delenv("MY_TOKEN")
    with pytest.raises(dbapi.OperationalError, match="MY_TOKEN holds no token"):
        sign_in(auth_type="env-oidc")


def test_the_token_of_a_job_in_a_file_is_read_anew(
    sign_in: Connect, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    monkeypatch.setenv("DATABRICKS_OIDC_TOKEN_FILEPATH", str(file))
    with pytest.raises(dbapi.OperationalError, match="cannot be read"):
        sign_in()
    file.write_text(warehouse.issue_foreign_token(sub="job") + "\n")
    connection = sign_in()
    assert one(connection) == 1
    warehouse.expire_tokens()
    file.write_text(warehouse.issue_foreign_token(sub="job"))
    assert one(connection) == 1


def test_the_token_of_a_job_of_github(
    sign_in: Connect, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{warehouse.idp_url}/workload/token?v=2")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "github-s3cret")
    monkeypatch.setenv("DATABRICKS_TOKEN_AUDIENCE", "the-account")
    assert one(sign_in()) == 1
    assert warehouse.token_requests() == {"workload": 1, "token_exchange": 1}
    (asked,) = warehouse.log(path="/workload/token")
    assert asked["query"] == {"v": "2", "audience": "the-account"}


_DATABRICKS = """\
import json, sys
assert sys.argv[1:3] == ["auth", "token"], sys.argv
print(json.dumps({{"access_token": {token!r}, "expiry": "2100-01-01T00:00:00Z"}}))
"""


def test_whoever_is_signed_in_with_the_databricks_cli(
    sign_in: Connect,
    warehouse: Warehouse,
    program: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = program("databricks", _DATABRICKS.format(token=warehouse.issue_token()))
    assert one(sign_in()) == 1
    monkeypatch.setenv("PATH", "")
    with pytest.raises(dbapi.ProgrammingError, match="no credentials"):
        sign_in()
    monkeypatch.setenv("DATABRICKS_CLI_PATH", str(file))
    assert one(sign_in(auth_type="databricks-cli")) == 1
    monkeypatch.setenv("DATABRICKS_CLI_PATH", "/nowhere/databricks")
    with pytest.raises(dbapi.OperationalError, match="'/nowhere/databricks'"):
        sign_in(auth_type="databricks-cli")
