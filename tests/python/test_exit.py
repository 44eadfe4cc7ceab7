"""Nothing is left open: at the end of the interpreter, of objects, and in forks."""

from __future__ import annotations

import gc
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Interpreters

    Connect = Callable[..., dbapi.Connection]


def is_deleted(what: str, identifier: str | None) -> Callable[[dict[str, Any]], bool]:
    return lambda entry: (entry["method"], entry[what]) == ("DELETE", identifier)


def open_sessions(warehouse: Warehouse) -> set[str]:
    return {session["session_id"] for session in warehouse.sessions()}


OPEN = """
    connections = [dbapi.connect(**WAREHOUSE) for _ in range(3)]
    cursors = [connection.cursor() for connection in connections]
    for cursor in cursors:
        cursor.execute("SELECT id FROM range(10)").fetchone()
    print(json.dumps([connection.session_id for connection in connections]), flush=True)
"""
ENDINGS = {
    "returning": "",
    "exit": "sys.exit(0)",
    "dropped": "del connections, cursors, cursor",
    "in a cycle": "connections.append(connections); cursors.append(cursors)",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_sessions_are_closed_at_the_end_of_the_interpreter(
    python: Interpreters, warehouse: Warehouse, ending: str
) -> None:
    ids = python.run(OPEN + "    " + ENDINGS[ending])
    assert len(ids) == 3
    assert not open_sessions(warehouse) & set(ids)


SOCKETS = """
    import os, time
    def sockets():
        inodes = set()
        for descriptor in os.listdir("/proc/self/fd"):
            try:
                inodes.add(os.readlink(f"/proc/self/fd/{descriptor}"))
            except OSError:
                pass
        return sum(name.startswith("socket:") for name in inodes)

    at_work = []
    for _ in range(20):
        with dbapi.connect(**WAREHOUSE) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id FROM range(10)").fetchall()
            at_work.append(sockets())
    deadline = time.monotonic() + 10
    while sockets() and time.monotonic() < deadline:
        time.sleep(0.05)
    print(json.dumps([max(at_work), sockets()]))
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux' /proc")
def test_connections_are_reused_by_the_next_session_and_closed_soon_after_the_last(
    python: Interpreters,
) -> None:
    most, left = python.run(SOCKETS)
    assert 1 <= most <= 4
    assert left == 0


def test_a_server_that_keeps_silent_delays_the_end_by_two_seconds_at_most(
    python: Interpreters, warehouse: Warehouse
) -> None:
    process = python.start(OPEN + "    sys.stdin.read()")
    assert process.stdin
    assert process.stdout
    process.stdout.readline()
    warehouse.fault(match={"method": "DELETE"}, action={"delay": [8, 8]}, times=None)
    begun = time.monotonic()
    process.stdin.close()
    assert process.wait(timeout=10) == 0
    assert time.monotonic() - begun < 3.5


def test_a_server_that_is_gone_delays_the_end_by_two_seconds_at_most(
    python: Interpreters, warehouse: Warehouse
) -> None:
    process = python.start(OPEN + "    sys.stdin.read()")
    assert process.stdin
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    warehouse.fault(match={"method": "DELETE"}, action={"drop": "before"}, times=None)
    begun = time.monotonic()
    process.stdin.close()
    assert process.wait(timeout=10) == 0
    assert time.monotonic() - begun < 3.5
    assert process.stderr.read() == ""


def test_a_daemon_thread_that_executes_does_not_hinder_the_end(
    python: Interpreters, warehouse: Warehouse
) -> None:
    code = """
        import contextlib, threading
        connection = dbapi.connect(**WAREHOUSE)
        def work():
            with contextlib.suppress(dbapi.Error):  # if it still hears of the end of its session
                connection.cursor().execute("SELECT sleep(20)")
        threading.Thread(target=work, daemon=True).start()
        sys.stdin.read()
    """
    process = python.start(code)
    warehouse.wait_for(lambda entry: entry["statement"] == "SELECT sleep(20)")
    begun = time.monotonic()
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")
    assert time.monotonic() - begun < 5


def test_a_dropped_cursor_lets_go_of_its_statement(
    connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    warehouse.settings(chunk_rows=10, inline_limit_bytes=0)
    cursor = connection.cursor().execute("SELECT id FROM range(1000)")
    query_id = cursor.query_id
    del cursor
    gc.collect()
    warehouse.wait_for(is_deleted("statement_id", query_id), timeout=5)


def test_a_dropped_connection_closes_its_session(warehouse: Warehouse) -> None:
    arguments: dict[str, Any] = {**warehouse.connect_args()}
    connection = dbapi.connect(**arguments)
    session_id = connection.session_id
    asked = {"method": "DELETE", "path": f"{session_id}$"}
    warehouse.fault(match=asked, action={"delay": 20})
    begun = time.monotonic()
    del connection
    gc.collect()
    assert time.monotonic() - begun < 10, "who drops a connection does not wait for the answer"
    warehouse.wait_for(is_deleted("session_id", session_id), timeout=5)


def test_a_connection_lives_as_long_as_its_cursors(warehouse: Warehouse) -> None:
    arguments: dict[str, Any] = {**warehouse.connect_args()}
    connection = dbapi.connect(**arguments)
    session_id = connection.session_id
    cursor = connection.cursor()
    del connection
    gc.collect()
    assert cursor.execute("SELECT 1").fetchall() == [(1,)]
    query_id = cursor.query_id
    del cursor
    gc.collect()
    warehouse.wait_for(is_deleted("session_id", session_id), timeout=5)
    deleted = [
        entry["statement_id"] or entry["session_id"]
        for entry in warehouse.log(method="DELETE")
        if query_id == entry["statement_id"] or session_id == entry["session_id"]
    ]
    assert deleted == [query_id, session_id]


def test_closing_lets_go_of_statements_before_the_session(
    connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    warehouse.settings(chunk_rows=10, inline_limit_bytes=0)
    cursors = [connection.cursor().execute("SELECT id FROM range(1000)") for _ in range(3)]
    connection.close()
    paths = [entry["path"] for entry in warehouse.log(method="DELETE")]
    assert len([path for path in paths if "/statements/" in path]) == len(cursors)
    assert paths[-1].endswith(connection.session_id)


def test_a_fork_cannot_use_what_is_of_its_parent(
    python: Interpreters, warehouse: Warehouse
) -> None:
    code = """
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
        connection = dbapi.connect(**WAREHOUSE)
        cursor = connection.cursor().execute("SELECT id FROM range(10)")
        cursor.fetchone()
        receiving, sending = os.pipe()
        child = os.fork()
        if child == 0:
            seen = []
            for use in (
                lambda: cursor.execute("SELECT 'child'"),
                lambda: cursor.fetchone(),
                lambda: connection.cursor(),
                lambda: connection.commit(),
            ):
                try:
                    use()
                except dbapi.InterfaceError as error:
                    seen.append("fork" in str(error))
                else:
                    seen.append(None)
            cursor.close()
            connection.close()
            os.write(sending, json.dumps(seen).encode())
            del cursor, connection
            os._exit(0)
        os.close(sending)
        seen = json.loads(os.read(receiving, 10_000))
        os.waitpid(child, 0)
        rest = len(cursor.fetchall())
        after = cursor.execute("SELECT 'parent'").fetchall()
        print(json.dumps([seen, rest, after, connection.session_id]))
    """
    seen, rest, after, session_id = python.run(code)
    assert seen == [True] * 4
    assert (rest, after) == (9, [["parent"]])
    assert not warehouse.log(statement="SELECT 'child'")
    assert len(warehouse.log(method="DELETE", session_id=session_id)) == 1


def test_a_fork_can_connect_by_itself(python: Interpreters) -> None:
    code = """
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
        connection = dbapi.connect(**WAREHOUSE)
        connection.cursor().execute("SELECT 1").fetchall()
        receiving, sending = os.pipe()
        child = os.fork()
        if child == 0:
            with dbapi.connect(**WAREHOUSE) as own:
                rows = own.cursor().execute("SELECT 'child'").fetchall()
            os.write(sending, json.dumps(rows).encode())
            os._exit(0)
        os.waitpid(child, 0)
        rows = connection.cursor().execute("SELECT 'parent'").fetchall()
        print(json.dumps([json.loads(os.read(receiving, 10_000)), rows]))
    """
    assert python.run(code) == [[["child"]], [["parent"]]]


def test_a_fork_that_ends_closes_nothing_of_its_parent(python: Interpreters) -> None:
    code = """
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
        connection = dbapi.connect(**WAREHOUSE)
        child = os.fork()
        if child == 0:
            sys.exit(0)
        _, status = os.waitpid(child, 0)
        rows = connection.cursor().execute("SELECT 1").fetchall()
        print(json.dumps([os.waitstatus_to_exitcode(status), rows]))
    """
    assert python.run(code) == [0, [[1]]]


# The end takes a while, in which others may want the interpreter.
SLOW_END = """
    import _thread, logging, threading, time
    begun = threading.Event()

    def slow(*_):
        begun.set()
        for _ in range(10_000):
            time.sleep(0.001)
        return "token"

    class Slow:
        def __del__(self, sleep=time.sleep):
            sleep(0.3)

    def aside(work):
        threading.Thread(target=work, daemon=True).start()

    class Store:
        read = persist = slow

    class Handler(logging.Handler):
        emit = slow

    class Rows:
        def __iter__(self):
            return self
        __next__ = slow

    class Stream:
        read = slow
        def tell(self):
            return 0
        def seek(self, *_):
            return 10

    def connection():
        return dbapi.connect(**WAREHOUSE)

    def logged():
        logger = logging.getLogger("databricks.sql.kernel")
        logger.addHandler(Handler())
        logger.setLevel(logging.DEBUG)
        connection()

    SIGNING_IN = {key: value for key, value in WAREHOUSE.items() if key != "access_token"}
    keep = Slow()
"""
IN_CODE_OF_THE_USER = {
    "a credentials_provider": """
        try:
            dbapi.connect(**SIGNING_IN, credentials_provider=slow, login_timeout=0.2)
        except dbapi.OperationalError:
            pass
    """,
    "a credentials_provider that is awaited": """
        async def awaited():
            return slow()
        try:
            dbapi.connect(**SIGNING_IN, credentials_provider=awaited, login_timeout=0.2)
        except dbapi.OperationalError:
            pass
    """,
    "a credentials_provider, interrupted": """
        def provider():
            _thread.interrupt_main()
            return slow()
        try:
            dbapi.connect(**SIGNING_IN, credentials_provider=provider)
        except KeyboardInterrupt:
            pass
    """,
    "a store of tokens": """
        options = {"auth_type": "databricks-oauth", "experimental_oauth_persistence": Store()}
        try:
            dbapi.connect(**SIGNING_IN, **options, login_timeout=0.2)
        except dbapi.OperationalError:
            pass
    """,
    "progress": """
        cursor = connection().cursor()
        aside(lambda: cursor.execute("SELECT sleep(20)", progress=slow))
    """,
    "row_factory": """
        cursor = connection().cursor(row_factory=slow)
        aside(cursor.execute("SELECT 1").fetchall)
    """,
    "sets of parameters": """
        cursor = connection().cursor()
        aside(lambda: cursor.executemany("INSERT INTO t VALUES (?)", Rows()))
    """,
    "a handler of logging": "aside(logged)",
    "input_stream": """
        cursor = connection().cursor()
        cursor.execute("CREATE VOLUME IF NOT EXISTS main.default.ends")
        sql = "PUT '__input_stream__' INTO '/Volumes/main/default/ends/a' OVERWRITE"
        aside(lambda: cursor.execute(sql, input_stream=Stream()))
    """,
}


@pytest.mark.parametrize("code", IN_CODE_OF_THE_USER)
def test_the_end_while_code_of_the_user_runs_that_the_driver_called(
    python: Interpreters, code: str
) -> None:
    ending = """
        begun.wait(20)
        print(json.dumps(begun.is_set()))
    """
    process = python.start(
        "\n".join(map(textwrap.dedent, (SLOW_END, IN_CODE_OF_THE_USER[code], ending)))
    )
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "true\n", "")
