"""What exceptions tell, and when a write may have run."""

from databricks_sql_kernel import dbapi


def attempt(cursor: dbapi.Cursor, sql: str) -> None:
    try:
        cursor.execute(sql)
    except dbapi.OperationalError as error:
        # The service, or the way to it. A write whose answer was lost is never sent again.
        print("look before you repeat it" if error.maybe_executed else "it did not run")
    except dbapi.DatabaseError as error:
        print(type(error).__name__, error.sql_state, error.error_class)


def main() -> None:
    with dbapi.connect() as connection, connection.cursor() as cursor:
        for sql in ("SELECT * FROM no_such_table", "SELECT 1 / 0", "SELEC 1"):
            attempt(cursor, sql)


if __name__ == "__main__":
    main()
