"""What the module has: globals, exceptions, type objects, constructors."""

from __future__ import annotations

import builtins
import copy
import datetime
import importlib
import pickle
import time
from typing import Any

import pytest

import databricks_sql_kernel
from databricks_sql_kernel import dbapi

DATABASE_ERRORS = [
    "DataError",
    "OperationalError",
    "IntegrityError",
    "InternalError",
    "ProgrammingError",
    "NotSupportedError",
]
EXCEPTIONS = ["Warning", "Error", "InterfaceError", "DatabaseError", *DATABASE_ERRORS]


def test_the_globals_of_pep_249() -> None:
    assert dbapi.apilevel == "2.0"
    assert dbapi.threadsafety == 2
    assert dbapi.paramstyle == "named"


def test_the_package_tells_its_version() -> None:
    major, minor, *_ = databricks_sql_kernel.__version__.split(".")
    assert (int(major), int(minor)) >= (1, 4)


def test_all_names_of_all_are_there() -> None:
    assert len(dbapi.__all__) > 30
    assert sorted(dbapi.__all__) == sorted(name for name in dir(dbapi) if not name.startswith("_"))


def test_the_module_can_be_imported_by_its_own_name() -> None:
    assert importlib.import_module("databricks_sql_kernel.dbapi") is dbapi
    assert dbapi.__name__ == "databricks_sql_kernel.dbapi"


@pytest.mark.parametrize("name", ["InterfaceError", "DatabaseError"])
def test_errors_descend_from_error(name: str) -> None:
    assert getattr(dbapi, name).__bases__ == (dbapi.Error,)


@pytest.mark.parametrize("name", DATABASE_ERRORS)
def test_errors_of_the_database_descend_from_database_error(name: str) -> None:
    assert getattr(dbapi, name).__bases__ == (dbapi.DatabaseError,)


def test_warning_and_error_are_exceptions_and_not_the_built_in_ones() -> None:
    assert dbapi.Warning.__bases__ == (Exception,)
    assert dbapi.Error.__bases__ == (Exception,)
    assert not issubclass(dbapi.Warning, builtins.Warning)


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exceptions_are_attributes_of_connections_too(name: str) -> None:
    assert getattr(dbapi.Connection, name) is getattr(dbapi, name)


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exceptions_say_where_they_are(name: str) -> None:
    exception = getattr(dbapi, name)
    assert (exception.__module__, exception.__qualname__) == ("databricks_sql_kernel.dbapi", name)


def test_the_official_connectors_names_of_errors_are_there() -> None:
    assert dbapi.ServerOperationError is dbapi.DatabaseError
    assert dbapi.TransactionError is dbapi.DatabaseError
    assert dbapi.RequestError is dbapi.OperationalError


@pytest.mark.parametrize(
    "name",
    [
        "CursorAlreadyClosedError",
        "InvalidServerResponseError",
        "MaxRetryDurationError",
        "NonRecoverableNetworkError",
        "SessionAlreadyClosedError",
        "UnsafeToRetryError",
    ],
)
def test_further_names_of_the_official_connector_are_errors_of_requests(name: str) -> None:
    error = getattr(dbapi, name)
    assert issubclass(error, dbapi.RequestError)
    assert (error.__module__, error.__qualname__) == ("databricks_sql_kernel.dbapi", name)
    assert pickle.loads(pickle.dumps(error("x"))).args == ("x",)  # noqa: S301


def test_exceptions_are_where_the_official_connector_has_them() -> None:
    assert dbapi.exc.DatabaseError is dbapi.DatabaseError
    assert dbapi.__version__ == databricks_sql_kernel.__version__


def test_the_isolation_level_has_the_official_connectors_name() -> None:
    assert dbapi.TRANSACTION_ISOLATION_LEVEL_REPEATABLE_READ == "REPEATABLE_READ"


@pytest.mark.parametrize("kind", [dbapi.Connection, dbapi.Cursor])
def test_tools_recognise_databricks_by_the_first_part_of_the_module(kind: type) -> None:
    assert kind.__module__.split(".", 1)[0].lower().lstrip("_") == "databricks"


@pytest.mark.parametrize("kind", [dbapi.Connection, dbapi.Cursor, dbapi.ArrowTable])
def test_objects_of_the_driver_come_from_the_driver_only(kind: type) -> None:
    with pytest.raises(TypeError):
        kind()


TYPE_CODES = {
    "STRING": {"string", "char", "varchar", "variant", "geometry", "geography"},
    "BINARY": {"binary"},
    "NUMBER": {
        "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal",
    },
    "DATETIME": {"timestamp", "timestamp_ntz", "date"},
    "DATE": {"date"},
    "ROWID": set(),
}  # fmt: skip
ALL_CODES = sorted(set().union(*TYPE_CODES.values()))


@pytest.mark.parametrize("name", TYPE_CODES)
def test_type_objects_equal_the_codes_of_their_types_and_no_others(name: str) -> None:
    group = getattr(dbapi, name)
    assert {code for code in ALL_CODES if code == group} == TYPE_CODES[name]
    assert {code for code in ALL_CODES if not group != code} == TYPE_CODES[name]  # noqa: SIM202
    assert set(group.values) == TYPE_CODES[name]


def test_type_objects_equal_themselves_only() -> None:
    groups = [getattr(dbapi, name) for name in TYPE_CODES]
    for group in groups:
        assert [other for other in groups if group == other] == [group]
        assert group != 1
        assert group is not None


def test_type_objects_can_be_keys_and_show_their_names() -> None:
    names = {getattr(dbapi, name): name for name in TYPE_CODES}
    assert len(names) == len(TYPE_CODES)
    assert {repr(group) for group in names} == set(TYPE_CODES)


def test_constructors_make_the_usual_objects() -> None:
    assert dbapi.Date(2024, 2, 29) == datetime.date(2024, 2, 29)
    assert dbapi.Time(1, 2, 3) == datetime.time(1, 2, 3)
    assert dbapi.Time(1, 2, 3, 4) == datetime.time(1, 2, 3, 4)
    assert dbapi.Timestamp(2024, 2, 29) == datetime.datetime(2024, 2, 29)  # noqa: DTZ001
    zone = datetime.timezone(datetime.timedelta(hours=1))
    expected = datetime.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=zone)
    assert dbapi.Timestamp(2024, 2, 29, 1, 2, 3, 4, zone) == expected
    assert dbapi.Timestamp(2024, 2, 29, 1, 2, 3, 4, tzinfo=zone).tzinfo is zone


@pytest.mark.parametrize("ticks", [0, 1_700_000_000, 1_700_000_000.25])
def test_constructors_from_ticks_go_by_the_local_clock(ticks: float) -> None:
    local = datetime.datetime.fromtimestamp(ticks)  # noqa: DTZ006
    assert dbapi.TimestampFromTicks(ticks) == local
    assert dbapi.DateFromTicks(ticks) == local.date()
    assert dbapi.TimeFromTicks(ticks) == local.time()
    assert dbapi.DateFromTicks(ticks).timetuple()[:3] == time.localtime(ticks)[:3]


@pytest.mark.parametrize(
    "make",
    [
        lambda: dbapi.Date(2023, 2, 29),
        lambda: dbapi.Time(24, 0, 0),
        lambda: dbapi.Timestamp(10_000, 1, 1),
    ],
)
def test_there_are_no_other_dates_and_times_than_those_of_python(make: Any) -> None:
    with pytest.raises(ValueError, match=r"range|must be"):
        make()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b"\x00\xff", b"\x00\xff"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        ([1, 2], b"\x01\x02"),
        ("é", b"\xc3\xa9"),
        (b"", b""),
    ],
)
def test_binary_makes_bytes(given: Any, expected: bytes) -> None:
    made = dbapi.Binary(given)
    assert type(made) is bytes
    assert made == expected


def test_functions_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(dbapi.Date)) is dbapi.Date  # noqa: S301
    assert copy.copy(dbapi.connect) is dbapi.connect
