"""What must hold of every text, name and type."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from databricks_sql_warehouse import csv_rows, geospatial
from databricks_sql_warehouse.catalog import like

if TYPE_CHECKING:
    from .conftest import Client

CELLS = st.lists(st.one_of(st.none(), st.text(alphabet=st.characters(exclude_categories=["Cs"]))))
NAMES = st.text(alphabet=st.sampled_from("abz_09*.|%\\ '"), min_size=1)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)
PLAIN = [
    *["BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "STRING", "BINARY"],
    *["DATE", "TIMESTAMP", "TIMESTAMP_NTZ", "DECIMAL(38,0)", "DECIMAL(10,2)", "VARIANT"],
    *["INTERVAL YEAR", "INTERVAL YEAR TO MONTH", "INTERVAL DAY", "INTERVAL DAY TO SECOND"],
    *["INTERVAL HOUR TO MINUTE", "INTERVAL SECOND", "GEOMETRY(4326)", "GEOGRAPHY(4326)"],
]


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        inner.map(lambda kind: f"ARRAY<{kind}>"),
        inner.map(lambda kind: f"MAP<STRING, {kind}>"),
        members.map(_struct),
    )


def _struct(kinds: list[str]) -> str:
    return "STRUCT<" + ", ".join(f"m{n}: {kind}" for n, kind in enumerate(kinds)) + ">"


TYPES = st.recursive(st.sampled_from(PLAIN), _nested, max_leaves=6)


@given(st.lists(CELLS))
def test_csv_reads_back_as_it_was_written(rows: list[list[Any]]) -> None:
    rows = [row for row in rows if row]
    # The csv module of Python 3.10 takes no NUL.
    texts = [cell or "" for row in rows for cell in row]
    assume(sys.version_info >= (3, 11) or not any("\0" in text for text in texts))
    read = csv_rows.read(csv_rows.write(rows, None))
    assert read == [["null" if cell is None else cell for cell in row] for row in rows]


@given(NAMES, NAMES)
def test_a_pattern_means_what_it_says(name: str, other: str) -> None:
    escaped = re.sub(r"([\\*.|%_])", r"\\\1", name.strip()).replace("'", "''")
    if "|" not in name and name.strip():
        assert like(name.strip(), escaped)
        assert like(other, escaped) == (other.lower() == name.strip().lower())
    assert like(name, "*")


@given(NUMBERS, NUMBERS, st.sampled_from([0, 4326, 3857]))
def test_ewkt_is_read_as_it_is_written(x: float, y: float, srid: int) -> None:
    written = geospatial.ewkt(f"point ( {x:.6g}  {y:.6g} )", srid)
    assert geospatial.ewkt(written, 0) == written
    assert geospatial.srid(written) == srid
    assert geospatial.wkt(written).startswith("POINT(")


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(TYPES, min_size=1, max_size=4))
def test_every_type_is_told_as_it_was_declared(client: Client, kinds: list[str]) -> None:
    columns = ", ".join(f"c{n} {kind}" for n, kind in enumerate(kinds))
    client.rows(f"CREATE OR REPLACE TABLE properties_t ({columns})")
    nulls = ", ".join("NULL" for _ in kinds)
    client.rows(f"INSERT INTO properties_t VALUES ({nulls})")
    sql = "SELECT * FROM properties_t"
    assert [column["type_text"] for column in client.columns(sql)] == kinds
    assert client.rows(sql) == [[None] * len(kinds)]
    assert client.table(sql).num_rows == 1
    assert client.rows(f"DESCRIBE QUERY {sql}") == [
        [f"c{n}", kind.lower(), None] for n, kind in enumerate(kinds)
    ]
