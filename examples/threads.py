"""One connection for many threads, each with a cursor of its own."""

from concurrent.futures import ThreadPoolExecutor

from databricks_sql_kernel import dbapi


def main() -> None:
    with dbapi.connect() as connection:

        def total(stop: int) -> int:
            with connection.cursor() as cursor:
                row = cursor.execute("SELECT sum(id) FROM range(?)", [stop]).fetchone()
                return int(row[0])

        with ThreadPoolExecutor(4) as pool:
            print(list(pool.map(total, [10, 100, 1000, 10_000])))


if __name__ == "__main__":
    main()
