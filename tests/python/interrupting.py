"""Interrupts processes at a chosen moment."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

# Waits, and tells when the interrupt came.
WAITING = """
    import signal, time
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell ignores it
    def interrupted(call):
        try:
            print("calls", flush=True)
            call()
        except KeyboardInterrupt:
            print(json.dumps(time.time()), flush=True)
        else:
            print(json.dumps(None), flush=True)
"""


def wait_until_it_waits(process: int) -> None:
    """Let a process get from the line that it printed to where it waits, if the system tells."""
    state = Path(f"/proc/{process}/stat")
    while state.exists() and state.read_text().rpartition(") ")[2][0] not in "SZ":
        os.sched_yield()


def interrupt(
    process: subprocess.Popen[str], warehouse: Warehouse, moment: Callable[[Any], bool]
) -> float:
    """Send an interrupt when a request shows the moment; the seconds until it was raised."""
    assert process.stdout
    # An earlier call may have begun what shows the moment.
    assert process.stdout.readline() == "calls\n"
    warehouse.wait_for(moment)
    wait_until_it_waits(process.pid)
    sent = time.time()
    process.send_signal(signal.SIGINT)
    came = json.loads(process.stdout.readline())
    assert came is not None, "the call ended without an interrupt"
    return float(came - sent)


def end(process: subprocess.Popen[str]) -> str:
    """Let the process end; what it still printed."""
    assert process.stdin
    assert process.stdout
    assert process.stderr
    process.stdin.close()
    output, errors = process.stdout.read(), process.stderr.read()
    assert process.wait(timeout=20) == 0, errors
    return output.strip()
