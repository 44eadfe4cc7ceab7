from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from .conftest import Client, fetch

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

CSV = {"format": "CSV", "disposition": "EXTERNAL_LINKS", "result_compression": None}


def test_csv_has_one_header_and_the_texts_of_json(warehouse: Warehouse, client: Client) -> None:
    warehouse.settings(chunk_rows=2)
    sql = "SELECT id, if(id = 1, NULL, 'a\"b,' || id) AS s, id / 2 AS d FROM range(3)"
    answer = client.execute(sql, **CSV)
    assert answer["manifest"]["format"] == "CSV"
    texts = [fetch(link["external_link"]).body.decode() for link in client.links(answer)]
    lines = list(csv.reader(io.StringIO("".join(texts))))
    assert texts[0].startswith("id,s,d\r\n")
    assert lines[1:] == [["0", 'a"b,0', "0.0"], ["1", "null", "0.5"], ["2", 'a"b,2', "1.0"]]


@pytest.mark.parametrize("disposition", ["INLINE", "INLINE_OR_EXTERNAL_LINKS"])
def test_csv_comes_by_links_only(client: Client, disposition: str) -> None:
    answer = client.post("SELECT 1", **{**CSV, "disposition": disposition})
    assert answer.status == 400
    assert disposition in answer.json["message"]
