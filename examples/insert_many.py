"""Many rows in few requests."""

import uuid

from databricks_sql_kernel import dbapi


def main() -> None:
    table = f"example_{uuid.uuid4().hex}"
    people = [{"id": number, "name": f"person {number}", "height": None} for number in range(200)]
    with dbapi.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table} (id INT, name STRING, height DOUBLE)")
        try:
            cursor.executemany(f"INSERT INTO {table} VALUES (:id, :name, :height)", people)
            print("inserted", cursor.rowcount)
            cursor.execute(f"SELECT count(*) AS n, max(id) AS last FROM {table}")
            print(cursor.fetchone())
        finally:
            cursor.execute(f"DROP TABLE {table}")


if __name__ == "__main__":
    main()
