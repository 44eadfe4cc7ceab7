"""How values come: intervals, nested values, shapes, columns without a type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from .conftest import execute

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Open, Run

INTERVALS = "SELECT INTERVAL '14' MONTH AS m, INTERVAL '-1 00:00:00.000005' DAY TO SECOND AS d"
NESTED = """SELECT array(1, NULL) AS a, map('k', 2) AS m,
    named_struct('d', CAST(1.5 AS DECIMAL(4,2)), 't', DATE '2024-01-02') AS s"""


def test_types_of_the_service_stay_by_default(run: Run) -> None:
    intervals = run(INTERVALS)
    assert pa.types.is_duration(intervals.schema.field("d").type)
    nested = run(NESTED)
    assert pa.types.is_list(nested.schema.field("a").type)
    assert nested["s"].to_pylist()[0]["t"].year == 2024


def test_intervals_come_as_texts_where_asked(open_session: Open) -> None:
    for arguments in (
        {"intervals_as_string": True},
        {"session_conf": {"intervals_as_string": "true"}},
    ):
        table = execute(open_session(**arguments), INTERVALS).fetch_all_arrow()
        assert table.to_pydict() == {"m": ["1-2"], "d": ["-1 00:00:00.000005000"]}


def test_nested_values_come_as_json_where_asked(open_session: Open) -> None:
    table = execute(open_session(complex_types_as_json=True), NESTED).fetch_all_arrow()
    assert table.to_pydict() == {
        "a": ["[1,null]"],
        "m": ['{"k":2}'],
        "s": ['{"d":1.50,"t":"2024-01-02"}'],
    }
    assert table.schema.field("a").metadata[b"databricks.type_name"] == b"ARRAY"


def test_nested_nulls_without_a_type_are_null_in_json(open_session: Open) -> None:
    sql = (
        "SELECT named_struct('x', NULL) AS s, array(NULL) AS a, "
        "map('k', NULL) AS m, array(array(NULL)) AS n"
    )
    table = execute(open_session(complex_types_as_json=True), sql).fetch_all_arrow()
    assert table.to_pylist() == [
        {"s": '{"x":null}', "a": "[null]", "m": '{"k":null}', "n": "[[null]]"}
    ]


def test_a_column_without_a_type_is_text(run: Run) -> None:
    table = run("SELECT NULL AS n")
    assert table.schema.field("n").type == pa.string()
    assert table["n"].to_pylist() == [None]


SHAPE = {
    "patch": {
        "manifest": {
            "schema": {
                "columns": [{"name": "g", "type_name": "GEOMETRY", "type_text": "GEOMETRY(4326)"}]
            }
        }
    }
}


def test_shapes_come_as_binary_unless_switched_off(
    warehouse: Warehouse, open_session: Open
) -> None:
    warehouse.fault(match={"path": "statements$"}, action=SHAPE, times=2)
    sql = "SELECT 'POINT(1 2)' AS g"
    struct = execute(open_session(), sql).fetch_all_arrow()["g"]
    assert struct.type == pa.struct(
        [
            pa.field("srid", pa.int32(), nullable=False),
            pa.field("wkb", pa.binary(), nullable=False),
        ]
    )
    (value,) = struct.to_pylist()
    assert value["srid"] == 4326
    assert value["wkb"].hex() == "0101000000000000000000f03f0000000000000040"
    text = execute(open_session(enable_geospatial_support=False), sql).fetch_all_arrow()
    assert text["g"].to_pylist() == ["POINT(1 2)"]
