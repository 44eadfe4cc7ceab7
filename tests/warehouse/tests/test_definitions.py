from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Client


def test_identity_columns_count(client: Client) -> None:
    client.rows(
        "CREATE OR REPLACE TABLE ids_t (id BIGINT GENERATED ALWAYS AS IDENTITY "
        "(START WITH 10 INCREMENT BY 5), x INT)"
    )
    client.rows("INSERT INTO ids_t (x) VALUES (1), (2)")
    assert client.rows("SELECT * FROM ids_t ORDER BY x") == [["10", "1"], ["15", "2"]]


def test_generated_columns_are_computed(client: Client) -> None:
    client.rows("CREATE OR REPLACE TABLE gen_t (a INT, b INT GENERATED ALWAYS AS (a + 1))")
    client.rows("INSERT INTO gen_t (a) VALUES (1)")
    assert client.rows("SELECT a, b FROM gen_t") == [["1", "2"]]


def test_tables_like_another(client: Client) -> None:
    client.rows("CREATE OR REPLACE TABLE like_t (i INTERVAL DAY, s STRING)")
    client.rows("INSERT INTO like_t VALUES (INTERVAL '1' DAY, 'x')")
    client.rows("DROP TABLE IF EXISTS like_u")
    client.rows("CREATE TABLE like_u LIKE like_t")
    assert client.rows("SELECT * FROM like_u") == []
    assert client.columns("SELECT * FROM like_u")[0]["type_text"] == "INTERVAL DAY"
    client.rows("CREATE OR REPLACE TABLE like_v SHALLOW CLONE like_t")
    assert client.rows("SELECT s FROM like_v") == [["x"]]


def test_rows_can_be_replaced(client: Client) -> None:
    client.rows("CREATE OR REPLACE TABLE replace_t AS SELECT id, 'old' AS s FROM range(3)")
    counts = client.rows("INSERT INTO replace_t REPLACE WHERE id < 2 VALUES (0, 'new')")
    assert counts == [["1", "1"]]
    assert client.rows("SELECT * FROM replace_t ORDER BY id") == [["0", "new"], ["2", "old"]]
    client.rows("INSERT OVERWRITE replace_t VALUES (9, 'only')")
    assert client.rows("SELECT * FROM replace_t") == [["9", "only"]]


def test_text_is_as_long_as_its_type_allows(client: Client) -> None:
    client.rows("CREATE OR REPLACE TABLE sized_t (a VARCHAR(3), b CHAR(2) NOT NULL)")
    client.rows("INSERT INTO sized_t VALUES ('abc', 'xy'), (NULL, 'z')")
    state, message = client.error("INSERT INTO sized_t VALUES ('abcd', 'x')")
    assert state == "22001"
    assert "DELTA_EXCEED_CHAR_VARCHAR_LIMIT" in message
    assert [column["type_text"] for column in client.columns("SELECT * FROM sized_t")] == [
        "STRING",
        "STRING",
    ]


def test_a_merge_counts_what_it_did(client: Client) -> None:
    client.rows("CREATE OR REPLACE TABLE merge_t AS SELECT id, 'old' AS s FROM range(3)")
    counts = client.rows(
        "MERGE INTO merge_t t USING (SELECT id, 'new' AS s FROM range(1, 5)) q ON t.id = q.id "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT * "
        "WHEN NOT MATCHED BY SOURCE THEN DELETE"
    )
    assert counts == [["5", "2", "1", "2"]]
    assert client.rows("SELECT count(*) FROM merge_t WHERE s = 'new'") == [["4"]]


def test_texts_become_dates_and_timestamps_of_every_spelling(client: Client) -> None:
    client.rows("CREATE OR REPLACE TABLE dates_t (d DATE, t TIMESTAMP, s STRING)")
    client.rows(
        "INSERT INTO dates_t VALUES ('2024', '2024-02-29 01:02:03.000843 +0000', '2024'), "
        "('2024-02', '2024-02-29T01:02:03+0530', '2024-02-29 01:02:03 +0000')"
    )
    client.rows("INSERT INTO dates_t (t, d) VALUES ('2024-02-29 01', '2024-03-04')")
    assert client.rows("SELECT * FROM dates_t ORDER BY d") == [
        ["2024-01-01", "2024-02-29T01:02:03.000Z", "2024"],
        ["2024-02-01", "2024-02-28T19:32:03.000Z", "2024-02-29 01:02:03 +0000"],
        ["2024-03-04", "2024-02-29T01:00:00.000Z", None],
    ]
