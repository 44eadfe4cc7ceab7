from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_kernel import dbapi


@pytest.mark.parametrize(
    "document", [1, "text", True, None, [1, None], {"a": {"b": [1.5, "é"]}}, {}, []]
)
def test_a_variant_is_json_text(value: Callable[..., Any], document: object) -> None:
    found = value("parse_json(?)", [json.dumps(document)])
    assert type(found) is str
    assert json.loads(found) == document


def test_a_null_is_none(value: Callable[[str], Any]) -> None:
    assert value("CAST(NULL AS VARIANT)") is None


def test_void_is_none(cursor: dbapi.Cursor) -> None:
    rows = cursor.execute("SELECT NULL AS n, id FROM range(3) ORDER BY id").fetchall()
    assert rows == [(None, 0), (None, 1), (None, 2)]
