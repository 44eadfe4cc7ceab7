"""Arrow tables, in one piece and piece by piece; with pyarrow installed they are its own."""

from databricks_sql_kernel import dbapi


def main() -> None:
    with dbapi.connect() as connection, connection.cursor() as cursor:
        table = cursor.execute("SELECT id, id % 7 AS day FROM range(1000)").fetchall_arrow()
        print(table.num_rows, "rows of", table.column_names)

        cursor.execute("SELECT id FROM range(2500)")
        while piece := cursor.fetchmany_arrow(1000):
            print("a piece of", piece.num_rows)


if __name__ == "__main__":
    main()
