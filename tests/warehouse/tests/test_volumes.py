from __future__ import annotations

import http.client
import json
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import SQL, Client, fetch
from .network import ask

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Answer

ROOT = "/Volumes/main/default/files"
FS = "/api/2.0/fs"


@pytest.fixture(autouse=True)
def _empty(client: Client) -> None:
    client.execute("DROP VOLUME IF EXISTS main.default.files")
    client.execute("CREATE VOLUME main.default.files")


def operation(client: Client, sql: str) -> dict[str, Any]:
    answer = client.execute(sql, disposition="INLINE", format="JSON_ARRAY")
    assert answer["status"]["state"] == "SUCCEEDED", answer
    assert answer["manifest"]["is_volume_operation"] is True
    names = [column["name"] for column in answer["manifest"]["schema"]["columns"]]
    (row,) = answer["result"]["data_array"]
    return dict(zip(names, row, strict=True))


def put(client: Client, name: str, content: bytes) -> None:
    url = operation(client, f"PUT 'local' INTO '{ROOT}/{name}' OVERWRITE")["presignedUrl"]
    assert ask(url, "PUT", body=content).status == 200


def test_put_get_list_and_remove(warehouse: Warehouse, client: Client) -> None:
    row = operation(client, f"PUT '/tmp/it''s here' INTO '{ROOT}/a/b.txt'")
    assert list(row) == ["operation", "presignedUrl", "headers", "localFile"]
    assert (row["operation"], row["localFile"]) == ("PUT", "/tmp/it's here")
    assert json.loads(row["headers"]) == {}
    assert row["presignedUrl"].startswith(warehouse.storage_url)
    assert ask(row["presignedUrl"], "PUT", body=b"some bytes").status == 200
    got = operation(client, f"/* now */ GET '{ROOT}/a/b.txt' TO '__input_stream__'")
    assert (got["operation"], got["localFile"]) == ("GET", "__input_stream__")
    assert fetch(got["presignedUrl"]).body == b"some bytes"
    ((path, name, size, modified),) = client.rows(f"LIST '{ROOT}'")
    assert (path, name, size) == (f"{ROOT}/a/", "a/", "0")
    assert client.rows(f"LIST '{ROOT}/a/'")[0][:3] == [f"{ROOT}/a/b.txt", "b.txt", "10"]
    assert int(modified) > 1_700_000_000_000
    removed = operation(client, f"REMOVE '{ROOT}/a/b.txt'")
    assert list(removed) == ["operation", "presignedUrl", "headers"]
    assert ask(removed["presignedUrl"], "DELETE").status == 204
    assert ask(removed["presignedUrl"], "DELETE").status == 404
    assert client.rows(f"LIST '{ROOT}/a'") == []


def test_the_answer_has_the_format_that_was_asked_for(client: Client) -> None:
    answer = client.execute(f"GET '{ROOT}/x' TO 'y'")
    assert answer["manifest"]["is_volume_operation"] is True
    assert client.table(f"GET '{ROOT}/x' TO 'y'").column("operation").to_pylist() == ["GET"]
    assert "is_volume_operation" not in client.execute("SELECT 1")["manifest"]


def test_an_existing_file_is_kept_without_overwrite(client: Client) -> None:
    put(client, "kept", b"old")
    state, message = client.error(f"PUT 'local' INTO '{ROOT}/kept'")
    assert (state, "FILE_IN_STAGING_PATH_ALREADY_EXISTS" in message) == ("42K0F", True)
    put(client, "kept", b"new")
    assert fetch(operation(client, f"GET '{ROOT}/kept' TO 'l'")["presignedUrl"]).body == b"new"


def test_a_link_is_good_for_one_method_and_takes_no_token(client: Client) -> None:
    put(client, "one", b"1")
    url = operation(client, f"GET '{ROOT}/one' TO 'l'")["presignedUrl"]
    assert ask(url, "PUT", body=b"2").status == 403
    assert ask(url, "DELETE").status == 403
    assert ask(url, headers={"authorization": "Bearer x"}).status == 400
    assert ask(url, "HEAD").headers["content-length"] == "1"


def test_headers_of_a_link_are_demanded(warehouse: Warehouse, client: Client) -> None:
    headers = {"x-ms-blob-type": "BlockBlob"}
    warehouse.settings(volume_headers=headers, upload_status=201)
    row = operation(client, f"PUT 'local' INTO '{ROOT}/h'")
    assert json.loads(row["headers"]) == headers
    assert ask(row["presignedUrl"], "PUT", body=b"x").status == 403
    assert ask(row["presignedUrl"], "PUT", body=b"x", headers=headers).status == 201
    url = create_url(warehouse, "upload", f"{ROOT}/h")
    assert url["headers"] == [{"name": "x-ms-blob-type", "value": "BlockBlob"}]


def test_an_upload_that_breaks_off_leaves_nothing(warehouse: Warehouse, client: Client) -> None:
    url = operation(client, f"PUT 'local' INTO '{ROOT}/half'")["presignedUrl"]
    made = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=10)
    made.putrequest("PUT", url.removeprefix(warehouse.storage_url))
    made.putheader("content-length", "1000")
    made.endheaders(b"x" * 500)
    made.close()
    warehouse.wait_for(lambda entry: entry["method"] == "PUT" and entry["answered"])
    assert client.rows(f"LIST '{ROOT}'") == []


def test_a_large_upload_is_streamed(client: Client) -> None:
    piece = bytes(range(256)) * 4096
    url = operation(client, f"PUT 'local' INTO '{ROOT}/large'")["presignedUrl"]
    assert ask(url, "PUT", body=piece * 100).status == 200
    got = operation(client, f"GET '{ROOT}/large' TO 'l'")["presignedUrl"]
    assert fetch(got).body == piece * 100
    part = fetch(got, headers={"range": "bytes=1000000-2000000"})
    assert part.body == (piece * 2)[1_000_000:2_000_001]


def test_an_upload_in_chunks_of_unknown_length(client: Client, warehouse: Warehouse) -> None:
    url = operation(client, f"PUT 'local' INTO '{ROOT}/chunked'")["presignedUrl"]
    made = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=10)
    path = url.removeprefix(warehouse.storage_url)
    made.request("PUT", path, iter([b"one", b"two"]), encode_chunked=True)
    assert made.getresponse().status == 200
    made.close()
    assert client.rows(f"LIST '{ROOT}'")[0][2] == "6"


@pytest.mark.parametrize(
    ("sql", "state", "text"),
    [
        ("PUT 'l' INTO '/Volumes/main/default/none/x'", "42704", "'main.default.none' does not"),
        ("LIST '/Volumes/main/default/files/none'", "42K03", "does not exist"),
        ("GET '/tmp/x' TO 'l'", "22KD1", "not a path in a volume"),
        ("GET '/Volumes/main/default/files/../../x' TO 'l'", "22KD1", "relative parts"),
        ("DROP VOLUME main.default.none", "42704", "does not exist"),
        ("CREATE VOLUME files", "42000", "already exists"),
    ],
)
def test_places_that_are_not_there(client: Client, sql: str, state: str, text: str) -> None:
    found, message = client.error(sql)
    assert found == state
    assert text in message


def test_volumes_are_shown(client: Client) -> None:
    client.execute("CREATE SCHEMA IF NOT EXISTS main.shown")
    client.execute("CREATE VOLUME IF NOT EXISTS main.shown.`One`")
    assert client.rows("SHOW VOLUMES IN main.shown") == [["shown", "one"]]
    assert [column["name"] for column in client.columns("SHOW VOLUMES IN main.shown")] == [
        "database",
        "volume_name",
    ]
    client.execute("DROP VOLUME main.shown.one")
    assert client.rows("SHOW VOLUMES IN main.shown") == []


# -- the file endpoints


def call(warehouse: Warehouse, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    token = {"authorization": f"Bearer {warehouse.access_token}"}
    return ask(warehouse.server_hostname + path, method, body=body, headers={**token, **headers})


def create_url(warehouse: Warehouse, kind: str, path: str) -> Any:
    answer = call(warehouse, "POST", f"{FS}/create-{kind}-url", {"path": path})
    assert answer.status == 200, answer.body
    return answer.json


def test_urls_for_upload_download_and_delete(warehouse: Warehouse) -> None:
    path = f"{ROOT}/#!#_name with spaces.csv"
    up, down, away = (
        create_url(warehouse, kind, path) for kind in ("upload", "download", "delete")
    )
    assert set(up) == {"url"}
    assert ask(up["url"], "PUT", body=b"helloworld").status == 200
    assert fetch(down["url"]).body == b"helloworld"
    (listed,) = call(warehouse, "GET", f"{FS}/list?path={ROOT}/").json["files"]
    assert listed == {
        "path": path,
        "is_dir": False,
        "file_size": 10,
        "modification_time": listed["modification_time"],
        "name": "#!#_name with spaces.csv",
    }
    assert ask(away["url"], "DELETE").status == 204
    assert call(warehouse, "GET", f"{FS}/list?path={ROOT}/").json == {}


def test_a_missing_volume_has_the_recorded_error(warehouse: Warehouse) -> None:
    answer = call(warehouse, "GET", f"{FS}/list?path=/Volumes/main/default/none/")
    assert (answer.status, answer.json["error_code"]) == (404, "NOT_FOUND")
    assert answer.json["message"] == "Volume 'main.default.none' does not exist."
    info, request = answer.json["details"]
    assert info["reason"] == "FILES_API_RESOURCE_NOT_FOUND"
    assert info["metadata"] == {"unity_catalog_error_message": answer.json["message"]}
    assert set(request) == {"@type", "request_id", "serving_data"}


def test_the_staging_area_is_that_of_the_user(client: Client) -> None:
    place = "stage://tmp/warehouse@localhost/a/b"
    url = operation(client, f"PUT 'local' INTO '{place}' OVERWRITE")["presignedUrl"]
    assert ask(url, "PUT", body=b"staged").status == 200
    assert fetch(operation(client, f"GET '{place}' TO 'l'")["presignedUrl"]).body == b"staged"
    cases = [
        ("stage://tmp/mary@localhost/a", "PERMISSION_DENIED"),
        ("stages://tmp/warehouse@localhost/a", "INVALID_STAGING_PATH_IN_STAGING_ACCESS_QUERY"),
        ("/Volumes/nowhere/a/b/c/d", "NOT_FOUND: Catalog"),
    ]
    for path, part in cases:
        assert part in client.error(f"GET '{path}' TO 'l'")[1]
    message = client.error(f"PUT '' INTO '{place}'")[1]
    assert "EMPTY_LOCAL_FILE_IN_STAGING_ACCESS_QUERY" in message


def test_files_by_the_files_api(warehouse: Warehouse) -> None:
    path = f"{FS}/files{ROOT}/d%20d/f.bin"
    assert call(warehouse, "PUT", path, b"content").status == 204
    assert call(warehouse, "PUT", path, b"other").json["error_code"] == "ALREADY_EXISTS"
    assert call(warehouse, "PUT", path + "?overwrite=true", b"content 2").status == 204
    head = call(warehouse, "HEAD", path)
    assert (head.status, head.headers["content-length"]) == (200, "9")
    assert "last-modified" in head.headers
    assert call(warehouse, "GET", path).body == b"content 2"
    assert call(warehouse, "GET", path, range="bytes=8-").body == b"2"
    assert call(warehouse, "DELETE", path).status == 204
    assert call(warehouse, "GET", path).status == 404
    assert ask(warehouse.server_hostname + path).status == 401


def test_directories_by_the_files_api(warehouse: Warehouse) -> None:
    path = f"{FS}/directories{ROOT}/dir"
    assert call(warehouse, "HEAD", path).status == 404
    assert call(warehouse, "PUT", path).status == 204
    for name in ("a", "b", "c"):
        call(warehouse, "PUT", f"{FS}/files{ROOT}/dir/{name}", b"x")
    first = call(warehouse, "GET", path + "?page_size=2").json
    second = call(warehouse, "GET", f"{path}?page_size=2&page_token={first['next_page_token']}")
    names = [each["name"] for each in first["contents"] + second.json["contents"]]
    assert names == ["a", "b", "c"]
    assert "next_page_token" not in second.json
    assert call(warehouse, "DELETE", path).status == 400
    for name in names:
        call(warehouse, "DELETE", f"{FS}/files{ROOT}/dir/{name}")
    assert call(warehouse, "DELETE", path).status == 204
    assert call(warehouse, "HEAD", path).status == 404


def test_faults_meet_uploads(warehouse: Warehouse, client: Client) -> None:
    warehouse.fault(match={"to": "storage", "method": "PUT"}, action={"status": 503})
    warehouse.fault(match={"to": "storage"}, action={"drop": "after"}, after=1)
    url = operation(client, f"PUT 'local' INTO '{ROOT}/f'")["presignedUrl"]
    assert ask(url, "PUT", body=b"x").status == 503
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(url, "PUT", body=b"x")
    assert client.rows(f"LIST '{ROOT}'")[0][1] == "f"
    assert SQL in warehouse.log(to="api")[-1]["path"]
