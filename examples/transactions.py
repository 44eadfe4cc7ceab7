"""Commit and rollback."""

import uuid

from databricks_sql_kernel import dbapi


def balances(cursor: dbapi.Cursor, table: str) -> list[tuple[int, int]]:
    return [(row.id, row.balance) for row in cursor.execute(f"SELECT * FROM {table} ORDER BY id")]


def main() -> None:
    table = f"example_{uuid.uuid4().hex}"
    with dbapi.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table} (id INT, balance INT)")
        cursor.execute(f"INSERT INTO {table} VALUES (1, 100), (2, 0)")
        connection.autocommit = False
        try:
            for amount in (30, 500):
                cursor.execute(f"UPDATE {table} SET balance = balance - ? WHERE id = 1", [amount])
                cursor.execute(f"UPDATE {table} SET balance = balance + ? WHERE id = 2", [amount])
                if balances(cursor, table)[0][1] < 0:
                    connection.rollback()
                else:
                    connection.commit()
                print(amount, balances(cursor, table))
            connection.commit()
        finally:
            connection.rollback()
            connection.autocommit = True
            cursor.execute(f"DROP TABLE {table}")


if __name__ == "__main__":
    main()
