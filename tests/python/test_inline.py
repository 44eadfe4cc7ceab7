"""Values in the text of a statement mean what they mean as parameters, wherever they stand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from databricks_sql_warehouse import Warehouse

MOST_PARAMETERS = 256
PEOPLE = "(1, 10, 'ada'), (2, 10, 'bob'), (3, -3, 'cy')"


class Ways:
    """The ways that values go into a statement."""

    def __init__(self, native: dbapi.Cursor, inline: dbapi.Cursor) -> None:
        self.native = native
        self.inline = inline

    def bound(self, sql: str, values: list[Any]) -> list[Any]:
        return self.native.execute(sql, values).fetchall()

    def written(self, sql: str, values: list[Any]) -> list[Any]:
        """All of them in the text."""
        return self.inline.execute(sql, values).fetchall()

    def beyond(self, sql: str, values: list[Any]) -> list[Any]:
        """All of them in the text, for there are too many others before."""
        verb, rest = sql.split(" ", 1)
        others = " AND ".join("?" * MOST_PARAMETERS)
        padded = f"WITH others AS (SELECT {others} AS o) {verb} {rest}"
        return self.native.execute(padded, [True] * MOST_PARAMETERS + values).fetchall()

    def outcome(self, way: str, sql: str, values: list[Any]) -> Any:
        """What comes of it; None for an error."""
        try:
            return repr(getattr(self, way)(sql, values))
        except dbapi.Error:
            return None


@pytest.fixture(scope="module")
def ways(running_warehouse: Warehouse) -> Iterator[Ways]:
    arguments: dict[str, Any] = {**running_warehouse.connect_args(), "row_factory": tuple}
    with (
        dbapi.connect(**arguments) as native,
        dbapi.connect(**arguments, use_inline_params=True) as inline,
    ):
        yield Ways(native.cursor(), inline.cursor())


@pytest.fixture
def people(ways: Ways) -> Iterator[str]:
    ways.native.execute("CREATE OR REPLACE TABLE people (id INT, v INT, owner STRING)")
    ways.native.execute(f"INSERT INTO people VALUES {PEOPLE}")
    yield "people"
    ways.native.execute("DROP TABLE people")


@pytest.mark.parametrize("marker", ["?", "%s", ":v"])
@pytest.mark.parametrize("minus", ["-", " -", "- ", " - ", "-/**/", "- -"])
def test_a_negative_number_after_a_minus_sign_hides_no_condition(
    ways: Ways, people: str, marker: str, minus: str
) -> None:
    sign = -1 if minus.count("-") == 1 else 1
    owner = ":owner" if marker == ":v" else marker
    sql = f"DELETE FROM {people} WHERE v > {5 * sign}{minus}{marker} AND owner = {owner}"
    values: Any = [-3, "ada"] if marker != ":v" else {"v": -3, "owner": "ada"}
    ways.inline.execute(sql, values)
    left = ways.bound(f"SELECT id FROM {people} ORDER BY id", [])
    assert left == [(2,), (3,)]


def test_a_negative_number_beyond_what_the_service_binds_hides_no_condition(
    ways: Ways, people: str
) -> None:
    others = ",".join("?" * MOST_PARAMETERS)
    sql = f"DELETE FROM {people} WHERE id NOT IN ({others}) AND v > 5 -? AND owner = 'ada'"
    ways.native.execute(sql, [0] * MOST_PARAMETERS + [-3])
    assert ways.bound(f"SELECT id FROM {people} ORDER BY id", []) == [(2,), (3,)]


def test_no_value_becomes_code_after_a_minus_sign(ways: Ways, people: str) -> None:
    evil = "x\n UNION ALL SELECT concat(owner, id) FROM people --"
    sql = f"SELECT owner FROM {people} WHERE v = 0 -%s AND owner = %s"
    assert ways.written(sql, [-3, evil]) == []


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("SELECT id FROM range(10) ORDER BY id LIMIT?", [2]),
        ("SELECT id FROM range(10) ORDER BY id LIMIT?OFFSET?", [2, 3]),
        ("SELECT id FROM range(3) LIMIT ?", [-1]),
        ("SELECT ?AS x", [3]),
        ("SELECT ?L", [3]),
        ("SELECT ?::STRING", [-3]),
        ("SELECT -?::STRING", [3]),
        ("SELECT ? ::STRING", [Decimal("-1.50")]),
        ("SELECT ?::STRING", [-1.5]),
        ("SELECT ?::STRING", [True]),
        ("SELECT ?::STRING", [None]),
        ("SELECT ?::STRING", [dt.date(2024, 2, 29)]),
        ("SELECT ?::STRING", [dt.timedelta(days=-1)]),
        ("SELECT ?::DATE", ["2024-02-29"]),
        ("SELECT ?:a", ['{"a": 1}']),
        ("SELECT ?[0]", [[-3]]),
        ("SELECT 6/?/2", [-3]),
        ("SELECT 6*?*2", [-3]),
        ("SELECT 1 WHERE 'a'LIKE?", ["a"]),
        ("SELECT INTERVAL ? DAY", [3]),
        ("SELECT INTERVAL ? HOURS", ["3"]),
        ("SELECT 1--?\n-?", [-3]),
        ("SELECT CASE WHEN?THEN?ELSE?END", [True, "a", None]),
        ("SELECT id FROM range(5) WHERE id BETWEEN?AND?", [1, 2]),
    ],
)
def test_a_value_is_one_operand(ways: Ways, sql: str, values: list[Any]) -> None:
    native = ways.outcome("bound", sql, values)
    assert ways.outcome("written", sql, values) == native
    assert ways.outcome("beyond", sql, values) == native


@pytest.mark.parametrize(
    ("sql", "values", "expected"),
    [
        ("SELECT id FROM range(3) WHERE (id = 1) IS ?", [True], [(1,)]),
        ("SELECT id FROM range(3) WHERE (id = 1) IS ? ORDER BY id", [False], [(0,), (2,)]),
        ("SELECT id FROM range(3) WHERE (id = 1) IS NOT ? ORDER BY id", [True], [(0,), (2,)]),
        ("SELECT id FROM range(3) WHERE id IS ?", [None], []),
        ("SELECT DATE '2024-01-02' + INTERVAL ? DAY", [-1], [(dt.date(2024, 1, 1),)]),
        (
            "SELECT TIMESTAMP_NTZ '2024-01-01 04:00:00' + INTERVAL ? DAY ? HOUR",
            [-1, 4],
            [(dt.datetime(2023, 12, 31, 8),)],  # noqa: DTZ001
        ),
    ],
)
def test_a_literal_stands_where_the_grammar_has_no_operand(
    ways: Ways, sql: str, values: list[Any], expected: list[Any]
) -> None:
    assert ways.written(sql, values) == expected


@pytest.mark.parametrize("schema", ["s_of_shows", "main.s_of_shows", "`s_of_shows`"])
def test_a_pattern_stands_behind_any_name(ways: Ways, schema: str) -> None:
    ways.native.execute("CREATE SCHEMA IF NOT EXISTS s_of_shows")
    ways.native.execute("CREATE OR REPLACE TABLE s_of_shows.abc (a INT)")
    shown = ways.written(f"SHOW TABLES IN {schema} ?", ["ab*"])
    assert [row[1] for row in shown] == ["abc"]
    assert ways.written(f"SHOW TABLES IN {schema} ?", ["x*"]) == []


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("SELECT 5?", [3]),
        ("SELECT 5 ?", [-3]),
        ("SELECT abs ?", [-3]),
        ("SELECT id ? FROM range(1)", [-3]),
        ("SELECT id ? FROM range(1)", [True]),
        ("SELECT id FROM range(3) ?", [True]),
        ("SELECT id FROM range(3) AS t ?", [None]),
        ("SELECT 'a' ?", ["b"]),
        ("SELECT ? 'a'", ["b"]),
        ("SELECT ? ?", ["a", "b"]),
        ("SELECT x ? FROM (SELECT 1 AS x)", ["FF"]),
        ("SELECT $a$, ?", ["$a$ --"]),
    ],
)
def test_a_value_where_none_can_stand_is_an_error(ways: Ways, sql: str, values: list[Any]) -> None:
    assert ways.outcome("written", sql, values) is None
    assert ways.outcome("beyond", sql, values) is None


values = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([None, True, False, -1.5, 2.5, Decimal("-1.5"), Decimal("0.5")]),
    st.sampled_from(["a", "", "--", "'", "/*", "3", "x\n-- y"]),
    st.sampled_from([dt.date(2024, 2, 29), dt.timedelta(days=-1)]),
)
numbers = st.one_of(st.integers(-5, 5), st.sampled_from([-1.5, 2.5, Decimal("-1.5")]))
space = st.sampled_from(["", "", " ", "/**/", " --c\n"])
rarely = settings(max_examples=150, deadline=None, derandomize=True)


def glued(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    spaced = [piece for part in parts for piece in (space, part)]
    return st.tuples(*spaced).map("".join)


def expressions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    sign = st.sampled_from(["-", "+", "- ", "~"])
    return st.one_of(
        glued(inner, st.sampled_from(["-", "+", "*", "<", "=", "- -"]), inner),
        glued(sign, inner),
        glued(st.just("("), inner, st.just(")")),
        glued(st.just("abs("), inner, st.just(")")),
        glued(inner, st.just("::"), st.sampled_from(["STRING", "INT", "DOUBLE"])),
    )


arithmetic = st.recursive(st.sampled_from(["?", "?", "id", "5"]), expressions, max_leaves=6)


@rarely
@given(sql=arithmetic, data=st.data())
def test_expressions_have_the_same_value(ways: Ways, sql: str, data: st.DataObject) -> None:
    statement = f"SELECT id,{sql}AS x FROM range(-2, 3) ORDER BY id LIMIT?"
    count = statement.count("?") - 1
    given_values = [*data.draw(st.lists(numbers, min_size=count, max_size=count)), 4]
    native = ways.outcome("bound", statement, given_values)
    assert ways.outcome("written", statement, given_values) == native


pieces = st.sampled_from(
    [
        "?",
        "?",
        "?",
        "-",
        "5",
        "'a'",
        "r'a'",
        "id",
        "x",
        " ",
        " ",
        ",",
        "(",
        ")",
        "AND",
        "::",
        ".",
        "[0]",
        "*",
        "abs",
        "\n",
    ]
)


@rarely
@given(parts=st.lists(pieces, min_size=2, max_size=8), data=st.data())
def test_what_is_no_statement_becomes_none(
    ways: Ways, parts: list[str], data: st.DataObject
) -> None:
    sql = f"SELECT {''.join(parts)} FROM range(-2, 3) AS t ORDER BY id"
    count = sql.count("?")
    given_values = data.draw(st.lists(values, min_size=count, max_size=count))
    native = ways.outcome("bound", sql, given_values)
    found = ways.outcome("written", sql, given_values)
    assert found in {native, None}
