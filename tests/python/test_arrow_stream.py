"""The rest of a result as an Arrow stream: by capsule, by reader, with pyarrow and without."""

from __future__ import annotations

import contextlib
import html
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Interpreters

    Connect = Callable[..., dbapi.Connection]

MANY = "SELECT id, concat('s', id) AS s FROM range(20500)"


def capsule_reader(cursor: dbapi.Cursor, schema: pa.Schema | None = None) -> Any:
    """A reader of the cursor's capsule; pyarrow does not know the cursor."""
    requested = None if schema is None else schema.__arrow_c_schema__()
    return pa.RecordBatchReader._import_from_c_capsule(cursor.__arrow_c_stream__(requested))


def numbers(reader: Any) -> list[int]:
    return [number for batch in reader for number in batch.column(0).to_pylist()]


@pytest.mark.parametrize("read", [capsule_reader, dbapi.Cursor.fetch_record_batch])
def test_a_stream_has_the_rows_that_have_not_been_fetched(
    cursor: dbapi.Cursor, warehouse: Warehouse, read: Callable[[dbapi.Cursor], Any]
) -> None:
    warehouse.settings(chunk_rows=1000)
    cursor.execute(MANY)
    assert cursor.fetchone() == (0, "s0")
    assert len(cursor.fetchmany(2500)) == 2500
    reader = read(cursor)
    assert reader.schema.names == ["id", "s"]
    assert numbers(reader) == list(range(2501, 20_500))
    assert cursor.rownumber == 20_500
    assert cursor.fetchall() == []


def test_rows_that_a_stream_has_given_are_not_fetched_again(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    warehouse.settings(chunk_rows=1000, batch_rows=1000)
    reader = cursor.execute(MANY).fetch_record_batch()
    first = reader.read_next_batch().num_rows
    assert cursor.rownumber == first
    assert cursor.fetchone() == (first, f"s{first}")
    assert numbers(reader) + [row.id for row in cursor] == list(range(first + 1, 20_500))


def test_the_schema_can_be_asked_for_as_often_as_one_likes(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT id, INTERVAL '1' YEAR AS y FROM range(3)")
    for _ in range(3):
        schema = pa.schema(cursor)
        assert schema.names == ["id", "y"]
        assert schema.field("y").type == pa.string()
    assert capsule_reader(cursor).read_all().to_pylist()[2] == {"id": 2, "y": "1-0"}


@pytest.mark.parametrize("read", [capsule_reader, dbapi.Cursor.fetch_record_batch])
def test_a_stream_reads_no_further_than_its_reader(
    connect: Connect, warehouse: Warehouse, read: Callable[[dbapi.Cursor], Any]
) -> None:
    warehouse.settings(chunk_rows=100)
    cursor = connect(max_buffered_bytes=1).cursor()
    reader = read(cursor.execute(MANY))
    assert reader.read_next_batch().num_rows <= 100
    chunks = {entry["chunk"] for entry in warehouse.log(to="storage")}
    assert 1 <= len(chunks) < 20
    assert reader.read_next_batch().num_rows <= 100


def test_an_empty_result_is_a_stream_without_rows(cursor: dbapi.Cursor) -> None:
    table = capsule_reader(cursor.execute("SELECT 1 AS a WHERE false")).read_all()
    assert (table.num_rows, table.column_names) == (0, ["a"])


@pytest.mark.parametrize("use", ["__arrow_c_stream__", "__arrow_c_schema__", "fetch_record_batch"])
def test_without_a_result_there_is_no_stream(cursor: dbapi.Cursor, use: str) -> None:
    for statement in (None, "CREATE OR REPLACE VIEW empty_view AS SELECT 1 AS a"):
        if statement:
            cursor.execute(statement)
        with pytest.raises(dbapi.ProgrammingError, match="no result to fetch from"):
            getattr(cursor, use)()
    cursor.close()
    with pytest.raises(dbapi.InterfaceError):
        getattr(cursor, use)()


def test_who_asks_again_for_rows_that_a_stream_took_is_told(cursor: dbapi.Cursor) -> None:
    cursor.execute(MANY)
    unread = capsule_reader(cursor)
    del unread
    capsule_reader(cursor).read_next_batch()
    with pytest.raises(dbapi.ProgrammingError, match="has taken rows of this result already"):
        cursor.__arrow_c_stream__()
    cursor.execute("SELECT 1 AS a")
    assert numbers(capsule_reader(cursor)) == [1]


def test_two_streams_do_not_share_the_rows(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    warehouse.settings(chunk_rows=1000)
    cursor.execute(MANY)
    first, second = capsule_reader(cursor), capsule_reader(cursor)
    second.read_next_batch()
    with pytest.raises(OSError, match="has taken rows of this result already"):
        first.read_next_batch()
    assert 0 < second.read_all().num_rows < 20_500


def test_a_stream_ends_with_the_result_that_it_is_of(
    connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    warehouse.settings(chunk_rows=1000)
    for end, words in (
        (lambda cursor: cursor.execute("SELECT 7"), "went on to another statement"),
        (lambda cursor: cursor.close(), "cursor was closed before the last row"),
        (lambda _: connection.close(), "cursor was closed before the last row"),
    ):
        cursor, other = connection.cursor(), connection.cursor()
        stream = capsule_reader(cursor.execute(MANY))
        reader = other.execute(MANY).fetch_record_batch()
        stream.read_next_batch()
        reader.read_next_batch()
        end(cursor)
        end(other)
        with pytest.raises(OSError, match=words):
            stream.read_all()
        with pytest.raises(dbapi.InterfaceError, match=words):
            reader.read_all()


def test_a_stream_keeps_its_cursor_open(connection: dbapi.Connection, warehouse: Warehouse) -> None:
    warehouse.settings(chunk_rows=1000)
    reader = connection.cursor().execute(MANY).fetch_record_batch()
    stream = capsule_reader(connection.cursor().execute(MANY))
    assert numbers(reader) == numbers(stream) == list(range(20_500))


def test_threads_may_share_a_reader(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    warehouse.settings(chunk_rows=1000)
    for _ in range(10):
        reader = cursor.execute(MANY).fetch_record_batch()
        with ThreadPoolExecutor(4) as pool:
            parts = [part.result() for part in [pool.submit(numbers, reader) for _ in range(4)]]
        assert sorted(number for part in parts for number in part) == list(range(20_500))


def test_a_result_that_cannot_be_read_is_an_error_of_the_reader(
    connect: Connect, warehouse: Warehouse
) -> None:
    warehouse.settings(chunk_rows=1000)
    warehouse.fault(match={"to": "storage", "chunk": 3}, action={"rows": -2}, times=None)
    cursor = connect(retry_stop_after_attempts_count=2, retry_delay_min=0.01).cursor()
    reader = cursor.execute(MANY).fetch_record_batch()
    with pytest.raises(dbapi.OperationalError) as raised:
        reader.read_all()
    assert raised.value.code == "DataLoss"
    assert raised.value.query_id == cursor.query_id
    stream = capsule_reader(cursor.execute(MANY))
    with pytest.raises(OSError, match="chunk 3"):
        stream.read_all()
    with pytest.raises(dbapi.OperationalError, match="execute the statement again"):
        cursor.fetchall()


def test_rows_that_do_not_fit_the_types_asked_for_come_next(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    warehouse.settings(chunk_rows=500, inline_limit_bytes=0)
    cursor.execute("SELECT id * 4000000 AS id FROM range(2000)")
    reader = capsule_reader(cursor, pa.schema({"id": pa.int32()}))
    rows = reader.read_next_batch().column(0).to_pylist()
    for _ in range(2):
        with pytest.raises(pa.ArrowInvalid, match="Can't cast value 2148000000"):
            reader.read_next_batch()
        assert cursor.rownumber == 500
    rows += [row.id for row in cursor.fetchmany(100)]
    rows += cursor.fetchall_arrow()["id"].to_pylist()
    assert rows == [4000000 * number for number in range(2000)]


def test_a_stream_may_be_read_on_another_thread(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    warehouse.settings(chunk_rows=500)
    for read in (capsule_reader, dbapi.Cursor.fetch_record_batch):
        reader = read(cursor.execute(MANY))
        found: list[int] = []
        reading = threading.Thread(target=lambda: found.extend(numbers(reader)))  # noqa: B023
        reading.start()
        reading.join()
        assert found == list(range(20_500))


@pytest.mark.parametrize(
    "reader",
    [
        "cursor.fetch_record_batch()",
        "pa.RecordBatchReader._import_from_c_capsule(cursor.__arrow_c_stream__())",
    ],
)
def test_an_interrupt_ends_the_reading(
    python: Interpreters, warehouse: Warehouse, reader: str
) -> None:
    warehouse.settings(chunk_rows=1000)
    warehouse.fault(match={"to": "storage", "chunk": 3}, action={"delay": [60, 60]}, times=None)
    code = f"""
        import signal
        import pyarrow as pa
        signal.signal(signal.SIGINT, signal.default_int_handler)
        cursor = dbapi.connect(**WAREHOUSE).cursor()
        cursor.execute("{MANY}")
        reader, rows = {reader}, 0
        while rows < 3000:
            rows += reader.read_next_batch().num_rows
        try:
            print(rows, flush=True)
            try:
                reader.read_all()
            except OSError:
                pass
            for _ in range(100):
                pass
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    process = python.start(code)
    assert process.stdout
    assert process.stdout.readline() == "3000\n"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert output == "interrupted\n"


@pytest.fixture
def takes_interrupts() -> Iterator[None]:
    """A process that was started in the background ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("takes_interrupts")
@pytest.mark.parametrize("read", [capsule_reader, dbapi.Cursor.fetch_record_batch])
def test_an_interrupt_in_a_provider_of_tokens_ends_the_reading(
    connect: Connect, warehouse: Warehouse, read: Callable[[dbapi.Cursor], Any]
) -> None:
    warehouse.settings(chunk_rows=10, links_per_page=1, first_links=1, inline_limit_bytes=0)
    warehouse.fault(match={"path": "result/chunks/5"}, action={"status": 401})
    tokens = [warehouse.issue_token()]

    def provider() -> str:
        if not tokens:
            raise KeyboardInterrupt
        return tokens.pop()

    cursor = connect(access_token=None, credentials_provider=provider).cursor()
    reader = read(cursor.execute("SELECT id FROM range(100)"))

    def read_all() -> None:
        with contextlib.suppress(OSError):
            reader.read_all()
        # By a capsule it comes when the consumer has returned.
        threading.Event().wait(20)

    with pytest.raises(KeyboardInterrupt):
        read_all()


def test_a_stream_may_be_read_and_dropped_within_a_call_of_the_driver(
    python: Interpreters, warehouse: Warehouse
) -> None:
    warehouse.settings(chunk_rows=1000)
    warehouse.fault(match={"to": "storage", "chunk": 3}, action={"delay": [0.3, 0.3]}, times=1)
    code = f"""
        import pyarrow as pa
        inner = dbapi.connect(**WAREHOUSE).cursor()

        def opened():
            capsule = inner.execute("{MANY}").__arrow_c_stream__()
            return pa.RecordBatchReader._import_from_c_capsule(capsule)

        def rows(cursor, row):
            half = opened()
            half.read_next_batch()
            inner.fetchone()
            del half
            return opened().read_all().num_rows

        outer = dbapi.connect(**WAREHOUSE).cursor(row_factory=rows).execute("SELECT 1")
        print(json.dumps(outer.fetchall()))
    """
    assert python.run(code) == [20_500]


def test_a_stream_is_of_no_use_after_a_fork(python: Interpreters, warehouse: Warehouse) -> None:
    warehouse.settings(chunk_rows=1000)
    code = f"""
        import os, warnings
        import pyarrow as pa
        warnings.simplefilter("ignore")  # of forks where threads are
        cursor = dbapi.connect(**WAREHOUSE).cursor()
        stream = pa.RecordBatchReader._import_from_c_capsule(
            cursor.execute("{MANY}").__arrow_c_stream__()
        )
        reader = cursor.fetch_record_batch()
        said, say = os.pipe()
        if not os.fork():
            told = []
            for one in (stream, reader):
                try:
                    one.read_next_batch()
                except (OSError, dbapi.InterfaceError) as error:
                    told.append([type(error).__name__, "forked from" in str(error)])
            os.write(say, json.dumps(told).encode())
            os._exit(0)
        print(json.dumps([json.loads(os.read(said, 1000)), stream.read_all().num_rows]))
    """
    assert python.run(code) == [[["OSError", True], ["InterfaceError", True]], 20_500]


class TestRequestedSchemas:
    """What a consumer asks for."""

    SQL = "SELECT id, concat('s', id) AS s FROM range(3)"

    def test_another_representation_is_given(self, cursor: dbapi.Cursor) -> None:
        wanted = pa.schema([("id", pa.int32()), ("s", pa.large_string())])
        for _ in range(2):
            table = capsule_reader(cursor.execute(self.SQL), wanted).read_all()
            assert table.schema.types == [pa.int32(), pa.large_string()]
            assert table.to_pylist()[2] == {"id": 2, "s": "s2"}

    def test_other_data_are_not(self, cursor: dbapi.Cursor) -> None:
        wanted = pa.schema([("id", pa.string()), ("s", pa.string())])
        table = capsule_reader(cursor.execute(self.SQL), wanted).read_all()
        assert table.schema.types == [pa.int64(), pa.string()]

    def test_other_columns_are_an_error(self, cursor: dbapi.Cursor) -> None:
        cursor.execute(self.SQL)
        with pytest.raises(ValueError, match=r"\(x\), but the result has \(id, s\)"):
            capsule_reader(cursor, pa.schema([("x", pa.int64())]))
        with pytest.raises(TypeError, match="must be a capsule"):
            cursor.__arrow_c_stream__("id")
        assert cursor.fetchone() == (0, "s0")

    def test_a_value_that_does_not_fit_is_an_error(self, cursor: dbapi.Cursor) -> None:
        cursor.execute("SELECT 1099511627776 AS id")
        with pytest.raises(pa.ArrowInvalid, match="1099511627776"):
            capsule_reader(cursor, pa.schema([("id", pa.int32())])).read_all()


WITHOUT_PYARROW = f"""
    cursor = dbapi.connect(**WAREHOUSE).cursor().execute("{MANY}")
    first = cursor.fetchone()
    reader = cursor.fetch_record_batch()
"""


def test_without_pyarrow_there_is_a_reader_of_our_own(
    python: Interpreters, warehouse: Warehouse
) -> None:
    warehouse.settings(chunk_rows=1000, batch_rows=1000)
    code = (
        WITHOUT_PYARROW
        + """
    batch = reader.read_next_batch()
    rest = reader.read_all()
    try:
        ended = len(reader.read_next_batch())
    except StopIteration:
        ended = "ended"
    print(json.dumps([
        repr(reader), reader.column_names, type(reader) is dbapi.ArrowReader,
        type(batch) is dbapi.ArrowTable, len(batch), len(rest), ended,
    ]))
    """
    )
    assert python.run(code, without=("pyarrow",)) == [
        "<ArrowReader: id BIGINT, s STRING>",
        ["id", "s"],
        True,
        True,
        999,
        19_500,
        "ended",
    ]


def test_a_reader_of_our_own_is_read_by_whoever_reads_arrow(python: Interpreters) -> None:
    code = (
        WITHOUT_PYARROW
        + """
    del sys.meta_path[0]
    import pyarrow
    assert pyarrow.schema(reader).names == ["id", "s"]
    table = pyarrow.table(reader)
    try:
        pyarrow.table(reader)
    except dbapi.ProgrammingError as error:
        print(json.dumps([table.num_rows, table.column("s")[0].as_py(), str(error)[:15]]))
    """
    )
    assert python.run(code, without=("pyarrow",)) == [20_499, "s1", "an Arrow stream"]


def test_a_notebook_shows_a_table_of_our_own(python: Interpreters) -> None:
    code = """
        cursor = dbapi.connect(**WAREHOUSE).cursor()
        shown = []
        for sql in (
            "SELECT id AS `a<b`, CASE WHEN id > 0 THEN '<i>&' END AS s FROM range(2) ORDER BY id",
            "SELECT id, repeat('x', 1000) AS long FROM range(5000)",
            "SELECT 1 AS a WHERE false",
        ):
            table = cursor.execute(sql).fetchall_arrow()
            shown.append([repr(table), table._repr_html_()])
        print(json.dumps(shown))
    """
    (few, many, none) = python.run(code, without=("pyarrow",))
    assert few[0] == "<ArrowTable of 2 rows: a<b BIGINT, s STRING>"
    assert few[1] == (
        "<table><thead><tr><th>a&lt;b<br><small>BIGINT</small></th>"
        "<th>s<br><small>STRING</small></th></tr></thead><tbody>"
        "<tr><td>0</td><td>NULL</td></tr><tr><td>1</td><td>&lt;i&gt;&amp;</td></tr>"
        "</tbody></table><p>2 rows</p>"
    )
    assert many[1].count("<tr>") == 21
    assert "x" * 200 + "…</td>" in many[1]
    assert many[1].endswith("<p>5000 rows, 4980 of them not shown</p>")
    assert none[1].endswith("<tbody></tbody></table><p>0 rows</p>")


# Texts of the examples of `docs/types.md` that are not those of Python.
SHOWN = {
    "BOOLEAN": "true",
    "BINARY": "00ff",
    "TIMESTAMP": "2024-01-01 12:00:00",
    "INTERVAL DAY TO SECOND": "1 00:00:00.000000000",
    "ARRAY": "[1,2]",
    "MAP": '{"a":1}',
    "STRUCT": '{"a":1}',
    "VOID": "NULL",
}
MOMENT = "TIMESTAMP '2024-01-01 12:00:00'"
INSIDE = {
    f"array({MOMENT}, NULL)": '["2024-01-01 12:00:00",null]',
    f"map({MOMENT}, DATE '2024-02-29')": '{"2024-01-01 12:00:00":"2024-02-29"}',
    f"named_struct('t', {MOMENT}, 'd', INTERVAL '1' DAY)": (
        '{"t":"2024-01-01 12:00:00","d":"1 00:00:00.000000000"}'
    ),
    "array(INTERVAL '1-2' YEAR TO MONTH)": '["1-2"]',
}


@pytest.mark.parametrize("zone", ["Etc/UTC", "Europe/Berlin", "+05:30"])
def test_a_notebook_shows_every_type(python: Interpreters, zone: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "types.md").read_text(encoding="utf-8")
    examples = dict(re.findall(r"^\| ([A-Z][^|]*) \| `([^`]*)` \|", page, re.MULTILINE))
    assert set(SHOWN) < set(examples)
    code = f"""
        cursor = dbapi.connect(**WAREHOUSE).cursor()
        cursor.execute("SET TIME ZONE '{zone}'")
        shown = []
        for sql in {[*examples.values(), *INSIDE]!r}:
            value = cursor.execute("SELECT " + sql).fetchone()[0]
            page = cursor.execute("SELECT " + sql).fetchall_arrow()._repr_html_()
            shown.append([str(value), page.split("<td>")[1].split("</td>")[0]])
        print(json.dumps(shown))
    """
    found = python.run(code, without=("pyarrow",))
    expected = [SHOWN.get(name) for name in examples] + list(INSIDE.values())
    for text, (value, shown) in zip(expected, found, strict=True):
        assert html.unescape(shown) == (text or value)
