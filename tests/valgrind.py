"""Rows are made under valgrind: no error of memory goes through the driver's library.

The interpreter has errors of its own, which are not told.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import databricks_sql_kernel

TESTS = ["test_rows.py", "types/test_strings.py", "types/test_nested.py"]
VALGRIND = ["valgrind", "--error-limit=no", "--num-callers=40", "--leak-check=no"]
PYTEST = ["-m", "pytest", "-q", "--timeout=0", "-p", "no:cacheprovider"]
ERROR = re.compile(r"Invalid |Use of uninit|Conditional jump|Syscall param|overlap|Mismatched")
ENDED = "ERROR SUMMARY"


def main() -> int:
    tests = [str(Path(__file__).parent / "python" / test) for test in TESTS]
    library = Path(databricks_sql_kernel.__file__).parent.name
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = [
            *VALGRIND,
            f"--log-file={log}",
            sys.executable,
            *PYTEST,
            *(sys.argv[1:] or tests),
        ]
        # The interpreter's own allocator hides where objects begin and end.
        environment = {**os.environ, "PYTHONMALLOC": "malloc"}
        status = subprocess.run(command, env=environment, check=False).returncode  # noqa: S603
        text = log.read_text(encoding="utf-8")
    errors = [
        part for part in re.split(r"^==\d+== \n", text, flags=re.MULTILINE) if ERROR.search(part)
    ]
    through = re.compile(rf"/{library}/|\.rs:\d+\)")
    ours = [error for error in errors if through.search(error)]
    for error in ours:
        print(error)
    print(f"{len(errors)} errors, {len(ours)} of them through the driver")
    return 1 if status or ours or ENDED not in text else 0


if __name__ == "__main__":
    sys.exit(main())
