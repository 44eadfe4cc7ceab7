from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01",
        "0004-02-29",
        "1582-10-04",
        "1582-10-10",
        "1582-10-15",
        "1899-12-31",
        "1969-12-31",
        "1970-01-01",
        "2000-02-29",
        "2024-02-29",
        "9999-12-31",
    ],
)
def test_dates(value: Callable[[str], Any], text: str) -> None:
    found = value(f"DATE '{text}'")
    assert type(found) is dt.date
    assert found == dt.date.fromisoformat(text)


def test_every_day_of_four_centuries(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT date_add(DATE '1900-01-01', CAST(id AS INT)) AS d FROM range(146100)")
    first = dt.date(1900, 1, 1).toordinal()
    rows = cursor.fetchall()
    assert len(rows) == 146_100
    assert all(row[0].toordinal() == first + place for place, row in enumerate(rows))


@pytest.mark.parametrize(
    ("text", "year"), [("10000-01-01", "10000"), ("99999-12-31", "99999"), ("0000-12-31", "0")]
)
def test_a_year_that_python_does_not_know_is_an_error_that_names_it(
    cursor: dbapi.Cursor, text: str, year: str
) -> None:
    cursor.execute(
        f"SELECT id, CASE WHEN id = 2 THEN DATE '{text}' ELSE DATE '2024-01-01' END AS born "
        "FROM range(4) ORDER BY id"
    )
    with pytest.raises(dbapi.DataError, match=rf"column 'born', row 2: year {year} "):
        cursor.fetchall()


def test_a_null_is_none(value: Callable[[str], Any]) -> None:
    assert value("CAST(NULL AS DATE)") is None
