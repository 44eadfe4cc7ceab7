"""Rows by name, as tuples, as dicts, as objects of your own."""

from dataclasses import dataclass
from typing import Any

from databricks_sql_kernel import dbapi

SQL = "SELECT 1 AS id, 'Ada' AS name UNION ALL SELECT 2, 'Grace' ORDER BY id"


@dataclass
class Person:
    id: int
    name: str


def person(_: dbapi.Cursor, row: tuple[Any, ...]) -> Person:
    return Person(*row)


def main() -> None:
    with dbapi.connect() as connection:
        print(connection.cursor().execute(SQL).fetchall())
        print(connection.cursor(row_factory=tuple).execute(SQL).fetchall())
        print(connection.cursor(row_factory=dict).execute(SQL).fetchall())
        print(connection.cursor(row_factory=person).execute(SQL).fetchall())


if __name__ == "__main__":
    main()
