"""What callers are told while they wait, and what becomes of what they raise then."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import pytest
from databricks_sql_warehouse import Warehouse

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.python.conftest import Held

    Connect = Callable[..., dbapi.Connection]


class Told:
    """Keeps what it is told, and acts on it."""

    def __init__(self, act: Callable[[dbapi.Progress], object] = id) -> None:
        self.all: list[dbapi.Progress] = []
        self.threads: set[int] = set()
        self.act = act

    def __call__(self, progress: dbapi.Progress) -> None:
        self.all.append(progress)
        self.threads.add(threading.get_ident())
        self.act(progress)

    @property
    def phases(self) -> list[str]:
        phases = [progress.phase for progress in self.all]
        return [phase for at, phase in enumerate(phases) if phases[at - 1 : at] != [phase]]


class Stages:
    """A statement that the service says is in one state after another."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.sql = "SELECT 'staged'"
        self.id = "01f0aaaa-0000-0000-0000-000000000000"
        self._warehouse = warehouse
        self._rule: str | None = None
        pending = {"status": 200, "body": self._answer("PENDING")}
        warehouse.fault(match={"path": "statements$", "statement": self.sql}, action=pending)
        self.enter("PENDING")

    def _answer(self, state: str) -> dict[str, Any]:
        return {"statement_id": self.id, "status": {"state": state}}

    def enter(self, state: str) -> None:
        rule = self._rule
        match = {"method": "GET", "path": f"{self.id}$"}
        action = {"status": 200, "body": self._answer(state)}
        self._rule = self._warehouse.fault(match=match, action=action, times=None)
        if rule:
            self._warehouse.clear_faults(rule)


def ending(staged: Stages) -> Callable[[dbapi.Progress], object]:
    return lambda _: staged.enter("SUCCEEDED")


def test_each_phase_is_told_on_the_thread_of_the_caller(
    connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    warehouse.settings(warehouse_state="STARTING")
    staged = Stages(warehouse)

    def go_on(progress: dbapi.Progress) -> None:
        if progress.phase == "starting warehouse":
            warehouse.settings(warehouse_state="RUNNING")
        elif progress.phase == "queued" and "starting warehouse" in told.phases:
            staged.enter("RUNNING")
        elif progress.phase == "running":
            staged.enter("SUCCEEDED")

    told = Told(go_on)
    cursor = connection.cursor()
    cursor.execute(staged.sql, progress=told)
    assert told.phases[-3:] == ["starting warehouse", "queued", "running"]
    assert told.threads == {threading.get_ident()}
    elapsed = [progress.elapsed for progress in told.all]
    assert elapsed == sorted(elapsed)
    assert elapsed[0] >= 0.05
    assert told.all[-1].query_id == staged.id == cursor.query_id
    assert (told.all[0].rows, told.all[0].total_rows, told.all[0].bytes) == (0, None, 0)


def test_who_may_not_look_at_warehouses_hears_of_a_queue(
    connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    refused = {"status": 403, "body": {"error_code": "PERMISSION_DENIED", "message": "no"}}
    warehouse.fault(match={"path": "/sql/warehouses/"}, action=refused, times=None)
    staged = Stages(warehouse)

    def end_once_looked(_: dbapi.Progress) -> None:
        if any("/sql/warehouses/" in entry["path"] for entry in warehouse.log(status=403)):
            staged.enter("SUCCEEDED")

    told = Told(end_once_looked)
    connection.cursor().execute(staged.sql, progress=told)
    assert told.phases == ["queued"]


def test_without_a_callback_warehouses_are_not_looked_at(
    connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    connection.cursor().execute("SELECT 1", progress=Told())
    connection.cursor().execute("SELECT 1")
    assert not [entry for entry in warehouse.log() if "/sql/warehouses/" in entry["path"]]
    holds = [entry["body"]["wait_timeout"] for entry in warehouse.log() if entry["statement"]]
    assert holds == ["0s", "10s"]


def test_rows_and_bytes_are_told_while_they_come(connect: Connect, warehouse: Warehouse) -> None:
    warehouse.settings(inline_limit_bytes=0, chunk_rows=1000)
    warehouse.fault(match={"to": "storage"}, action={"delay": 0.2}, times=None)
    told = Told()
    cursor = connect(progress=told).cursor()
    cursor.execute("SELECT id FROM range(5000)")
    rows = cursor.fetchall()
    assert len(rows) == 5000
    last = told.all[-1]
    assert told.phases[-1] == "downloading"
    assert (last.rows, last.total_rows) == (5000, 5000)
    assert last.bytes > 1000
    assert str(last).startswith("downloading, ")
    assert "5000 of 5000 rows" in str(last)
    assert repr(last) == f"<Progress {last}>"


def test_the_nearest_callback_is_called(connect: Connect, warehouse: Warehouse) -> None:
    far, near, nearest = Told(), Told(), Told()
    connection = connect(progress=far)
    for cursor, given, expected in [
        (connection.cursor(), {}, far),
        (connection.cursor(progress=near), {}, near),
        (connection.cursor(progress=near), {"progress": nearest}, nearest),
    ]:
        staged = Stages(warehouse)
        expected.act = ending(staged)
        arguments: dict[str, Any] = given
        cursor.execute(staged.sql, **arguments)
    assert [len(told.all) > 0 for told in (far, near, nearest)] == [True] * 3


def test_what_a_callback_raises_is_raised_and_cancels_the_statement(
    connection: dbapi.Connection, held: Held
) -> None:
    def give_up(_: dbapi.Progress) -> None:
        raise ZeroDivisionError("mine")

    cursor = connection.cursor()
    with pytest.raises(ZeroDivisionError, match="mine"):
        cursor.execute(held.sql, progress=give_up)
    held.cancelled()
    assert cursor.execute("SELECT 1").fetchall() == [(1,)]


def test_what_a_callback_raises_ends_a_result(connect: Connect, warehouse: Warehouse) -> None:
    def give_up(progress: dbapi.Progress) -> None:
        if progress.phase == "downloading":
            raise ZeroDivisionError("mine")

    warehouse.settings(inline_limit_bytes=0)
    warehouse.fault(match={"to": "storage"}, action={"delay": 60}, times=None)
    cursor = connect(progress=give_up).cursor()
    cursor.execute("SELECT id FROM range(100)")
    with pytest.raises(ZeroDivisionError, match="mine"):
        cursor.fetchall()
    with pytest.raises(dbapi.Error, match="closed before its last row"):
        cursor.fetchall()


def test_a_callback_may_use_the_driver(connection: dbapi.Connection, held: Held) -> None:
    found: list[Any] = []

    def look(progress: dbapi.Progress) -> None:
        if progress.phase != "running":
            return
        found.append(connection.cursor().execute("SELECT 7").fetchall())
        found.append(cursor.query_id)
        with pytest.raises(dbapi.ProgrammingError, match="in use"):
            cursor.fetchall()
        cursor.cancel()
        held.cancelled()

    cursor = connection.cursor(progress=look)
    with pytest.raises(dbapi.OperationalError) as raised:
        cursor.execute(held.sql)
    assert raised.value.code == "Cancelled"
    assert found[:2] == [[(7,)], held.statement_id]


def test_a_callback_is_refused_what_would_wait_for_the_statement_that_waits_for_it() -> None:
    refused: list[str] = []
    with Warehouse.start() as warehouse:
        warehouse.settings(one_statement_per_session=True)
        with dbapi.connect(**warehouse.connect_args()) as connection:

            def look(_progress: dbapi.Progress) -> None:
                if refused:
                    return
                with pytest.raises(dbapi.ProgrammingError) as raised:
                    connection.cursor().execute("SELECT 7")
                refused.append(str(raised.value))

            cursor = connection.cursor(progress=look).execute("SELECT sleep(1), 1 AS a")
            assert cursor.fetchone()[1] == 1
            assert connection.cursor().execute("SELECT 7").fetchone() == (7,)
    assert "one statement of a session at a time" in refused[0]
    assert "use a connection of its own" in refused[0]


def test_waiting_for_a_submitted_statement_is_told_of(
    connect: Connect, warehouse: Warehouse
) -> None:
    staged = Stages(warehouse)
    told = Told(ending(staged))
    cursor = connect(progress=told).cursor().execute_async(staged.sql)
    staged.enter("RUNNING")
    cursor.get_async_execution_result()
    assert told.phases[-1] == "running"


def test_transfers_of_files_are_told_of(
    connect: Connect, warehouse: Warehouse, tmp_path: Path
) -> None:
    place = "/Volumes/main/default/files/told"
    told = Told()
    connection = connect(progress=told, staging_allowed_local_path=tmp_path)
    cursor = connection.cursor()
    text = bytes(1 << 20)
    (tmp_path / "a").write_bytes(text)
    warehouse.fault(match={"path": f"^{place}"}, action={"delay": 0.3}, times=None)
    cursor.execute(f"PUT '{tmp_path}/a' INTO '{place}' OVERWRITE")
    assert told.phases[-1] == "uploading"
    cursor.execute(
        f"PUT '__input_stream__' INTO '{place}' OVERWRITE", input_stream=io.BytesIO(text)
    )
    cursor.execute(f"GET '{place}' TO '{tmp_path}/b'")
    assert told.phases[-1] == "downloading"
    stream = io.BytesIO()
    cursor.execute(f"GET '{place}' TO '__output_stream__'", output_stream=stream)
    assert stream.getvalue() == text
    assert 0 < max(progress.bytes for progress in told.all) <= len(text)
    assert told.threads == {threading.get_ident()}


def test_what_cannot_be_called_is_refused(
    connect: Connect, connection: dbapi.Connection, warehouse: Warehouse
) -> None:
    wrong: Any = 1
    cursor = connection.cursor()
    warehouse.clear_log()
    for use in (
        lambda: connect(progress=wrong),
        lambda: connection.cursor(progress=wrong),
        lambda: cursor.execute("SELECT 1", progress=wrong),
    ):
        with pytest.raises(TypeError, match="must be callable, as print is, not int"):
            use()
    assert not warehouse.log()
