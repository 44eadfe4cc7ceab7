from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Client


@pytest.fixture
def table(client: Client) -> str:
    client.execute(
        "CREATE OR REPLACE TABLE errors_t "
        "(id INT PRIMARY KEY, s STRING NOT NULL, n INT CHECK (n > 0))"
    )
    client.execute("INSERT INTO errors_t VALUES (1, 'a', 1)")
    return "errors_t"


@pytest.mark.parametrize(
    ("sql", "condition", "state"),
    [
        ("SELECT * FROM nowhere", "TABLE_OR_VIEW_NOT_FOUND", "42P01"),
        ("INSERT INTO main.nowhere.t VALUES (1)", "TABLE_OR_VIEW_NOT_FOUND", "42P01"),
        ("DROP TABLE nowhere", "TABLE_OR_VIEW_NOT_FOUND", "42P01"),
        ("SELECT x FROM {table}", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703"),
        ("SELECT x", "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703"),
        ("SELECT no_function(1)", "UNRESOLVED_ROUTINE", "42883"),
        ("SELECT 1 / 0", "DIVIDE_BY_ZERO", "22012"),
        ("SELECT id / (id - 1) FROM {table}", "DIVIDE_BY_ZERO", "22012"),
        ("SELECT 7 % 0", "DIVIDE_BY_ZERO", "22012"),
        ("SELECT CAST('abc' AS INT)", "CAST_INVALID_INPUT", "22018"),
        ("SELECT CAST('abc' AS DATE)", "CAST_INVALID_INPUT", "22018"),
        ("SELECT CAST('abc' AS TIMESTAMP)", "CAST_INVALID_INPUT", "22018"),
        ("SELECT CAST('maybe' AS BOOLEAN)", "CAST_INVALID_INPUT", "22018"),
        ("SELECT CAST('abc' AS DECIMAL(3,1))", "CAST_INVALID_INPUT", "22018"),
        ("SELECT CAST(300 AS TINYINT)", "NUMERIC_VALUE_OUT_OF_RANGE", "22003"),
        ("SELECT CAST(1000 AS DECIMAL(3,1))", "NUMERIC_VALUE_OUT_OF_RANGE", "22003"),
        ("SELECT 9223372036854775807 + 1", "NUMERIC_VALUE_OUT_OF_RANGE", "22003"),
        ("CREATE TABLE {table} (id INT)", "TABLE_OR_VIEW_ALREADY_EXISTS", "42P07"),
        ("CREATE TABLE nowhere.t (id INT)", "SCHEMA_NOT_FOUND", "42704"),
        ("CREATE SCHEMA main.default", "SCHEMA_ALREADY_EXISTS", "42P06"),
        ("INSERT INTO {table} (id) VALUES (2)", "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "23502"),
        (
            "INSERT INTO {table} VALUES (2, 'a', 0)",
            "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES",
            "23001",
        ),
        ("INSERT INTO {table} VALUES (2)", "INSERT_COLUMN_ARITY_MISMATCH", "21S01"),
        ("SELECT INTERVAL 'x' DAY TO SECOND", "INVALID_INTERVAL_FORMAT", "22006"),
        ("SELECT raise_error('boom')", "USER_RAISED_EXCEPTION", "P0001"),
        ("USE CATALOG nowhere", "NO_SUCH_CATALOG_EXCEPTION", "42704"),
        ("SET TIME ZONE 'Mars/Olympus'", "INVALID_CONF_VALUE.TIME_ZONE", "22022"),
        ("DESCRIBE nowhere", "TABLE_OR_VIEW_NOT_FOUND", "42P01"),
        (" -- nothing", "PARSE_EMPTY_STATEMENT", "42617"),
        ("SELECT id FROM {table} a JOIN {table} b", "AMBIGUOUS_REFERENCE", "42704"),
        ("SELECT s, count(*) FROM {table}", "MISSING_AGGREGATION", "42803"),
        ("SELECT 1, 2 UNION SELECT 1", "NUM_COLUMNS_MISMATCH", "42826"),
        ("CREATE TABLE errors_u (id INT, id INT)", "COLUMN_ALREADY_EXISTS", "42711"),
        ("DROP VIEW {table}", "WRONG_COMMAND_FOR_OBJECT_TYPE", "42809"),
        ("DROP SCHEMA main.default", "SCHEMA_NOT_EMPTY", "2BP01"),
        ("SELECT s.x FROM {table}", "INVALID_EXTRACT_BASE_FIELD_TYPE", "42000"),
        ("SELECT named_struct('a', 1).b", "FIELD_NOT_FOUND", "42704"),
        ("INSERT INTO {table} (nope) VALUES (1)", "UNRESOLVED_COLUMN", "42703"),
        ("UPDATE {table} SET nope = 1", "UNRESOLVED_COLUMN", "42703"),
        ("SELECT CAST('2024-13-01' AS DATE)", "CAST_INVALID_INPUT", "22018"),
        ("SELECT * FROM {table} LIMIT -1", "INVALID_LIMIT_LIKE_EXPRESSION", "42K0E"),
        ("SELECT (SELECT id FROM range(3))", "SCALAR_SUBQUERY_TOO_MANY_ROWS", "21000"),
        ("SELECT assert_true(false)", "USER_RAISED_EXCEPTION", "P0001"),
        ("SELECT upper(1, 2, 3)", "WRONG_NUM_ARGS", "42605"),
        ("SELECT * FROM {table} VERSION AS OF 0", "UNSUPPORTED_FEATURE", "0A000"),
        ("DROP CATALOG nowhere", "NO_SUCH_CATALOG_EXCEPTION", "42704"),
        ("CREATE CATALOG main", "CATALOG_ALREADY_EXISTS", "42710"),
    ],
)
def test_a_failure_is_worded_as_the_service_does(
    client: Client, table: str, sql: str, condition: str, state: str
) -> None:
    found, message = client.error(sql.format(table=table))
    assert found == state
    assert message.startswith(f"[{condition}")
    assert f"SQLSTATE: {state}" in message


@pytest.mark.parametrize(
    ("sql", "near", "position"),
    [
        ("INSER INTO t VALUES (1)", "'INSER'", "(line 1, pos 0)"),
        ("SELECT FROM WHERE", "'WHERE'", "(line 1, pos 12)"),
        ("SELECT *\nFROM t t2 t3", "'t3'", "(line 2, pos 10)"),
        ("SELECT 1; SELECT 2", "'SELECT'", "(line 1, pos 10)"),
        ("SELECT * FROM (", "end of input", "(line 1, pos 15)"),
        ("SELECT 'open", "'''", "(line 1, pos 0)"),
    ],
)
def test_a_syntax_error_is_quoted_and_marked(
    client: Client, sql: str, near: str, position: str
) -> None:
    state, message = client.error(sql)
    assert state == "42601"
    first, *rest = message.lstrip("\n").split("\n")
    assert first == (
        f"[PARSE_SYNTAX_ERROR] Syntax error at or near {near}. SQLSTATE: 42601 {position}"
    )
    assert rest[:2] == ["", "== SQL =="]
    assert rest[-2].endswith("^^^")


def test_a_missing_table_is_named_and_located(client: Client) -> None:
    message = client.error("SELECT *\nFROM main.`no such`.t")[1]
    assert message.startswith(
        "[TABLE_OR_VIEW_NOT_FOUND] The table or view `main`.`no such`.`t` cannot be found."
    )
    assert message.endswith("SQLSTATE: 42P01; line 2 pos 5")


def test_keys_say_what_is_and_demand_no_more_than_a_value(client: Client) -> None:
    client.execute("CREATE OR REPLACE TABLE keys_t (id INT PRIMARY KEY)")
    client.execute("INSERT INTO keys_t VALUES (1), (1)")
    assert client.rows("SELECT count(*) FROM keys_t") == [["2"]]
    assert client.error("INSERT INTO keys_t VALUES (NULL)")[0] == "23502"


def test_keys_can_be_enforced(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(enforce_keys=True)
    client.execute("CREATE OR REPLACE TABLE keys_t (id INT PRIMARY KEY)")
    client.execute("INSERT INTO keys_t VALUES (1)")
    state, message = client.error("INSERT INTO keys_t VALUES (1)")
    assert state == "23505"
    assert message.startswith("[DUPLICATE_KEY]")


def test_the_state_can_be_left_to_the_message(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(sql_state=False)
    status = client.execute("SELECT 1 / 0")["status"]
    assert "sql_state" not in status
    assert "SQLSTATE: 22012" in status["error"]["message"]


def test_details_can_be_told(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(error_details=True)
    status = client.execute("SELECT *\nFROM nowhere")["status"]
    assert status["display_message"].startswith("[TABLE_OR_VIEW_NOT_FOUND]")
    assert status["error"]["message"] in status["diagnostic_info"]
    details = json.loads(status["error_details_json"])
    assert details == {"errorClass": "TABLE_OR_VIEW_NOT_FOUND", "sqlState": "42P01"}
