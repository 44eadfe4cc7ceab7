"""Arrow: tables of pyarrow, and of our own where that is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    from databricks_sql_kernel import dbapi
    from tests.python.conftest import Interpreters


def test_all_rows_are_a_table_of_pyarrow(cursor: dbapi.Cursor) -> None:
    table = cursor.execute("SELECT id, 'x' AS b FROM range(3)").fetchall_arrow()
    assert type(table) is pa.Table
    table.validate(full=True)
    assert table.to_pylist() == [{"id": number, "b": "x"} for number in range(3)]


def test_a_batch_is_a_table_and_the_last_one_is_false(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT id FROM range(10)")
    found = []
    while batch := cursor.fetchmany_arrow(size=4):
        assert type(batch) is pa.Table
        found.append(batch.num_rows)
    assert found == [4, 4, 2]
    assert cursor.fetchmany_arrow(4).column_names == ["id"]


TYPES = [
    ("true", pa.bool_()),
    ("CAST(1 AS TINYINT)", pa.int8()),
    ("CAST(1 AS SMALLINT)", pa.int16()),
    ("1", pa.int32()),
    ("CAST(1 AS BIGINT)", pa.int64()),
    ("CAST(1 AS FLOAT)", pa.float32()),
    ("CAST(1 AS DOUBLE)", pa.float64()),
    ("CAST(1 AS DECIMAL(10,2))", pa.decimal128(10, 2)),
    ("'x'", pa.string()),
    ("X'00'", pa.binary()),
    ("DATE '2024-01-01'", pa.date32()),
    ("TIMESTAMP '2024-01-01 00:00:00'", pa.timestamp("us", "Etc/UTC")),
    ("TIMESTAMP_NTZ '2024-01-01 00:00:00'", pa.timestamp("us")),
    ("INTERVAL '1' DAY", pa.duration("us")),
    ("INTERVAL '1' YEAR", pa.string()),
    ("array(1)", pa.list_(pa.field("element", pa.int32()))),
    ("map('a', 1)", pa.map_(pa.string(), pa.int32())),
    ("named_struct('a', 1)", pa.struct([("a", pa.int32())])),
    ("parse_json('1')", pa.string()),
    ("NULL", pa.null()),
]


@pytest.mark.parametrize("rows", [1, 0])
@pytest.mark.parametrize(("sql", "kind"), TYPES)
def test_the_type_of_a_column(cursor: dbapi.Cursor, sql: str, kind: pa.DataType, rows: int) -> None:
    table = cursor.execute(f"SELECT {sql} AS c FROM range({rows})").fetchall_arrow()
    assert table.num_rows == rows
    assert table.schema.field("c").type == kind


def test_fields_tell_their_sql_types(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT CAST(1 AS DECIMAL(10,2)) AS a, INTERVAL '1' YEAR AS b")
    schema = cursor.fetchall_arrow().schema
    first, second = schema.field("a").metadata, schema.field("b").metadata
    assert first[b"databricks.type_name"] == b"DECIMAL"
    assert first[b"databricks.type_text"] == b"DECIMAL(10,2)"
    assert first[b"Spark:DataType:SqlName"] == b"DECIMAL(10,2)"
    assert second[b"databricks.type_text"] == b"INTERVAL YEAR"
    assert second[b"databricks.type_interval_type"] == b"YEAR"


def test_months_are_text_for_pyarrow_has_no_type_for_them(cursor: dbapi.Cursor) -> None:
    cursor.execute(
        "SELECT INTERVAL '1-2' YEAR TO MONTH AS a UNION ALL SELECT INTERVAL '-11' MONTH "
        "UNION ALL SELECT NULL"
    )
    found = cursor.fetchall_arrow().column("a").to_pylist()
    assert sorted(found, key=str) == ["-0-11", "1-2", None]


def test_an_empty_result_has_its_columns(cursor: dbapi.Cursor) -> None:
    table = cursor.execute("SELECT id, 'x' AS b FROM range(0)").fetchall_arrow()
    assert (table.num_rows, table.column_names) == (0, ["id", "b"])


def test_columns_may_share_a_name(cursor: dbapi.Cursor) -> None:
    table = cursor.execute("SELECT 1 AS a, 2 AS a").fetchall_arrow()
    assert table.column_names == ["a", "a"]
    assert [column.to_pylist() for column in table.columns] == [[1], [2]]


def test_a_result_of_many_chunks_is_one_table(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    warehouse.settings(chunk_rows=1000)
    table = cursor.execute("SELECT id, concat('s', id) AS s FROM range(20500)").fetchall_arrow()
    table.validate(full=True)
    assert table.column("id").to_pylist() == list(range(20_500))
    assert table.column("s")[-1].as_py() == "s20499"


def test_a_table_outlives_its_connection(connection: dbapi.Connection) -> None:
    table = connection.cursor().execute("SELECT id FROM range(5000)").fetchall_arrow()
    connection.close()
    assert pyarrow.compute.sum(table.column("id")).as_py() == sum(range(5000))


def test_rows_of_the_rest_after_arrow(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT id FROM range(10)")
    assert cursor.fetchone() == (0,)
    assert cursor.fetchmany_arrow(3).column("id").to_pylist() == [1, 2, 3]
    assert cursor.fetchmany(2) == [(4,), (5,)]
    assert cursor.fetchall_arrow().column("id").to_pylist() == [6, 7, 8, 9]
    assert cursor.fetchall_arrow().num_rows == 0


def test_rows_and_arrow_hold_the_same(
    cursor: dbapi.Cursor, type_code: Callable[[str], str]
) -> None:
    sql = (
        "SELECT id, id / 7 AS d, CAST(id AS DECIMAL(20,3)) AS m, concat('s', id) AS s, "
        "array(id, NULL) AS a, named_struct('x', id, 'y', 'z') AS t, map(id, 'v') AS p "
        "FROM range(3000)"
    )
    rows = cursor.execute(sql).fetchall()
    table = cursor.execute(sql).fetchall_arrow()
    assert [row.asDict() for row in rows] == table.to_pylist()
    assert type_code("1") == "int"


WITHOUT_PYARROW = """
    table = dbapi.connect(**WAREHOUSE).cursor().execute(
        "SELECT id, 'x' AS b, INTERVAL '1' YEAR AS y FROM range(5000)"
    ).fetchall_arrow()
"""


def test_without_pyarrow_there_is_a_table_of_our_own(python: Interpreters) -> None:
    code = (
        WITHOUT_PYARROW
        + """
    import ctypes

    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    print(json.dumps({
        "type": type(table).__name__,
        "is ours": type(table) is dbapi.ArrowTable,
        "length": len(table),
        "rows": table.num_rows,
        "columns": table.num_columns,
        "names": table.column_names,
        "iterable": hasattr(table, "__iter__"),
        "shown": repr(table),
        "capsules": [
            name(capsule).decode()
            for capsule in (
                table.__arrow_c_stream__(),
                table.__arrow_c_stream__(None),
                table.__arrow_c_stream__(requested_schema=None),
                table.__arrow_c_schema__(),
                table.__arrow_c_schema__(),
            )
        ],
    }))
    """
    )
    found = python.run(code, without=("pyarrow",))
    assert "5000" in found.pop("shown")
    assert found == {
        "type": "ArrowTable",
        "is ours": True,
        "length": 5000,
        "rows": 5000,
        "columns": 3,
        "names": ["id", "b", "y"],
        "iterable": False,
        "capsules": ["arrow_array_stream"] * 3 + ["arrow_schema"] * 2,
    }


def test_a_table_of_our_own_is_read_by_whoever_reads_arrow(python: Interpreters) -> None:
    code = (
        WITHOUT_PYARROW
        + """
    del sys.meta_path[0]
    import pyarrow
    read = [pyarrow.table(table) for _ in range(2)]
    assert read[0].equals(read[1]) and read[0].num_rows == 5000
    assert pyarrow.schema(table) == read[0].schema
    print(json.dumps(read[0].slice(4999).to_pylist()))
    """
    )
    found = python.run(code, without=("pyarrow",))
    assert found == [{"id": 4999, "b": "x", "y": "1-0"}]


def test_without_pyarrow_the_last_batch_is_false(python: Interpreters) -> None:
    code = """
        cursor = dbapi.connect(**WAREHOUSE).cursor().execute("SELECT id FROM range(5)")
        found = []
        while batch := cursor.fetchmany_arrow(2):
            found.append(len(batch))
        print(json.dumps([found, cursor.fetchmany_arrow(2).column_names]))
    """
    assert python.run(code, without=("pyarrow",)) == [[2, 2, 1], ["id"]]


def test_a_pyarrow_that_fails_to_import_says_so(python: Interpreters) -> None:
    code = """
        class Broken:
            def find_spec(self, name, path=None, target=None):
                if name == "pyarrow":
                    raise RuntimeError("this pyarrow is broken")

        sys.meta_path.insert(0, Broken())
        cursor = dbapi.connect(**WAREHOUSE).cursor().execute("SELECT 1")
        try:
            cursor.fetchall_arrow()
        except RuntimeError as error:
            print(json.dumps(str(error)))
    """
    assert python.run(code) == "this pyarrow is broken"


def test_the_arrow_methods_have_no_other_types(cursor: dbapi.Cursor) -> None:
    found: Any = cursor.execute("SELECT 1").fetchmany_arrow(0)
    assert (type(found), found.num_rows) == (pa.Table, 0)
    assert cursor.fetchall() == [(1,)]


@pytest.mark.parametrize("fetch", ["fetchall_arrow()", "fetchmany_arrow(2)", "fetch_df()"])
def test_rows_that_were_no_table_in_the_end_come_next(python: Interpreters, fetch: str) -> None:
    code = f"""
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "pyarrow":
                raise RuntimeError("broken")
    sys.meta_path.insert(0, Broken())
    cursor = dbapi.connect(**WAREHOUSE).cursor().execute("SELECT id FROM range(5)")
    first = cursor.fetchone()
    try:
        cursor.{fetch}
    except RuntimeError as error:
        print(json.dumps([str(error), cursor.rownumber, len(cursor.fetchall())]))
    """
    assert python.run(code) == ["broken", 1, 4]
