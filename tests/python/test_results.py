"""Results on every way that the service has for them: inline, behind links, as JSON."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    from tests.python.conftest import Interpreters

    Connect = Callable[..., dbapi.Connection]

ROWS = 2500
SQL = f"SELECT id, concat('s', id) AS s FROM range({ROWS})"
EXPECTED = [(number, f"s{number}") for number in range(ROWS)]
LINKED = {"chunk_rows": 100, "inline_limit_bytes": 0}


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"chunk_rows": 100},
        {"chunk_rows": 100, "inline_chunks": True},
        {"chunk_rows": 1000, "batch_rows": 7},
        LINKED,
        {**LINKED, "links_per_page": 7},
        {**LINKED, "first_links": 1},
        {**LINKED, "first_links": 3, "links_per_page": 5},
        {**LINKED, "total_chunk_count": False},
        {**LINKED, "byte_count": "raw"},
        {**LINKED, "link_headers": {"x-key": "value"}},
        {"close_inline": True},
        {"lz4": False},
        {**LINKED, "lz4": False},
        {"pending_polls": 2},
        {**LINKED, "pending_polls": 2},
    ],
    ids=str,
)
def test_all_rows_come_once_and_in_order(
    cursor: dbapi.Cursor, warehouse: Warehouse, shape: dict[str, Any]
) -> None:
    warehouse.settings(**shape)
    assert cursor.execute(SQL).fetchall() == EXPECTED
    assert list(itertools.islice(cursor.execute(SQL), ROWS + 1)) == EXPECTED
    assert cursor.execute(SQL).fetchall_arrow().column("id").to_pylist() == list(range(ROWS))


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("framing", ["message", "body", "auto"])
@pytest.mark.parametrize("flags", ["0x60", "0x74"])
def test_every_framing_of_lz4(
    cursor: dbapi.Cursor, warehouse: Warehouse, flags: str, framing: str, *, linked: bool
) -> None:
    warehouse.settings(lz4_flg=flags, lz4_framing=framing, **(LINKED if linked else {}))
    assert cursor.execute(SQL).fetchall() == EXPECTED


def test_links_are_asked_for_once_each(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    warehouse.settings(**LINKED, first_links=1, links_per_page=1)
    cursor.execute(SQL).fetchall()
    mine = warehouse.log(statement_id=cursor.query_id, method="GET")
    pages = [entry["chunk"] for entry in mine if entry["to"] == "api"]
    bodies = [entry["chunk"] for entry in mine if entry["to"] == "storage"]
    assert sorted(bodies) == list(range(25))
    assert sorted(pages) == list(range(1, 25))


def test_expired_links_are_renewed(cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
    warehouse.settings(**LINKED)
    warehouse.fault(match={"to": "storage"}, action={"expire_links": True}, times=3)
    assert cursor.execute(SQL).fetchall() == EXPECTED


@pytest.mark.parametrize(
    "action",
    [
        {"status": 503},
        {"drop": "before"},
        {"drop": "mid"},
        {"cut": 0.5},
        {"corrupt": 0.5},
        {"rows": -1},
    ],
    ids=str,
)
def test_what_another_try_mends_is_mended(
    connect: Connect, warehouse: Warehouse, action: dict[str, Any]
) -> None:
    cursor = connect(retry_delay_min=0.01, retry_delay_max=0.02).cursor()
    warehouse.settings(**LINKED)
    warehouse.fault(match={"to": "storage", "chunk": 3}, action=action, times=1)
    warehouse.fault(match={"to": "storage", "chunk": 9}, action=action, times=2)
    assert cursor.execute(SQL).fetchall() == EXPECTED


@pytest.mark.parametrize(
    ("match", "action"),
    [
        ({"to": "storage", "chunk": 3}, {"cut": 0.5}),
        ({"to": "storage", "chunk": 3}, {"corrupt": 0.5}),
        ({"to": "storage", "chunk": 3}, {"rows": -1}),
        ({"path": "/chunks/3$"}, {"links": "missing"}),
        ({"path": "/chunks/3$"}, {"links": "empty"}),
        ({"path": "/chunks/3$"}, {"links": "repeat"}),
        ({"statement": "SELECT"}, {"manifest": {"total_row_count": ROWS + 1}}),
    ],
    ids=str,
)
@pytest.mark.parametrize("arrow", [False, True])
def test_what_lasts_is_an_error_and_never_a_shorter_result(
    connect: Connect,
    warehouse: Warehouse,
    match: dict[str, Any],
    action: dict[str, Any],
    *,
    arrow: bool,
) -> None:
    fast = {"retry_delay_min": 0.01, "retry_delay_max": 0.01, "retry_stop_after_attempts_count": 3}
    cursor = connect(**fast).cursor()
    warehouse.settings(**LINKED, first_links=1)
    warehouse.fault(match=match, action=action, times=None)
    with pytest.raises(dbapi.OperationalError) as raised:
        _ = cursor.execute(SQL).fetchall_arrow() if arrow else cursor.execute(SQL).fetchall()
    assert raised.value.code == "DataLoss"
    assert raised.value.query_id == cursor.query_id


def test_a_body_with_more_rows_than_declared_is_cut_to_them(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    warehouse.settings(**LINKED)
    warehouse.fault(match={"to": "storage", "chunk": 3}, action={"rows": 2}, times=None)
    assert cursor.execute(SQL).fetchall() == EXPECTED


def test_no_url_is_in_an_error_of_the_storage(connect: Connect, warehouse: Warehouse) -> None:
    cursor = connect(retry_delay_min=0.01, retry_stop_after_attempts_count=1).cursor()
    warehouse.settings(**LINKED)
    warehouse.fault(match={"to": "storage"}, action={"status": 500}, times=None)
    with pytest.raises(dbapi.DatabaseError) as raised:
        cursor.execute(SQL).fetchall()
    shown = repr(raised.value) + raised.value.message_with_context() + repr(raised.value.__cause__)
    assert "?" not in shown
    assert "sig" not in shown.lower()


def test_a_slow_reader_stops_the_downloads(connect: Connect, warehouse: Warehouse) -> None:
    cursor = connect(max_buffered_bytes=200_000).cursor()
    warehouse.settings(chunk_rows=1000, inline_limit_bytes=0)
    cursor.execute("SELECT id, repeat('x', 100) AS s FROM range(50000)")
    assert len(cursor.fetchmany(10)) == 10
    fetched = len(warehouse.log(to="storage"))
    assert fetched < 25
    assert len(cursor.fetchall()) == 49_990
    assert len(warehouse.log(to="storage")) == 50


def test_a_result_within_the_buffer_is_read_after_the_server_forgot_it(
    cursor: dbapi.Cursor, warehouse: Warehouse
) -> None:
    cursor.execute(SQL)
    warehouse.fault(match={"to": "storage"}, action={"status": 404}, times=None)
    assert cursor.fetchall() == EXPECTED


def test_a_service_that_refuses_hybrid_results_gets_another_request(python: Interpreters) -> None:
    # The driver remembers it for the rest of the process.
    code = f"""
        import urllib.request
        url = WAREHOUSE["server_hostname"] + "/__warehouse__/settings"
        urllib.request.urlopen(urllib.request.Request(
            url, b'{{"hybrid": false, "chunk_rows": 100}}', {{"content-type": "application/json"}}
        )).close()
        connection = dbapi.connect(**WAREHOUSE)
        found = [len(connection.cursor().execute({SQL!r}).fetchall()) for _ in range(3)]
        print(json.dumps([found, connection.session_id]))
        connection.close()
    """
    found, session_id = python.run(code)
    assert found == [ROWS] * 3
    sent = python.warehouse.log(session_id=session_id, path="/api/2.0/sql/statements")
    assert [(entry["status"], entry["body"]["disposition"]) for entry in sent] == [
        (400, "INLINE_OR_EXTERNAL_LINKS"),
        *[(200, "EXTERNAL_LINKS")] * 3,
    ]


ALL_TYPES = """
    SELECT
        id,
        id % 2 = 0 AS truth,
        CAST(id - 100 AS TINYINT) AS tiny,
        CAST(id * 100 AS SMALLINT) AS small,
        CAST(id AS INT) AS int,
        CAST(id AS FLOAT) / 3 AS f,
        CASE id WHEN 0 THEN CAST('NaN' AS DOUBLE) WHEN 1 THEN CAST('-Infinity' AS DOUBLE)
            WHEN 2 THEN CAST('-0.0' AS DOUBLE) WHEN 3 THEN 1e300 ELSE id / 7 END AS d,
        CAST(id * 1.001 AS DECIMAL(38,10)) AS m,
        CASE WHEN id % 3 = 0 THEN NULL ELSE concat('é\\n"', id) END AS s,
        CASE WHEN id % 3 = 0 THEN X'' ELSE X'00ff' END AS b,
        date_add(DATE '1900-01-01', CAST(id * 1000 AS INT)) AS day,
        TIMESTAMP '2024-10-27 00:30:00.123+00:00' + id * INTERVAL '1' HOUR AS t,
        TIMESTAMP_NTZ '1899-12-31 23:59:59.999' AS n,
        id * INTERVAL '-1' HOUR AS dt,
        INTERVAL '-1-2' YEAR TO MONTH AS ym,
        array(id, NULL) AS a,
        array(named_struct('x', DATE '2024-02-29', 'y', CAST(1.50 AS DECIMAL(10,2)))) AS st,
        map('k', id, 'l', NULL) AS mp,
        map(CAST(id AS INT), array('v')) AS mi,
        parse_json('{"a": [1, null]}') AS v,
        NULL AS nothing,
        '' AS empty
    FROM range(60) ORDER BY id
"""


@pytest.mark.parametrize("chunk_rows", [1000, 7])
def test_json_rows_equal_arrow_rows_for_all_types(
    connect: Connect, warehouse: Warehouse, chunk_rows: int
) -> None:
    warehouse.settings(chunk_rows=chunk_rows)
    zone = {"timezone": "Europe/Berlin"}
    by_arrow = connect(session_configuration=zone).cursor().execute(ALL_TYPES)
    by_json = connect(session_configuration=zone, use_cloud_fetch=False).cursor().execute(ALL_TYPES)
    assert by_json.description == by_arrow.description
    arrow_rows, json_rows = by_arrow.fetchall(), by_json.fetchall()
    assert len(arrow_rows) == len(json_rows) == 60
    names = [column[0] for column in by_arrow.description or ()]
    for arrow_row, json_row in zip(arrow_rows, json_rows, strict=True):
        for name in names:
            assert repr(json_row[name]) == repr(arrow_row[name]), name
    assert math.isnan(json_rows[0].d)
    (sent,) = warehouse.log(statement=ALL_TYPES, session_id=by_json.connection.session_id)
    assert (sent["body"]["format"], sent["body"]["disposition"]) == ("JSON_ARRAY", "INLINE")
    assert not warehouse.log(to="storage", statement_id=by_json.query_id)


def test_json_as_arrow_has_the_same_columns(connect: Connect) -> None:
    by_arrow = connect().cursor().execute(ALL_TYPES).fetchall_arrow()
    by_json = connect(use_cloud_fetch=False).cursor().execute(ALL_TYPES).fetchall_arrow()
    assert by_json.schema.names == by_arrow.schema.names
    for name in by_arrow.schema.names:
        ours, theirs = by_json.schema.field(name), by_arrow.schema.field(name)
        assert ours.metadata == theirs.metadata, name
        if not str(theirs.type).startswith("timestamp"):
            assert ours.type == theirs.type, name


def test_json_that_is_too_large_is_an_error_of_the_service(
    connect: Connect, warehouse: Warehouse
) -> None:
    warehouse.settings(json_limit_bytes=1000)
    with pytest.raises(dbapi.DatabaseError, match="Inline byte limit exceeded"):
        connect(use_cloud_fetch=False).cursor().execute(SQL)
