"""A local SQL warehouse: the Databricks SQL Statement Execution API in front of DuckDB."""

from .client import Warehouse

__all__ = ["Warehouse"]
