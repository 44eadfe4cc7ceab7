"""Metadata on the local warehouse, in the columns of JDBC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import databricks_sql_kernel as kernel

from .conftest import execute

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse


@pytest.fixture
def metadata(session: kernel.Session) -> kernel.Metadata:
    return session.metadata()


def test_catalogs_and_schemas(metadata: kernel.Metadata) -> None:
    assert "main" in metadata.list_catalogs().fetch_all_arrow()["TABLE_CAT"].to_pylist()
    schemas = metadata.list_schemas(catalog="main", schema_pattern="def%").fetch_all_arrow()
    assert schemas.to_pydict() == {"TABLE_SCHEM": ["default"], "TABLE_CATALOG": ["main"]}
    everywhere = metadata.list_schemas().fetch_all_arrow()["TABLE_CATALOG"].to_pylist()
    assert {"main", "samples"} <= set(everywhere)
    assert metadata.list_schemas(catalog="").fetch_all_arrow().num_rows == 0
    assert metadata.list_schemas(catalog="no_such").fetch_all_arrow().num_rows == 0
    assert metadata.list_schemas(catalog="a`b").fetch_all_arrow().num_rows == 0
    for nothing in (" ", "a\0"):
        with pytest.raises(kernel.KernelError) as caught:
            metadata.list_schemas(catalog=nothing)
        assert caught.value.code == "InvalidArgument"


def test_an_empty_pattern_names_nothing(metadata: kernel.Metadata) -> None:
    for nothing in (
        metadata.list_schemas(catalog="main", schema_pattern=""),
        metadata.list_tables(catalog="main", schema_pattern=""),
        metadata.list_tables(catalog="main", table_pattern=""),
        metadata.list_columns(catalog="main", table_pattern=""),
        metadata.list_columns(catalog="main", column_pattern=""),
        metadata.functions(catalog="main", name_pattern=""),
        metadata.procedures(catalog="main", name_pattern=""),
        metadata.functions(catalog=""),
        metadata.procedures(catalog=""),
    ):
        assert nothing.fetch_all_arrow().num_rows == 0


def test_tables_and_columns(
    session: kernel.Session, metadata: kernel.Metadata, table: str, warehouse: Warehouse
) -> None:
    execute(session, f"CREATE TABLE {table} (a INT NOT NULL, b DECIMAL(10,2))")
    tables = metadata.list_tables(catalog="mai%", table_pattern=table).fetch_all_arrow()
    assert tables["TABLE_NAME"].to_pylist() == [table]
    assert tables["TABLE_TYPE"].to_pylist() == ["TABLE"]
    assert tables.num_columns == 10
    views = metadata.list_tables(catalog="main", table_pattern=table, table_types=["view"])
    assert views.fetch_all_arrow().num_rows == 0
    columns = metadata.list_columns(catalog="main", table_pattern=table).fetch_all_arrow()
    assert columns["COLUMN_NAME"].to_pylist() == ["a", "b"]
    assert columns["DATA_TYPE"].to_pylist() == [4, 3]
    assert columns["TYPE_NAME"].to_pylist() == ["INT", "DECIMAL(10,2)"]
    assert columns["IS_NULLABLE"].to_pylist() == ["NO", "YES"]
    operations = [
        entry["headers"].get("x-databricks-metadata-operation-type")
        for entry in warehouse.log(method="POST", path="/api/2.0/sql/statements")
    ]
    assert operations == [None, "GetCatalogs", "GetTables", "GetTables", "GetColumns"]


def test_what_needs_no_request(metadata: kernel.Metadata, warehouse: Warehouse) -> None:
    warehouse.clear_log()
    types = metadata.table_types().fetch_all_arrow()["TABLE_TYPE"].to_pylist()
    assert types == ["SYSTEM TABLE", "TABLE", "VIEW", "METRIC_VIEW"]
    info = metadata.type_info().fetch_all_arrow()
    assert (info.num_rows, info.num_columns) == (20, 18)
    assert metadata.list_tables(table_types=[]).fetch_all_arrow().num_rows == 0
    assert warehouse.log() == []


def test_procedures(metadata: kernel.Metadata, warehouse: Warehouse) -> None:
    procedures = metadata.procedures(catalog="main", name_pattern="it's%").fetch_all_arrow()
    assert procedures.num_rows == 0
    assert procedures.num_columns == 9
    assert warehouse.log(method="POST", path="/api/2.0/sql/statements")
