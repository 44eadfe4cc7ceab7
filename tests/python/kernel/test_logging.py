"""The driver's log in Python's logging: present, quiet, discreet, and never in the way."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest

import databricks_sql_kernel as kernel

from .conftest import execute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from databricks_sql_warehouse import Warehouse

    from .conftest import Open

LOGGER = logging.getLogger("databricks.sql.kernel")


@pytest.fixture(autouse=True)
def level() -> Iterator[None]:
    yield
    LOGGER.setLevel(logging.NOTSET)
    kernel.reset_logging()


def test_importing_has_it_installed() -> None:
    assert kernel.init_logging() is False
    assert kernel.reset_logging() is None  # type: ignore[func-returns-value]


def test_records_follow_the_level_at_once(
    open_session: Open, caplog: pytest.LogCaptureFixture
) -> None:
    LOGGER.setLevel(logging.WARNING)
    session = open_session()
    assert not caplog.records
    LOGGER.setLevel(logging.DEBUG)
    execute(session, "SELECT 1")
    ours = [record for record in caplog.records if record.name == LOGGER.name]
    assert any("sent statement" in record.getMessage() for record in ours)
    assert {record.filename.rsplit(".", 1)[1] for record in ours} == {"rs"}


def test_no_secret_and_no_sql_is_logged(
    warehouse: Warehouse, open_session: Open, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.settings(inline_limit_bytes=0)
    LOGGER.setLevel(logging.DEBUG)
    session = open_session()
    execute(session, "SELECT 'a secret of mine' AS a FROM range(10)").fetch_all_arrow()
    session.close()
    assert caplog.text
    for secret in ("a secret of mine", warehouse.access_token, "signature", "?"):
        assert secret not in caplog.text


class Calling(logging.Handler):
    """Calls the driver for every record."""

    def __init__(self, session: kernel.Session) -> None:
        super().__init__()
        self.session = session
        self.rows: list[int] = []
        self.busy = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        del record
        if self.busy.acquire(blocking=False):
            try:
                self.rows.append(execute(self.session, "SELECT 1 AS a").fetch_all_arrow().num_rows)
            finally:
                self.busy.release()


def test_a_handler_may_call_the_driver_while_others_do(open_session: Open) -> None:
    session = open_session()
    handler = Calling(open_session())
    LOGGER.setLevel(logging.DEBUG)
    LOGGER.addHandler(handler)
    try:

        def work() -> None:
            for _ in range(5):
                execute(session, "SELECT 1")

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        assert not any(thread.is_alive() for thread in threads)
    finally:
        LOGGER.removeHandler(handler)
    assert handler.rows


class Always(logging.Handler):
    """Calls the driver for every record, even for those of its own calls."""

    def __init__(self, session: kernel.Session) -> None:
        super().__init__()
        self.session = session
        self.calls = 0

    def emit(self, record: logging.LogRecord) -> None:
        del record
        self.calls += 1
        execute(self.session, "SELECT 1").fetch_all_arrow()


def test_a_handler_is_not_told_of_what_it_makes_the_driver_do(open_session: Open) -> None:
    session, handler = open_session(), Always(open_session())
    LOGGER.setLevel(logging.DEBUG)
    LOGGER.addHandler(handler)
    try:
        assert execute(session, "SELECT 1").fetch_all_arrow().num_rows == 1
    finally:
        LOGGER.removeHandler(handler)
    assert 0 < handler.calls < 50


class Interrupted(logging.Handler):
    """Is interrupted at every record, as by Ctrl-C."""

    def emit(self, record: logging.LogRecord) -> None:
        del record
        raise KeyboardInterrupt


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_fetch_whose_log_was_interrupted_loses_no_row(
    chunked: Warehouse,
    open_session: Open,
    one_by_one: bool,  # noqa: FBT001
) -> None:
    session = open_session()
    executed = execute(session, "SELECT id FROM range(3000)")
    chunked.settings(pending_polls=1)

    def fetch() -> list[int]:
        some = executed.fetch_next_batch() if one_by_one else executed.fetch_all_arrow()
        return [] if some is None else list(some.column(0).to_pylist())

    LOGGER.setLevel(logging.DEBUG)
    handler = Interrupted()
    LOGGER.addHandler(handler)
    try:
        # The first record ends the call, and those behind it wait for the next one.
        with pytest.raises(KeyboardInterrupt):
            execute(session, "SELECT 1")
        with pytest.raises(KeyboardInterrupt):
            fetch()
    finally:
        LOGGER.removeHandler(handler)
    rows: list[int] = []
    while some := fetch():
        rows += some
    assert rows == list(range(3000))
