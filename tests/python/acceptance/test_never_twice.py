"""A write is sent once: whatever is lost on the way, no row comes twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

from .lossy_proxy import lossy_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from databricks_sql_warehouse import Warehouse

    from .conftest import Report

QUICK: dict[str, Any] = {"_retry_delay_min": 0.001, "_retry_delay_max": 0.01}
INSERT = "INSERT INTO written_once VALUES (1)"
THE_POST: dict[str, Any] = {
    "to": "api",
    "method": "POST",
    "path": "sql/statements/?$",
    "statement": "^INSERT",
}
LOST_ANSWERS: dict[str, dict[str, Any]] = {
    "dropped after handling": {"drop": "after"},
    "dropped in the body": {"drop": "mid"},
    "cut body": {"cut": 0.5},
    "not JSON": {"replace_body": "<html>It works!</html>"},
}


@pytest.fixture(autouse=True)
def table(acceptance_warehouse: Warehouse) -> Iterator[None]:
    with _connected(acceptance_warehouse) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE TABLE written_once (id INT)")
        acceptance_warehouse.clear_log()
        yield
        cursor.execute("DROP TABLE written_once")


@pytest.mark.parametrize("name", LOST_ANSWERS)
def test_an_insert_whose_answer_is_lost_is_not_sent_again(
    acceptance_warehouse: Warehouse, name: str, report: Report
) -> None:
    acceptance_warehouse.fault(match=THE_POST, action=LOST_ANSWERS[name])
    error = _insert_fails(acceptance_warehouse)
    _report(report, name, error, acceptance_warehouse)
    assert error.maybe_executed
    assert _posts(acceptance_warehouse) == 1
    assert _rows(acceptance_warehouse) == 1


@pytest.mark.parametrize("headers", [{}, {"retry-after": "0"}], ids=["plain", "retry-after"])
def test_an_insert_answered_503_after_it_ran_is_not_sent_again(
    acceptance_warehouse: Warehouse, headers: dict[str, str], report: Report
) -> None:
    with lossy_proxy(acceptance_warehouse, b"INSERT", headers) as url:
        error = _insert_fails(acceptance_warehouse, server_hostname=url)
    _report(report, f"503 after handling {headers}", error, acceptance_warehouse)
    assert error.http_status == 503
    assert error.maybe_executed
    assert _posts(acceptance_warehouse) == 1
    assert _rows(acceptance_warehouse) == 1


@pytest.mark.parametrize("headers", [{}, {"retry-after": "0"}], ids=["plain", "retry-after"])
def test_an_insert_answered_503_is_not_sent_again(
    acceptance_warehouse: Warehouse, headers: dict[str, str], report: Report
) -> None:
    acceptance_warehouse.fault(match=THE_POST, action={"status": 503, "headers": headers})
    error = _insert_fails(acceptance_warehouse)
    _report(report, f"503 {headers}", error, acceptance_warehouse)
    assert error.http_status == 503
    assert error.maybe_executed
    assert _posts(acceptance_warehouse) == 1
    assert _rows(acceptance_warehouse) == 0


def test_an_insert_dropped_before_handling_is_not_sent_again(
    acceptance_warehouse: Warehouse, report: Report
) -> None:
    acceptance_warehouse.fault(match=THE_POST, action={"drop": "before"})
    error = _insert_fails(acceptance_warehouse)
    _report(report, "dropped before handling", error, acceptance_warehouse)
    assert error.maybe_executed
    assert _posts(acceptance_warehouse) == 1
    assert _rows(acceptance_warehouse) == 0


@pytest.mark.parametrize("headers", [{}, {"retry-after": "0"}], ids=["plain", "retry-after"])
def test_an_insert_answered_429_is_sent_again(
    acceptance_warehouse: Warehouse, headers: dict[str, str], report: Report
) -> None:
    acceptance_warehouse.fault(match=THE_POST, action={"status": 429, "headers": headers}, times=2)
    with _connected(acceptance_warehouse) as connection, connection.cursor() as cursor:
        cursor.execute(INSERT)
    report(f"429 {headers}", f"{_posts(acceptance_warehouse)} POSTs")
    assert _posts(acceptance_warehouse) == 3
    assert _rows(acceptance_warehouse) == 1


def test_an_insert_of_many_rows_stops_at_the_lost_answer(
    acceptance_warehouse: Warehouse, report: Report
) -> None:
    acceptance_warehouse.fault(match=THE_POST, action={"drop": "after"}, after=2)
    # Rows of other types start another statement.
    sets = [(n if n % 2 else str(n),) for n in range(5)]
    with (
        _connected(acceptance_warehouse) as connection,
        connection.cursor() as cursor,
        pytest.raises(dbapi.OperationalError) as caught,
    ):
        cursor.executemany("INSERT INTO written_once VALUES (?)", sets)
    _report(report, "executemany", caught.value, acceptance_warehouse)
    assert caught.value.maybe_executed
    assert _rows(acceptance_warehouse) == _posts(acceptance_warehouse) == 3


def test_a_poll_that_is_lost_is_asked_again(
    acceptance_warehouse: Warehouse, report: Report
) -> None:
    acceptance_warehouse.settings(pending_polls=3)
    for action in ({"drop": "before"}, {"drop": "mid"}, {"status": 503}):
        poll = {"to": "api", "method": "GET", "statement": "^INSERT"}
        acceptance_warehouse.fault(match=poll, action=action)
    with _connected(acceptance_warehouse) as connection, connection.cursor() as cursor:
        cursor.execute(INSERT)
    report("polls lost", f"{_posts(acceptance_warehouse)} POST")
    assert _posts(acceptance_warehouse) == 1
    assert _rows(acceptance_warehouse) == 1


def _connected(warehouse: Warehouse, **options: Any) -> dbapi.Connection:
    return dbapi.connect(**{**warehouse.connect_args(), **QUICK, **options})


def _insert_fails(warehouse: Warehouse, **options: Any) -> dbapi.OperationalError:
    with _connected(warehouse, **options) as connection, connection.cursor() as cursor:
        with pytest.raises(dbapi.OperationalError) as caught:
            cursor.execute(INSERT)
        return caught.value


def _posts(warehouse: Warehouse) -> int:
    posts = [entry for entry in warehouse.log(method="POST", to="api") if entry["statement"]]
    return sum(entry["statement"].startswith("INSERT") for entry in posts)


def _rows(warehouse: Warehouse) -> int:
    with _connected(warehouse) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM written_once")
        return len(cursor.fetchall())


def _report(report: Report, name: str, error: dbapi.OperationalError, warehouse: Warehouse) -> None:
    report(name, f"{_posts(warehouse)} POST, {_rows(warehouse)} rows; {error.code}: {error}")
