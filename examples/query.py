"""Parameters, rows, and what is known of a result."""

from databricks_sql_kernel import dbapi


def main() -> None:
    with dbapi.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, id * id AS square FROM range(:stop) WHERE id >= :start ORDER BY id",
            {"start": 3, "stop": 6},
        )
        print("rows:", cursor.rowcount)
        for name, type_code, *_ in cursor.description or []:
            print("column:", name, type_code, type_code == dbapi.NUMBER)
        for row in cursor:
            print(row.id, row["square"])


if __name__ == "__main__":
    main()
