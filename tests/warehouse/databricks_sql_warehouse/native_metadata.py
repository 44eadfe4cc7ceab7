"""Metadata in the final shape of the drivers, as some servers answer when they are asked for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .data_types import INT, SMALLINT, STRING, TINYINT, Column
from .engine import rows_outcome
from .tables import NAME, name_parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from .data_types import DataType
    from .engine import Outcome

    Row = dict[str, Any]

OPERATION = "x-databricks-metadata-operation-type"
WANTED = "x-databricks-require-thrift-native-metadata"

_ONE_CATALOG = re.compile(rf"(?i)\s*SHOW\s+SCHEMAS\s+IN\s+(?!ALL\s+CATALOGS)({NAME})")
_CODES = {
    "NULL": 0, "BOOLEAN": 16, "BYTE": -6, "SHORT": 5, "INT": 4, "LONG": -5, "FLOAT": 6,
    "DOUBLE": 8, "DECIMAL": 3, "STRING": 12, "BINARY": -2, "DATE": 91, "TIMESTAMP": 93,
    "TIMESTAMP_NTZ": 93, "ARRAY": 2003, "MAP": 2000, "STRUCT": 2002,
}  # fmt: skip
_OTHER = 1111
_TYPE_NAMES = {"TINYINT": "BYTE", "SMALLINT": "SHORT", "BIGINT": "LONG", "VOID": "NULL"}
_NO_NULLS, _NULLABLE = 0, 1


def reshape(outcome: Outcome, operation: str, statement: str) -> Outcome | None:
    """The rows of a SHOW statement as the operation's result; None for an unknown operation."""
    known = _OPERATIONS.get(operation)
    if known is None or outcome.table is None:
        return None
    columns, build = known
    named = _ONE_CATALOG.match(statement)
    catalog = {"catalog": name_parts(named[1])[0].lower()} if named else {}
    rows = [build({**catalog, **row}) for row in outcome.table.to_pylist()]
    shaped = rows_outcome(columns, [[row.get(c.name) for c in columns] for row in rows])
    shaped.native_metadata = True
    return shaped


def _columns(names: str, **types: DataType) -> list[Column]:
    """Columns of text but for `types`; a name with ! holds no NULL."""
    found = []
    for word in names.split():
        name = word.rstrip("!")
        found.append(Column(name, types.get(name, STRING), nullable=not word.endswith("!")))
    return found


def _catalog(row: Row) -> Row:
    return {"TABLE_CAT": row["catalog"]}


def _schema(row: Row) -> Row:
    return {"TABLE_SCHEM": row["databaseName"], "TABLE_CATALOG": row.get("catalog")}


def _table(row: Row) -> Row:
    return {
        "TABLE_CAT": row["catalogName"],
        "TABLE_SCHEM": row["namespace"],
        "TABLE_NAME": row["tableName"],
        "TABLE_TYPE": row["tableType"],
        "REMARKS": row["remarks"] or "",
    }


def _column(row: Row) -> Row:
    base = row["columnType"].partition("(")[0].partition("<")[0]
    nullable = row["isNullable"] == "true"
    return {
        "TABLE_CAT": row["catalogName"],
        "TABLE_SCHEM": row["namespace"],
        "TABLE_NAME": row["tableName"],
        "COLUMN_NAME": row["col_name"],
        "DATA_TYPE": _CODES.get(_TYPE_NAMES.get(base, base), _OTHER),
        "TYPE_NAME": row["columnType"],
        "COLUMN_SIZE": row["columnSize"],
        "DECIMAL_DIGITS": row["decimalDigits"],
        "NUM_PREC_RADIX": row["radix"],
        "NULLABLE": _NULLABLE if nullable else _NO_NULLS,
        "REMARKS": row["remarks"] or "",
        "ORDINAL_POSITION": row["ordinalPosition"] - 1,  # from 0, as clients of Thrift expect
        "IS_NULLABLE": "YES" if nullable else "NO",
        "IS_AUTO_INCREMENT": row["isAutoIncrement"],
    }


def _function(row: Row) -> Row:
    return {
        "FUNCTION_CAT": row["catalogName"],
        "FUNCTION_SCHEM": row["namespace"],
        "FUNCTION_NAME": row["functionName"],
        "REMARKS": row["remarks"] or "",
        "FUNCTION_TYPE": 1,
        "SPECIFIC_NAME": row["specificName"],
    }


def _primary_key(row: Row) -> Row:
    return {
        "TABLE_CAT": row["catalogName"],
        "TABLE_SCHEM": row["namespace"],
        "TABLE_NAME": row["tableName"],
        "COLUMN_NAME": row["col_name"],
        "KEY_SEQ": row["keySeq"],
        "PK_NAME": row["constraintName"],
    }


def _foreign_key(row: Row) -> Row:
    return {
        "PKTABLE_CAT": row["parentCatalogName"],
        "PKTABLE_SCHEM": row["parentNamespace"],
        "PKTABLE_NAME": row["parentTableName"],
        "PKCOLUMN_NAME": row["parentColName"],
        "FKTABLE_CAT": row["catalogName"],
        "FKTABLE_SCHEM": row["namespace"],
        "FKTABLE_NAME": row["tableName"],
        "FKCOLUMN_NAME": row["col_name"],
        "KEY_SEQ": row["keySeq"],
        "UPDATE_RULE": row["updateRule"],
        "DELETE_RULE": row["deleteRule"],
        "FK_NAME": row["constraintName"],
        "PK_NAME": row["pkName"],
        "DEFERRABILITY": row["deferrability"],
    }


_OPERATIONS: dict[str, tuple[list[Column], Callable[[Row], Row]]] = {
    "GetCatalogs": (_columns("TABLE_CAT"), _catalog),
    "GetSchemas": (_columns("TABLE_SCHEM! TABLE_CATALOG"), _schema),
    "GetTables": (
        _columns(
            "TABLE_CAT TABLE_SCHEM TABLE_NAME! TABLE_TYPE! REMARKS TYPE_CAT TYPE_SCHEM TYPE_NAME "
            "SELF_REFERENCING_COL_NAME REF_GENERATION"
        ),
        _table,
    ),
    "GetColumns": (
        _columns(
            "TABLE_CAT TABLE_SCHEM TABLE_NAME! COLUMN_NAME! DATA_TYPE! TYPE_NAME! COLUMN_SIZE "
            "BUFFER_LENGTH DECIMAL_DIGITS NUM_PREC_RADIX NULLABLE! REMARKS COLUMN_DEF "
            "SQL_DATA_TYPE SQL_DATETIME_SUB CHAR_OCTET_LENGTH ORDINAL_POSITION IS_NULLABLE! "
            "SCOPE_CATALOG SCOPE_SCHEMA SCOPE_TABLE SOURCE_DATA_TYPE IS_AUTO_INCREMENT!",
            DATA_TYPE=INT,
            COLUMN_SIZE=INT,
            BUFFER_LENGTH=TINYINT,
            DECIMAL_DIGITS=INT,
            NUM_PREC_RADIX=INT,
            NULLABLE=INT,
            SQL_DATA_TYPE=INT,
            SQL_DATETIME_SUB=INT,
            CHAR_OCTET_LENGTH=INT,
            ORDINAL_POSITION=INT,
            SOURCE_DATA_TYPE=SMALLINT,
        ),
        _column,
    ),
    "GetFunctions": (
        _columns(
            "FUNCTION_CAT FUNCTION_SCHEM FUNCTION_NAME! REMARKS FUNCTION_TYPE SPECIFIC_NAME",
            FUNCTION_TYPE=SMALLINT,
        ),
        _function,
    ),
    "GetPrimaryKeys": (
        _columns("TABLE_CAT TABLE_SCHEM TABLE_NAME! COLUMN_NAME! KEY_SEQ PK_NAME", KEY_SEQ=INT),
        _primary_key,
    ),
    "GetCrossReference": (
        _columns(
            "PKTABLE_CAT PKTABLE_SCHEM PKTABLE_NAME! PKCOLUMN_NAME! FKTABLE_CAT FKTABLE_SCHEM "
            "FKTABLE_NAME! FKCOLUMN_NAME! KEY_SEQ UPDATE_RULE DELETE_RULE FK_NAME PK_NAME "
            "DEFERRABILITY",
            KEY_SEQ=INT,
            UPDATE_RULE=SMALLINT,
            DELETE_RULE=SMALLINT,
            DEFERRABILITY=SMALLINT,
        ),
        _foreign_key,
    ),
}
