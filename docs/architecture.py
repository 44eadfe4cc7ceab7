"""Draws architecture.svg: the parts of the driver, each above what it calls.

architecture.py [FILE]
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
WIDTH = 900
MARGIN = 20
GAP = 12
BOX = 54
HEAD = 26

# Each layer: name, colour, and its parts with what they do. Those with a slash are in `src`.
LAYERS: list[tuple[str, str, list[tuple[str, str]]]] = [
    (
        "who calls",
        "#f2f2f2",
        [
            ("applications, tools", "pandas, polars, duckdb, dbt"),
            ("databricks-sql-connector", "its own backend: use_kernel"),
            ("databricks-sql-connector", "our backend: install()"),
        ],
    ),
    (
        "surfaces: none imports another",
        "#dbe9f6",
        [
            ("python/dbapi", "PEP 249, Arrow streams"),
            ("python/kernel", "Session, Statement, readers"),
            ("python/connector", "the connector's backend"),
        ],
    ),
    (
        "the bridge to Python",
        "#e3f1df",
        [
            ("python/convert", "rows, Arrow, parameters"),
            ("python/fetch.rs", "rows by the call"),
            ("python/runtime.rs", "waits, signals, forks"),
            ("python/token_source.rs", "tokens of Python code"),
            ("python/logging.rs", "the standard logger"),
        ],
    ),
    (
        "the core: asynchronous, without Python",
        "#fdf0d5",
        [
            ("client/sql", "markers, literals, INSERT"),
            ("client/metadata", "SHOW, in JDBC's columns"),
            ("client/results", "chunks to batches, checked"),
            ("client/represent", "other Arrow types"),
            ("client/auth", "every way to sign in"),
            ("client/volume", "files in volumes"),
            ("client/parameter", "types of parameters"),
            ("client/session.rs", "sessions and statements"),
        ],
    ),
    (
        "the wire",
        "#fbe3e0",
        [
            ("client/wire", "the REST documents"),
            ("client/transport", "TLS, proxies, repetition"),
        ],
    ),
    (
        "servers",
        "#f2f2f2",
        [
            ("SQL warehouse", "Statement Execution API"),
            ("cloud storage", "results behind links"),
            ("identity providers", "tokens"),
        ],
    ),
]


def picture() -> str:
    parts = []
    top = MARGIN
    for place, (name, colour, boxes) in enumerate(LAYERS):
        rows = [boxes[start : start + 4] for start in range(0, len(boxes), 4)]
        height = HEAD + len(rows) * (BOX + GAP)
        parts.append(
            f'<rect x="{MARGIN}" y="{top}" width="{WIDTH - 2 * MARGIN}" height="{height}" '
            f'rx="6" fill="{colour}"/>'
        )
        parts.append(f'<text x="{MARGIN + GAP}" y="{top + 18}" fill="#555">{escape(name)}</text>')
        for row, members in enumerate(rows):
            inside = WIDTH - 2 * MARGIN - GAP
            width = inside // len(members) - GAP
            for column, (title, what) in enumerate(members):
                x = MARGIN + GAP + column * (width + GAP)
                parts += box(x, top + HEAD + row * (BOX + GAP), width, title, what)
        top += height
        if place + 1 < len(LAYERS):
            parts.append(f'<path d="M{WIDTH // 2 - 6} {top + 4}h12l-6 10z" fill="#555"/>')
            top += 18
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + MARGIN}">'
    group = '<g font-family="sans-serif" font-size="12">'
    white = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([head, group, white, *parts, "</g>", "</svg>", ""])


def box(x: int, y: int, width: int, title: str, what: str) -> list[str]:
    text = f'<text x="{x + width // 2}" text-anchor="middle"'
    return [
        f'<rect x="{x}" y="{y}" width="{width}" height="{BOX}" rx="4" fill="white" stroke="#999"/>',
        f'{text} y="{y + 23}" font-weight="bold">{escape(title)}</text>',
        f'{text} y="{y + 40}" fill="#555">{escape(what)}</text>',
    ]


if __name__ == "__main__":
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "architecture.svg"
    file.write_text(picture(), encoding="utf-8")
