"""What the admin API can change about the behaviour of the warehouse."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, get_type_hints

from . import certificates, dead_ports

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Settings:
    """Defaults imitate the service; tests change single fields and reset them."""

    chunk_rows: int = 122_880
    batch_rows: int = 4096
    first_links: int | None = None
    links_per_page: int = 1
    link_ttl_seconds: float = 899
    link_headers: dict[str, str] | None = None
    hybrid: bool = True
    inline_limit_bytes: int = 1024 * 1024
    json_limit_bytes: int = 26_214_400
    inline_chunks: bool = False
    close_inline: bool = False
    lz4: bool = True
    lz4_flg: int = 0x74
    lz4_framing: str = "auto"
    byte_count: str = "compressed"
    pending_polls: int = 0
    session_version: int | None = None
    session_idle_seconds: float | None = None
    one_statement_per_session: bool = False
    statement_idle_seconds: float = 900
    result_ttl_seconds: float = 3600
    next_chunk: str = "link"
    omit_zeros: bool = False
    nested_as_json: bool = False
    native_metadata: bool = False
    num_modified_rows: bool = False
    sql_state: bool = True
    error_details: bool = False
    total_chunk_count: bool = True
    enforce_keys: bool = False
    show_all_catalogs: bool = True
    show_foreign_keys: bool = True
    token_ttl_seconds: float = 3600
    expired_token_status: int = 401
    refresh_rotation: bool = True
    authorization: str = "approve"
    federation: str = "accept"
    certificate: str = "valid"
    storage_certificate: str = "valid"
    client_certificate: bool = False
    storage_client_certificate: bool = False
    storage_network: str = "up"
    upload_status: int = 200
    warehouse_state: str = "RUNNING"
    volume_headers: dict[str, str] | None = None
    clock_skew_seconds: float = 0
    proxy_credentials: str | None = None
    log_secrets: bool = False

    def __post_init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []

    def update(self, changes: dict[str, Any]) -> None:
        """Apply `changes` after all of them are found valid."""
        hints = get_type_hints(Settings)
        valid = {}
        for name, value in changes.items():
            if name not in hints:
                raise ValueError(f"unknown setting {name!r}")
            in_hex = name == "lz4_flg" and isinstance(value, str)
            valid[name] = int(value, 16) if in_hex else value
            if not _fits(valid[name], hints[name]):
                raise ValueError(f"setting {name!r} does not take {value!r}")
        for name, choices in _CHOICES.items():
            if name in valid and valid[name] not in choices:
                raise ValueError(f"setting {name!r} takes one of {choices}, not {valid[name]!r}")
        for name, value in valid.items():
            setattr(self, name, value)
        self._tell()

    def reset(self) -> None:
        """Go back to the defaults."""
        for entry in fields(self):
            setattr(self, entry.name, entry.default)
        self._tell()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change."""
        self._listeners.append(listener)

    def document(self) -> dict[str, Any]:
        """The settings as a JSON document."""
        return dataclasses.asdict(self)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()


_CHOICES: dict[str, tuple[Any, ...]] = {
    "lz4_flg": (0x60, 0x74),
    "lz4_framing": ("auto", "message", "body"),
    "byte_count": ("raw", "compressed"),
    "upload_status": (200, 201, 202, 204),
    "next_chunk": ("link", "answer", "both"),
    "expired_token_status": (401, 403),
    "authorization": ("approve", "deny", "wrong_state", "hang"),
    "federation": ("accept", "optional", "refuse"),
    "certificate": certificates.KINDS,
    "storage_certificate": certificates.KINDS,
    "storage_network": dead_ports.KINDS,
}


def _fits(value: object, hint: Any) -> bool:
    if hint is bool or isinstance(value, bool):
        return hint is bool and isinstance(value, bool)
    if "float" in str(hint) and value is not None:
        return isinstance(value, (int, float))
    return isinstance(value, dict if "dict" in str(hint) and value is not None else hint)
