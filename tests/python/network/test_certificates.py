"""Whom TLS trusts, what is said of certificates that fail, and client certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Network


def test_a_private_authority_that_nobody_trusts(network: Network) -> None:
    error = network.fails(tls_trusted_ca_file=None)
    assert f"no connection to localhost:{network.warehouse.port}" in str(error)
    assert "issued by nobody who is trusted here" in str(error)
    assert "tls_trusted_ca_file" in str(error)
    assert "issuer '" in str(error)
    assert (error.code, error.retryable) == ("NetworkError", False)
    assert not network.warehouse.log(to="api")


def test_a_private_authority_instead_of_those_of_the_system(network: Network) -> None:
    assert network.reach() == 1000


def test_a_private_authority_beside_those_of_the_system(network: Network) -> None:
    ca = network.warehouse.ca
    assert network.reach(tls_trusted_ca_file=None, tls_additional_ca_file=ca) == 1000


def test_a_private_authority_by_variable(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    assert network.warehouse.ca
    monkeypatch.setenv("SSL_CERT_FILE", network.warehouse.ca)
    assert network.reach(tls_trusted_ca_file=None) == 1000
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    assert "SSL_CERT_FILE '/nowhere/ca.pem'" in str(network.fails(tls_trusted_ca_file=None))


def test_a_certificate_for_another_host(network: Network) -> None:
    network.warehouse.settings(certificate="wrong_host")
    error = network.fails()
    assert "its certificate is not for 'localhost'" in str(error)
    assert "subject '" in str(error)
    assert network.reach(tls_verify_hostname=False) == 1000


@pytest.mark.parametrize("kind", ["expired", "unknown_ca"])
def test_a_bad_certificate(network: Network, kind: str) -> None:
    network.warehouse.settings(certificate=kind)
    said = {"expired": "has expired", "unknown_ca": "issued by nobody"}[kind]
    assert said in str(network.fails())
    # The name is another matter than the chain.
    assert said in str(network.fails(tls_verify_hostname=False))
    assert network.reach(tls_no_verify=True) == 1000


def test_a_bad_certificate_of_the_storage(network: Network) -> None:
    network.warehouse.settings(storage_certificate="wrong_host")
    error = network.fails()
    assert network.warehouse.storage_url.removeprefix("https://") in str(error)
    assert "is not for 'localhost'" in str(error)


def test_mutual_tls(network: Network, tmp_path: Path) -> None:
    warehouse = network.warehouse
    warehouse.settings(client_certificate=True, storage_client_certificate=True)
    assert "tls_client_cert_file" in str(network.fails(retry_stop_after_attempts_count=1))
    cert, key = warehouse.client_cert, warehouse.client_key
    assert cert
    assert key
    assert network.reach(tls_client_cert_file=cert, tls_client_cert_key_file=key) == 1000
    both = tmp_path / "both.pem"
    with open(cert, "rb") as chain, open(key, "rb") as secret:  # noqa: PTH123
        both.write_bytes(chain.read() + secret.read())
    assert network.reach(tls_client_cert_file=both) == 1000


def test_mutual_tls_with_an_encrypted_key(network: Network, tmp_path: Path) -> None:
    warehouse = network.warehouse
    warehouse.settings(client_certificate=True, storage_client_certificate=True)
    assert warehouse.client_key
    with open(warehouse.client_key, "rb") as file:  # noqa: PTH123
        key = load_pem_private_key(file.read(), None)
    encrypted = tmp_path / "key.pem"
    sealed = BestAvailableEncryption(b"passphrase-s3cret")
    encrypted.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed))
    options = {
        "tls_client_cert_file": warehouse.client_cert,
        "tls_client_cert_key_file": encrypted,
    }
    assert network.reach(**options, tls_client_cert_key_password="passphrase-s3cret") == 1000
    for password in ("wrong-s3cret", None):
        error = network.fails(**options, tls_client_cert_key_password=password)
        assert "tls_client_cert_key_file" in str(error)
        assert "s3cret" not in repr(error)


def test_a_key_without_a_certificate(network: Network) -> None:
    error = network.fails(tls_client_cert_key_file=network.warehouse.client_key)
    assert "tls_client_cert_file" in str(error)
