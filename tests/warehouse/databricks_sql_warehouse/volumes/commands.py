"""Statements about volumes: PUT, GET, REMOVE, LIST; CREATE, DROP and SHOW VOLUMES."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from databricks_sql_warehouse.data_types import BIGINT, STRING, Column
from databricks_sql_warehouse.engine import Outcome, rows_outcome
from databricks_sql_warehouse.errors import StatementError, sql_error
from databricks_sql_warehouse.tables import NAME, name_parts

from .store import VolumeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse.links import Links
    from databricks_sql_warehouse.sessions import Session
    from databricks_sql_warehouse.settings import Settings

    from .store import Place, Volumes

    Match = re.Match[str]


class VolumeCommands:
    """Runs the statements; what moves files answers with a presigned URL."""

    def __init__(self, volumes: Volumes, links: Links, settings: Settings) -> None:
        self._volumes = volumes
        self._links = links
        self._settings = settings
        self._commands: list[tuple[re.Pattern[str], Callable[[Match, Session], Outcome]]] = [
            (_PUT, self._put),
            (_GET, self._get),
            (_REMOVE, self._remove),
            (_LIST, self._list),
            (_CREATE, self._create),
            (_DROP, self._drop),
            (_SHOW, self._show),
        ]

    def execute(self, statement: str, session: Session) -> Outcome | None:
        """The outcome, or None when the statement is not about volumes."""
        text = _COMMENTS.sub("", statement).rstrip("; \t\r\n")
        for pattern, command in self._commands:
            if match := pattern.fullmatch(text):
                try:
                    return command(match, session)
                except VolumeError as error:
                    raise _statement_error(error) from error
        return None

    def _put(self, match: Match, _: Session) -> Outcome:
        if not _unquoted(match["local"]):
            raise sql_error(
                "EMPTY_LOCAL_FILE_IN_STAGING_ACCESS_QUERY",
                "Empty local file in staging PUT query.",
                "22023",
            )
        place = self._place(match["path"])
        if place.is_file and match["overwrite"] is None:
            raise sql_error(
                "FILE_IN_STAGING_PATH_ALREADY_EXISTS",
                f"File in staging path {place.path} already exists but OVERWRITE is not set.",
                "42K0F",
            )
        return self._operation("PUT", place, match["local"])

    def _get(self, match: Match, _: Session) -> Outcome:
        return self._operation("GET", self._place(match["path"]), match["local"])

    def _remove(self, match: Match, _: Session) -> Outcome:
        return self._operation("REMOVE", self._place(match["path"]), None)

    def _operation(self, operation: str, place: Place, local: str | None) -> Outcome:
        method = "DELETE" if operation == "REMOVE" else operation
        link = self._links.sign(place.path, method=method)
        headers = json.dumps(self._settings.volume_headers or {})
        row = [operation, link.url, headers]
        names = ["operation", "presignedUrl", "headers"]
        if local is not None:
            row.append(_unquoted(local))
            names.append("localFile")
        outcome = rows_outcome([Column(name, STRING) for name in names], [row])
        outcome.volume_operation = True
        return outcome

    def _list(self, match: Match, _: Session) -> Outcome:
        place = self._place(match["path"])
        if not place.is_directory:
            raise StatementError(f"Path does not exist: {place.path}", "42K03")
        rows = [(each.path, each.name, each.size, each.modified) for each in place.entries()]
        columns = [Column("path", STRING, nullable=False), Column("name", STRING, nullable=False)]
        columns += [
            Column("size", BIGINT, nullable=False),
            Column("modification_time", BIGINT, nullable=False),
        ]
        return rows_outcome(columns, rows)

    def _create(self, match: Match, session: Session) -> Outcome:
        names = _full_name(match["name"], session)
        if not self._volumes.create(*names) and match["not_exists"] is None:
            text = f"Volume '{'.'.join(names)}' already exists."
            raise sql_error("VOLUME_ALREADY_EXISTS", text, "42000")
        return Outcome([], None)

    def _drop(self, match: Match, session: Session) -> Outcome:
        names = _full_name(match["name"], session)
        if not self._volumes.drop(*names) and match["exists"] is None:
            raise VolumeError(f"Volume '{'.'.join(names)}' does not exist.", missing=True)
        return Outcome([], None)

    def _show(self, match: Match, session: Session) -> Outcome:
        given = name_parts(match["name"]) if match["name"] else [session.catalog, session.schema]
        catalog, schema = [session.catalog, *given][-2:]
        rows = [(schema, name) for name in self._volumes.names(catalog.lower(), schema.lower())]
        return rows_outcome(
            [
                Column("database", STRING, nullable=False),
                Column("volume_name", STRING, nullable=False),
            ],
            rows,
        )

    def _place(self, quoted: str) -> Place:
        return self._volumes.place(_unquoted(quoted))


def _full_name(text: str, session: Session) -> tuple[str, str, str]:
    given = [name.lower() for name in name_parts(text)]
    catalog, schema, name = [session.catalog, session.schema][: 3 - len(given)] + given
    return catalog, schema, name


def _statement_error(error: VolumeError) -> StatementError:
    if error.missing:
        return sql_error("VOLUME_DOES_NOT_EXIST", str(error), "42704")
    return sql_error(error.condition, str(error), "22KD1")


def _unquoted(literal: str) -> str:
    quote = literal[0]
    return re.sub(rf"\\(.)|{quote}({quote})", r"\1\2", literal[1:-1], flags=re.DOTALL)


_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*\n|/\*.*?\*/)+", re.DOTALL)
_TEXT = r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*\""""
_PATH = rf"(?P<path>{_TEXT})"
_LOCAL = rf"(?P<local>{_TEXT})"
_FULL = rf"(?P<name>{NAME}(?:\s*\.\s*{NAME})*)"


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)


_PUT = _compiled(rf"PUT\s*{_LOCAL}\s*INTO\s*{_PATH}(?P<overwrite>\s*OVERWRITE)?")
_GET = _compiled(rf"GET\s*{_PATH}\s*TO\s*{_LOCAL}")
_REMOVE = _compiled(rf"(?:REMOVE|RM)\s*{_PATH}")
_LIST = _compiled(rf"(?:LIST|LS)\s*{_PATH}")
_CREATE = _compiled(rf"CREATE VOLUME (?P<not_exists>IF NOT EXISTS )?{_FULL}(?: COMMENT .*)?")
_DROP = _compiled(rf"DROP VOLUME (?P<exists>IF EXISTS )?{_FULL}")
_SHOW = _compiled(rf"SHOW VOLUMES(?: (?:IN|FROM) {_FULL})?")
