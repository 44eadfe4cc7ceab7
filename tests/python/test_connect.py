"""`connect`: hosts, options, and what is said of those it does not take."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from databricks_sql_warehouse import Warehouse

    Connect = Callable[..., dbapi.Connection]


def opening(warehouse: Warehouse) -> dict[str, Any]:
    """The last request for a session."""
    return warehouse.log(method="POST", path="/api/2.0/sql/sessions")[-1]


def test_hosts_may_be_urls_with_a_port(connect: Connect, warehouse: Warehouse) -> None:
    url = f"http://{warehouse.host}:{warehouse.port}"
    for host in (url, url + "/"):
        assert connect(server_hostname=host).open


def test_a_port_may_be_given_by_itself(connect: Connect, warehouse: Warehouse) -> None:
    host = f"http://{warehouse.host}"
    assert connect(server_hostname=host, port=warehouse.port).open
    assert connect(server_hostname=host, _port=warehouse.port).open


def test_the_first_three_arguments_may_go_without_names(warehouse: Warehouse) -> None:
    arguments = warehouse.server_hostname, warehouse.http_path, warehouse.access_token
    with dbapi.connect(*arguments) as connection:
        assert connection.open


def test_plain_http_is_for_this_machine_only(connect: Connect, warehouse: Warehouse) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="http"):
        connect(server_hostname="http://databricks.example.com")
    assert not warehouse.log()


@pytest.mark.parametrize("name", ["server_hostname", "http_path", "access_token"])
def test_a_missing_argument_is_named(connect: Connect, name: str) -> None:
    with pytest.raises(dbapi.ProgrammingError, match=name):
        connect(**{name: None})


@pytest.mark.parametrize("path", ["", "/", "nonsense", "/sql/1.0/warehouses/", "/sql/1.0/endpoint"])
def test_a_path_of_no_warehouse_is_refused(
    connect: Connect, warehouse: Warehouse, path: str
) -> None:
    with pytest.raises(dbapi.ProgrammingError):
        connect(http_path=path)
    assert not warehouse.log()


@pytest.mark.parametrize("host", ["", "   ", "https://", "host/path?query", "user:word@host"])
def test_what_is_no_host_is_refused(connect: Connect, host: str) -> None:
    with pytest.raises(dbapi.ProgrammingError):
        connect(server_hostname=host)


@pytest.mark.parametrize("port", [0, -1, 65_536, "80", 1.5])
def test_what_is_no_port_is_refused(connect: Connect, port: Any) -> None:
    with pytest.raises((dbapi.ProgrammingError, TypeError)):
        connect(server_hostname="http://localhost", port=port)


def test_a_token_that_no_header_can_hold_is_refused_unseen(connect: Connect) -> None:
    with pytest.raises(dbapi.ProgrammingError) as raised:
        connect(access_token="secret\r\nx-other: y")
    assert "secret" not in str(raised.value)


def test_nobody_listening_is_an_operational_error(connect: Connect, warehouse: Warehouse) -> None:
    host = "http://localhost:1"
    with pytest.raises(dbapi.OperationalError, match="localhost:1") as raised:
        connect(server_hostname=host, retry_stop_after_attempts_count=1)
    assert raised.value.code in ("NetworkError", "Unavailable")
    assert warehouse.access_token not in str(raised.value)


def test_a_refused_token_is_an_operational_error_without_the_token(connect: Connect) -> None:
    with pytest.raises(dbapi.OperationalError) as raised:
        connect(access_token="dapi-wrong-and-secret")
    assert raised.value.http_status in (401, 403)
    assert raised.value.code in ("Unauthenticated", "PermissionDenied")
    assert "dapi-wrong-and-secret" not in repr(raised.value) + raised.value.message_with_context()


def test_the_token_is_in_no_representation(connect: Connect, warehouse: Warehouse) -> None:
    connection = connect()
    cursor = connection.cursor()
    shown = [repr(connection), str(connection), repr(cursor), repr(connection.cursor)]
    with pytest.raises(dbapi.Error) as raised:
        cursor.execute("SELECT nothing")
    shown += [repr(raised.value), raised.value.message_with_context(), repr(vars(raised.value))]
    assert not [text for text in shown if warehouse.access_token in text]


def test_a_connection_closes_at_the_end_of_its_block(
    connect: Connect, warehouse: Warehouse
) -> None:
    with connect() as connection:
        assert connection.open
    assert not connection.open
    (closing,) = warehouse.log(method="DELETE", session_id=connection.session_id)
    assert closing["status"] == 200


def test_a_connection_closes_when_its_block_raises(connect: Connect) -> None:
    def fail(connection: dbapi.Connection) -> None:
        with connection:
            raise LookupError

    connection = connect()
    with pytest.raises(LookupError):
        fail(connection)
    assert not connection.open


def test_catalog_and_schema_are_where_names_start(connect: Connect) -> None:
    cursor = connect(catalog="samples", schema="nyctaxi").cursor()
    assert cursor.execute("SELECT current_catalog(), current_schema()").fetchone() == (
        "samples",
        "nyctaxi",
    )
    assert cursor.execute("SELECT * FROM trips LIMIT 1").fetchone() is not None


def test_nothing_is_found_in_an_unknown_catalog(connect: Connect) -> None:
    with pytest.raises(dbapi.ProgrammingError):
        connect(catalog="no_such_catalog").cursor().execute("SELECT * FROM trips")


def test_the_session_configuration_is_sent_with_booleans_in_lower_case(
    connect: Connect, warehouse: Warehouse
) -> None:
    given = {"ansi_mode": True, "use_cached_result": False, "timezone": "Asia/Tokyo", "limit": 5}
    before = dict(given)
    connection = connect(session_configuration=given)
    assert given == before
    sent = opening(warehouse)["body"]["session_confs"]
    assert sent == {
        "ansi_mode": "true",
        "use_cached_result": "false",
        "timezone": "Asia/Tokyo",
        "limit": "5",
    }
    assert connection.cursor().execute("SELECT current_timezone()").fetchone() == ("Asia/Tokyo",)


def test_the_user_agent_names_the_driver_and_the_entry(
    connect: Connect, warehouse: Warehouse
) -> None:
    connect()
    plain = opening(warehouse)["headers"]["user-agent"]
    assert plain.startswith("databricks-sql-kernel/")
    for name in ("user_agent_entry", "_user_agent_entry"):
        connect(**{name: "my-tool/2.0"})
        assert opening(warehouse)["headers"]["user-agent"] == f"{plain} (my-tool/2.0)"


def test_headers_go_to_the_workspace_and_not_to_the_storage(
    connect: Connect, warehouse: Warehouse
) -> None:
    warehouse.settings(inline_limit_bytes=0)
    cursor = connect(http_headers=[("X-Team", "blue"), ("x-two", "2")]).cursor()
    assert cursor.execute("SELECT 1").fetchall() == [(1,)]
    to_api = [entry for entry in warehouse.log(to="api") if entry["method"] != "DELETE"]
    assert {(entry["headers"]["x-team"], entry["headers"]["x-two"]) for entry in to_api} == {
        ("blue", "2")
    }
    to_storage = warehouse.log(to="storage")
    assert to_storage
    assert not [entry for entry in to_storage if "x-team" in entry["headers"]]
    assert not [entry for entry in to_storage if entry["headers"]["authorization"]]


@pytest.mark.parametrize("header", [("bad name", "x"), ("x", "line\nbreak")])
def test_what_is_no_header_is_refused(connect: Connect, header: tuple[str, str]) -> None:
    with pytest.raises((dbapi.ProgrammingError, dbapi.NotSupportedError)):
        connect(http_headers=[header])


HONOURED = {
    "connect_timeout": 5,
    "login_timeout": 60,
    "max_buffered_bytes": 1 << 20,
    "maps_as_dicts": True,
    "retry_delay_max": 1,
    "retry_delay_min": 0.1,
    "retry_stop_after_attempts_count": 3,
    "retry_stop_after_attempts_duration": 10,
    "row_factory": dict,
    "socket_timeout": 5.5,
    "statement_timeout": 60,
    "use_cloud_fetch": False,
}


@pytest.mark.parametrize("name", HONOURED)
@pytest.mark.parametrize("prefix", ["", "_"])
def test_honoured_options_are_taken_in_silence(connect: Connect, name: str, prefix: str) -> None:
    cursor = connect(**{prefix + name: HONOURED[name]}).cursor()
    assert len(cursor.execute("SELECT 1 AS a").fetchall()) == 1


@pytest.mark.parametrize("name", [*HONOURED, "catalog", "tls_trusted_ca_file", "oauth_client_id"])
def test_an_option_of_none_is_as_if_not_given(connect: Connect, name: str) -> None:
    assert connect(**{name: None}).open


WITHOUT_MEANING: dict[str, tuple[object, object]] = {
    # a value that asks for what happens anyway, or None, and another
    "disable_pandas": (None, True),
    "enable_query_result_lz4_compression": (True, False),
    "enable_ssl": (True, False),
    "enable_telemetry": (False, True),
    "enable_v3_retries": (True, False),
    "force_enable_telemetry": (False, True),
    "max_connections": (None, 10),
    "max_download_threads": (None, 4),
    "pool_connections": (None, 10),
    "pool_maxsize": (None, 20),
    "request_timeout_secs": (None, 30),
    "respect_server_retry_after_header": (True, False),
    "retry_dangerous_codes": (None, [502]),
    "retry_delay_default": (None, 5.0),
    "retry_max_redirects": (None, 3),
    "skip_routing_headers": (None, True),
    "telemetry_batch_size": (None, 100),
    "telemetry_circuit_breaker_enabled": (None, True),
    "use_arrow_native_decimals": (True, False),
    "use_arrow_native_timestamps": (True, False),
    "use_hybrid_disposition": (True, False),
    "use_kernel": (False, True),
    "use_sea": (False, True),
}


@pytest.mark.parametrize("name", WITHOUT_MEANING)
@pytest.mark.parametrize("prefix", ["", "_"])
def test_an_option_without_meaning_is_ignored_with_one_warning_that_tells_why(
    connect: Connect, name: str, prefix: str
) -> None:
    _, value = WITHOUT_MEANING[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert connect(**{prefix + name: value}).open
    (warning,) = caught
    assert warning.category is UserWarning
    before, why = str(warning.message).split(f"'{prefix}{name}': ")
    assert before == "connect() ignores "
    assert len(why) > 10
    assert warning.filename.endswith("conftest.py")


@pytest.mark.parametrize("name", WITHOUT_MEANING)
def test_asking_for_what_happens_anyway_is_no_reason_to_warn(connect: Connect, name: str) -> None:
    usual, _ = WITHOUT_MEANING[name]
    assert connect(**{name: usual}).open


@pytest.mark.parametrize(
    ("name", "usual", "value", "way_out"),
    [
        ("enable_geospatial_support", False, True, "ST_AsBinary"),
        ("_use_arrow_native_complex_types", True, False, "to_json"),
        ("username", None, "me", "access_token"),
        ("password", None, "secret", "access_token"),
        ("_connection_uri", None, "https://h/sql", "http_path"),
    ],
)
def test_an_option_that_cannot_be_had_names_the_way_out(  # noqa: PLR0913, PLR0917
    connect: Connect, warehouse: Warehouse, name: str, usual: object, value: object, way_out: str
) -> None:
    assert connect(**{name: usual}).open
    warehouse.clear_log()
    with pytest.raises(dbapi.NotSupportedError, match=f"'{name}'.*{way_out}") as raised:
        connect(**{name: value})
    assert "secret" not in str(raised.value)
    assert not warehouse.log()


def test_query_tags_are_a_setting_of_the_session(connect: Connect, warehouse: Warehouse) -> None:
    tags = {"team": "data", "url": "a:b,c", "path\\": "d\\e", "flag": None}
    given = {"ansi_mode": True}
    connect(query_tags=tags, session_configuration=given)
    assert given == {"ansi_mode": True}
    assert opening(warehouse)["body"]["session_confs"] == {
        "ansi_mode": "true",
        "QUERY_TAGS": "team:data,url:a\\:b\\,c,path\\\\:d\\\\e,flag",
    }


@pytest.mark.parametrize("key", ["a:b,c", "a:b", "a,b", ""])
def test_a_query_tag_that_would_become_others_is_refused(
    connect: Connect, warehouse: Warehouse, key: str
) -> None:
    with pytest.raises(dbapi.ProgrammingError, match=re.escape(f'"{key}" cannot be a key')):
        connect(query_tags={"team": "data", key: "v"})
    assert not warehouse.log()


def test_metric_views_are_a_setting_of_the_session(connect: Connect, warehouse: Warehouse) -> None:
    connect(enable_metric_view_metadata=True)
    settings = opening(warehouse)["body"]["session_confs"]
    assert settings == {"spark.sql.thriftserver.metadata.metricview.enabled": "true"}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("shcema", "schema"),
        ("catalogue", "catalog"),
        ("session_config", "session_configuration"),
        ("acces_tokn", "access_token"),
        ("oauth_clientid", "oauth_client_id"),
    ],
)
def test_an_unknown_option_is_a_type_error_that_suggests_the_nearest(
    connect: Connect, given: str, meant: str
) -> None:
    with pytest.raises(TypeError, match=f"'{given}'.*'{meant}'"):
        connect(**{given: "x"})


@pytest.mark.parametrize(
    "name", ["connect_timeout", "login_timeout", "socket_timeout", "statement_timeout"]
)
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "soon"])
def test_what_is_no_time_span_is_refused(connect: Connect, name: str, value: Any) -> None:
    with pytest.raises((dbapi.ProgrammingError, TypeError)):
        connect(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("catalog", 5),
        ("session_configuration", ["a"]),
        ("row_factory", 5),
        ("http_headers", "x: y"),
        ("use_cloud_fetch", "no"),
        ("max_buffered_bytes", -1),
    ],
)
def test_an_option_of_the_wrong_type_is_named(connect: Connect, name: str, value: Any) -> None:
    kinds = (dbapi.ProgrammingError, TypeError, ValueError, OverflowError)
    with pytest.raises(kinds, match=name):
        connect(**{name: value})


def test_a_ca_file_that_cannot_be_read_is_named(connect: Connect, tmp_path: Path) -> None:
    missing = tmp_path / "no-such-file.pem"
    with pytest.raises(dbapi.ProgrammingError, match="no-such-file"):
        connect(tls_trusted_ca_file=str(missing))


def test_a_ca_file_that_holds_no_certificate_is_refused(connect: Connect, tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("this is no certificate")
    with pytest.raises((dbapi.ProgrammingError, dbapi.OperationalError), match="certificate"):
        connect(tls_trusted_ca_file=junk)


def test_a_server_that_keeps_silent_is_given_up(connect: Connect, warehouse: Warehouse) -> None:
    warehouse.fault(match={"path": "sessions$"}, action={"delay": [3, 3]}, times=None)
    with pytest.raises(dbapi.OperationalError):
        connect(
            socket_timeout=0.2,
            retry_stop_after_attempts_count=2,
            retry_delay_min=0.01,
            retry_delay_max=0.01,
        )


def test_opening_a_session_is_tried_again_when_refused_for_a_while(
    connect: Connect, warehouse: Warehouse
) -> None:
    busy = {"status": 429, "headers": {"retry-after": "0"}}
    warehouse.fault(match={"path": "sessions$"}, action=busy, times=2)
    assert connect(retry_delay_min=0.01, retry_delay_max=0.01).open
    assert [entry["status"] for entry in warehouse.log(path="/api/2.0/sql/sessions")] == [
        429,
        429,
        200,
    ]
