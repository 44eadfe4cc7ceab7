"""Every kind of sign-in that the local warehouse knows, by the arguments of `Session`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)

import databricks_sql_kernel as kernel

from .conftest import execute

if TYPE_CHECKING:
    from pathlib import Path

    from databricks_sql_warehouse import Warehouse

    from .conftest import Open


def works(session: kernel.Session) -> bool:
    return bool(execute(session, "SELECT 1").fetch_all_arrow().num_rows == 1)


def test_by_the_secret_of_a_service_principal(warehouse: Warehouse, open_session: Open) -> None:
    client_id, secret = warehouse.add_client()
    session = open_session(
        auth_type="oauth-m2m", access_token=None, client_id=client_id, client_secret=secret
    )
    assert works(session)
    assert warehouse.token_requests() == {"client_credentials": 1}
    with pytest.raises(kernel.KernelError) as caught:
        open_session(
            auth_type="oauth-m2m", access_token=None, client_id=client_id, client_secret="wr0ng"
        )
    assert caught.value.code == "Unauthenticated"
    assert "wr0ng" not in str(caught.value)


def test_by_the_key_of_a_service_principal(
    warehouse: Warehouse, open_session: Open, tmp_path: Path
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    sealed = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")
    )
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    client_id, _ = warehouse.add_client(keys={"key-1": public.decode()})
    file = tmp_path / "key.pem"
    file.write_bytes(sealed)
    arguments = {
        "auth_type": "oauth-m2m-jwt",
        "access_token": None,
        "client_id": client_id,
        "jwt_key_file": str(file),
        "jwt_kid": "key-1",
        "jwt_passphrase": "passphrase",
    }
    assert works(open_session(**arguments, jwt_algorithm="PS256"))
    for wrong in ({"jwt_passphrase": "x"}, {"jwt_algorithm": "ES256"}, {"jwt_algorithm": "none"}):
        with pytest.raises(kernel.KernelError) as caught:
            open_session(**{**arguments, **wrong})
        assert caught.value.code == "InvalidArgument"


def test_by_a_browser(
    warehouse: Warehouse, open_session: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport sys, urllib.request\n"
        "urllib.request.urlopen(sys.argv[1], timeout=30).read()\n"
    )
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    arguments = {"auth_type": "oauth-u2m", "access_token": None}
    assert works(open_session(**arguments, redirect_ports=[0x2F31, 0x2F32]))
    assert warehouse.token_requests() == {"authorization_code": 1}
    assert works(open_session(**arguments))  # by what was kept


def test_11_a_refused_exchange_is_an_error_where_it_is_mandatory(
    warehouse: Warehouse, open_session: Open
) -> None:
    """The official kernel goes on with the foreign token then."""
    token = warehouse.issue_foreign_token()
    assert works(open_session(access_token=token))
    assert list(warehouse.token_requests()) == ["jwt_bearer"]
    warehouse.settings(federation="refuse")
    with pytest.raises(kernel.KernelError) as caught:
        open_session(access_token=token, identity_federation_client_id="some-client")
    assert caught.value.code == "Unauthenticated"
    assert token not in str(caught.value)
