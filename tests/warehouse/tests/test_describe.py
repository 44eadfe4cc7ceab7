from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Client


@pytest.fixture(autouse=True)
def _tables(client: Client) -> None:
    client.rows("CREATE SCHEMA IF NOT EXISTS main.describe_s")
    client.rows("USE SCHEMA main.describe_s")
    client.rows(
        "CREATE OR REPLACE TABLE t (id INT PRIMARY KEY COMMENT 'the key', a ARRAY<STRING>) "
        "COMMENT 'words' TBLPROPERTIES ('x.y' = 'z')"
    )
    client.rows("CREATE OR REPLACE VIEW v AS SELECT id FROM t")


def test_a_table(client: Client) -> None:
    rows = [["id", "int", "the key"], ["a", "array<string>", None]]
    for sql in ("DESCRIBE t", "DESC TABLE main.describe_s.t", "describe table `t`"):
        assert client.rows(sql) == rows


def test_a_table_extended(client: Client) -> None:
    rows = client.rows("DESCRIBE TABLE EXTENDED t")
    assert rows[:2] == [["id", "int", "the key"], ["a", "array<string>", None]]
    details = {row[0]: row[1] for row in rows[2:]}
    assert "# Detailed Table Information" in details
    assert (details["Catalog"], details["Database"]) == ("main", "describe_s")
    assert (details["Type"], details["Provider"]) == ("MANAGED", "delta")
    assert (details["Comment"], details["Table Properties"]) == ("words", "[x.y=z]")
    assert details["t_pk"] == "PRIMARY KEY (`id`)"


def test_a_table_as_json(client: Client) -> None:
    ((text,),) = client.rows("DESCRIBE EXTENDED t AS JSON")
    document = json.loads(text)
    assert (document["table_name"], document["type"]) == ("t", "MANAGED")
    assert (document["catalog_name"], document["schema_name"]) == ("main", "describe_s")
    assert document["columns"] == [
        {"name": "id", "type": {"name": "int"}, "nullable": False, "comment": "the key"},
        {
            "name": "a",
            "type": {
                "name": "array",
                "element_type": {"name": "string", "collation": "UTF8_BINARY"},
                "element_nullable": True,
            },
            "nullable": True,
        },
    ]


def test_every_type_has_its_json(client: Client) -> None:
    client.rows(
        "CREATE OR REPLACE VIEW json_types AS SELECT CAST(1 AS DECIMAL(10,2)) AS m, "
        "map('a', 1) AS p, named_struct('x', TIMESTAMP '2024-01-01 00:00:00') AS s, "
        "INTERVAL '1' DAY AS d, CAST(1 AS TINYINT) AS t"
    )
    ((text,),) = client.rows("DESCRIBE TABLE EXTENDED json_types AS JSON")
    client.rows("DROP VIEW json_types")
    assert [column["type"] for column in json.loads(text)["columns"]] == [
        {"name": "decimal", "precision": 10, "scale": 2},
        {
            "name": "map",
            "key_type": {"name": "string", "collation": "UTF8_BINARY"},
            "value_type": {"name": "int"},
            "value_nullable": True,
        },
        {
            "name": "struct",
            "fields": [{"name": "x", "type": {"name": "timestamp_ltz"}, "nullable": True}],
        },
        {"name": "interval", "start_unit": "day", "end_unit": "day"},
        {"name": "tinyint"},
    ]


def test_a_view_extended(client: Client) -> None:
    details = {row[0]: row[1] for row in client.rows("DESCRIBE FORMATTED v")}
    assert (details["Type"], details["View Text"]) == ("VIEW", "SELECT id FROM t")


@pytest.mark.parametrize("sql", ["DESCRIBE QUERY {}", "DESCRIBE {}", "DESC QUERY {}"])
def test_a_query(client: Client, sql: str) -> None:
    query = "SELECT id, upper(a[0]) AS u FROM t"
    assert client.rows(sql.format(query)) == [["id", "int", None], ["u", "string", None]]


def test_a_schema_and_a_catalog(client: Client) -> None:
    client.rows("COMMENT ON SCHEMA main.describe_s IS 'said'")
    rows = dict(client.rows("DESCRIBE SCHEMA EXTENDED main.describe_s"))
    assert (rows["Catalog Name"], rows["Comment"]) == ("main", "said")
    assert client.rows("DESCRIBE CATALOG main")[0] == ["Catalog Name", "main"]
    assert client.error("DESCRIBE SCHEMA main.nowhere")[0] == "42704"
    assert client.error("DESCRIBE CATALOG nowhere")[0] == "42704"


def test_a_function(client: Client) -> None:
    client.rows("CREATE OR REPLACE FUNCTION twice(x INT) RETURNS INT RETURN x * 2")
    shown = [row[0] for row in client.rows("DESCRIBE FUNCTION twice")]
    assert shown[0] == "Function: main.describe_s.twice"
    assert client.rows("SELECT twice(21) AS a, main.describe_s.twice(1) AS b") == [["42", "2"]]
    assert client.rows("SHOW USER FUNCTIONS LIKE 'tw*'") == [["main.describe_s.twice"]]
    client.rows("DROP FUNCTION twice")
    assert client.error("SELECT twice(21)")[0] == "42883"


def test_what_else_is_shown_of_a_table(client: Client) -> None:
    assert client.rows("SHOW TBLPROPERTIES t") == [["x.y", "z"]]
    assert client.rows("SHOW TBLPROPERTIES t ('x.y')") == [["x.y", "z"]]
    assert client.rows("SHOW COLUMNS IN t") == [["id"], ["a"]]
    assert client.rows("SHOW COLUMNS IN t IN main.describe_s") == [["id"], ["a"]]
    assert client.rows("SHOW VIEWS IN main.describe_s") == [["describe_s", "v", "false", "false"]]
    (created,) = client.rows("SHOW CREATE TABLE t")
    assert "id INT NOT NULL COMMENT 'the key'" in created[0]


def test_comments_and_columns_follow_alterations(client: Client) -> None:
    for sql in (
        "ALTER TABLE t ADD COLUMNS (n INT COMMENT 'new', i INTERVAL YEAR)",
        "ALTER TABLE t ALTER COLUMN a COMMENT 'letters'",
        "ALTER TABLE t RENAME COLUMN n TO m",
        "ALTER TABLE t SET TBLPROPERTIES ('k' = 'v')",
        "COMMENT ON TABLE t IS 'other words'",
    ):
        client.rows(sql)
    assert client.rows("DESCRIBE t")[1:] == [
        ["a", "array<string>", "letters"],
        ["m", "int", "new"],
        ["i", "interval year", None],
    ]
    assert client.rows("SHOW TBLPROPERTIES t") == [["k", "v"], ["x.y", "z"]]
    client.rows("ALTER TABLE t DROP COLUMNS (m, i)")
    assert len(client.rows("DESCRIBE t")) == 2


def test_what_is_not_there_is_named(client: Client) -> None:
    for sql in ("DESCRIBE nothing", "SHOW COLUMNS IN nothing", "SHOW CREATE TABLE nothing"):
        state, message = client.error(sql)
        assert state == "42P01"
        assert "`nothing`" in message
