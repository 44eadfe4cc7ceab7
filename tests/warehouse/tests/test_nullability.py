from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Client


@pytest.fixture(autouse=True)
def _tables(client: Client) -> None:
    client.rows("CREATE OR REPLACE TABLE nulls_t (id INT PRIMARY KEY, n INT NOT NULL, s STRING)")
    client.rows("INSERT INTO nulls_t VALUES (1, 2, 'a'), (2, 3, NULL)")


@pytest.mark.parametrize(
    ("query", "required"),
    [
        ("SELECT * FROM nulls_t", ["id", "n"]),
        ("SELECT id AS a, s AS b, n + 1 AS c, n + length(s) AS d FROM nulls_t", ["a", "c"]),
        ("SELECT s FROM nulls_t WHERE s = 'a'", ["s"]),
        ("SELECT s FROM nulls_t WHERE s IS NOT NULL AND id > 0", ["s"]),
        ("SELECT s FROM nulls_t WHERE s = 'a' OR id = 2", []),
        ("SELECT 1 AS a, NULL AS b, 'x' AS c, CAST(1 AS BIGINT) AS d", ["a", "c", "d"]),
        ("SELECT count(*) AS c, max(id) AS m FROM nulls_t", ["c"]),
        ("SELECT t.id AS a, u.id AS b FROM nulls_t t LEFT JOIN nulls_t u ON false", ["a"]),
        ("SELECT t.id AS a, u.n AS b FROM nulls_t t JOIN nulls_t u ON t.id = u.id", ["a", "b"]),
        ("SELECT t.id AS a, u.id AS b FROM nulls_t t FULL JOIN nulls_t u ON false", []),
        ("SELECT id FROM nulls_t UNION ALL SELECT NULL", []),
        ("SELECT id FROM nulls_t UNION ALL SELECT n FROM nulls_t", ["id"]),
        ("SELECT * FROM (VALUES (1, NULL), (2, 'b')) AS v(a, b)", ["a"]),
        ("WITH q AS (SELECT n, s FROM nulls_t) SELECT * FROM q", ["n"]),
        ("SELECT id FROM range(3)", ["id"]),
        ("SELECT try_cast('x' AS INT) AS a", []),
    ],
)
def test_columns_without_nulls_say_so(client: Client, query: str, required: list[str]) -> None:
    schema = client.table(query).schema
    assert [field.name for field in schema if not field.nullable] == required


def test_a_view_keeps_them_and_a_new_table_does_not(client: Client) -> None:
    client.rows("CREATE OR REPLACE VIEW nulls_v AS SELECT n FROM nulls_t")
    client.rows("CREATE OR REPLACE TABLE nulls_c AS SELECT n FROM nulls_t")
    assert not client.table("SELECT * FROM nulls_v").schema.field("n").nullable
    assert client.table("SELECT * FROM nulls_c").schema.field("n").nullable
