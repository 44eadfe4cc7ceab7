"""Data frames: of pandas and polars."""

from __future__ import annotations

import datetime
import decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Interpreters

TYPES = (
    "SELECT true AS flag, CAST(7 AS INT) AS number, CAST(1.5 AS DOUBLE) AS real, "
    "CAST(1.10 AS DECIMAL(10,2)) AS money, 'x' AS text, X'00ff' AS bytes, "
    "DATE '2024-02-29' AS day, TIMESTAMP '9999-12-31 23:59:59.999999' AS instant, "
    "TIMESTAMP_NTZ '2024-01-01 12:00:00' AS local, INTERVAL '1-2' YEAR TO MONTH AS months, "
    "INTERVAL '1' DAY AS days, array(1, 2) AS list, named_struct('a', 1) AS struct"
)


def test_a_frame_of_pandas_has_every_type(cursor: dbapi.Cursor) -> None:
    frame = cursor.execute(TYPES).fetch_df()
    assert isinstance(frame, pd.DataFrame)
    row: dict[str, Any] = frame.iloc[0].to_dict()
    assert row["money"] == decimal.Decimal("1.10")
    assert row["day"] == datetime.date(2024, 2, 29)
    assert row["instant"] == pd.Timestamp("9999-12-31 23:59:59.999999", tz="Etc/UTC")
    assert row["local"] == pd.Timestamp("2024-01-01 12:00:00")
    assert (row["bytes"], row["months"]) == (b"\x00\xff", "1-2")
    assert row["days"] == pd.Timedelta(days=1)
    assert (list(row["list"]), row["struct"]) == ([1, 2], {"a": 1})
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert (kinds["flag"], kinds["number"], kinds["real"]) == ("bool", "int32", "float64")


@pytest.mark.parametrize("kind", ["TINYINT", "SMALLINT", "INT", "BIGINT"])
def test_integers_with_nulls_stay_exact_in_pandas(cursor: dbapi.Cursor, kind: str) -> None:
    most = {"TINYINT": 127, "SMALLINT": 32767, "INT": 2**31 - 1, "BIGINT": 2**63 - 1}[kind]
    cursor.execute(
        f"SELECT CASE WHEN id = 0 THEN CAST({most} AS {kind}) END AS a, "
        f"CAST({most} AS {kind}) AS a, id FROM range(2) ORDER BY id"
    )
    frame = cursor.fetch_df()
    found: list[Any] = frame.iloc[:, 0].tolist()
    assert found[0] == most
    assert found[1] is pd.NA
    assert frame.iloc[:, 1].tolist() == [most, most]
    assert str(frame.dtypes.iloc[1]).startswith("int")


def test_nested_integers_with_nulls_stay_exact_in_pandas(cursor: dbapi.Cursor) -> None:
    large = 2**53 + 1
    cursor.execute(
        f"SELECT array({large}, NULL) AS l, map('a', {large}, 'b', NULL) AS m, "
        f"named_struct('x', CASE WHEN id = 0 THEN {large} END) AS s FROM range(2) ORDER BY id"
    )
    first = cursor.fetch_df().iloc[0]
    assert (list(first["l"]), list(first["m"])) == ([large, None], [("a", large), ("b", None)])
    assert first["s"] == {"x": large}


def test_nested_moments_keep_their_zone_in_pandas(cursor: dbapi.Cursor) -> None:
    cursor.execute("SET TIME ZONE 'America/New_York'")
    moment = "TIMESTAMP '2024-07-01 12:00:00'"
    cursor.execute(
        f"SELECT array({moment}) AS l, map('k', array({moment})) AS m, "
        f"named_struct('x', {moment}) AS s"
    )
    first = cursor.fetch_df().iloc[0]
    (listed,) = first["l"]
    ((_, (mapped,)),) = first["m"]
    for moment_of in (listed, mapped, first["s"]["x"]):
        assert moment_of.isoformat() == "2024-07-01T12:00:00-04:00"


def test_a_frame_of_polars_has_every_type(cursor: dbapi.Cursor) -> None:
    frame = cursor.execute(TYPES).fetch_polars()
    assert isinstance(frame, pl.DataFrame)
    assert frame.schema["instant"] == pl.Datetime("us", "Etc/UTC")
    assert frame.schema["money"] == pl.Decimal(10, 2)
    assert frame.schema["struct"] == pl.Struct({"a": pl.Int32})
    row = frame.row(0, named=True)
    assert row["money"] == decimal.Decimal("1.10")
    assert (row["day"], row["months"]) == (datetime.date(2024, 2, 29), "1-2")
    assert row["days"] == datetime.timedelta(days=1)
    assert row["list"] == [1, 2]


def test_frames_have_the_rows_that_are_left(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    warehouse.settings(chunk_rows=1000)
    for fetch in (dbapi.Cursor.fetch_df, dbapi.Cursor.fetch_polars):
        cursor.execute("SELECT id FROM range(5500)")
        assert cursor.fetchone() == (0,)
        assert list(fetch(cursor)["id"]) == list(range(1, 5500))
        assert len(fetch(cursor)) == 0
        assert cursor.fetchall() == []


def test_a_frame_of_no_rows_has_its_columns(cursor: dbapi.Cursor) -> None:
    for fetch in (dbapi.Cursor.fetch_df, dbapi.Cursor.fetch_polars):
        frame = fetch(cursor.execute("SELECT 1 AS a, 'x' AS b WHERE false"))
        assert (list(frame.columns), len(frame)) == (["a", "b"], 0)


def test_columns_of_one_name_are_told_before_rows_are_taken(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT 1 AS a, 2 AS a")
    with pytest.raises(dbapi.ProgrammingError, match="'a' is there twice"):
        cursor.fetch_polars()
    assert cursor.fetch_df().to_numpy().tolist() == [[1, 2]]


def test_polars_needs_no_pyarrow(python: Interpreters) -> None:
    code = """
        cursor = dbapi.connect(**WAREHOUSE).cursor()
        cursor.execute("SELECT id, INTERVAL '1' YEAR AS y FROM range(3) ORDER BY id")
        print(json.dumps(cursor.fetch_polars().rows()))
    """
    assert python.run(code, without=("pyarrow", "pandas", "numpy")) == [
        [0, "1-0"],
        [1, "1-0"],
        [2, "1-0"],
    ]


@pytest.mark.parametrize(
    ("method", "missing"),
    [("fetch_df", "pandas"), ("fetch_df", "pyarrow"), ("fetch_polars", "polars")],
)
def test_what_is_missing_is_named_before_rows_are_taken(
    python: Interpreters, method: str, missing: str
) -> None:
    code = f"""
        cursor = dbapi.connect(**WAREHOUSE).cursor().execute("SELECT 1 AS a")
        try:
            cursor.{method}()
        except ImportError as error:
            print(json.dumps([str(error), cursor.fetchall()]))
    """
    message = f"{method} needs {missing}, which is not installed here: pip install {missing}"
    assert python.run(code, without=(missing,)) == [message, [[1]]]
