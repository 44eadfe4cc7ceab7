"""Files in volumes: PUT, GET, REMOVE and LIST, with local files and with streams."""

from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Interpreters

    Connect = Callable[..., dbapi.Connection]

ROOT = "/Volumes/main/default/files"
READING = f"GET '{ROOT}/file' TO '__output_stream__'"
WRITING = f"PUT '__input_stream__' INTO '{ROOT}/file' OVERWRITE"
LARGE = 8 * (bytes(range(256)) * 4096)


@pytest.fixture(autouse=True)
def _empty(warehouse: Warehouse) -> None:
    with dbapi.connect(**warehouse.connect_args()) as connection:
        cursor = connection.cursor()
        cursor.execute("DROP VOLUME IF EXISTS main.default.files")
        cursor.execute("CREATE VOLUME main.default.files")


@pytest.fixture
def cursor(connect: Connect, tmp_path: Path) -> dbapi.Cursor:
    """A cursor whose statements may use the test's directory."""
    return connect(staging_allowed_local_path=str(tmp_path)).cursor()


def content(cursor: dbapi.Cursor) -> bytes:
    stream = io.BytesIO()
    cursor.execute(READING, output_stream=stream)
    return stream.getvalue()


def test_files_are_put_listed_fetched_and_removed(cursor: dbapi.Cursor, tmp_path: Path) -> None:
    for text in (b"", b"hello", LARGE):
        (tmp_path / "a").write_bytes(text)
        assert cursor.execute(f"PUT '{tmp_path}/a' INTO '{ROOT}/d/a' OVERWRITE") is cursor
        listed = cursor.execute(f"LIST '{ROOT}/d'").fetchall()
        assert [(row.path, row.size) for row in listed] == [(f"{ROOT}/d/a", len(text))]
        cursor.execute(f"GET '{ROOT}/d/a' TO '{tmp_path}/b'")
        assert (tmp_path / "b").read_bytes() == text
    cursor.execute(f"REMOVE '{ROOT}/d/a'")
    assert cursor.execute(f"LIST '{ROOT}/d'").fetchall() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_there_is_no_result_to_fetch_afterwards(cursor: dbapi.Cursor) -> None:
    cursor.execute(WRITING, input_stream=b"hello")
    assert (cursor.description, cursor.rowcount) == (None, -1)
    assert cursor.query_id
    with pytest.raises(dbapi.ProgrammingError, match="no result"):
        cursor.fetchall()


class Pipe(io.RawIOBase):
    """A stream that can be read once, in small pieces."""

    def __init__(self, text: bytes) -> None:
        self._rest = io.BytesIO(text)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._rest.readinto(memoryview(buffer)[:1000])


class Arrays:
    """Gives other objects that hold bytes, and has nothing else of a stream."""

    def __init__(self, text: bytes) -> None:
        self._rest = io.BytesIO(text)

    def read(self, size: int) -> bytearray:
        return bytearray(self._rest.read(size))


@pytest.mark.parametrize("make", [bytes, io.BytesIO, Pipe, Arrays])
@pytest.mark.parametrize("text", [b"", b"hello", LARGE])
def test_what_a_stream_gives_is_put(
    cursor: dbapi.Cursor, warehouse: Warehouse, make: Callable[[bytes], Any], text: bytes
) -> None:
    cursor.execute(WRITING, input_stream=make(text))
    assert content(cursor) == text
    assert len([entry for entry in warehouse.log(method="PUT") if ROOT in entry["path"]]) == 1


def test_a_stream_is_read_from_where_it_stands(cursor: dbapi.Cursor, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    with (tmp_path / "a").open("rb") as file:
        file.seek(4)
        cursor.execute(WRITING, input_stream=file)
        assert file.tell() == 10
    assert content(cursor) == b"456789"


def test_an_upload_that_failed_starts_once_more(connect: Connect, warehouse: Warehouse) -> None:
    cursor = connect(retry_delay_max=0.01, retry_delay_min=0.01).cursor()
    streams: list[Any] = [io.BytesIO(LARGE), Pipe(LARGE), LARGE]
    for stream in streams:
        broken = {"status": 503, "body": {}}
        warehouse.fault(match={"method": "PUT", "path": f"^{ROOT}"}, action=broken, times=2)
        cursor.execute(WRITING, input_stream=stream)
        assert content(cursor) == LARGE


def test_errors_of_streams_are_those_of_the_caller(cursor: dbapi.Cursor) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def writable(self) -> bool:
            return True

        def readinto(self, _: Any) -> int:
            raise ZeroDivisionError("mine")

        def write(self, _: Any) -> int:
            raise ZeroDivisionError("mine, too")

    with pytest.raises(ZeroDivisionError, match="mine"):
        cursor.execute(WRITING, input_stream=Broken())
    cursor.execute(WRITING, input_stream=b"hello")
    with pytest.raises(ZeroDivisionError, match="mine, too"):
        cursor.execute(READING, output_stream=Broken())
    text: Any = io.StringIO("text")
    with pytest.raises(TypeError, match="gave str; a file is opened with mode 'rb'"):
        cursor.execute(WRITING, input_stream=text)
    with pytest.raises(TypeError, match="a StringIO takes text; a file is opened with mode 'wb'"):
        cursor.execute(READING, output_stream=text)
    assert content(cursor) == b"hello"


def test_streams_that_write_a_part_at_a_time_get_all(cursor: dbapi.Cursor) -> None:
    class Slow(io.RawIOBase):
        text = b""

        def writable(self) -> bool:
            return True

        def write(self, text: Any) -> int:
            self.text += bytes(text[:70_000])
            return min(len(text), 70_000)

    class Silent:
        text = b""

        def write(self, text: bytes) -> None:
            self.text += text

    cursor.execute(WRITING, input_stream=LARGE)
    streams: list[Any] = [Slow(), Silent()]
    for stream in streams:
        cursor.execute(READING, output_stream=stream)
        assert stream.text == LARGE


def test_a_stream_that_no_name_stands_for_is_refused(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    warehouse.clear_log()
    for sql in ("SELECT 1", READING):
        with pytest.raises(dbapi.ProgrammingError, match="PUT '__input_stream__'"):
            cursor.execute(sql, input_stream=io.BytesIO())
    with pytest.raises(dbapi.ProgrammingError, match="TO '__output_stream__'"):
        cursor.execute(WRITING, output_stream=io.BytesIO())
    wrong: list[dict[str, Any]] = [{"input_stream": 1}, {"input_stream": "path"}]
    for given in wrong:
        with pytest.raises(TypeError, match="must be a binary stream"):
            cursor.execute(WRITING, **given)
    assert not warehouse.log()


def test_a_name_without_its_stream_says_what_is_missing(cursor: dbapi.Cursor) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="input_stream=open") as raised:
        cursor.execute(WRITING)
    assert WRITING in str(raised.value)
    with pytest.raises(dbapi.ProgrammingError, match="output_stream=open"):
        cursor.execute(READING)


def test_local_files_need_the_option_and_removing_does_not(
    connection: dbapi.Connection, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"hello")
    cursor = connection.cursor()
    for sql in (f"PUT '{tmp_path}/a' INTO '{ROOT}/file'", f"GET '{ROOT}/file' TO '{tmp_path}/b'"):
        with pytest.raises(dbapi.ProgrammingError, match="staging_allowed_local_path") as raised:
            cursor.execute(sql)
        assert sql in str(raised.value)
        assert raised.value.query_id == cursor.query_id
    cursor.execute(WRITING, input_stream=b"hello")
    cursor.execute(f"REMOVE '{ROOT}/file'")


@pytest.mark.parametrize("kind", [str, os.fspath, lambda path: path, lambda path: [path, "/none"]])
def test_files_outside_of_what_is_allowed_are_refused(
    connect: Connect, tmp_path: Path, kind: Callable[[Path], Any]
) -> None:
    allowed, other = tmp_path / "in", tmp_path / "inner"
    for directory in (allowed, other):
        directory.mkdir()
        (directory / "a").write_bytes(b"hello")
    (allowed / "link").symlink_to(other)
    cursor = connect(staging_allowed_local_path=kind(allowed)).cursor()
    cursor.execute(f"PUT '{other}/../in/a' INTO '{ROOT}/file'")
    for path in (other / "a", allowed / ".." / "inner" / "a", allowed / "link" / "a"):
        for sql in (f"PUT '{path}' INTO '{ROOT}/b'", f"GET '{ROOT}/file' TO '{path}'"):
            with pytest.raises(dbapi.ProgrammingError, match="is outside of") as raised:
                cursor.execute(sql)
            assert str(other / "a") in str(raised.value)
            assert str(allowed) in str(raised.value)
    assert (other / "a").read_bytes() == b"hello"


def test_the_option_takes_paths_only(connect: Connect, warehouse: Warehouse) -> None:
    warehouse.clear_log()
    for wrong in (1, [1], {"a": 1}):
        with pytest.raises(TypeError, match="staging_allowed_local_path"):
            connect(staging_allowed_local_path=wrong)
    for empty in ("", ["/a", ""]):
        with pytest.raises(dbapi.ProgrammingError, match="is the working directory"):
            connect(staging_allowed_local_path=empty)
    assert not warehouse.log()


def test_paths_may_be_relative_to_the_working_directory(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"hello")
    monkeypatch.chdir(tmp_path)
    cursor = connect(staging_allowed_local_path=".").cursor()
    cursor.execute(f"PUT 'a' INTO '{ROOT}/file'")
    cursor.execute(f"GET '{ROOT}/file' TO './b'")
    assert (tmp_path / "b").read_bytes() == b"hello"


def test_what_is_not_there_is_named(cursor: dbapi.Cursor, tmp_path: Path) -> None:
    cases = [
        (f"PUT '{tmp_path}/none' INTO '{ROOT}/file'", f"'{tmp_path}/none' cannot be read"),
        (f"PUT '{tmp_path}' INTO '{ROOT}/file'", "not a regular file"),
        (f"GET '{ROOT}/none' TO '{tmp_path}/b'", "HTTP was unsuccessful: 404"),
        (f"GET '{ROOT}/none' TO '{tmp_path}/no/b'", f"'{tmp_path}/no/b' cannot be written"),
        (f"REMOVE '{ROOT}/none'", "HTTP was unsuccessful: 404"),
        ("PUT 'a' INTO '/Volumes/main/default/none/a'", "VOLUME_DOES_NOT_EXIST"),
    ]
    for sql, part in cases:
        with pytest.raises(dbapi.ProgrammingError) as raised:
            cursor.execute(sql)
        assert part in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_kept_unless_it_may_be_overwritten(cursor: dbapi.Cursor) -> None:
    sql = WRITING.removesuffix(" OVERWRITE")
    cursor.execute(sql, input_stream=b"old")
    with pytest.raises(dbapi.DatabaseError, match="FILE_IN_STAGING_PATH_ALREADY_EXISTS"):
        cursor.execute(sql, input_stream=b"new")
    assert content(cursor) == b"old"
    cursor.execute(WRITING, input_stream=b"new")
    assert content(cursor) == b"new"


def test_a_file_that_is_filled_keeps_its_mode_its_links_and_its_readers(
    cursor: dbapi.Cursor, tmp_path: Path
) -> None:
    cursor.execute(WRITING, input_stream=b"new")
    (tmp_path / "a").write_bytes(b"old and longer")
    (tmp_path / "a").chmod(0o640)
    (tmp_path / "link").symlink_to("a")
    with (tmp_path / "a").open("rb") as opened:
        cursor.execute(f"GET '{ROOT}/file' TO '{tmp_path}/link'")
        assert opened.read() == b"new"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "link").is_symlink()


def test_storage_gets_the_headers_of_the_url_and_no_others(
    connect: Connect, warehouse: Warehouse
) -> None:
    warehouse.settings(volume_headers={"x-ms-blob-type": "BlockBlob"}, upload_status=201)
    cursor = connect(http_headers=[("x-mine", "1")]).cursor()
    cursor.execute(WRITING, input_stream=b"hello")
    assert content(cursor) == b"hello"
    cursor.execute(f"REMOVE '{ROOT}/file'")
    sent = [entry["headers"] for entry in warehouse.log() if entry["path"].startswith(ROOT)]
    assert len(sent) == 3
    for headers in sent:
        assert headers["x-ms-blob-type"] == "BlockBlob"
        assert not headers["authorization"]
        assert not {"x-mine", "x-databricks-org-id"} & set(headers)


def test_a_file_can_be_moved_by_a_statement_that_runs_by_itself(
    cursor: dbapi.Cursor, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"hello")
    cursor.execute_async(f"PUT '{tmp_path}/a' INTO '{ROOT}/file'")
    cursor.get_async_execution_result()
    assert content(cursor) == b"hello"


def test_a_transfer_is_cancelled_from_another_thread(cursor: dbapi.Cursor, tmp_path: Path) -> None:
    class Cancelling(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, text: Any) -> int:
            thread = threading.Thread(target=cursor.cancel)
            thread.start()
            thread.join()
            return len(text)

    cursor.execute(WRITING, input_stream=16 * LARGE)
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute(READING, output_stream=Cancelling())
    assert raised.value.code == "Cancelled"
    assert list(tmp_path.iterdir()) == []


class Endless:
    """Gives bytes as long as it is asked, and takes them; tells of each call."""

    def __init__(self, tell: Callable[[], object] = bool) -> None:
        self._tell = tell

    def read(self, size: int) -> bytes:
        self._tell()
        return bytes(min(size, 1000))

    def write(self, _: bytes) -> None:
        self._tell()


def test_a_stream_that_cannot_be_rewound_has_the_time_of_its_statement(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    with pytest.raises(dbapi.OperationalError, match="time-out of 300ms") as raised:
        cursor.execute(WRITING, input_stream=Endless(), timeout=0.3)
    assert (raised.value.code, raised.value.query_id) == ("Timeout", cursor.query_id)
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute(WRITING, input_stream=Endless(cursor.cancel))
    assert raised.value.code == "Cancelled"
    assert not warehouse.log(to="storage", method="PUT")


def test_what_was_cancelled_writes_no_more(cursor: dbapi.Cursor) -> None:
    cursor.execute(WRITING, input_stream=LARGE)
    written: list[None] = []

    def cancel() -> None:
        written.append(None)
        cursor.cancel()

    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute(READING, output_stream=Endless(cancel))
    assert (raised.value.code, len(written)) == ("Cancelled", 1)


def test_local_files_have_any_name_and_are_files(cursor: dbapi.Cursor, tmp_path: Path) -> None:
    cursor.execute(WRITING, input_stream=b"hello")
    longest = tmp_path / ("n" * 255)
    cursor.execute(f"GET '{ROOT}/file' TO '{longest}'")
    assert longest.read_bytes() == b"hello"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for sql in (f"PUT '{pipe}' INTO '{ROOT}/file' OVERWRITE", f"GET '{ROOT}/file' TO '{pipe}'"):
        with pytest.raises(dbapi.ProgrammingError, match="regular file"):
            cursor.execute(sql)


def test_a_transfer_has_the_time_of_its_statement(
    cursor: dbapi.Cursor, warehouse: Warehouse, tmp_path: Path
) -> None:
    cursor.execute(WRITING, input_stream=LARGE)
    match = {"method": "GET", "path": f"^{ROOT}"}
    warehouse.fault(match=match, action={"delay": 60}, times=None)
    with pytest.raises(dbapi.OperationalError, match="time-out of 300ms") as raised:
        cursor.execute(f"GET '{ROOT}/file' TO '{tmp_path}/a'", timeout=0.3)
    assert raised.value.code == "Timeout"
    assert not (tmp_path / "a").exists()


def test_large_files_are_not_held_in_memory(python: Interpreters, tmp_path: Path) -> None:
    code = f"""
    def peak():  # of this process alone: that of getrusage begins with what its parent had
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) >> 10
    with open("{tmp_path}/a", "wb") as file:
        for _ in range(200):
            file.write(bytes(1 << 20))
    cursor = dbapi.connect(**WAREHOUSE, staging_allowed_local_path={str(tmp_path)!r}).cursor()
    cursor.execute({WRITING!r}, input_stream=b"hello")
    before = peak()
    cursor.execute("PUT '{tmp_path}/a' INTO '{ROOT}/file' OVERWRITE")
    cursor.execute("GET '{ROOT}/file' TO '{tmp_path}/b'")
    with open("{tmp_path}/a", "rb") as file:
        cursor.execute({WRITING!r}, input_stream=file)
    with open("{tmp_path}/c", "wb") as file:
        cursor.execute({READING!r}, output_stream=file)
    print(json.dumps(peak() - before))
    """
    assert python.run(code) < 64
    texts = [(tmp_path / name).stat().st_size for name in "abc"]
    assert texts == [200 << 20] * 3
