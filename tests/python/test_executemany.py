"""`executemany`: one statement for many sets of parameters."""

from __future__ import annotations

import datetime as dt
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from databricks_sql_warehouse import Warehouse

    Connect = Callable[..., dbapi.Connection]


@pytest.fixture
def people(cursor: dbapi.Cursor, table: str) -> str:
    cursor.execute(f"CREATE TABLE {table} (id INT, name STRING)")
    return table


def all_rows(cursor: dbapi.Cursor, table: str) -> list[Any]:
    return cursor.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()


def test_every_set_is_executed_in_turn(cursor: dbapi.Cursor, people: str) -> None:
    sets = [{"id": number, "name": f"name {number}"} for number in range(20)]
    result = cursor.executemany(f"INSERT INTO {people} VALUES (:id, :name)", sets)
    assert result is cursor
    assert cursor.rowcount == 20
    assert all_rows(cursor, people) == [(number, f"name {number}") for number in range(20)]


def test_sets_may_be_sequences(cursor: dbapi.Cursor, people: str) -> None:
    cursor.executemany(f"INSERT INTO {people} VALUES (?, ?)", [(1, "a"), [2, None]])
    assert all_rows(cursor, people) == [(1, "a"), (2, None)]


def test_sets_may_come_from_a_generator(cursor: dbapi.Cursor, people: str) -> None:
    sets = ((number, str(number)) for number in range(3))
    cursor.executemany(f"INSERT INTO {people} VALUES (?, ?)", sets)
    assert all_rows(cursor, people) == [(0, "0"), (1, "1"), (2, "2")]


def test_the_row_count_is_the_sum(cursor: dbapi.Cursor, people: str) -> None:
    cursor.executemany(f"INSERT INTO {people} VALUES (?, 'x')", [(number,) for number in range(5)])
    cursor.executemany(f"DELETE FROM {people} WHERE id < ?", [(1,), (3,), (3,)])
    assert cursor.rowcount == 3


def test_no_sets_send_nothing(cursor: dbapi.Cursor, people: str, warehouse: Warehouse) -> None:
    warehouse.clear_log()
    cursor.executemany(f"INSERT INTO {people} VALUES (?, ?)", [])
    assert not warehouse.log(method="POST")
    assert cursor.rowcount in (-1, 0)


def test_no_sets_leave_no_result_of_the_statement_before(cursor: dbapi.Cursor, people: str) -> None:
    cursor.execute("SELECT 1")
    cursor.executemany(f"INSERT INTO {people} VALUES (?, ?)", [])
    assert cursor.description is None
    with pytest.raises(dbapi.ProgrammingError):
        cursor.fetchall()


def test_values_keep_their_types(cursor: dbapi.Cursor, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (id INT, a DECIMAL(20,5), b TIMESTAMP, c DOUBLE)")
    sets = [
        (1, Decimal("1.50000"), dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc), 0.1),
        (2, None, None, None),
        (3, Decimal("-99999.99999"), dt.datetime(1900, 1, 1, tzinfo=dt.timezone.utc), -1e300),
    ]
    cursor.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", sets)
    assert all_rows(cursor, table) == sets


def test_a_wrong_set_is_found_before_anything_is_sent(cursor: dbapi.Cursor, people: str) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="object"):
        cursor.executemany(f"INSERT INTO {people} VALUES (?, ?)", [(1, "a"), (2, object())])
    assert all_rows(cursor, people) == []


def test_an_error_of_the_callers_own_generator_comes_through(
    cursor: dbapi.Cursor, people: str
) -> None:
    def sets() -> Iterator[tuple[int, str]]:
        yield 1, "a"
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        cursor.executemany(f"INSERT INTO {people} VALUES (?, ?)", sets())
    assert all_rows(cursor, people) == []


def test_the_first_failure_ends_it(cursor: dbapi.Cursor, people: str) -> None:
    sets = [("1",), ("not a number",), ("3",)]
    with pytest.raises(dbapi.DataError, match="CAST_INVALID_INPUT"):
        cursor.executemany(f"INSERT INTO {people} SELECT CAST(? AS INT), 'x'", sets)
    assert all_rows(cursor, people) in ([(1, "x")], [])


@pytest.mark.parametrize("sets", [None, 5])
def test_what_is_no_sequence_of_sets_is_refused(cursor: dbapi.Cursor, sets: Any) -> None:
    with pytest.raises((TypeError, dbapi.ProgrammingError)):
        cursor.executemany("SELECT ?", sets)


def test_a_failure_leaves_no_count_of_earlier_sets(cursor: dbapi.Cursor, people: str) -> None:
    with pytest.raises(dbapi.DataError):
        cursor.executemany(
            f"INSERT INTO {people} SELECT CAST(? AS INT), 'x'", [("1",), ("not a number",)]
        )
    assert cursor.rowcount == -1
    assert cursor.description is None


def inserts(warehouse: Warehouse) -> list[dict[str, Any]]:
    return [entry for entry in warehouse.log(method="POST") if "INSERT" in str(entry["statement"])]


def test_few_rows_are_one_statement_with_parameters(
    cursor: dbapi.Cursor, people: str, warehouse: Warehouse
) -> None:
    cursor.executemany(f"INSERT INTO {people} VALUES (:id, :name)", [{"id": 1, "name": "a"}] * 100)
    (entry,) = inserts(warehouse)
    assert len(entry["body"]["parameters"]) == 200
    assert cursor.rowcount == 100


WIDE = (
    "a INT, b BIGINT, c DOUBLE, d DECIMAL(20,5), e STRING, "
    "f DATE, g TIMESTAMP, h BOOLEAN, i BINARY, j STRING"
)


def wide_row(number: int) -> tuple[Any, ...]:
    row: list[Any] = [
        number,
        number << 33,
        number / 7,
        Decimal(number * 100_000 + 1).scaleb(-5),
        f"it's \\ {number} \n",
        dt.date(1970, 1, 1) + dt.timedelta(days=number),
        dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(microseconds=number),
        number % 2 == 0,
        number.to_bytes(4, "big"),
        "é" * (number % 5),
    ]
    row[1 + number % 9] = None
    return tuple(row)


def test_ten_thousand_rows_take_few_requests(
    cursor: dbapi.Cursor, table: str, warehouse: Warehouse
) -> None:
    cursor.execute(f"CREATE TABLE {table} ({WIDE})")
    rows = [wide_row(number) for number in range(10_000)]
    warehouse.clear_log()
    began = time.perf_counter()
    cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * 10)})", rows)
    took = time.perf_counter() - began
    assert cursor.rowcount == len(rows)
    # A loop takes a request for each row, at the least.
    assert 0 < len(inserts(warehouse)) <= len(warehouse.log()) <= len(rows) / 20
    found = cursor.execute(f"SELECT * FROM {table} ORDER BY a").fetchall()
    assert found == rows
    assert [str(row.d) for row in found] == [str(row[3]) for row in rows]
    assert took < 50


def test_rows_of_other_types_do_not_change_each_other(
    cursor: dbapi.Cursor, table: str, warehouse: Warehouse
) -> None:
    cursor.execute(f"CREATE TABLE {table} (id INT, v STRING)")
    values = [1, 2**40, None, 1.5, Decimal("1.50"), Decimal("1.5"), "x", True, dt.date(2024, 1, 1)]
    sql = f"INSERT INTO {table} VALUES (?, ?)"
    cursor.executemany(sql, list(enumerate(values)))
    together = all_rows(cursor, table)
    assert len(inserts(warehouse)) == 7
    cursor.execute(f"DELETE FROM {table}")
    for row in enumerate(values):
        cursor.execute(sql, row)
    assert together == all_rows(cursor, table)


MIXED: list[Any] = [
    (n, Decimal(n) / 8 if n % 3 else n, n if n % 2 else n / 4, None if n % 5 else n)
    for n in range(2000)
]


@pytest.fixture
def numbers(cursor: dbapi.Cursor, table: str) -> str:
    cursor.execute(f"CREATE TABLE {table} (id INT, price DECIMAL(20,5), part DOUBLE, count BIGINT)")
    return table


def test_numbers_of_several_types_go_together_into_columns_of_numbers(
    cursor: dbapi.Cursor, numbers: str, warehouse: Warehouse
) -> None:
    warehouse.clear_log()
    cursor.executemany(f"INSERT INTO {numbers} VALUES (?, ?, ?, ?)", MIXED)
    statements = [entry["statement"] for entry in warehouse.log(method="POST")]
    assert statements[0] == f"SELECT * FROM {numbers} LIMIT 0"
    assert len(statements) == 2
    assert all_rows(cursor, numbers) == MIXED


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("STRING", [Decimal("1.5"), Decimal("1.50"), 1, 1.0] * 2),
        ("DOUBLE", [Decimal("0.1"), Decimal("0.123456789012345678")] * 4),
        ("DECIMAL(25,5)", [2**53 - 1, 0.5] * 4),
        ("BIGINT", [Decimal("1.5"), Decimal("2.25")] * 4),
    ],
)
def test_numbers_whose_common_type_might_change_them_do_not(
    cursor: dbapi.Cursor, table: str, warehouse: Warehouse, kind: str, values: list[Any]
) -> None:
    cursor.execute(f"CREATE TABLE {table} (v {kind})")
    cursor.executemany(f"INSERT INTO {table} VALUES (?)", [(value,) for value in values])
    assert len(inserts(warehouse)) == len(values)


def test_columns_that_are_named_are_those_that_are_asked_for(
    cursor: dbapi.Cursor, numbers: str, warehouse: Warehouse
) -> None:
    sql = f"INSERT INTO {numbers} (part, id) VALUES (:part, 7)"
    warehouse.clear_log()
    cursor.executemany(sql, [{"part": n if n % 2 else n / 4} for n in range(100)])
    statements = [entry["statement"] for entry in warehouse.log(method="POST")]
    assert statements[0] == f"SELECT part, id FROM {numbers} LIMIT 0"
    assert len(statements) == 2


def test_a_table_that_may_not_be_read_is_written_all_the_same(
    cursor: dbapi.Cursor, numbers: str, warehouse: Warehouse
) -> None:
    refused = {"status": 403, "body": {"error_code": "PERMISSION_DENIED", "message": "no"}}
    warehouse.fault(match={"statement": "LIMIT 0", "path": "statements$"}, action=refused)
    cursor.executemany(f"INSERT INTO {numbers} VALUES (?, ?, ?, ?)", MIXED[:40])
    assert all_rows(cursor, numbers) == MIXED[:40]


def test_within_a_transaction_nothing_else_is_sent(
    connect: Callable[..., dbapi.Connection], numbers: str, warehouse: Warehouse
) -> None:
    connection = connect()
    connection.autocommit = False
    cursor = connection.cursor()
    warehouse.clear_log()
    cursor.executemany(f"INSERT INTO {numbers} VALUES (?, ?, ?, ?)", MIXED[:40])
    assert len(inserts(warehouse)) == len(warehouse.log(method="POST")) > 10
    connection.commit()
    assert all_rows(cursor, numbers) == MIXED[:40]


def test_the_order_of_rows_is_kept(cursor: dbapi.Cursor, people: str, warehouse: Warehouse) -> None:
    sets = [(number, "x" if number % 3 else None) for number in range(1000)]
    cursor.executemany(f"INSERT INTO {people} (id, name) VALUES (?, ?)", sets)
    (entry,) = inserts(warehouse)
    places = [entry["statement"].index(f"({number}, ") for number in (0, 1, 500, 999)]
    assert places == sorted(places)


def test_constants_are_in_every_row(cursor: dbapi.Cursor, people: str) -> None:
    sql = f"INSERT INTO {people} (name, id) VALUES ('it''s ?', %(id)s) -- the end"
    cursor.executemany(sql, [{"id": 1}, {"id": 2}])
    names = {row.name for row in all_rows(cursor, people)}
    cursor.execute("SELECT 'it''s ?'")
    assert names == set(cursor.fetchone())


@pytest.mark.parametrize("count", [2, 400])
def test_an_error_names_the_sets_of_its_statement(
    cursor: dbapi.Cursor, people: str, warehouse: Warehouse, count: int
) -> None:
    sets: list[tuple[Any, str]] = [(number, "x") for number in range(count)]
    sets += [("not a number", "x")] * count
    with pytest.raises(dbapi.DatabaseError) as caught:
        cursor.executemany(f"INSERT INTO {people} VALUES (?, ?)", sets)
    assert f"parameter sets {count} to {2 * count - 1} of {2 * count}: " in str(caught.value)
    assert "[" in str(caught.value)
    assert len(inserts(warehouse)) == 2
    assert cursor.rowcount == -1
    assert len(all_rows(cursor, people)) == count


def test_an_error_of_statements_in_turn_names_the_set(cursor: dbapi.Cursor, people: str) -> None:
    sql = f"INSERT INTO {people} SELECT CAST(? AS INT), 'x'"
    with pytest.raises(dbapi.DataError, match=r"parameter set 1 of 3: .*CAST_INVALID_INPUT"):
        cursor.executemany(sql, [("1",), ("x",), ("3",)])


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ([(1, "a"), (2,)], r"parameter set 1: .*2 \? markers for 1 value\b"),
        ([(1, "a"), {"id": 2}], r"parameter set 1: .*marker \?"),
        ([(1, "a"), (2, object())], "parameter set 1: parameter 2 .*object"),
        ([(1, "a"), None], "parameter set 1: "),
        ([(1, "a"), 5], "parameter set 1: .*int"),
    ],
)
def test_a_set_that_does_not_fit_is_named_before_anything_is_sent(
    cursor: dbapi.Cursor, people: str, warehouse: Warehouse, sets: Any, message: str
) -> None:
    with pytest.raises(dbapi.ProgrammingError, match=message):
        cursor.executemany(f"INSERT INTO {people} VALUES (?, ?)", sets)
    assert not inserts(warehouse)


def test_a_call_of_which_a_part_is_done_is_not_to_be_repeated(
    connect: Connect, people: str, warehouse: Warehouse
) -> None:
    cursor = connect(_retry_stop_after_attempts_count=1).cursor()
    posts = {"method": "POST", "path": "statements$", "statement": "INSERT"}
    sql, sets = f"INSERT INTO {people} SELECT CAST(? AS INT), 'x'", [("1",), ("2",)]
    for before, retryable in ((0, True), (1, False)):
        warehouse.fault(match=posts, action={"status": 429}, after=before, times=None)
        with pytest.raises(dbapi.OperationalError, match=f"parameter set {before} of 2") as caught:
            cursor.executemany(sql, sets)
        assert caught.value.retryable is retryable
        assert not caught.value.maybe_executed
        warehouse.clear_faults()
        assert len(all_rows(cursor, people)) == before


@pytest.mark.parametrize("drop", ["before", "after", "mid"])
def test_a_lost_answer_is_not_asked_for_again(
    cursor: dbapi.Cursor, people: str, warehouse: Warehouse, drop: str
) -> None:
    posts = {"method": "POST", "path": "statements$", "statement": "INSERT"}
    warehouse.fault(match=posts, action={"drop": drop}, after=1)
    sets: list[Any] = [(number, "x") for number in range(300)]
    sets += [(number + 0.0, "x") for number in range(300, 600)]
    with pytest.raises(dbapi.OperationalError, match="parameter sets 300 to 599") as caught:
        cursor.executemany(f"INSERT INTO {people} VALUES (?, ?)", sets)
    assert caught.value.maybe_executed
    assert len(inserts(warehouse)) == 2
    warehouse.clear_faults()
    found = [row.id for row in all_rows(cursor, people)]
    assert found in (list(range(300)), list(range(600)))


def test_inline_parameters_are_literals(
    connect: Callable[..., dbapi.Connection], people: str, warehouse: Warehouse
) -> None:
    cursor = connect(use_inline_params=True).cursor()
    cursor.executemany(f"INSERT INTO {people} VALUES (%s, %s)", [(1, "it's"), (2, None)])
    (entry,) = inserts(warehouse)
    assert entry["statement"].endswith(r"VALUES (1, 'it\'s'), (2, NULL)")
    assert all_rows(cursor, people) == [(1, "it's"), (2, None)]


UTC = dt.timezone.utc
COLUMNS: list[tuple[str, st.SearchStrategy[Any]]] = [
    ("BOOLEAN", st.booleans()),
    ("INT", st.integers(-(2**31), 2**31 - 1)),
    ("BIGINT", st.integers(-(2**63), 2**63 - 1)),
    ("DOUBLE", st.floats(allow_nan=False)),
    ("DECIMAL(38,10)", st.decimals(-(10**27), 10**27, places=10)),
    ("DECIMAL(38,5)", st.decimals(-(10**30), 10**30, places=3) | st.integers(-(10**30), 10**30)),
    ("DOUBLE", st.floats(allow_nan=False) | st.integers(-(2**60), 2**60)),
    ("DECIMAL(10,2)", st.decimals(-9, 9, places=2) | st.decimals(-9, 9, places=1)),
    ("STRING", st.text(st.characters(codec="utf-8"), max_size=20)),
    ("STRING", st.text(st.sampled_from("'\"\\`${}%?:\n\0é"), max_size=20)),
    ("BINARY", st.binary(max_size=20)),
    ("DATE", st.dates()),
    ("TIMESTAMP", st.datetimes(timezones=st.just(UTC))),
    ("INTERVAL DAY TO SECOND", st.timedeltas(dt.timedelta(-(10**6)), dt.timedelta(10**6))),
    ("ARRAY<INT>", st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), max_size=3)),
    ("MAP<STRING, DOUBLE>", st.dictionaries(st.text(max_size=3), st.floats(-1e9, 1e9), max_size=3)),
    (
        "STRING",
        st.integers(-5, 5) | st.booleans() | st.text(max_size=3) | st.decimals(-9, 9, places=1),
    ),
]


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Types of columns, and rows of them."""
    columns = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=6))
    row = st.tuples(*(st.none() | values for _, values in columns))
    repeated = st.tuples(row, st.sampled_from([1, 1, 1, 100, 300]))
    parts = draw(st.lists(repeated, min_size=1, max_size=5))
    return [kind for kind, _ in columns], [row for row, count in parts for _ in range(count)]


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=tables(), marker=st.sampled_from(["?", ":", "%s"]))
def test_rows_are_those_that_a_loop_inserts(
    cursor: dbapi.Cursor, table: str, drawn: tuple[list[str], list[tuple[Any, ...]]], marker: str
) -> None:
    kinds, rows = drawn
    columns = ", ".join(f"c{place} {kind}" for place, kind in enumerate(kinds))
    cursor.execute(f"CREATE OR REPLACE TABLE {table} (n INT, {columns})")
    names = ["n", *(f"c{place}" for place in range(len(kinds)))]
    markers = ", ".join(f":{name}" if marker == ":" else marker for name in names)
    sql = f"INSERT INTO {table} VALUES ({markers})"
    sets: list[Any] = [(number, *row) for number, row in enumerate(rows)]
    if marker == ":":
        sets = [dict(zip(names, given, strict=True)) for given in sets]
    cursor.executemany(sql, sets)
    assert cursor.rowcount == len(rows)
    together = cursor.execute(f"SELECT * FROM {table} ORDER BY n").fetchall()
    # The loop inserts each row of a repeated part once.
    cursor.execute(f"DELETE FROM {table}")
    different = [n for n, row in enumerate(rows) if n == 0 or row is not rows[n - 1]]
    for number in different:
        cursor.execute(sql, sets[number])
    looped = cursor.execute(f"SELECT * FROM {table} ORDER BY n").fetchall()
    assert repr([together[number] for number in different]) == repr(looped)
    assert [row[0] for row in together] == list(range(len(rows)))
    for begin, end in zip(different, [*different[1:], len(rows)], strict=True):
        assert all(row[1:] == together[begin][1:] for row in together[begin:end])
