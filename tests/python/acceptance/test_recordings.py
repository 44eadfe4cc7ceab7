"""The driver reads what the real service once answered, exactly as recorded."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

from .recordings import Recording, Replay, Statement, load, replayed

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Report

RECORDINGS = load()
if not RECORDINGS:
    pytest.skip("../shared/recordings is not beside the checkout", allow_module_level=True)

WITH_SQL = [recording for recording in RECORDINGS if recording.statements()]
VARIANTS = {"plain": (), "pending": ("--pending", "2"), "closed": ("--close-inline",)}
CASES = [
    (recording, variant)
    for recording in WITH_SQL
    for variant in VARIANTS
    if variant != "closed" or recording.has_inline_arrow
]
_SESSION_PATH = "POST .*/sql/sessions"


def test_there_are_statements_to_replay(report: Report) -> None:
    statements = [each for recording in WITH_SQL for each in recording.statements()]
    compared = [each for each in statements if each.bodies]
    as_json = [each for each in statements if each.is_json]
    inline = [each for each in compared if "attachment" in each.answer["result"]]
    figures = {
        "recordings": len(WITH_SQL),
        "statements": len(statements),
        "Arrow results": len(compared),
        "of them inline": len(inline),
        "JSON results": len(as_json),
        "rows": sum(each.row_count for each in statements if each.failure is None),
    }
    for name, value in figures.items():
        report(name, value)
    assert len(statements) > 20
    assert len(compared) > 20
    assert inline
    assert as_json


@pytest.mark.parametrize(
    ("recording", "variant"), CASES, ids=[f"{case.name}-{variant}" for case, variant in CASES]
)
def test_a_recording_is_read_as_it_was_answered(
    recording: Recording, variant: str, report: Report
) -> None:
    statements = recording.statements()
    with replayed(recording, *VARIANTS[variant]) as replay:
        rows = _replay(replay, statements)
        sent = replay.sent_statements(len(statements))
        misses = replay.misses()
    report(f"{recording.name}, {variant}", f"{len(statements)} statements, {rows} rows")
    assert misses == []
    # The server logs a request after its answer, so that two connections may come out of order.
    assert sorted(map(_bound, sent)) == sorted(_bound(each.sent) for each in statements)


def _replay(replay: Replay, statements: list[Statement]) -> int:
    """Executes all statements in order and checks each answer; how many rows there were."""
    seen = 0
    arguments = replay.connect_args()
    with (
        dbapi.connect(**arguments) as arrow,
        dbapi.connect(**arguments, use_cloud_fetch=False) as inline,
    ):
        for statement in statements:
            connection = inline if statement.is_json else arrow
            with connection.cursor(row_limit=statement.sent.get("row_limit")) as cursor:
                if statement.failure:
                    _check_failure(cursor, statement)
                else:
                    cursor.execute(statement.sql, statement.parameters)
                    seen += _check_result(cursor, statement, statements)
    return seen


def _check_failure(cursor: dbapi.Cursor, statement: Statement) -> None:
    assert statement.failure is not None
    with pytest.raises(dbapi.ProgrammingError) as caught:
        cursor.execute(statement.sql, statement.parameters)
    assert caught.type is dbapi.ProgrammingError
    assert caught.value.sql_state == "42601"
    assert statement.failure["message"].strip() in str(caught.value)
    assert not caught.value.maybe_executed


def _check_result(cursor: dbapi.Cursor, statement: Statement, statements: list[Statement]) -> int:
    if not statement.columns:
        assert cursor.description is None
        return 0
    assert _described(cursor) == [_expected_column(column) for column in statement.columns]
    rows = [tuple(row) for row in cursor.fetchall()]
    assert len(rows) == statement.row_count
    for index, column in enumerate(statement.columns):
        values = [row[index] for row in rows]
        _assert_same(values, _expected_values(statement, index, statements), column["name"])
    return len(rows)


def _described(cursor: dbapi.Cursor) -> list[tuple[object, ...]]:
    assert cursor.description is not None
    return [(name, str(code), p, s) for name, code, _, _, p, s, _ in cursor.description]


def _expected_column(column: dict[str, Any]) -> tuple[object, ...]:
    precision = scale = None
    if column["type_name"] == "DECIMAL":
        precision, scale = column["type_precision"], column["type_scale"]
    return column["name"], _type_code(column), precision, scale


def _type_code(column: dict[str, Any]) -> str:
    if column["type_name"] == "INTERVAL":
        months = re.search("YEAR|MONTH", column["type_interval_type"])
        return "interval_year_month" if months else "interval_day_time"
    names = {"LONG": "bigint", "SHORT": "smallint", "BYTE": "tinyint", "NULL": "void"}
    return names.get(column["type_name"], str(column["type_name"]).lower())


def _expected_values(statement: Statement, index: int, statements: list[Statement]) -> list[Any]:
    column = statement.columns[index]
    if column["type_name"] == "INTERVAL":
        return [_inserted_intervals(statements)[index]]
    if statement.is_json:
        return [_from_text(row[index], column["type_name"]) for row in statement.texts]
    if not statement.bodies:
        return []
    values: list[Any] = statement.table().column(index).to_pylist()
    return values[: statement.row_count]


def _from_text(text: str | None, kind: str) -> Any:
    conversions: dict[str, Callable[[str], Any]] = {
        "INT": int,
        "LONG": int,
        "STRING": str,
        "TIMESTAMP": dt.datetime.fromisoformat,
    }
    return None if text is None else conversions[kind](text)


def _inserted_intervals(statements: list[Statement]) -> list[str | dt.timedelta]:
    """The values of the literals in the recorded INSERT."""
    inserted = next(each.sql for each in statements if each.sql.startswith("INSERT"))
    literals = re.findall(r"INTERVAL '([^']*)' (\w+)", inserted)
    assert len(literals) == 12
    return [_interval(text, first) for text, first in literals]


def _interval(text: str, first: str) -> str | dt.timedelta:
    """The value of a literal whose first field is `first`; the others follow in order."""
    if first in ("YEAR", "MONTH"):
        years, _, months = text.partition("-")
        total = int(years) * (12 if first == "YEAR" else 1) + int(months or 0)
        return f"{total // 12}-{total % 12}"
    fields = ["DAY", "HOUR", "MINUTE", "SECOND"]
    seconds = dict(zip(fields, (86400, 3600, 60, 1), strict=True))
    parts = zip(fields[fields.index(first) :], re.split("[ :]", text), strict=False)
    exact = sum((Decimal(part) * seconds[field] for field, part in parts), Decimal(0))
    return dt.timedelta(microseconds=int(exact * 1_000_000))


def _assert_same(values: list[Any], expected: list[Any], column: str) -> None:
    assert len(values) == len(expected), column
    for row, (value, wanted) in enumerate(zip(values, expected, strict=True)):
        assert _exact(value) == _exact(wanted), f"column {column}, row {row}"


def _exact(value: Any) -> Any:
    """A form in which only values of the same type, scale and instant are equal."""
    if isinstance(value, Decimal):
        return ("Decimal", value.as_tuple())
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            return ("naive", value)
        return ("aware", value.astimezone(dt.timezone.utc))
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, [_exact(each) for each in value])
    if isinstance(value, dict):
        return {name: _exact(each) for name, each in value.items()}
    return (type(value).__name__, value)


def _bound(body: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    """A statement and the types and values of its parameters."""
    parameters = body.get("parameters") or []
    return body["statement"], [(each["type"], str(each.get("value"))) for each in parameters]


def test_a_refused_token_is_an_operational_error_with_the_servers_words(report: Report) -> None:
    refused = [recording for recording in RECORDINGS if recording.refusal]
    assert refused
    for recording in refused:
        assert recording.refusal is not None
        with replayed(recording) as replay:
            error = _refused(replay)
        report(recording.name, error)
        assert error.http_status == recording.refusal["status"] == 401
        assert recording.refusal["json"]["message"] in str(error)


def test_a_forbidden_session_is_an_operational_error_with_the_servers_words(report: Report) -> None:
    with replayed(WITH_SQL[0], "--fail", f"{_SESSION_PATH}:403:1000") as replay:
        error = _refused(replay)
    report("403", error)
    assert error.http_status == 403
    assert "injected" in str(error)


def _refused(replay: Replay) -> dbapi.Error:
    with pytest.raises(dbapi.OperationalError) as caught:
        dbapi.connect(**replay.connect_args())
    assert caught.type is dbapi.OperationalError
    assert replay.connect_args()["access_token"] not in str(caught.value)
    return caught.value
