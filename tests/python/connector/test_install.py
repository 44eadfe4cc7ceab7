"""The published connector takes this backend instead of its own, and gives it back."""

from __future__ import annotations

import importlib
import threading
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from databricks.sql.backend.databricks_client import DatabricksClient
from databricks.sql.result_set import ResultSet

from databricks_sql_kernel import connector

if TYPE_CHECKING:
    from tests.python.conftest import Interpreters

CONNECT = """
    from databricks import sql
    from databricks_sql_kernel import connector
    def backend(way):
        with sql.connect(**WAREHOUSE, **{way: True}, enable_telemetry=False) as connection:
            rows = connection.cursor().execute("SELECT array(1, 2) AS a").fetchall()
            assert [list(row.a) for row in rows] == [[1, 2]], rows
            return type(connection.session.backend).__module__
"""
OURS = "databricks_sql_kernel.connector"


def test_both_paths_lead_to_this_backend_and_back(python: Interpreters) -> None:
    code = """
        connector.install()
        connector.install()
        seen = [backend("use_sea"), backend("use_kernel")]
        connector.uninstall()
        connector.uninstall()
        import databricks.sql.backend.kernel.client as kernel
        import databricks.sql.backend.sea.backend as sea
        seen += [kernel.KernelDatabricksClient.__module__, sea.SeaDatabricksClient.__module__]
        connector.install()
        seen += [kernel.KernelDatabricksClient.__module__, sea.SeaDatabricksClient.__module__]
        seen.append(backend("use_sea"))
        connector.uninstall()
        seen += [kernel.KernelDatabricksClient.__module__, sea.SeaDatabricksClient.__module__]
        print(json.dumps(seen))
    """
    theirs = ["databricks.sql.backend.kernel.client", "databricks.sql.backend.sea.backend"]
    assert python.run(dedent(CONNECT) + dedent(code)) == [
        OURS,
        OURS,
        *theirs,
        OURS,
        OURS,
        OURS,
        *theirs,
    ]


def test_neither_the_python_backend_nor_pyarrow_is_needed(python: Interpreters) -> None:
    code = """
        import logging
        logging.disable()
        connector.install()
        seen = [backend("use_sea"), backend("use_kernel")]
        own = ("databricks.sql.backend.sea.", "databricks.sql.backend.kernel.")
        stand_ins = {own[0] + "backend", own[1] + "client"}
        loaded = {name for name in sys.modules if name.startswith(own)} - stand_ins
        try:
            with sql.connect(**WAREHOUSE, use_sea=True, enable_telemetry=False) as connection:
                connection.cursor().execute("SELECT 1").fetchall_arrow()
        except ImportError as error:
            seen.append(str(error))
        print(json.dumps([seen, sorted(loaded), "pyarrow" in sys.modules]))
    """
    missing = "fetching Arrow tables needs pyarrow; install it with: pip install pyarrow"
    without = ("pyarrow", "databricks_sql_kernel_none")
    assert python.run(dedent(CONNECT) + dedent(code), without=without) == [
        [OURS, OURS, missing],
        [],
        False,
    ]


def test_importing_loads_nothing_of_the_connector(python: Interpreters) -> None:
    code = """
        from databricks_sql_kernel import connector
        print(json.dumps([name for name in sys.modules if name.startswith("databricks.")]))
    """
    assert python.run(code) == []


def test_without_the_connector_the_error_says_what_to_install(python: Interpreters) -> None:
    code = """
        from databricks_sql_kernel import connector
        seen = []
        for ask in (connector.install, lambda: connector.KernelDatabricksClient):
            try:
                ask()
            except ImportError as error:
                seen.append(str(error))
        print(json.dumps(seen))
    """
    seen = python.run(code, without=("databricks",))
    assert len(seen) == 2
    assert all("pip install databricks-sql-connector" in message for message in seen)


@pytest.mark.parametrize("missing", ["backend", "backend.kernel", "backend.sea"])
def test_a_connector_without_such_backends_is_told_which_has_them(
    python: Interpreters, missing: str
) -> None:
    code = f"""
        class Older:
            def find_spec(self, name, path=None, target=None):
                if name == "databricks.sql.{missing}":
                    raise ModuleNotFoundError("none", name=name)
        sys.meta_path.insert(0, Older())
        from databricks_sql_kernel import connector
        try:
            connector.install()
        except ImportError as error:
            print(json.dumps(str(error)))
    """
    message = python.run(code)
    assert f"4.9.0 has no module databricks.sql.{missing}" in message
    assert "pip install --upgrade databricks-sql-connector" in message


def test_a_contract_that_has_grown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def grown(self: Any, session_id: Any, more: Any) -> None:
        raise NotImplementedError

    methods = frozenset({*DatabricksClient.__abstractmethods__, "get_everything"})
    monkeypatch.setattr(DatabricksClient, "__abstractmethods__", methods)
    with pytest.raises(RuntimeError, match=r"4\.9\.0: DatabricksClient\.get_everything is new"):
        connector.install()
    monkeypatch.undo()
    monkeypatch.setattr(DatabricksClient, "close_session", grown)
    with pytest.raises(RuntimeError, match="close_session has the new argument 'more'"):
        connector.install()
    monkeypatch.undo()
    methods = frozenset({*ResultSet.__abstractmethods__, "fetch_everything"})
    monkeypatch.setattr(ResultSet, "__abstractmethods__", methods)
    with pytest.raises(
        RuntimeError, match=r"ResultSet\.fetch_everything is new; use the connector"
    ):
        connector.install()


def test_many_threads_may_install_at_once() -> None:
    raised: list[BaseException] = []

    def turn() -> None:
        try:
            for _ in range(5):
                connector.install()
                connector.uninstall()
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    threads = [threading.Thread(target=turn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connector.uninstall()
    assert raised == []
    theirs = importlib.import_module("databricks.sql.backend.sea.backend").SeaDatabricksClient
    assert theirs.__module__ == "databricks.sql.backend.sea.backend"
