"""Execute requests: read and checked as the service checks them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import parameters
from .errors import bad_request

if TYPE_CHECKING:
    from .parameters import Parameter
    from .settings import Settings

_LONGEST_STATEMENT = 16 * 1024 * 1024
_HYBRID = "INLINE_OR_EXTERNAL_LINKS"
_DISPOSITIONS = ("INLINE", "EXTERNAL_LINKS", _HYBRID)
_FORMATS = ("JSON_ARRAY", "ARROW_STREAM", "CSV")


@dataclass
class ExecuteRequest:
    """What one execute request asks for."""

    statement: str
    session_id: str | None
    catalog: str | None
    schema: str | None
    disposition: str
    format: str
    lz4: bool
    wait_seconds: float
    cancel_on_timeout: bool
    row_limit: int | None
    byte_limit: int | None
    parameters: list[Parameter] = field(default_factory=list)
    query_tags: dict[str, str | None] = field(default_factory=dict)
    native_metadata: str | None = None

    @property
    def hybrid(self) -> bool:
        """Whether the answer may hold the rows or links to them."""
        return self.disposition == _HYBRID


def read(body: dict[str, Any], warehouse_id: str, settings: Settings) -> ExecuteRequest:
    """The request in `body`, or the refusal of the service."""
    check_warehouse(body.get("warehouse_id"), warehouse_id)
    statement = body.get("statement")
    if not isinstance(statement, str) or not statement:
        raise bad_request("statement is required.", "MALFORMED_REQUEST")
    if len(statement.encode()) > _LONGEST_STATEMENT:
        raise bad_request("The statement is longer than 16777216 bytes.")
    session_id, catalog, schema = (body.get(name) for name in ("session_id", "catalog", "schema"))
    if session_id is not None and (catalog is not None or schema is not None):
        raise bad_request("catalog and schema must not be set together with session_id.")
    disposition = _one_of(body, "disposition", _DISPOSITIONS, "INLINE")
    if disposition == _HYBRID and not settings.hybrid:
        raise bad_request(f"{_HYBRID} is not a supported disposition.")
    layout = _one_of(body, "format", _FORMATS, "JSON_ARRAY")
    if (disposition == "INLINE" and layout != "JSON_ARRAY") or (
        disposition == _HYBRID and layout == "CSV"
    ):
        raise bad_request(
            f"The format {layout} is not supported with the disposition {disposition}."
        )
    compression = _one_of(body, "result_compression", ("LZ4_FRAME", "NONE"), "NONE")
    on_timeout = _one_of(body, "on_wait_timeout", ("CONTINUE", "CANCEL"), "CONTINUE")
    wait = _wait_seconds(body.get("wait_timeout", "10s"))
    if wait == 0 and on_timeout == "CANCEL":
        raise bad_request("on_wait_timeout CANCEL needs a wait_timeout other than 0s.")
    tags = _tags(body.get("query_tags"))
    return ExecuteRequest(
        statement=statement,
        session_id=session_id,
        catalog=catalog,
        schema=schema,
        disposition=disposition,
        format=layout,
        lz4=compression == "LZ4_FRAME",
        wait_seconds=wait,
        cancel_on_timeout=on_timeout == "CANCEL",
        row_limit=_limit(body, "row_limit", least=0),
        byte_limit=_limit(body, "byte_limit"),
        parameters=parameters.read(body.get("parameters")),
        query_tags=tags,
    )


def check_warehouse(asked: object, warehouse_id: str) -> None:
    """Refuse a missing or other warehouse."""
    if not asked:
        raise bad_request("warehouse_id is required.", "MALFORMED_REQUEST")
    if asked != warehouse_id:
        raise bad_request(f"{asked} is not a valid endpoint id.")


def _one_of(body: dict[str, Any], name: str, choices: tuple[str, ...], default: str) -> str:
    value = body.get(name) or default
    if value not in choices:
        raise bad_request(f"{value} is not a supported {name}. Supported: {', '.join(choices)}.")
    return str(value)


def _wait_seconds(text: object) -> float:
    match = re.fullmatch(r"(\d+)s", str(text))
    seconds = int(match[1]) if match else -1
    if seconds != 0 and not 5 <= seconds <= 50:
        raise bad_request(f"wait_timeout must be 0s or between 5s and 50s, got {text}.")
    return seconds


def _limit(body: dict[str, Any], name: str, *, least: int = 1) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, (int, str)) or not str(value).isdigit() or int(value) < least:
        raise bad_request(f"{name} must be an integer of at least {least}, got {value}.")
    return int(value)


def _tags(tags: object) -> dict[str, str | None]:
    if tags is None:
        return {}
    if not isinstance(tags, list) or not all(isinstance(tag, dict) for tag in tags):
        raise bad_request("query_tags must be an array of objects.", "MALFORMED_REQUEST")
    keys = [tag.get("key") for tag in tags]
    if len(keys) > 20 or len(set(keys)) != len(keys) or not all(keys):
        raise bad_request("query_tags takes at most 20 tags with distinct, non-empty keys.")
    return {str(tag["key"]): tag.get("value") for tag in tags}
