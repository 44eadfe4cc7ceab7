"""Files of volumes go up and down through the connector's own code."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from databricks.sql.exc import ProgrammingError, ServerOperationError

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Open

VOLUME = "/Volumes/main/default/files"


def test_files_and_streams_go_up_and_down(open_connection: Open, tmp_path: Path) -> None:
    cursor = open_connection(staging_allowed_local_path=str(tmp_path)).cursor()
    cursor.execute("DROP VOLUME IF EXISTS main.default.files")
    cursor.execute("CREATE VOLUME main.default.files")
    (tmp_path / "up").write_text("some bytes")
    cursor.execute(f"PUT '{tmp_path}/up' INTO '{VOLUME}/file' OVERWRITE")
    assert cursor.active_result_set
    assert cursor.active_result_set.is_staging_operation
    stream = io.BytesIO(b"a stream")
    cursor.execute(f"PUT '__input_stream__' INTO '{VOLUME}/stream' OVERWRITE", input_stream=stream)
    cursor.execute(f"LIST '{VOLUME}'")
    assert not cursor.active_result_set.is_staging_operation
    assert [(row.name, row.size) for row in cursor.fetchall()] == [("file", 10), ("stream", 8)]
    cursor.execute(f"GET '{VOLUME}/file' TO '{tmp_path}/down'")
    assert (tmp_path / "down").read_text() == "some bytes"
    with pytest.raises(ServerOperationError, match="FILE_IN_STAGING_PATH_ALREADY_EXISTS"):
        cursor.execute(f"PUT '{tmp_path}/up' INTO '{VOLUME}/file'")
    for name in ("file", "stream"):
        cursor.execute(f"REMOVE '{VOLUME}/{name}'")
    cursor.execute(f"LIST '{VOLUME}'")
    assert cursor.fetchall() == []


def test_files_elsewhere_are_left_alone(open_connection: Open, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    cursor = open_connection(staging_allowed_local_path=str(allowed)).cursor()
    with pytest.raises(ProgrammingError, match="staging_allowed_local_path"):
        cursor.execute(f"PUT '{tmp_path}/up' INTO '{VOLUME}/file' OVERWRITE")
