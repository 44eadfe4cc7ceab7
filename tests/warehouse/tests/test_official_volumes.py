"""The official connector moves files: a client that was not written with this warehouse in mind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from databricks_sql_warehouse import Warehouse

from . import peers

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = """\
import io, json, pathlib, sys
from databricks import sql
options = json.loads(sys.argv[1])
directory = pathlib.Path(options.pop("directory"))
options["staging_allowed_local_path"] = str(directory)
(directory / "up").write_text("some bytes")
volume = "/Volumes/main/default/files"
seen = []
with sql.connect(**options, use_sea=True) as connection, connection.cursor() as cursor:
    cursor.execute(f"PUT '{directory}/up' INTO '{volume}/file' OVERWRITE")
    stream = io.BytesIO(b"a stream")
    cursor.execute(f"PUT '__input_stream__' INTO '{volume}/stream'", input_stream=stream)
    cursor.execute(f"LIST '{volume}'")
    seen.append([[row.name, row.size] for row in cursor.fetchall()])
    cursor.execute(f"GET '{volume}/file' TO '{directory}/down'")
    seen.append((directory / "down").read_text())
    try:
        cursor.execute(f"PUT '{directory}/up' INTO '{volume}/file'")
    except sql.exc.ServerOperationError as error:
        seen.append("FILE_IN_STAGING_PATH_ALREADY_EXISTS" in str(error))
    for name in ("file", "stream"):
        cursor.execute(f"REMOVE '{volume}/{name}'")
    cursor.execute(f"LIST '{volume}'")
    seen.append(cursor.fetchall())
print(json.dumps(seen))
"""


def test_files_and_streams_go_up_and_down(peer_python: str, tmp_path: Path) -> None:
    with Warehouse.start(tls=True) as warehouse:
        options = {
            "server_hostname": "localhost",
            "_port": warehouse.port,
            "_tls_trusted_ca_file": warehouse.ca,
            "http_path": warehouse.http_path,
            "access_token": warehouse.access_token,
            "directory": str(tmp_path),
        }
        found = peers.answer(peer_python, _PROGRAM, json.dumps(options))
        listed, down, refused, left = found
        assert listed == [["file", 10], ["stream", 8]]
        assert (down, refused, left) == ("some bytes", True, [])
        assert warehouse.counters()["storage_requests_with_token"] == 0
