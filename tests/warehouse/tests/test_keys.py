from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Client

OF_TABLE = "IN CATALOG `main` IN SCHEMA `keys_s` IN TABLE `{}`"


@pytest.fixture(autouse=True)
def _tables(client: Client) -> None:
    client.rows("CREATE SCHEMA IF NOT EXISTS main.keys_s")
    client.rows(
        "CREATE OR REPLACE TABLE main.keys_s.parent (a INT, b INT, s STRING, "
        "CONSTRAINT parent_key PRIMARY KEY (a, b))"
    )
    client.rows(
        "CREATE OR REPLACE TABLE main.keys_s.child (id INT CONSTRAINT id_key PRIMARY KEY, x INT, "
        "y INT, CONSTRAINT to_parent FOREIGN KEY (x, y) REFERENCES main.keys_s.parent)"
    )


def shown(client: Client, sql: str) -> list[dict[str, Any]]:
    names = [column["name"] for column in client.columns(sql)]
    return [dict(zip(names, row, strict=True)) for row in client.rows(sql)]


def test_primary_keys_are_shown(client: Client) -> None:
    rows = shown(client, "SHOW KEYS " + OF_TABLE.format("parent"))
    where = {"catalogName": "main", "namespace": "keys_s", "tableName": "parent"}
    assert rows == [
        {**where, "col_name": "a", "keySeq": "1", "constraintName": "parent_key"},
        {**where, "col_name": "b", "keySeq": "2", "constraintName": "parent_key"},
    ]


def test_foreign_keys_are_shown_with_their_parents(client: Client) -> None:
    rows = shown(client, "SHOW FOREIGN KEYS " + OF_TABLE.format("child"))
    pairs = [(row["parentColName"], row["col_name"], row["keySeq"]) for row in rows]
    assert pairs == [("a", "x", "1"), ("b", "y", "2")]
    first = rows[0]
    assert (first["parentCatalogName"], first["parentNamespace"]) == ("main", "keys_s")
    assert (first["parentTableName"], first["tableName"]) == ("parent", "child")
    assert (first["constraintName"], first["pkName"]) == ("to_parent", "parent_key")
    assert (first["updateRule"], first["deleteRule"], first["deferrability"]) == ("3", "3", "7")


def test_a_table_without_keys_has_none(client: Client) -> None:
    client.rows("CREATE OR REPLACE TABLE main.keys_s.bare (a INT)")
    for what in ("KEYS", "FOREIGN KEYS"):
        assert shown(client, f"SHOW {what} " + OF_TABLE.format("bare")) == []
        assert client.error(f"SHOW {what} " + OF_TABLE.format("none"))[0] == "42P01"


def test_keys_can_be_added_and_dropped(client: Client) -> None:
    client.rows("CREATE OR REPLACE TABLE main.keys_s.later (a INT NOT NULL, b INT)")
    client.rows("ALTER TABLE main.keys_s.later ADD CONSTRAINT pk PRIMARY KEY (a)")
    client.rows(
        "ALTER TABLE main.keys_s.later ADD CONSTRAINT fk FOREIGN KEY (b) "
        "REFERENCES main.keys_s.child (id)"
    )
    of_table = OF_TABLE.format("later")
    (key,) = shown(client, f"SHOW KEYS {of_table}")
    (reference,) = shown(client, f"SHOW FOREIGN KEYS {of_table}")
    assert (key["col_name"], reference["parentColName"]) == ("a", "id")
    client.rows("ALTER TABLE main.keys_s.later DROP CONSTRAINT pk")
    client.rows("ALTER TABLE main.keys_s.later DROP CONSTRAINT fk")
    assert shown(client, f"SHOW KEYS {of_table}") == []
    assert shown(client, f"SHOW FOREIGN KEYS {of_table}") == []


def test_keys_follow_a_renamed_table_and_end_with_it(client: Client) -> None:
    client.rows("DROP TABLE IF EXISTS main.keys_s.other")
    client.rows("ALTER TABLE main.keys_s.parent RENAME TO main.keys_s.other")
    assert len(shown(client, "SHOW KEYS " + OF_TABLE.format("other"))) == 2
    (first, _) = shown(client, "SHOW FOREIGN KEYS " + OF_TABLE.format("child"))
    assert first["parentTableName"] == "other"
    client.rows("DROP TABLE main.keys_s.other")
    client.rows("CREATE TABLE main.keys_s.other (a INT)")
    assert shown(client, "SHOW KEYS " + OF_TABLE.format("other")) == []


def test_keys_are_in_the_information_schema(client: Client) -> None:
    where = "WHERE table_schema = 'keys_s' ORDER BY ALL"
    assert client.rows(
        "SELECT table_name, constraint_name, constraint_type, enforced "
        f"FROM main.information_schema.table_constraints {where}"
    ) == [
        ["child", "id_key", "PRIMARY KEY", "NO"],
        ["child", "to_parent", "FOREIGN KEY", "NO"],
        ["parent", "parent_key", "PRIMARY KEY", "NO"],
    ]
    assert client.rows(
        "SELECT constraint_name, column_name, position_in_unique_constraint "
        "FROM main.information_schema.key_column_usage WHERE table_name = 'child' "
        "ORDER BY ALL"
    ) == [["id_key", "id", None], ["to_parent", "x", "1"], ["to_parent", "y", "2"]]
    assert client.rows(
        "SELECT constraint_name, unique_constraint_name "
        "FROM system.information_schema.referential_constraints WHERE constraint_schema = 'keys_s'"
    ) == [["to_parent", "parent_key"]]


def test_old_servers_do_not_know_foreign_keys(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(show_foreign_keys=False)
    state, message = client.error("SHOW FOREIGN KEYS " + OF_TABLE.format("child"))
    assert state == "42601"
    assert "at or near 'FOREIGN'" in message


@pytest.mark.parametrize("what", ["SCHEMAS", "TABLES", "COLUMNS", "FUNCTIONS"])
def test_old_servers_do_not_know_all_catalogs(
    warehouse: Warehouse, client: Client, what: str
) -> None:
    assert client.columns(f"SHOW {what} IN ALL CATALOGS")
    warehouse.settings(show_all_catalogs=False)
    state, message = client.error(f"SHOW {what} IN ALL CATALOGS")
    assert state == "42601"
    assert "at or near 'ALL'" in message
