"""The public-domain compliance suite of DB-API 2.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dbapi20
import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse


class TestCompliance(dbapi20.DatabaseAPI20Test):  # type: ignore[misc]
    driver = dbapi
    connect_kw_args: dict[str, Any]
    lower_func = None

    @pytest.fixture(autouse=True)
    def _warehouse(self, warehouse: Warehouse) -> None:
        self.connect_kw_args = {**warehouse.connect_args(), "dml_count_row": False}

    def test_nextset(self) -> None:
        """There is never more than one result."""
        with self._connect() as connection:
            assert connection.cursor().execute("SELECT 1").nextset() is None

    def test_setoutputsize(self) -> None:
        """Columns may be of any size."""
        with self._connect() as connection:
            cursor = connection.cursor()
            cursor.setoutputsize(1)
            assert cursor.execute("SELECT 'long'").fetchone() == ("long",)

    def test_non_idempotent_close(self) -> None:
        """Closing twice is no error, as PEP 249 leaves it open."""
        connection = self._connect()
        connection.close()
        connection.close()
