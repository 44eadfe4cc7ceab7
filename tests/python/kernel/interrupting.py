"""Interrupts processes at a chosen moment."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

# Opens sessions and executes in a process of its own.
OPEN = """
    import databricks_sql_kernel as kernel
    def open_session():
        return kernel.Session(WAREHOUSE["server_hostname"], WAREHOUSE["http_path"],
                              access_token=WAREHOUSE["access_token"])
    def execute(session, sql):
        statement = session.statement()
        statement.set_sql(sql)
        return statement.execute()
"""

# Waits, and tells when the interrupt came.
WAITING = """
    import signal, time
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell ignores it
    def interrupted(call):
        try:
            call()
        except KeyboardInterrupt:
            print(json.dumps(time.time()), flush=True)
        else:
            print(json.dumps(None), flush=True)
"""


def interrupt(
    process: subprocess.Popen[str], warehouse: Warehouse, moment: Callable[[Any], bool]
) -> float:
    """Send an interrupt when a request shows the moment; the seconds until it was raised."""
    warehouse.wait_for(moment)
    sent = time.time()
    process.send_signal(signal.SIGINT)
    assert process.stdout
    came = json.loads(process.stdout.readline())
    assert came is not None, "the call ended without an interrupt"
    return float(came - sent)


def end(process: subprocess.Popen[str]) -> str:
    """Let the process end; what it still printed."""
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    return output.strip()
