"""The README's tour: a local warehouse, a table, parameters, Arrow, an error, many rows."""

import datetime
import time
from decimal import Decimal

from databricks_sql_warehouse import Warehouse

from databricks_sql_kernel import dbapi

MANY_ROWS = """
    SELECT id, id / 7 AS x, CAST(id % 1000 AS INT) AS k, concat('code-', id % 20000) AS s
    FROM range(1000000)
"""


def heading(text: str) -> None:
    print(f"\n--- {text}")


def create_and_fill(cursor: dbapi.Cursor) -> None:
    cursor.execute("CREATE TABLE people (id INT, name STRING, born DATE, salary DECIMAL(10,2))")
    cursor.executemany(
        "INSERT INTO people VALUES (:id, :name, :born, :salary)",
        [
            {
                "id": 1,
                "name": "Ada",
                "born": datetime.date(1815, 12, 10),
                "salary": Decimal("1843.00"),
            },
            {
                "id": 2,
                "name": "Grace",
                "born": datetime.date(1906, 12, 9),
                "salary": Decimal("1952.50"),
            },
            {"id": 3, "name": "Barbara", "born": datetime.date(1939, 11, 7), "salary": None},
        ],
    )
    print(f"{cursor.rowcount} rows inserted")


def query_with_parameters(cursor: dbapi.Cursor) -> None:
    cursor.execute(
        "SELECT * FROM people WHERE born > :born ORDER BY id", {"born": datetime.date(1900, 1, 1)}
    )
    for row in cursor:
        print(row)


def show_arrow_schema(cursor: dbapi.Cursor) -> None:
    table = cursor.execute("SELECT * FROM people").fetchall_arrow()
    for field in table.schema:
        print(f"{field.name}: {field.type}")


def show_an_error(cursor: dbapi.Cursor) -> None:
    try:
        cursor.execute("SELECT * FROM peeple")
    except dbapi.Error as error:
        print(f"{type(error).__name__}, SQLSTATE {error.sql_state}: {error}")


def read_many_rows(cursor: dbapi.Cursor) -> None:
    cursor.execute(MANY_ROWS)
    begun, used = time.perf_counter(), time.process_time()
    rows = cursor.fetchall()
    took, used = time.perf_counter() - begun, time.process_time() - used
    print(f"{len(rows):,} rows of 4 columns: {took:.2f} s, {used:.2f} s of them on the CPU")
    print(f"the last is {rows[-1]}")


def main() -> None:
    with Warehouse.start() as warehouse:
        heading(f"a warehouse at {warehouse.server_hostname}{warehouse.http_path}")
        with (
            dbapi.connect(
                warehouse.server_hostname, warehouse.http_path, warehouse.access_token
            ) as connection,
            connection.cursor() as cursor,
        ):
            print(connection)
            heading("a table")
            create_and_fill(cursor)
            heading("a query with parameters")
            query_with_parameters(cursor)
            heading("its Arrow schema")
            show_arrow_schema(cursor)
            heading("a mistake")
            show_an_error(cursor)
            heading("many rows")
            read_many_rows(cursor)
    heading("all is closed, the warehouse has stopped")


if __name__ == "__main__":
    main()
