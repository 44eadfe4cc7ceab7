"""The official connector, by its SEA backend and by the official kernel, is served well.

Where a client fails by a fault of its own the test must fail for it, with that fault as the reason.
"""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from . import peers
from .peers import PeerFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    Run = Callable[..., Any]
    PeersFault = Callable[..., None]

MODES = ("use_sea", "use_kernel")
_PRELUDE = """\
import datetime, decimal, importlib.metadata, json, logging, os, sys, threading, time
from databricks import sql
assert importlib.metadata.version("databricks-sql-connector") == "4.9.0"
assert importlib.metadata.version("databricks-sql-kernel") == "1.3.0"
OPTIONS = json.loads(sys.argv[1])
def connect(**more):
    return sql.connect(**{name: value for name, value in OPTIONS.items() if name != "sql"}, **more)
def answer(value):
    print(json.dumps(value, default=str), flush=True)
    os._exit(0)  # the kernel closes in the background, which ends when the process does
"""


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def run(secure: Warehouse, peer_python: str, mode: str) -> Run:
    """Run code in the peer's interpreter, where `connect()` connects, and give its answer."""

    def go(code: str, **options: Any) -> Any:
        by_kernel = mode == "use_kernel"
        arguments = {
            "server_hostname": f"localhost:{secure.port}" if by_kernel else "localhost",
            "http_path": secure.http_path,
            "access_token": secure.access_token,
            "_port": secure.port,
            "_tls_trusted_ca_file": str(secure.ca),
            "enable_telemetry": False,
            mode: True,
            **options,
        }
        program = _PRELUDE + textwrap.dedent(code)
        zone = {"TZ": "UTC"}
        return peers.answer(peer_python, program, json.dumps(arguments), environment=zone)

    return go


@pytest.fixture
def peers_fault(request: pytest.FixtureRequest, mode: str) -> PeersFault:
    """Expect one kind of failure of the client that has a fault, and the success of the other.

    A wrong answer is an AssertionError, an error of the client itself is PeerFailed.
    """

    def expect(faulty: str, reason: str, *, raises: type[Exception], strict: bool = True) -> None:
        if mode == faulty:
            mark = pytest.mark.xfail(reason=reason, raises=raises, strict=strict)
            request.applymarker(mark)

    return expect


ALL_TYPES = """\
SELECT true AS b, CAST(1 AS TINYINT) AS i1, CAST(2 AS SMALLINT) AS i2, 3 AS i4, 4L AS i8,
    CAST(1.5 AS FLOAT) AS f4, CAST(2.5 AS DOUBLE) AS f8, CAST('12.34' AS DECIMAL(10,2)) AS d,
    'text' AS s, X'00ff' AS x, DATE '2024-02-29' AS dt,
    TIMESTAMP '2024-02-29 01:02:03.456789' AS ts, TIMESTAMP_NTZ '2024-02-29 01:02:03.456789' AS ntz,
    array(1, 2) AS a, map('k', 1) AS m, named_struct('x', 1, 'y', 'z') AS st,
    parse_json('{"b": 1, "a": [true, null]}') AS v, st_geomfromtext('POINT(1 2)', 4326) AS g,
    NULL AS nothing
"""


def test_every_type_is_read(run: Run) -> None:
    found = run(
        """
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute(OPTIONS["sql"])
            row = cursor.fetchone()
            codes = {entry[0]: entry[1] for entry in cursor.description}
            answer([codes, [repr(value) for value in row]])
        """,
        sql=ALL_TYPES,
    )
    codes, row = found
    values = dict(zip(codes, row, strict=True))
    assert (values["b"], values["i1"], values["i8"]) == ("True", "1", "4")
    assert (values["f4"], values["f8"]) == ("1.5", "2.5")
    assert (values["d"], values["s"]) == ("Decimal('12.34')", "'text'")
    assert values["x"] == repr(b"\\x00\\xff".decode("unicode_escape").encode("latin-1"))
    assert values["dt"] == "datetime.date(2024, 2, 29)"
    assert "2024, 2, 29, 1, 2, 3, 456789" in values["ts"]
    assert "tzinfo" in values["ts"]
    assert values["ntz"] == "datetime.datetime(2024, 2, 29, 1, 2, 3, 456789)"
    assert values["v"] == """'{"a":[true,null],"b":1}'"""
    assert values["g"] == "'SRID=4326;POINT(1 2)'"
    assert values["m"] == "[('k', 1)]"
    assert values["st"] == "{'x': 1, 'y': 'z'}"
    assert values["nothing"] == "None"
    assert (codes["i1"], codes["i8"], codes["d"]) == ("tinyint", "bigint", "decimal")
    assert (codes["ts"], codes["a"], codes["v"]) == ("timestamp", "array", "variant")


def test_intervals_are_read(run: Run, peers_fault: PeersFault) -> None:
    reason = "pyarrow cannot convert month intervals for the SEA backend"
    peers_fault("use_sea", reason, raises=PeerFailed)
    found = run(
        """
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT INTERVAL '1-2' YEAR TO MONTH AS m, "
                "INTERVAL '3 04:05:06.7' DAY TO SECOND AS d"
            )
            answer(list(cursor.fetchone()))
        """
    )
    assert found == ["1-2", "3 04:05:06.700000000"]


def test_a_hundred_thousand_rows_come_over_links(run: Run, secure: Warehouse) -> None:
    secure.settings(chunk_rows=10_000, inline_limit_bytes=0)
    found = run(
        """
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id, 'row ' || id AS s FROM range(100000)")
            rows = cursor.fetchall()
            answer([len(rows), sum(row.id for row in rows), rows[-1].s])
        """
    )
    assert found == [100_000, 4_999_950_000, "row 99999"]
    downloads = secure.log(to="storage", status=200)
    assert {entry["chunk"] for entry in downloads} == set(range(10))
    assert not any(entry["headers"]["authorization"] for entry in downloads)


@pytest.mark.parametrize("links_per_page", [1, 3])
def test_links_come_in_pages(
    run: Run, secure: Warehouse, peers_fault: PeersFault, links_per_page: int
) -> None:
    lost = "the kernel 1.3.0 loses the last chunks of a paginated result now and then"
    # Not strict: it loses them in some runs only.
    peers_fault("use_kernel", lost, raises=AssertionError, strict=False)
    secure.settings(
        chunk_rows=10_000, inline_limit_bytes=0, first_links=1, links_per_page=links_per_page
    )
    found = run(
        """
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id FROM range(100000)")
            answer(len(cursor.fetchall()))
        """
    )
    assert found == 100_000


def test_rows_come_in_the_sizes_asked_for(run: Run) -> None:
    found = run(
        """
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id FROM range(50)")
            first = [row.id for row in cursor.fetchmany(10)]
            counts = [cursor.fetchone().id, len(cursor.fetchmany(20)), len(cursor.fetchmany(100))]
            answer([first, *counts, cursor.fetchone(), cursor.fetchall()])
        """
    )
    assert found == [list(range(10)), 10, 20, 19, None, []]


def test_metadata_is_listed(run: Run, mode: str) -> None:
    found = run(
        """
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                "CREATE OR REPLACE TABLE main.default.official_t "
                "(id INT NOT NULL, d DECIMAL(10,2))"
            )
            def rows(method, **filters):
                getattr(cursor, method)(**filters)
                names = [entry[0] for entry in cursor.description]
                return [dict(zip(names, row)) for row in cursor.fetchall()]
            table = {"catalog_name": "main", "schema_name": "default", "table_name": "official_t"}
            answer([rows("catalogs"), rows("schemas", catalog_name="main"),
                    rows("tables", **table), rows("columns", **table)])
        """
    )
    catalogs, schemas, tables, columns = found
    # The SEA backend hands out the columns of SHOW, the kernel those of JDBC.
    name, text = ("col_name", "columnType") if mode == "use_sea" else ("COLUMN_NAME", "TYPE_NAME")
    table = ("tableName", "tableType") if mode == "use_sea" else ("TABLE_NAME", "TABLE_TYPE")
    assert {"main", "samples", "system"} <= {next(iter(row.values())) for row in catalogs}
    assert "default" in [next(iter(row.values())) for row in schemas]
    assert [[row[part] for part in table] for row in tables] == [["official_t", "TABLE"]]
    assert [(row[name], row[text]) for row in columns] == [("id", "INT"), ("d", "DECIMAL(10,2)")]


def test_named_parameters_are_bound(run: Run) -> None:
    found = run(
        """
        given = {"i": 7, "big": 2**40, "s": "it's", "b": True, "f": 1.5, "n": None,
                 "d": decimal.Decimal("1.25"), "day": datetime.date(2024, 2, 29)}
        names = ", ".join(f":{name} AS {name}" for name in given)
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT {names}", given)
            answer(list(cursor.fetchone()))
        """
    )
    assert found == [7, 2**40, "it's", True, 1.5, None, "1.25", "2024-02-29"]


def test_positional_parameters_are_bound(run: Run, peers_fault: PeersFault) -> None:
    reason = "the SEA backend sends positional parameters without ordinals"
    peers_fault("use_sea", reason, raises=PeerFailed)
    found = run(
        """
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT ? AS a, ? AS b", [1, "two"])
            answer(list(cursor.fetchone()))
        """
    )
    assert found == [1, "two"]


def test_bad_sql_has_its_class_and_state(run: Run, mode: str) -> None:
    kind, message, state = run(
        """
        with connect() as connection, connection.cursor() as cursor:
            try:
                cursor.execute("SELECT * FROM no_such_table")
            except sql.Error as error:
                answer([type(error).__name__, str(error), getattr(error, "sql_state", None)])
        """
    )
    assert kind == "ServerOperationError"
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in message
    assert "SQLSTATE: 42P01" in message
    assert state == ("42P01" if mode == "use_kernel" else None)


def test_a_statement_runs_in_the_background(run: Run, secure: Warehouse) -> None:
    secure.settings(pending_polls=2)
    found = run(
        """
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute_async("SELECT 42 AS a")
            pending = cursor.is_query_pending()
            cursor.get_async_execution_result()
            answer([pending, cursor.fetchall()[0].a])
        """
    )
    assert found == [True, 42]


CANCEL_SYNC = """
cursor = connect().cursor()
seen = []
def execute():
    try:
        cursor.execute("SELECT sleep(600)")
    except sql.Error as error:
        seen.append(str(error))
thread = threading.Thread(target=execute)
thread.start()
for _ in range(100):
    cursor.cancel()
    thread.join(0.2)
    if not thread.is_alive():
        break
answer([thread.is_alive(), len(seen)])
"""
CANCEL_ASYNC = """
cursor = connect().cursor()
cursor.execute_async("SELECT sleep(600)")
cursor.cancel()
while cursor.is_query_pending():
    time.sleep(0.05)
answer([False, 1])
"""


def test_a_statement_is_cancelled(run: Run, secure: Warehouse, mode: str) -> None:
    secure.settings(pending_polls=1_000_000)
    found = run(CANCEL_SYNC if mode == "use_kernel" else CANCEL_ASYNC)
    assert found == [False, 1]
    secure.wait_for(lambda entry: bool(entry["path"].endswith("/cancel")))


def test_session_settings_go_up_and_down(run: Run) -> None:
    found = run(
        """
        confs = {"TIMEZONE": "Asia/Tokyo", "ANSI_MODE": "false"}
        with connect(session_configuration=confs) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT current_timezone() AS z, CAST('x' AS INT) AS n")
            first = list(cursor.fetchone())
            cursor.execute("SET TIME ZONE 'Europe/Berlin'")
            cursor.execute("SET TIMEZONE")
            answer([first, list(cursor.fetchone())])
        """
    )
    assert found == [["Asia/Tokyo", None], ["TIMEZONE", "Europe/Berlin"]]


def test_transactions_commit_and_roll_back(run: Run) -> None:
    found = run(
        """
        with connect(ignore_transactions=False) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE OR REPLACE TABLE official_x (id INT)")
            def count():
                with connect() as other, other.cursor() as reader:
                    reader.execute("SELECT count(*) FROM official_x")
                    return reader.fetchone()[0]
            connection.autocommit = False
            cursor.execute("INSERT INTO official_x VALUES (1)")
            before = count()
            connection.commit()
            committed = count()
            cursor.execute("INSERT INTO official_x VALUES (2)")
            connection.rollback()
            answer([before, committed, count(), connection.autocommit])
        """
    )
    assert found == [0, 1, 1, False]


def test_changes_are_counted(run: Run, peers_fault: PeersFault) -> None:
    peers_fault("use_sea", "the SEA backend leaves rowcount at -1", raises=AssertionError)
    found = run(
        """
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE OR REPLACE TABLE official_n (id INT)")
            counts, changes = [], ["INSERT INTO official_n VALUES (1), (2), (3)"]
            changes += ["UPDATE official_n SET id = 0 WHERE id > 1", "DELETE FROM official_n"]
            for statement in changes:
                cursor.execute(statement)
                counts.append(cursor.rowcount)
            answer(counts)
        """
    )
    assert found == [3, 2, 3]


def test_a_closed_connection_leaves_nothing_open(run: Run, secure: Warehouse) -> None:
    before = secure.sessions()
    run(
        """
        connection = connect()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchall()
        connection.close()
        answer(None)
        """
    )
    assert len(secure.log(method="POST", path="/api/2.0/sql/sessions", status=200)) == 1
    assert secure.sessions() == before
