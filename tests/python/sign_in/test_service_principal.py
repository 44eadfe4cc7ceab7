"""Service principals of the workspace: by secret, by signed assertion, in profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from databricks_sql_kernel import dbapi

from .conftest import PASSPHRASE, key_pair, one

if TYPE_CHECKING:
    from pathlib import Path

    from databricks_sql_warehouse import Warehouse

    from .conftest import Connect

_ALGORITHMS = [
    *((name, "RSA") for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
    ("ES256", "P-256"),
    ("ES384", "P-384"),
]


def test_a_secret_is_enough(sign_in: Connect, warehouse: Warehouse) -> None:
    connection = sign_in(
        oauth_client_id=warehouse.client_id, oauth_client_secret=warehouse.client_secret
    )
    assert [one(connection) for _ in range(3)] == [1, 1, 1]
    assert warehouse.token_requests() == {"client_credentials": 1}


def test_it_may_be_asked_for_by_name(sign_in: Connect, warehouse: Warehouse) -> None:
    secrets = {
        "oauth_client_id": warehouse.client_id,
        "oauth_client_secret": warehouse.client_secret,
    }
    for name in ("oauth-m2m", "databricks-oauth"):
        assert one(sign_in(auth_type=name, **secrets)) == 1
    with pytest.raises(dbapi.ProgrammingError, match="needs oauth_client_secret"):
        sign_in(auth_type="oauth-m2m", oauth_client_id=warehouse.client_id)


def test_a_wrong_secret_is_refused_without_being_repeated(
    sign_in: Connect, warehouse: Warehouse
) -> None:
    with pytest.raises(dbapi.OperationalError, match="invalid_client") as raised:
        sign_in(oauth_client_id=warehouse.client_id, oauth_client_secret="wrong-s3cret")
    assert raised.value.code == "Unauthenticated"
    assert raised.value.http_status == 401
    assert "s3cret" not in repr(raised.value)
    assert warehouse.token_requests() == {"client_credentials": 1}


@pytest.mark.parametrize(("algorithm", "kind"), _ALGORITHMS)
def test_an_assertion_signed_with_an_encrypted_key(
    sign_in: Connect, warehouse: Warehouse, tmp_path: Path, algorithm: str, kind: str
) -> None:
    private, public = key_pair(kind, PASSPHRASE)
    file = tmp_path / "key.pem"
    file.write_bytes(private)
    warehouse.add_client("signer", keys={"key-1": public})
    connection = sign_in(
        oauth_client_id="signer",
        oauth_jwt_key_file=file,
        oauth_jwt_kid="key-1",
        oauth_jwt_passphrase=PASSPHRASE,
        oauth_jwt_algorithm=algorithm,
    )
    assert one(connection) == 1
    assert warehouse.token_requests() == {"client_assertion": 1}


def test_a_token_of_another_provider_is_exchanged(
    sign_in: Connect, warehouse: Warehouse, tmp_path: Path
) -> None:
    private, public = key_pair("RSA")
    file = tmp_path / "key.pem"
    file.write_bytes(private)
    warehouse.add_client("signer", keys={"key-1": public})
    connection = sign_in(
        auth_type="oauth-m2m-jwt",
        oauth_client_id="signer",
        oauth_jwt_key_file=file,
        oauth_jwt_kid="key-1",
        token_url=f"{warehouse.idp_url}/oauth2/v1/token",
    )
    assert one(connection) == 1
    assert warehouse.token_requests() == {"provider": 1, "token_exchange": 1}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"oauth_jwt_algorithm": "HS256"}, "HS256"),
        ({"oauth_jwt_algorithm": "ES256"}, "RSA"),
        ({"oauth_jwt_passphrase": "wrong-s3cret"}, "passphrase"),
        ({"oauth_jwt_passphrase": None}, "encrypted"),
        ({"oauth_jwt_key_file": "/nowhere/key.pem"}, "/nowhere/key.pem"),
    ],
)
def test_keys_that_cannot_sign_are_refused_before_anything_is_sent(
    sign_in: Connect,
    warehouse: Warehouse,
    tmp_path: Path,
    options: dict[str, str | None],
    said: str,
) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(key_pair("RSA", PASSPHRASE)[0])
    given = {
        "oauth_client_id": "signer",
        "oauth_jwt_key_file": str(file),
        "oauth_jwt_kid": "key-1",
        "oauth_jwt_passphrase": PASSPHRASE,
    }
    with pytest.raises(dbapi.ProgrammingError, match=said) as raised:
        sign_in(**{**given, **options})
    assert "s3cret" not in repr(raised.value)
    assert not warehouse.log()


def test_a_profile_may_hold_a_service_principal(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "databrickscfg"
    file.write_text(
        f"[principal]\nhost = {warehouse.server_hostname}\nwarehouse_id = local\n"
        f"client_id = {warehouse.client_id}\nclient_secret = {warehouse.client_secret}\n"
    )
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(file))
    with dbapi.connect(profile="principal") as connection:
        assert one(connection) == 1
    assert warehouse.token_requests() == {"client_credentials": 1}


def test_the_environment_may_hold_a_service_principal(
    sign_in: Connect, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", warehouse.client_id)
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", warehouse.client_secret)
    assert one(sign_in()) == 1
    # It belongs to the host that the environment names.
    monkeypatch.setenv("DATABRICKS_HOST", "other.example.com")
    with pytest.raises(dbapi.ProgrammingError, match="no credentials"):
        sign_in()
