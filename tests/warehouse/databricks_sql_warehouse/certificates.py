"""TLS: an authority of the warehouse's own, what it signs, and what the servers present."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

if TYPE_CHECKING:
    from pathlib import Path

SERVICE_NAMES = (
    "*.azuredatabricks.net",
    *(f"*.{shard}.azuredatabricks.net" for shard in range(20)),
    *(f"*.{shard}.databricks.azure.us" for shard in range(20)),
    *(f"*.{shard}.databricks.azure.cn" for shard in range(20)),
    "*.cloud.databricks.com",
    "*.gcp.databricks.com",
    "*.blob.core.windows.net",
    "*.s3.amazonaws.com",
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
PASSPHRASE = "local-passphrase"  # noqa: S105
KINDS = ("valid", "wrong_host", "expired", "unknown_ca")


@dataclass
class Presented:
    """The context of one server: which certificate it shows, and whether it wants one, too."""

    context: ssl.SSLContext
    files: dict[str, str]

    def apply(self, kind: str, *, client_certificate: bool) -> None:
        """Show another certificate to connections that are made from now on."""
        if kind in self.files:
            self.context.load_cert_chain(self.files[kind])
        wanted = ssl.CERT_REQUIRED if client_certificate else ssl.CERT_NONE
        self.context.verify_mode = wanted


class Certificates:
    """Two authorities, and PEM files of all that they sign, below a directory.

    The second authority signs what must not be trusted, and the storage where it has one of its
    own.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._authority = trustme.CA(organization_name="databricks-sql-warehouse")
        self._other = trustme.CA(organization_name="databricks-sql-warehouse other")
        self.ca = self._write("ca", self._authority.cert_pem)
        self.other_ca = self._write("other-ca", self._other.cert_pem)
        client = self._authority.issue_cert("client.example", common_name="client")
        self.client_cert = self._write("client", *client.cert_chain_pems)
        self.client_key = self._write("client-key", client.private_key_pem)
        key = load_pem_private_key(client.private_key_pem.bytes(), None)
        encrypted = key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE.encode())
        )
        self.encrypted_client_key = self._write("encrypted-client-key", trustme.Blob(encrypted))

    def presented(self, *, other: bool = False) -> Presented:
        """The context of a server whose valid certificate comes from the first or second CA."""
        signer, stranger = self._authority, self._other
        prefix = "server"
        if other:
            signer, stranger, prefix = stranger, signer, "storage"
        names = (*_LOOPBACK, *SERVICE_NAMES)
        yesterday = datetime.now(timezone.utc) - timedelta(days=1)
        made = {
            "valid": signer.issue_cert(*names),
            "wrong_host": signer.issue_cert("elsewhere.example"),
            "expired": signer.issue_cert(*names, not_after=yesterday),
            "unknown_ca": stranger.issue_cert(*names),
        }
        files = {
            kind: self._write(f"{prefix}-{kind}", leaf.private_key_pem, *leaf.cert_chain_pems)
            for kind, leaf in made.items()
        }
        context = server_context(files["valid"])
        context.load_verify_locations(self.ca)
        return Presented(context, files)

    def _write(self, name: str, *blobs: trustme.Blob) -> str:
        path = self._directory / f"{name}.pem"
        path.touch(mode=0o600)
        path.write_bytes(b"".join(blob.bytes() for blob in blobs))
        return str(path)


def server_context(chain: str, key: str | None = None) -> ssl.SSLContext:
    """A context without session tickets: each connection sees the certificate of the moment."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    return context
