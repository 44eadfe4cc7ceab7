"""Time-outs, and cancelling from another thread."""

import threading

from databricks_sql_kernel import dbapi

LONG = "SELECT count(*) FROM range(1000000) AS a JOIN range(1000000) AS b ON a.id % 7 < b.id % 3"


def main() -> None:
    with dbapi.connect(statement_timeout=4) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(LONG, timeout=0.5)
        except dbapi.OperationalError as error:
            print("gave up:", error.code)

        timer = threading.Timer(0.5, cursor.cancel)
        timer.start()
        try:
            cursor.execute(LONG)
        except dbapi.OperationalError as error:
            print("ended:", error.code)
        timer.join()

        print("and goes on:", cursor.execute("SELECT 'fine'").fetchone())


if __name__ == "__main__":
    main()
