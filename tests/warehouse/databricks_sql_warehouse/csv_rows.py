"""CSV (RFC 4180): every value as in JSON_ARRAY, `null` for none, the header in the first chunk."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_NULL = "null"


def write(rows: Sequence[Sequence[str | None]], header: Sequence[str] | None) -> bytes:
    """The text of the rows, after the names of the columns where they are given."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    if header is not None:
        writer.writerow(header)
    writer.writerows([_NULL if cell is None else cell for cell in row] for row in rows)
    return stream.getvalue().encode()


def read(body: bytes) -> list[list[str]]:
    """The lines of a text."""
    return list(csv.reader(io.StringIO(body.decode())))
