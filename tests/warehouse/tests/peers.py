"""Programs that run a client of other hands, in an interpreter of its own."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any


class PeerFailed(Exception):  # noqa: N818  (what happened, as told by the client)
    """The client ended with an error; its output says which."""


def answer(
    python: str,
    program: str,
    *arguments: str,
    timeout: float = 100,
    environment: dict[str, str] | None = None,
) -> Any:
    """The JSON document that the last line of the program's output is."""
    ended = subprocess.run(
        [python, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    if ended.returncode != 0:
        raise PeerFailed(ended.stderr)
    return json.loads(ended.stdout.splitlines()[-1])
