"""The catalog `samples`: views that compute their rows, always the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

CATALOG = "samples"

_TRIPS = """
SELECT
    pickup AS tpep_pickup_datetime,
    pickup + to_minutes(CAST(3 + n % 40 AS INTEGER)) AS tpep_dropoff_datetime,
    CAST(0.5 + (n * 7 % 200) / 10.0 AS DOUBLE) AS trip_distance,
    CAST(3.5 + (n * 11 % 500) / 10.0 AS DOUBLE) AS fare_amount,
    CAST(10000 + n * 13 % 300 AS INTEGER) AS pickup_zip,
    CAST(10000 + n * 17 % 300 AS INTEGER) AS dropoff_zip
FROM (
    SELECT range AS n, TIMESTAMPTZ '2016-01-01 00:00:00+00' + to_seconds(range * 240) AS pickup
    FROM range(21932)
)
"""
_LINEITEM = """
SELECT
    n // 4 + 1 AS l_orderkey,
    n * 31 % 200000 + 1 AS l_partkey,
    n * 17 % 10000 + 1 AS l_suppkey,
    CAST(n % 4 + 1 AS INTEGER) AS l_linenumber,
    CAST(n % 50 + 1 AS DECIMAL(18, 2)) AS l_quantity,
    CAST(900 + n * 97 % 9000000 / 100.0 AS DECIMAL(18, 2)) AS l_extendedprice,
    CAST(n % 11 / 100.0 AS DECIMAL(18, 2)) AS l_discount,
    CAST(n % 9 / 100.0 AS DECIMAL(18, 2)) AS l_tax,
    ['A', 'N', 'R'][CAST(n % 3 + 1 AS INTEGER)] AS l_returnflag,
    ['F', 'O'][CAST(n % 2 + 1 AS INTEGER)] AS l_linestatus,
    DATE '1992-01-02' + CAST(n * 7 % 2525 AS INTEGER) AS l_shipdate,
    DATE '1992-02-02' + CAST(n * 7 % 2525 AS INTEGER) AS l_commitdate,
    DATE '1992-01-12' + CAST(n * 7 % 2525 AS INTEGER) AS l_receiptdate,
    ['NONE', 'COLLECT COD', 'TAKE BACK RETURN'][CAST(n % 3 + 1 AS INTEGER)] AS l_shipinstruct,
    ['AIR', 'MAIL', 'RAIL', 'SHIP', 'TRUCK'][CAST(n % 5 + 1 AS INTEGER)] AS l_shipmode,
    'line ' || n AS l_comment
FROM (SELECT range AS n FROM range(6000000))
"""


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the sample views."""
    for schema, view, query in (
        ("nyctaxi", "trips", _TRIPS),
        ("tpch", "lineitem", _LINEITEM),
    ):
        connection.execute(f"CREATE SCHEMA uc_{CATALOG}.{schema}")
        connection.execute(f"CREATE VIEW uc_{CATALOG}.{schema}.{view} AS {query}")
