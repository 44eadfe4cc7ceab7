"""Children of processes whose threads are at work at the moment of the fork."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.python.conftest import Interpreters

SOURCE = Path(__file__).parents[2] / "src"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

FORKS = """
    import logging, os, select, signal, threading, warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
    logger = logging.getLogger("databricks.sql.kernel")
    logger.addHandler(logging.NullHandler())
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    at_work = True

    def use():
        with dbapi.connect(**WAREHOUSE) as connection, connection.cursor() as cursor:
            return cursor.execute("SELECT 1").fetchall()

    def work():
        while at_work:
            use()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    hung = failed = 0
    for _ in range({children}):
        child = os.fork()
        if child == 0:
            try:
                os._exit(use() != [(1,)])
            finally:
                os._exit(2)
        waiting = os.pidfd_open(child)
        if not select.select([waiting], [], [], 20)[0]:
            hung += 1
            os.kill(child, signal.SIGKILL)
        os.close(waiting)
        failed += os.waitpid(child, 0)[1] != 0
    at_work = False
    for thread in threads:
        thread.join()
    print(json.dumps([hung, failed]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux tells of the end of children")
def test_children_connect_while_threads_of_their_parent_are_at_work(python: Interpreters) -> None:
    process = python.start(FORKS.format(children=400))
    output, errors = process.communicate(timeout=280)
    assert (process.returncode, errors) == (0, "")
    assert json.loads(output) == [0, 0]


# With the interpreter at hand nobody forks while they are held.
HELD_WITH_THE_INTERPRETER = {
    "python/connector/install.rs",
    "python/convert/row_class.rs",
    "python/convert/row_memory.rs",
}


def test_no_lock_of_the_process_comes_through_a_fork() -> None:
    waits = re.compile(
        r"static\s+\w+:\s*(?:std::sync::|tokio::sync::)?"
        r"(?:Mutex|RwLock|LazyLock|OnceLock|OnceCell|Once|Notify|Condvar|Barrier)\b"
    )
    files = [path for path in SOURCE.rglob("*.rs") if waits.search(path.read_text("utf-8"))]
    assert {str(path.relative_to(SOURCE)) for path in files} == HELD_WITH_THE_INTERPRETER
