from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from databricks_sql_warehouse import bulk_insert, parser

if TYPE_CHECKING:
    from .conftest import Client

ROWS = 200


def found(sql: str) -> bulk_insert.BulkInsert | None:
    return bulk_insert.find(sql, parser.tokenize(sql))


def values(row: str, count: int = ROWS) -> str:
    return "INSERT INTO bulk_t VALUES " + ", ".join([f"({row})"] * count)


def test_literal_rows_are_inserted_with_their_types(client: Client) -> None:
    client.execute(
        "CREATE OR REPLACE TABLE bulk_t (i INT, s STRING, d DECIMAL(10,2), f DOUBLE, b BOOLEAN, "
        "x BINARY, dt DATE, ts TIMESTAMP, n BIGINT)"
    )
    row = (
        "-1, 'it''s', 1.25, 1e3, true, X'00ff', DATE '2020-02-29', TIMESTAMP '2020-01-01 00:00:00'"
    )
    full = [f"({row}, {n})" for n in range(ROWS)]
    empty = "(" + ", ".join(["NULL"] * 8) + ", 2000)"
    sql = "INSERT INTO bulk_t VALUES " + ",\n".join([*full, empty])
    assert found(sql) is not None
    assert client.rows(sql) == [[str(ROWS + 1), str(ROWS + 1)]]
    rows = client.rows("SELECT * FROM bulk_t ORDER BY n")
    assert rows[0][:7] == ["-1", "it's", "1.25", "1000.0", "true", "AP8=", "2020-02-29"]
    assert rows[-1] == [*[None] * 8, "2000"]
    assert len(rows) == ROWS + 1


@pytest.mark.parametrize(
    "sql",
    [
        values("1", count=10),
        values("1 + 1"),
        values("?"),
        values("array(1)"),
        values("1") + ", (1, 2)",
        values("1") + ", ('a')",
        values("1") + ",",
        values("1") + " extra",
        "SELECT * FROM VALUES " + ", ".join(["(1)"] * ROWS),
    ],
)
def test_anything_else_is_parsed_as_a_whole(sql: str) -> None:
    assert found(sql) is None


def test_errors_are_those_of_any_insert(client: Client) -> None:
    client.execute("CREATE OR REPLACE TABLE bulk_e (i INT)")
    sql = values("'abc'").replace("bulk_t", "bulk_e")
    assert client.error(sql)[0] == "22018"
    assert client.error(sql.replace("bulk_e", "nowhere"))[0] == "42P01"
