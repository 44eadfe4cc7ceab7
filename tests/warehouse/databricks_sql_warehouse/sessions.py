"""Sessions: current catalog and schema, time zone, configuration."""

from __future__ import annotations

import re
import time
import uuid
import zoneinfo
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .errors import ApiError, bad_request, not_found

if TYPE_CHECKING:
    from .settings import Settings
    from .transactions import Transaction

DEFAULT_CATALOG = "main"
DEFAULT_SCHEMA = "default"
DEFAULT_ZONE = "Etc/UTC"
_LEGACY_CATALOG = "spark"
_DEFAULTS = {
    "ANSI_MODE": "true",
    "ENABLE_PHOTON": "true",
    "LEGACY_TIME_PARSER_POLICY": "EXCEPTION",
    "MAX_FILE_PARTITION_BYTES": "128m",
    "READ_ONLY_EXTERNAL_METASTORE": "false",
    "STATEMENT_TIMEOUT": "172800",
    "USE_CACHED_RESULT": "true",
}
_OFFSET = re.compile(r"([+-])(\d{1,2}):(\d{2})")


@dataclass
class Session:
    """What statements of one session share."""

    id: str
    catalog: str = DEFAULT_CATALOG
    schema: str = DEFAULT_SCHEMA
    zone: str = DEFAULT_ZONE
    confs: dict[str, str] = field(default_factory=dict)
    version: int | None = None
    transaction: Transaction | None = None
    temporary: set[str] = field(default_factory=set)
    used: float = field(default_factory=time.monotonic)
    running: int = 0

    def use(self, catalog: str | None, schema: str | None) -> None:
        """Change the current catalog and schema."""
        if catalog and catalog.lower() != _LEGACY_CATALOG:
            self.catalog = catalog.lower()
            self.schema = DEFAULT_SCHEMA
        if schema:
            self.schema = schema.lower()

    def configure(self, name: str, value: str) -> None:
        """Set a configuration parameter."""
        if name.upper() == "TIMEZONE":
            check_zone(value)
            self.zone = value
        self.confs[name.upper()] = value

    def reset(self, name: str | None) -> None:
        """Set one configuration parameter, or all, to what it is by default."""
        for known in [name.upper()] if name else list(self.confs):
            self.confs.pop(known, None)
        if "TIMEZONE" not in self.confs:
            self.zone = DEFAULT_ZONE

    def all_confs(self) -> dict[str, str]:
        """All configuration parameters that have a value."""
        return {**_DEFAULTS, "TIMEZONE": self.zone, **self.confs}

    @property
    def ansi(self) -> bool:
        """Whether what cannot be computed is an error; NULL otherwise."""
        return self.all_confs()["ANSI_MODE"].lower() != "false"

    @property
    def statement_timeout(self) -> float | None:
        """The seconds that a statement may run; None for as long as it likes."""
        seconds = self.all_confs()["STATEMENT_TIMEOUT"]
        return float(seconds) if seconds.isdigit() and int(seconds) else None

    def changed(self) -> None:
        """Count a change of state, for clients that are told session versions."""
        if self.version is not None:
            self.version += 1

    def document(self) -> dict[str, Any]:
        """The session as the admin API shows it."""
        return {
            "session_id": self.id,
            "catalog": self.catalog,
            "schema": self.schema,
            "confs": {"TIMEZONE": self.zone, **self.confs},
        }


def check_zone(zone: str) -> None:
    """Refuse a zone that is neither a region name nor an offset."""
    if _OFFSET.fullmatch(zone):
        return
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"[INVALID_CONF_VALUE.TIME_ZONE] The value '{zone}' in the config "
            '"spark.sql.session.timeZone" is invalid. Cannot resolve the given timezone. '
            "SQLSTATE: 22022"
        ) from error


def engine_zone(zone: str) -> str:
    """The spelling that DuckDB knows of a session's zone."""
    return f"GMT{match[1]}{match[2]:0>2}:{match[3]}" if (match := _OFFSET.fullmatch(zone)) else zone


class Sessions:
    """All open sessions."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[str, Session] = {}

    def create(self, body: dict[str, Any], version: int | None) -> Session:
        """Open the session that a create-session request asks for."""
        session = Session(str(uuid.uuid4()), version=version)
        session.use(body.get("catalog"), body.get("schema"))
        confs = body.get("session_confs") or {}
        if not isinstance(confs, dict):
            raise bad_request("session_confs must be an object.", "MALFORMED_REQUEST")
        for name, value in confs.items():
            try:
                session.configure(name, str(value))
            except ValueError as error:
                raise bad_request(str(error), "BAD_REQUEST") from error
        self._open[session.id] = session
        return session

    def get(self, session_id: str) -> Session:
        """The open session of this id; one that was idle for too long is none."""
        session = self._open.get(session_id)
        limit = self._settings.session_idle_seconds
        now = time.monotonic()
        if session is None:
            raise self._missing(session_id)
        if limit is not None and not session.running and now - session.used > limit:
            self._open.pop(session_id)
            raise self._missing(session_id)
        session.used = now
        return session

    def close(self, session_id: str) -> None:
        """Close the session of this id."""
        if self._open.pop(session_id, None) is None:
            raise self._missing(session_id)

    def documents(self) -> list[dict[str, Any]]:
        """Every open session as the admin API shows it."""
        return [session.document() for session in self._open.values()]

    @staticmethod
    def _missing(session_id: str) -> ApiError:
        return not_found(f"Session {session_id} does not exist.")
