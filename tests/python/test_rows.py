"""`Row` and what else rows can be made into."""

from __future__ import annotations

import copy
import gc
import operator
import pickle
import subprocess
import sys
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.python.conftest import Interpreters

    Connect = Callable[..., dbapi.Connection]


@pytest.fixture
def row(cursor: dbapi.Cursor) -> Any:
    return cursor.execute("SELECT 1 AS a, 'x' AS b, NULL AS c").fetchone()


def test_a_row_is_a_tuple(row: Any) -> None:
    assert isinstance(row, dbapi.Row)
    assert isinstance(row, tuple)
    assert row == (1, "x", None)
    assert row == (1, "x", None)
    assert hash(row) == hash((1, "x", None))
    assert len(row) == 3
    assert list(row) == [1, "x", None]
    assert row < (2,)
    assert row + (5,) == (1, "x", None, 5)  # noqa: RUF005
    first, *rest = row
    assert (first, rest) == (1, ["x", None])


def test_columns_are_found_by_name_place_and_slice(row: Any) -> None:
    assert (row.a, row.b, row.c) == (1, "x", None)
    assert (row["a"], row["b"], row["c"]) == (1, "x", None)
    assert (row[0], row[-1], row[1:]) == (1, None, ("x", None))
    assert row._fields == ("a", "b", "c")
    assert operator.attrgetter("b")(row) == operator.itemgetter("b")(row) == "x"


def test_what_is_not_there_raises_what_python_raises(row: Any) -> None:
    with pytest.raises(AttributeError, match="missing"):
        _ = row.missing
    with pytest.raises(KeyError, match="missing"):
        row["missing"]
    with pytest.raises(IndexError):
        row[3]
    with pytest.raises(TypeError):
        row[1.5]


def test_a_row_cannot_be_changed(row: Any) -> None:
    with pytest.raises(AttributeError):
        row.a = 5
    with pytest.raises(AttributeError):
        row.new = 5
    with pytest.raises(TypeError):
        row[0] = 5
    assert not hasattr(row, "__dict__")


def test_a_row_contains_its_names(row: Any) -> None:
    assert "a" in row
    assert "z" not in row


def test_a_row_as_a_dict(row: Any) -> None:
    assert row.asDict() == {"a": 1, "b": "x", "c": None}
    assert list(row.asDict()) == ["a", "b", "c"]


def test_rows_inside_values_become_dicts_when_asked() -> None:
    inner = dbapi.Row(x=1)
    outer = dbapi.Row(a=inner, b=[inner], c={"k": inner})
    assert outer.asDict()["a"] is inner
    plain = {"x": 1}
    assert outer.asDict(recursive=True) == {"a": plain, "b": [plain], "c": {"k": plain}}
    assert type(outer.asDict(True)["a"]) is dict  # noqa: FBT003


def test_a_row_shows_names_and_values(row: Any) -> None:
    assert repr(row) == "Row(a=1, b='x', c=None)"
    assert str(row) == repr(row)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_row_survives_pickling(row: Any, protocol: int) -> None:
    back = pickle.loads(pickle.dumps(row, protocol))  # noqa: S301
    assert back == row
    assert back._fields == row._fields
    assert back.b == "x"
    assert type(back) is type(row)


def test_a_row_survives_pickling_into_another_process(row: Any, python: Interpreters) -> None:
    code = f"""
        import pickle
        row = pickle.loads({pickle.dumps(row)!r})
        assert isinstance(row, dbapi.Row)
        print(json.dumps([row.a, row["b"], row.c, row._fields, repr(row)]))
    """
    assert python.run(code) == [1, "x", None, ["a", "b", "c"], "Row(a=1, b='x', c=None)"]


def test_a_row_is_unpickled_where_only_pickle_was_imported(row: Any) -> None:
    code = "import pickle, sys; print(pickle.loads(bytes.fromhex(sys.argv[1])).b)"
    found = subprocess.run(
        [sys.executable, "-c", code, pickle.dumps(row).hex()],
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout == "x\n"


def test_a_row_can_be_copied(row: Any, cursor: dbapi.Cursor) -> None:
    assert copy.copy(row) == row
    nested = cursor.execute("SELECT array(1, 2) AS a").fetchone()
    deep = copy.deepcopy(nested)
    assert deep == nested
    assert deep.a is not nested.a
    assert type(deep) is type(nested)


def test_rows_of_the_same_names_are_of_one_class(cursor: dbapi.Cursor) -> None:
    first = cursor.execute("SELECT 1 AS a, 2 AS b").fetchone()
    second = cursor.execute("SELECT 'x' AS a, 'y' AS b").fetchone()
    other = cursor.execute("SELECT 1 AS b, 2 AS a").fetchone()
    assert type(first) is type(second)
    assert type(first) is not type(other)
    assert first == other


def test_columns_of_the_same_name(cursor: dbapi.Cursor) -> None:
    row = cursor.execute("SELECT 1 AS a, 2 AS a, 3 AS b").fetchone()
    assert row == (1, 2, 3)
    assert row._fields == ("a", "a", "b")
    assert (row.a, row["a"]) == (1, 1)
    assert repr(row) == "Row(a=1, a=2, b=3)"
    assert pickle.loads(pickle.dumps(row)) == (1, 2, 3)  # noqa: S301


ODD_NAMES = [
    "class", "with space", "größe", "1", "a.b", "_private", "__dunder__", "__class__", "__slots__",
    "count", "index", "asDict", "_fields", "_make", "__init__", "__len__", "__getitem__", "mro",
    "it's \"quoted\"", "日本", "self", "None", "\N{PILE OF POO}",
]  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_column_of_an_odd_name(cursor: dbapi.Cursor, name: str) -> None:
    quoted = name.replace("`", "``")
    row = cursor.execute(f"SELECT 5 AS `{quoted}`, 6 AS other").fetchone()
    assert row._fields == (name, "other")
    assert row[name] == 5
    assert row.other == 6
    assert row == (5, 6)
    assert len(row) == 2
    assert row.asDict() == {name: 5, "other": 6}
    assert row.count(5) == 1
    assert row.index(6) == 1
    assert repr(row) == f"Row({name}=5, other=6)"
    assert pickle.loads(pickle.dumps(row)) == row  # noqa: S301
    assert type(copy.copy(row)) is type(row)


def test_many_columns(cursor: dbapi.Cursor) -> None:
    columns = ", ".join(f"{number} AS c{number}" for number in range(500))
    row = cursor.execute(f"SELECT {columns}").fetchone()
    assert row == tuple(range(500))
    assert row.c499 == row["c499"] == 499


def test_rows_can_be_made_by_hand() -> None:
    made = dbapi.Row(name="Ada", born=1815)
    assert (made.name, made["born"], tuple(made)) == ("Ada", 1815, ("Ada", 1815))
    template = dbapi.Row("name", "born")
    assert template("Grace", 1906) == ("Grace", 1906)
    assert template("Grace", 1906).born == 1906
    assert type(template("Grace", 1906)) is type(made)


def test_rows_by_hand_need_the_right_number_of_values() -> None:
    with pytest.raises((TypeError, ValueError)):
        dbapi.Row("name", "born")("Grace")
    with pytest.raises((TypeError, ValueError)):
        dbapi.Row("x", name="Ada")


def test_a_row_of_no_columns_by_hand() -> None:
    assert dbapi.Row() == ()


@pytest.mark.parametrize("where", ["connection", "cursor"])
@pytest.mark.parametrize(
    ("factory", "expected"),
    [
        (dbapi.Row, (1, "x")),
        (tuple, (1, "x")),
        (dict, {"a": 1, "b": "x"}),
        (lambda _, row: list(row), [1, "x"]),
    ],
)
def test_rows_may_be_made_into_something_else(
    connect: Connect, where: str, factory: Any, expected: object
) -> None:
    if where == "connection":
        cursor = connect(row_factory=factory).cursor()
    else:
        cursor = connect().cursor(row_factory=factory)
    for fetch in (cursor.fetchone, lambda: cursor.fetchall()[0], lambda: next(cursor)):
        cursor.execute("SELECT 1 AS a, 'x' AS b")
        found = fetch()
        assert found == expected
        if isinstance(factory, type):
            assert isinstance(found, factory)
        assert (type(found) is tuple) == (factory is tuple)


def test_the_factory_of_a_cursor_holds_before_that_of_the_connection(connect: Connect) -> None:
    connection = connect(row_factory=dict)
    assert connection.cursor().execute("SELECT 1 AS a").fetchone() == {"a": 1}
    cursor = connection.cursor(row_factory=dbapi.Row)
    assert cursor.execute("SELECT 1 AS a").fetchone().a == 1


def test_dicts_have_one_item_for_columns_of_the_same_name(connection: dbapi.Connection) -> None:
    cursor = connection.cursor(row_factory=dict).execute("SELECT 1 AS a, 2 AS a")
    assert cursor.fetchone() in ({"a": 1}, {"a": 2})


def test_a_callable_gets_the_cursor_and_a_plain_tuple(connection: dbapi.Connection) -> None:
    seen: list[tuple[Any, Any]] = []

    def factory(given: dbapi.Cursor, row: tuple[Any, ...]) -> int:
        seen.append((given, row))
        return len(seen)

    cursor = connection.cursor(row_factory=factory)
    cursor.execute("SELECT id FROM range(3)")
    assert cursor.fetchall() == [1, 2, 3]
    assert [given is cursor for given, _ in seen] == [True] * 3
    assert [row for _, row in seen] == [(0,), (1,), (2,)]
    assert {type(row) for _, row in seen} == {tuple}


def test_a_callable_may_read_the_description(connection: dbapi.Connection) -> None:
    def factory(cursor: dbapi.Cursor, row: tuple[Any, ...]) -> list[tuple[str, Any]]:
        names = [column[0] for column in cursor.description or ()]
        return list(zip(names, row, strict=True))

    cursor = connection.cursor(row_factory=factory).execute("SELECT 1 AS a, 2 AS b")
    assert cursor.fetchall() == [[("a", 1), ("b", 2)]]


@pytest.mark.parametrize(
    "use",
    [
        lambda cursor: cursor.fetchone(),
        lambda cursor: cursor.fetchall(),
        lambda cursor: cursor.fetchmany_arrow(1),
        lambda cursor: cursor.execute("SELECT 2"),
        lambda cursor: cursor.executemany("SELECT ?", [(1,)]),
    ],
)
def test_a_callable_cannot_use_the_cursor_it_works_for(
    connection: dbapi.Connection, use: Callable[[dbapi.Cursor], Any]
) -> None:
    cursor = connection.cursor(row_factory=lambda given, _: use(given))
    cursor.execute("SELECT id FROM range(3)")
    with pytest.raises(dbapi.ProgrammingError, match="in use"):
        cursor.fetchall()
    cursor.close()


def test_a_callable_may_close_the_cursor_it_works_for(connection: dbapi.Connection) -> None:
    def factory(given: dbapi.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        given.close()
        return row

    cursor = connection.cursor(row_factory=factory)
    cursor.execute("SELECT id FROM range(3)")
    assert cursor.fetchall() == [(0,), (1,), (2,)]
    with pytest.raises(dbapi.InterfaceError):
        cursor.fetchone()


@pytest.mark.parametrize("factory", [5, "dict", [dict]])
def test_what_makes_no_rows_is_refused(connection: dbapi.Connection, factory: Any) -> None:
    with pytest.raises((TypeError, dbapi.ProgrammingError), match="row_factory"):
        connection.cursor(row_factory=factory)


def test_maps_are_pairs_or_dicts(connect: Connect) -> None:
    sql = "SELECT map('b', 1, 'a', 2) AS m, array(map(1, 'x')) AS n"
    assert connect().cursor().execute(sql).fetchall() == [
        ([("b", 1), ("a", 2)], [[(1, "x")]]),
    ]
    cursor = connect(maps_as_dicts=True).cursor().execute(sql)
    assert cursor.fetchall() == [({"b": 1, "a": 2}, [{1: "x"}])]


def test_a_map_whose_keys_python_takes_for_equal_is_no_dict(connect: Connect) -> None:
    # The hour that comes twice: the moments differ by `fold` alone.
    sql = (
        "SELECT map(TIMESTAMP '2024-11-03T05:30:00Z', 1, TIMESTAMP '2024-11-03T06:30:00Z', 2) AS m"
    )
    zone = {"timezone": "America/New_York"}
    pairs = connect(session_configuration=zone).cursor().execute(sql).fetchall()[0].m
    assert [value for _, value in pairs] == [1, 2]
    cursor = connect(session_configuration=zone, maps_as_dicts=True).cursor().execute(sql)
    with pytest.raises(dbapi.DataError, match="keys for equal"):
        cursor.fetchall()


class Witness:
    """An object that can be watched."""


def test_a_row_lets_go_of_its_values_and_its_class() -> None:
    made = dbapi.Row(a=Witness(), b=[Witness()])
    seen = [weakref.ref(made.a), weakref.ref(made.b[0])]
    before = sys.getrefcount(type(made))
    copies = [dbapi.Row(a=1, b=number) for number in range(100)]
    between = sys.getrefcount(type(made))
    del copies
    after = sys.getrefcount(type(made))
    assert (between - before, after - before) == (100, 0)
    del made
    assert [one() for one in seen] == [None, None]


def test_rows_within_rows_are_freed_however_deep() -> None:
    witness = Witness()
    seen = weakref.ref(witness)
    nested: Any = dbapi.Row(inner=witness)
    for depth in range(100_000):
        nested = dbapi.Row(inner=[nested] if depth % 3 == 0 else nested)
    del witness, nested
    assert seen() is None


def test_classes_derived_from_that_of_a_row_are_freed_as_usual(row: Any) -> None:
    class Mine(type(row)):  # type: ignore[misc]
        """A class with all that rows do not have."""

    made = Mine(1, 2, 3)
    made.extra = Witness()
    seen = weakref.ref(made.extra)
    assert (made.a, made["b"], made[2]) == (1, 2, 3)
    before = sys.getrefcount(Mine)
    del made
    after = sys.getrefcount(Mine)
    assert seen() is None
    assert after == before - 1


def test_a_row_in_a_cycle_is_collected() -> None:
    values: list[Any] = [Witness()]
    seen = weakref.ref(values[0])
    values.append(dbapi.Row(a=values))
    del values
    gc.collect()
    assert seen() is None


@pytest.mark.parametrize("factory", [dbapi.Row, tuple])
def test_the_collector_knows_only_rows_that_hold_containers(connect: Connect, factory: Any) -> None:
    cursor = connect(row_factory=factory).cursor()
    atoms = cursor.execute("SELECT 1 AS a, 'x' AS b, DATE '2024-01-01' AS c").fetchall()
    lists = cursor.execute("SELECT 1 AS a, array(1, 2) AS b").fetchall()
    assert [gc.is_tracked(found) for found in (atoms[0], lists[0])] == [False, True]


@pytest.mark.parametrize("collecting", [True, False])
def test_fetching_leaves_the_collector_as_it_was(cursor: dbapi.Cursor, collecting: bool) -> None:  # noqa: FBT001
    (gc.enable if collecting else gc.disable)()
    try:
        cursor.execute("SELECT id, array(id) AS a FROM range(200000)")
        assert cursor.fetchone() == (0, [0])
        assert gc.isenabled() is collecting
        assert len(cursor.fetchall()) == 199_999
        assert gc.isenabled() is collecting
    finally:
        gc.enable()
