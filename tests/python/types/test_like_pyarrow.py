"""Rows are what pyarrow makes of the same Arrow data, for random types, nesting and layouts."""

from __future__ import annotations

import base64
import datetime as dt
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from databricks_sql_warehouse import Warehouse

UTC = dt.timezone.utc
FIRST, LAST = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001
ZONES = [
    "UTC",
    "Etc/UTC",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Africa/Monrovia",
    "+05:30",
    "-08:00",
]


def stream(table: pa.Table, batches: list[pa.RecordBatch] | None = None) -> bytes:
    """An Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.to_batches() if batches is None else batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue())


def execute(
    warehouse: Warehouse, cursor: dbapi.Cursor, table: pa.Table, *, type_name: str = "STRING"
) -> dbapi.Cursor:
    """Execute a statement whose result is the table."""
    sql = f"SELECT '{uuid.uuid4()}'"
    columns: list[dict[str, Any]] = [
        {"name": name, "position": place, "type_name": type_name, "type_text": type_name}
        for place, name in enumerate(table.column_names)
    ]
    manifest = {
        "format": "ARROW_STREAM",
        "schema": {"column_count": len(columns), "columns": columns},
        "total_chunk_count": 1,
        "total_row_count": table.num_rows,
        "truncated": False,
    }
    result = {
        "chunk_index": 0,
        "row_offset": 0,
        "row_count": table.num_rows,
        "attachment": base64.b64encode(stream(table)).decode(),
    }
    answer = {
        "statement_id": str(uuid.uuid4()),
        "status": {"state": "CLOSED"},
        "manifest": manifest,
        "result": result,
    }
    warehouse.fault(
        match={"method": "POST", "path": "statements$", "statement": sql},
        action={"status": 200, "body": answer},
    )
    return cursor.execute(sql)


Column = tuple[pa.DataType, st.SearchStrategy[Any]]


def instants(first: dt.datetime, last: dt.datetime, unit: str) -> st.SearchStrategy[int]:
    """Numbers of units since 1970."""
    one = {"s": dt.timedelta(seconds=1), "ms": dt.timedelta(milliseconds=1)}.get(
        unit, dt.timedelta(microseconds=1)
    )
    return st.integers((first - EPOCH) // one, (last - EPOCH) // one)


def timestamps() -> list[Column]:
    within = (dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29))  # noqa: DTZ001
    around = (dt.datetime(2024, 3, 1), dt.datetime(2024, 11, 30))  # noqa: DTZ001
    return [
        *((pa.timestamp(unit), instants(FIRST, LAST, unit)) for unit in ("s", "ms", "us")),
        *(
            (pa.timestamp(unit, zone), instants(*within, unit) | instants(*around, unit))
            for zone in ZONES
            for unit in ("s", "ms", "us")
        ),
    ]


def decimals(precision: int, scale: int) -> Column:
    digits = st.integers(-(10**precision) + 1, 10**precision - 1)
    values = digits.map(lambda number: Decimal(f"{number}E-{scale}"))
    kind = pa.decimal128 if precision <= 38 else pa.decimal256
    return kind(precision, scale), values


def integers(bits: int, *, signed: bool = True) -> st.SearchStrategy[int]:
    return (
        st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        if signed
        else st.integers(0, 2**bits - 1)
    )


texts = st.text(st.characters(codec="utf-8"), max_size=12)
SCALARS: list[Column] = [
    (pa.null(), st.none()),
    (pa.bool_(), st.booleans()),
    (pa.int8(), integers(8)),
    (pa.int16(), integers(16)),
    (pa.int32(), integers(32)),
    (pa.int64(), integers(64)),
    (pa.uint8(), integers(8, signed=False)),
    (pa.uint64(), integers(64, signed=False)),
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), st.floats()),
    decimals(1, 0),
    decimals(5, 5),
    decimals(18, 2),
    decimals(38, 0),
    decimals(38, 10),
    decimals(38, 38),
    (pa.string(), texts),
    (pa.large_string(), texts),
    (pa.string_view(), texts),
    (pa.binary(), st.binary(max_size=20)),
    (pa.large_binary(), st.binary(max_size=20)),
    (pa.binary_view(), st.binary(max_size=20)),
    (pa.binary(4), st.binary(min_size=4, max_size=4)),
    (pa.date32(), st.dates()),
    (pa.time64("us"), st.times()),
    (pa.duration("us"), st.timedeltas(dt.timedelta(-(10**8)), dt.timedelta(10**8))),
    (pa.duration("s"), st.integers(-(10**13), 10**13)),
    *timestamps(),
]


def nullable(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values | values | values


def lists(inner: Column) -> st.SearchStrategy[Column]:
    kind, values = inner
    items = nullable(values)
    return st.sampled_from(
        [
            (pa.list_(kind), st.lists(items, max_size=4)),
            (pa.large_list(kind), st.lists(items, max_size=4)),
            (pa.list_(kind, 2), st.lists(items, min_size=2, max_size=2)),
        ]
    )


def structs(inner: list[Column]) -> Column:
    fields = [pa.field(f"f{place}", kind) for place, (kind, _) in enumerate(inner)]
    values = st.tuples(*(nullable(values) for _, values in inner))
    return pa.struct(fields), values.map(lambda row: {f"f{n}": v for n, v in enumerate(row)})


def maps(inner: tuple[Column, Column]) -> Column:
    (key, keys), (kind, values) = inner
    return pa.map_(key, kind), st.lists(st.tuples(keys, nullable(values)), max_size=3)


scalars = st.sampled_from(SCALARS)
keys = scalars.filter(lambda column: not pa.types.is_null(column[0]))
columns: st.SearchStrategy[Column] = st.recursive(
    scalars,
    lambda inner: st.one_of(
        inner.flatmap(lists),
        st.lists(inner, min_size=1, max_size=3).map(structs),
        st.tuples(keys, inner).map(maps),
    ),
    max_leaves=6,
)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Tables of some batches, whose arrays begin anywhere in their buffers."""
    drawn = draw(st.lists(columns, min_size=1, max_size=5))
    names = draw(st.lists(st.sampled_from(["a", "b", "", "a b", "é"]), min_size=5, max_size=5))
    schema = pa.schema(
        [pa.field(name, kind) for name, (kind, _) in zip(names, drawn, strict=False)]
    )
    batches = []
    for _ in range(draw(st.integers(0, 3))):
        count = draw(st.integers(0, 8))
        arrays = [
            pa.array(draw(st.lists(nullable(values), min_size=count, max_size=count)), kind)
            for kind, values in drawn
        ]
        begin = draw(st.integers(0, count))
        batches.append(pa.record_batch(arrays, schema=schema).slice(begin))
    return pa.Table.from_batches(batches, schema)


def same(found: Any, expected: Any) -> bool:
    """Whether values are equal, of one type, and alike in what equality does not tell."""
    if type(found) is not type(expected):
        return False
    if isinstance(expected, (list, tuple)):
        pairs = zip(found, expected, strict=False)
        return len(found) == len(expected) and all(same(*pair) for pair in pairs)
    if isinstance(expected, dict):
        return same(list(found.items()), list(expected.items()))
    return bool(told_apart(found) == told_apart(expected))


def told_apart(value: Any) -> Any:
    """What is different whenever values are."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None), value.utcoffset(), value.fold
    if isinstance(value, float):
        return str(value)
    return str(value) if isinstance(value, Decimal) else value


@pytest.fixture(scope="module")
def shared(running_warehouse: Warehouse) -> Iterator[dict[bool, dbapi.Cursor]]:
    arguments: dict[str, Any] = {**running_warehouse.connect_args(), "row_factory": tuple}
    with (
        dbapi.connect(**arguments) as pairs,
        dbapi.connect(**arguments, maps_as_dicts=True) as dicts,
    ):
        yield {False: pairs.cursor(), True: dicts.cursor()}


def check(warehouse: Warehouse, cursor: dbapi.Cursor, table: pa.Table) -> None:
    expected = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    found = execute(warehouse, cursor, table).fetchall()
    assert same(found, expected), (table.schema, found, expected)


quick = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@quick
@given(table=tables())
def test_rows_of_any_types(
    running_warehouse: Warehouse, shared: dict[bool, dbapi.Cursor], table: pa.Table
) -> None:
    check(running_warehouse, shared[False], table)


@pytest.mark.parametrize("column", SCALARS, ids=lambda column: str(column[0]))
def test_rows_of_each_type(
    running_warehouse: Warehouse, shared: dict[bool, dbapi.Cursor], column: Column
) -> None:
    kind: pa.DataType = column[0]
    values: st.SearchStrategy[Any] = column[1]

    @settings(quick, max_examples=3)
    @given(st.lists(nullable(values), min_size=50, max_size=200))
    def check_values(drawn: list[Any]) -> None:
        check(running_warehouse, shared[False], pa.table({"a": pa.array(drawn, kind)}))
        repeated = pa.array(drawn, kind).dictionary_encode() if drawn else None
        if repeated is not None and not pa.types.is_null(kind):
            check(running_warehouse, shared[False], pa.table({"a": repeated}))

    try:
        check_values()
    except pa.ArrowNotImplementedError:
        check(running_warehouse, shared[False], pa.table({"a": pa.array([None], kind)}))


def test_maps_as_dicts_are_those_of_pyarrow(
    running_warehouse: Warehouse, shared: dict[bool, dbapi.Cursor]
) -> None:
    kind = pa.map_(pa.string(), pa.list_(pa.map_(pa.int32(), pa.string())))
    values: list[Any] = [[("a", [[(1, "x"), (2, None)]]), ("b", None)], None, [], [("a", [])]]
    table = pa.table({"m": pa.array(values, kind)})
    found = execute(running_warehouse, shared[True], table).fetchall()
    expected = table.column("m").to_pylist(maps_as_pydicts="strict")
    assert found == [(value,) for value in expected]


def test_a_struct_with_two_fields_of_one_name_loses_none_of_them(
    running_warehouse: Warehouse, shared: dict[bool, dbapi.Cursor]
) -> None:
    struct = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["id", "id"])
    table = pa.table({"s": struct})
    with pytest.raises(dbapi.DataError, match="two fields named 'id'"):
        execute(running_warehouse, shared[False], table).fetchall()
    with pytest.raises(dbapi.DataError, match="column 's'"):
        execute(running_warehouse, shared[False], table).fetch_df()
    found = execute(running_warehouse, shared[False], table).fetchall_arrow()
    assert found.column("s").chunk(0).flatten()[1].to_pylist() == [2]


def test_values_below_a_null_are_not_looked_at(
    running_warehouse: Warehouse, shared: dict[bool, dbapi.Cursor]
) -> None:
    far = pa.array([10**7, 0, 10**7], pa.int32()).view(pa.date32())
    mask = pa.array([True, False, True])
    struct = pa.StructArray.from_arrays([far], ["d"], mask=mask)
    offsets = pa.array([0, 1, 2, 3], pa.int32())
    many = pa.ListArray.from_arrays(offsets, far, mask=mask)
    deep = pa.StructArray.from_arrays([many, struct], ["l", "s"], mask=mask)
    names = pa.array(["a", "b", "c"])
    entries = pa.MapArray.from_arrays(offsets, names, far, mask=mask)
    table = pa.table({"struct": struct, "list": many, "deep": deep, "map": entries})
    day = dt.date(1970, 1, 1)
    assert execute(running_warehouse, shared[False], table).fetchall() == [
        (None,) * 4,
        ({"d": day}, [day], {"l": [day], "s": {"d": day}}, [("b", day)]),
        (None,) * 4,
    ]


@pytest.mark.parametrize("kind", ["date", "timestamp", "zoned", "duration"])
@pytest.mark.parametrize("wrap", ["plain", "list", "struct", "map"])
def test_a_value_that_python_cannot_hold_is_named(
    running_warehouse: Warehouse, shared: dict[bool, dbapi.Cursor], kind: str, wrap: str
) -> None:
    types = {
        "date": (pa.int32(), pa.date32(), 10**7),
        "timestamp": (pa.int64(), pa.timestamp("us"), 2**62),
        "zoned": (pa.int64(), pa.timestamp("us", "America/New_York"), -(2**62)),
        "duration": (pa.int64(), pa.duration("s"), 2**62),
    }
    storage, target, value = types[kind]
    numbers = [0] * 1500
    numbers[1234] = value
    plain = pa.array(numbers, storage).view(target)
    offsets = pa.array(range(len(numbers) + 1), pa.int32())
    wrapped = {
        "plain": lambda: plain,
        "list": lambda: pa.ListArray.from_arrays(offsets, plain),
        "struct": lambda: pa.StructArray.from_arrays([plain], ["inner"]),
        "map": lambda: pa.MapArray.from_arrays(offsets, pa.array(numbers), plain),
    }[wrap]()
    table = pa.table({"fine": numbers, "born": wrapped})
    table = pa.concat_tables([table.slice(0, 700), table.slice(700)])
    cursor = execute(running_warehouse, shared[False], table)
    assert len(cursor.fetchmany(10)) == 10
    with pytest.raises(dbapi.DataError, match=r"column 'born.*', row 1234\b"):
        cursor.fetchall()


def test_thirty_levels_of_nesting(
    running_warehouse: Warehouse, shared: dict[bool, dbapi.Cursor]
) -> None:
    kind, value = pa.int32(), 1
    nested: Any = value
    for level in range(30):
        kind = pa.list_(kind) if level % 2 else pa.struct([("a", kind)])
        nested = [nested] if level % 2 else {"a": nested}
    check(running_warehouse, shared[False], pa.table({"deep": pa.array([nested, None], kind)}))


@pytest.mark.parametrize("name", ["GEOMETRY", "GEOGRAPHY", "VARIANT"])
def test_types_that_come_as_text(
    running_warehouse: Warehouse, shared: dict[bool, dbapi.Cursor], name: str
) -> None:
    table = pa.table({"g": ["SRID=4326;POINT(1 2)", None]})
    cursor = execute(running_warehouse, shared[False], table, type_name=name)
    assert cursor.fetchall() == [("SRID=4326;POINT(1 2)",), (None,)]
    assert cursor.description is not None
    assert cursor.description[0][1] == name.lower()


@pytest.mark.parametrize(
    ("zone", "offset"),
    [
        ("+5:30", dt.timedelta(hours=5, minutes=30)),
        ("+0530", dt.timedelta(hours=5, minutes=30)),
        ("-8", dt.timedelta(hours=-8)),
        ("UTC+5:30", dt.timedelta(hours=5, minutes=30)),
        ("GMT-03:00", dt.timedelta(hours=-3)),
        ("Z", dt.timedelta(0)),
        ("EST", dt.timedelta(hours=-5)),
        ("US/Pacific", dt.timedelta(hours=-7)),
        ("Etc/GMT+5", dt.timedelta(hours=-5)),
    ],
)
def test_names_of_zones(
    running_warehouse: Warehouse,
    shared: dict[bool, dbapi.Cursor],
    zone: str,
    offset: dt.timedelta,
) -> None:
    moment = dt.datetime(2024, 7, 1, 12, tzinfo=UTC)
    micros = pa.array([int(moment.timestamp()) * 10**6]).view(pa.timestamp("us", zone))
    nested = pa.StructArray.from_arrays([micros], ["t"])
    table = pa.table({"t": micros, "s": nested})
    ((plain, inside),) = execute(running_warehouse, shared[False], table).fetchall()
    assert plain == inside["t"] == moment
    assert plain.utcoffset() == inside["t"].utcoffset() == offset


def test_a_zone_that_nobody_knows_is_an_error_that_names_it(
    running_warehouse: Warehouse, shared: dict[bool, dbapi.Cursor]
) -> None:
    table = pa.table({"seen": pa.array([0]).view(pa.timestamp("us", "Mars/Olympus"))})
    with pytest.raises(dbapi.DataError, match=r"column 'seen'.*Mars/Olympus"):
        execute(running_warehouse, shared[False], table).fetchall()


def test_columns_that_share_a_name_or_have_none(
    warehouse: Warehouse, connect: Callable[..., dbapi.Connection]
) -> None:
    arrays = [pa.array([1]), pa.array([2]), pa.array([3])]
    table = pa.Table.from_arrays(arrays, names=["a", "", "a"])
    rows = execute(warehouse, connect().cursor(), table).fetchall()
    assert rows == [(1, 2, 3)]
    assert (rows[0].a, rows[0][""], rows[0]["a"]) == (1, 2, 1)
    found = execute(warehouse, connect(row_factory=dict).cursor(), table).fetchall()
    assert found == [{"a": 3, "": 2}]


def test_no_rows_of_any_type(
    running_warehouse: Warehouse, shared: dict[bool, dbapi.Cursor]
) -> None:
    arrays = [pa.array([], kind) for kind, _ in SCALARS]
    table = pa.Table.from_arrays(arrays, names=[f"c{n}" for n in range(len(arrays))])
    cursor = execute(running_warehouse, shared[False], table)
    assert cursor.fetchall() == []
    assert cursor.fetchone() is None
    assert cursor.rowcount == 0
    assert cursor.description is not None
    assert len(cursor.description) == len(arrays)
