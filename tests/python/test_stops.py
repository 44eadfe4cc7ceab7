"""Everything that waits can be stopped; threads, processes and ends leave nothing behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from databricks_sql_warehouse import Warehouse
from interrupting import WAITING, end, interrupt

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.python.conftest import Interpreters

    Connect = Callable[..., dbapi.Connection]

# The id of a statement in a path.
SOME = "[0-9a-f-]+"
POST = "sql/statements/?$"
CALLS = {
    "connect": ("dbapi.connect(**WAREHOUSE)", "sql/sessions/?$"),
    "execute": ("cursor.execute('SELECT 1')", POST),
    "execute while another executes": (
        (
            "[threading.Thread(target=cursor.execute, args=['SELECT 2'], daemon=True).start(),"
            " started.wait(), cursor.execute('SELECT 1')]"
        ),
        POST,
    ),
    "executemany": ("cursor.executemany('INSERT INTO nothing VALUES (?)', [(1,)])", POST),
    "execute_async": ("cursor.execute_async('SELECT 1')", POST),
    "attach": ("cursor.attach(other.query_id)", f"statements/{SOME}$"),
    "the result of execute_async": ("other.get_async_execution_result()", f"statements/{SOME}$"),
    "the state of execute_async": ("other.is_query_pending()", f"statements/{SOME}$"),
    "catalogs": ("cursor.catalogs()", POST),
    "columns": ("cursor.columns()", POST),
    "commit": ("transaction.commit()", POST),
    "rollback": ("transaction.rollback()", POST),
    "autocommit": ("setattr(connection, 'autocommit', False)", POST),
    "fetchone": ("list(iter(rows.fetchone, None))", "results/"),
    "fetchmany": ("list(iter(lambda: rows.fetchmany(7), []))", "results/"),
    "fetchall": ("rows.fetchall()", "results/"),
    "iteration": ("list(rows)", "results/"),
    "fetchall_arrow": ("rows.fetchall_arrow()", "results/"),
    "a page of links": ("rows.fetchall()", "result/chunks/"),
    "fetchmany_arrow": ("list(iter(lambda: rows.fetchmany_arrow(7).num_rows, 0))", "results/"),
    "a reader of batches": ("rows.fetch_record_batch().read_all()", "results/"),
    "keys": ("cursor.primary_keys('c', 's', 't')", POST),
    "asking whether the session is there": ("connection.ping()", "sessions/|statements"),
    "cancelling": ("other.cancel()", "/cancel$"),
    "a file of a volume": ("volumes.execute(f\"PUT '{file}' INTO '/Volumes/a/b/c/d'\")", POST),
    "closing": ("connection.close()", "sessions/"),
}


@pytest.mark.parametrize("name", CALLS)
def test_an_interrupt_ends_every_call_of_the_driver(
    python: Interpreters, warehouse: Warehouse, name: str
) -> None:
    call, path = CALLS[name]
    warehouse.settings(chunk_rows=10, inline_limit_bytes=0, first_links=1)
    code = f"""
    import threading
    started = threading.Event()
    started.set()
    connection = dbapi.connect(**WAREHOUSE)
    narrow = dbapi.connect(**WAREHOUSE, max_buffered_bytes=1)
    cursor, other, rows = connection.cursor(), connection.cursor(), narrow.cursor()
    other.execute_async("SELECT 1")
    rows.execute("SELECT id FROM range(1000)").fetchone()
    transaction = dbapi.connect(**WAREHOUSE)
    transaction.autocommit = False
    transaction.cursor().execute("SELECT 1").fetchall()
    staging = dbapi.connect(**WAREHOUSE, staging_allowed_local_path="/")
    volumes, file = staging.cursor(), sys.executable
    print(flush=True)
    sys.stdin.readline()
    interrupted(lambda: {call})
    print(connection.session_id, flush=True)
    sys.stdin.readline()
    """
    process = python.start(WAITING + code)
    assert process.stdin
    assert process.stdout
    process.stdout.readline()
    warehouse.clear_log()
    delay = 3 if name == "closing" else 20
    warehouse.fault(match={"path": path}, action={"delay": delay}, times=None)
    process.stdin.write("go\n")
    process.stdin.flush()
    took = interrupt(process, warehouse, lambda entry: bool(re.search(path, entry["path"])))
    assert took < 5
    warehouse.clear_faults()
    session_id = process.stdout.readline().strip()
    end(process)
    warehouse.wait_for(
        lambda entry: (
            (entry["method"], entry["session_id"]) == ("DELETE", session_id)
            and bool(entry["answered"])
        )
    )
    assert session_id not in {session["session_id"] for session in warehouse.sessions()}


def test_an_interrupt_ends_signing_in(python: Interpreters, warehouse: Warehouse) -> None:
    warehouse.fault(match={"path": "v1/token"}, action={"delay": 20}, times=None)
    code = f"""
    options = {{name: WAREHOUSE[name] for name in ("server_hostname", "http_path")}}
    options["oauth_client_id"] = {warehouse.client_id!r}
    options["oauth_client_secret"] = {warehouse.client_secret!r}
    interrupted(lambda: dbapi.connect(**options))
    """
    process = python.start(WAITING + code)
    took = interrupt(process, warehouse, lambda entry: "v1/token" in entry["path"])
    assert took < 5
    end(process)


PHASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "the sending": ({"path": POST, "statement": "range"}, {"delay": 3}, {}),
    "a poll": (
        {"method": "GET", "path": f"statements/{SOME}$"},
        {"delay": 2},
        {"pending_polls": 1000},
    ),
    "the wait for another poll": ({"path": "nothing"}, {"delay": 0}, {"pending_polls": 1000}),
    "a page of links": ({"path": "result/chunks/"}, {"delay": 20}, {}),
    "a download": ({"to": "storage"}, {"delay": 20}, {}),
    "a body": ({"to": "storage"}, {"stall": 0.5}, {}),
    "another try of a download": (
        {"to": "storage"},
        {"status": 503, "retry_after": 20},
        {},
    ),
    "another try of the sending": (
        {"path": POST, "statement": "range"},
        {"status": 429, "retry_after": 20},
        {},
    ),
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_cancel_ends_every_phase_and_nothing_runs_on(
    connect: Connect, warehouse: Warehouse, phase: str
) -> None:
    match, action, settings = PHASES[phase]
    connection = connect()
    cursor = connection.cursor()
    warehouse.settings(chunk_rows=10, inline_limit_bytes=0, first_links=0, **settings)
    warehouse.clear_log()
    warehouse.fault(match=match, action=action, times=None)
    pattern = match.get("path", "results/")
    moment = {"the wait for another poll": f"statements/{SOME}$"}.get(phase, pattern)

    def use() -> None:
        cursor.execute("SELECT id FROM range(1000)").fetchall()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(use)
        warehouse.wait_for(lambda entry: bool(re.search(moment, entry["path"])))
        cursor.cancel()
        with pytest.raises(dbapi.OperationalError) as raised:
            running.result(timeout=20)
    assert raised.value.code == "Cancelled"
    warehouse.clear_faults()
    connection.close()
    states = {each["state"] for each in warehouse.statements()}
    assert not states & {"PENDING", "RUNNING"}


@pytest.mark.parametrize("how", ["execute", "execute_async"])
def test_a_cancel_lets_go_at_once_while_the_service_holds_its_answer(
    connect: Connect, warehouse: Warehouse, table: str, how: str
) -> None:
    connection = connect()
    cursor = connection.cursor().execute(f"CREATE TABLE {table} (a INT)")
    insert = f"INSERT INTO {table} SELECT sleep(60)"
    if how == "execute_async":
        warehouse.fault(match={"statement": "INSERT"}, action={"delay_after": 5})
    with ThreadPoolExecutor(1) as pool:
        # With so little time the answer is held for five seconds.
        options = {"timeout": 9} if how == "execute" else {}
        running = pool.submit(getattr(cursor, how), insert, **options)
        warehouse.wait_for(lambda entry: entry["statement"] == insert)
        cursor.cancel()
        with pytest.raises(dbapi.OperationalError) as raised:
            running.result(timeout=30)
    (sent,) = warehouse.log(statement=insert)
    assert not sent["answered"]
    assert (raised.value.code, raised.value.sql_state) == ("Cancelled", "HY008")
    assert (raised.value.maybe_executed, raised.value.retryable) == (True, False)
    assert connection.cursor().execute("SELECT 1").fetchall() == [(1,)]
    asked = warehouse.wait_for(lambda entry: entry["path"].endswith("/cancel"), timeout=30)
    closing = ("DELETE", asked["statement_id"], True)
    warehouse.wait_for(
        lambda entry: (entry["method"], entry["statement_id"], entry["answered"]) == closing,
        timeout=30,
    )
    assert len(warehouse.log(statement=insert)) == 1
    (ended,) = [each for each in warehouse.statements() if each["statement"] == insert]
    assert ended["statement_id"] == asked["statement_id"]
    assert (ended["state"], ended["outcome"]) == ("CLOSED", "CANCELED")
    assert not {each["state"] for each in warehouse.statements()} & {"PENDING", "RUNNING"}
    assert cursor.execute(f"SELECT * FROM {table}").fetchall() == []


def test_a_cancel_that_the_service_cannot_be_told_of_ends_with_the_process(
    python: Interpreters, warehouse: Warehouse
) -> None:
    code = """
    import threading
    cursor = dbapi.connect(**WAREHOUSE).cursor()
    told = []
    def work():
        try:
            cursor.execute("SELECT sleep(70)")
        except dbapi.OperationalError as error:
            told.append(error.code)
    thread = threading.Thread(target=work)
    thread.start()
    sys.stdin.readline()
    cursor.cancel()
    thread.join()
    print(json.dumps(told), flush=True)
    """
    process = python.start(code)
    warehouse.wait_for(lambda entry: entry["statement"] == "SELECT sleep(70)")
    output, errors = process.communicate("go\n", timeout=60)
    assert (json.loads(output), errors) == (["Cancelled"], "")
    (sent,) = warehouse.log(statement="SELECT sleep(70)")
    assert sent["session_id"] not in {each["session_id"] for each in warehouse.sessions()}
    states = {each["state"] for each in warehouse.statements()}
    assert not states & {"PENDING", "RUNNING"}


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_processes_of_every_kind_connect_by_themselves(
    python: Interpreters, warehouse: Warehouse, method: str, tmp_path: Path
) -> None:
    before = {session["session_id"] for session in warehouse.sessions()}
    (tmp_path / "work.py").write_text(
        "from databricks_sql_kernel import dbapi\n"
        "def work(options, number):\n"
        "    with dbapi.connect(**options) as connection:\n"
        "        return connection.cursor().execute('SELECT ? AS a', [number]).fetchone()\n"
    )
    code = f"""
    import multiprocessing, sys, warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
    sys.path.insert(0, {str(tmp_path)!r})
    import work
    connection = dbapi.connect(**WAREHOUSE)
    cursor = connection.cursor().execute("SELECT id FROM range(10)")
    cursor.fetchone()
    context = multiprocessing.get_context({method!r})
    with context.Pool(3) as pool:
        rows = pool.starmap(work.work, [(WAREHOUSE, number) for number in range(12)])
        pool.close()
        pool.join()
    print(json.dumps([rows, len(cursor.fetchall()), type(rows[0]).__name__]))
    """
    rows, rest, name = python.run(code)
    assert rows == [[number] for number in range(12)]
    assert (rest, name) == (9, "Row")
    assert {session["session_id"] for session in warehouse.sessions()} <= before


@pytest.mark.parametrize("connections", [1, 64])
def test_sixty_four_threads(connect: Connect, connections: int) -> None:
    opened = [connect() for _ in range(connections)]
    start = threading.Barrier(64)

    def work(number: int) -> list[int]:
        start.wait()
        with opened[number % connections].cursor() as cursor:
            cursor.execute("SELECT id + ? AS a FROM range(500) ORDER BY id", [number])
            return [row.a for row in cursor]

    with ThreadPoolExecutor(64) as pool:
        found = list(pool.map(work, range(64)))
    assert found == [list(range(number, number + 500)) for number in range(64)]


def test_a_service_that_runs_one_statement_of_a_session_at_a_time() -> None:
    start = threading.Barrier(8)
    # What is learnt of a host holds for the whole process.
    with Warehouse.start() as warehouse:
        warehouse.settings(one_statement_per_session=True)
        with dbapi.connect(**warehouse.connect_args()) as connection:

            def work(number: int) -> Any:
                start.wait()
                with connection.cursor() as cursor:
                    return cursor.execute("SELECT sleep(0.05), ? AS a", [number]).fetchone()[1]

            with ThreadPoolExecutor(8) as pool:
                assert list(pool.map(work, range(8))) == list(range(8))


def test_a_reader_slower_than_results_live_is_told_so(
    connect: Connect, warehouse: Warehouse
) -> None:
    warehouse.settings(chunk_rows=10, inline_limit_bytes=0, first_links=1)
    connection = connect(max_buffered_bytes=1)
    cursor = connection.cursor().execute("SELECT id FROM range(1000)")
    statement = cursor.query_id
    warehouse.settings(result_ttl_seconds=0)
    rows: list[Any] = []
    with pytest.raises(dbapi.ProgrammingError, match="keeps one for an hour") as raised:
        rows.extend(iter(cursor.fetchone, None))
    assert raised.value.query_id == statement
    assert [row.id for row in rows] == list(range(len(rows)))
    assert len(rows) < 1000


SUB_INTERPRETER = """
import json, sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
told = f'''
try:
    import databricks_sql_kernel
    said = "it was imported"
except ImportError as error:
    said = str(error)
with open({sys.argv[2]!r}, "w") as file:
    file.write(said)
'''
for kind in ("isolated", "legacy"):
    try:
        interpreter = interpreters.create(kind)
    except TypeError:
        interpreter = interpreters.create(isolated=kind == "isolated")
    interpreters.run_string(interpreter, told)
    print(open(sys.argv[2]).read())
    interpreters.destroy(interpreter)
"""


@pytest.mark.parametrize("first", ["import databricks_sql_kernel", ""])
def test_sub_interpreters_are_refused(tmp_path: Path, first: str) -> None:
    """Also where the main interpreter has not imported it."""
    command = [sys.executable, "-c", first + SUB_INTERPRETER, "", str(tmp_path / "said")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert not done.stderr
    said = done.stdout.splitlines()
    assert len(said) == 2
    for line in said:
        assert re.search("sub-?interpreter", line)
    # PyO3 itself refuses the second interpreter; without a first one the driver does.
    assert first or any("import it in the main interpreter" in line for line in said)


def test_the_end_with_everything_open_leaves_nothing(
    python: Interpreters, warehouse: Warehouse
) -> None:
    warehouse.settings(chunk_rows=1000, inline_limit_bytes=0)
    code = """
    import threading
    connections = [dbapi.connect(**WAREHOUSE) for _ in range(4)]
    fetching = connections[0].cursor().execute("SELECT id FROM range(100000)")
    fetching.fetchone()
    submitted = connections[1].cursor()
    submitted.execute_async("SELECT sleep(60)")
    def work():
        connections[2].cursor().execute("SELECT sleep(50)")
    threading.Thread(target=work, daemon=True).start()
    transaction = connections[3]
    transaction.autocommit = False
    transaction.cursor().execute("SELECT 1").fetchall()
    print(json.dumps([connection.session_id for connection in connections]), flush=True)
    sys.stdin.read()
    """
    process = python.start(code)
    assert process.stdout
    ids = set(json.loads(process.stdout.readline()))
    warehouse.wait_for(lambda entry: entry["statement"] == "SELECT sleep(50)")
    process.communicate(timeout=20)
    assert not ids & {session["session_id"] for session in warehouse.sessions()}
    running = {each["state"] for each in warehouse.statements()} & {"PENDING", "RUNNING"}
    assert not running
