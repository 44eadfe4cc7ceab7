"""Databricks SQL through the Statement Execution API."""

from . import dbapi as dbapi

__all__ = ["__version__", "dbapi"]

__version__: str
