"""Writes the seeds of the corpus: small answers as the service gives them, and damaged ones."""

from __future__ import annotations

import datetime
import decimal
import io
import json
from pathlib import Path

import lz4.frame
import pyarrow as pa

CORPUS = Path(__file__).with_name("corpus")
# The order of the types in src/lib.rs.
CELLS = [
    ["true", None, "false"],
    ["-128", "127"],
    ["-2147483648", None],
    ["9223372036854775807"],
    ["1.5", "NaN", "-Infinity"],
    ["1e308", "-0.0"],
    ["1234567890123456789012345678.0123456789", "-0.5"],
    ["text", "", None, "\u00e4\U0001f600"],
    ["AAEC/w==", ""],
    ["1970-01-01", "9999-12-31", "-0044-03-15"],
    ["2024-03-31T01:59:59.999999Z", "1900-01-01 00:00:00"],
    ["2024-03-31T02:30:00.000001", "10000-01-01T00:00:00"],
    ["1 02:03:04.000005", "-106751991 04:00:54.775807"],
    ["[1,null,3]", "[]", '["4"]'],
    ['{"a":1.25,"b":null}', "{}"],
    ['{"a":1,"b":["x",null]}', '{"b":null}'],
]
TABLES = {
    "numbers": {
        "i": pa.array([1, None, 3], pa.int64()),
        "d": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal(-7)], pa.decimal128(38, 10)),
        "x": pa.array([0.5, float("nan"), None]),
        "b": pa.array([True, None, False]),
    },
    "texts": {
        "s": pa.array(["", "row 1", None]),
        "y": pa.array([b"\x00\xff", None, b""]),
        "v": pa.array([None, None, None], pa.null()),
    },
    "times": {
        "t": pa.array([0, None], pa.timestamp("us", "Europe/Berlin")),
        "n": pa.array([datetime.datetime(2024, 1, 1), None], pa.timestamp("us")),  # noqa: DTZ001
        "d": pa.array([datetime.date(1970, 1, 1), None]),
        "i": pa.array([1, None], pa.duration("us")),
    },
    "nested": {
        "l": pa.array([[1, None], None, []], pa.list_(pa.int32())),
        "s": pa.array([{"a": 1, "b": ["x"]}, None, {"a": None, "b": None}]),
        "m": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    },
    "coded": {"c": pa.array(["a", "b", "a"]).dictionary_encode()},
    "empty": {"i": pa.array([], pa.int64())},
}


def _stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return sink.getvalue()


def _frame(body: bytes, *, checksums: bool, linked: bool = False, length: bool = False) -> bytes:
    return lz4.frame.compress(
        body,
        block_linked=linked,
        block_checksum=checksums,
        content_checksum=checksums,
        store_size=length,
    )


def _arrow() -> dict[str, bytes]:
    streams = {name: _stream(pa.table(columns)) for name, columns in TABLES.items()}
    whole = streams["numbers"]
    return streams | {
        "cut": whole[:-9],
        "followed": whole + b"\0",
        "long": whole.replace(b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", 1),
    }


def _lz4() -> dict[str, bytes]:
    body = _stream(pa.table(TABLES["texts"]))
    checked = _frame(body, checksums=True)
    repeated = _stream(pa.table({"s": pa.array(["x" * 50_000] * 2)}))
    return {
        "plain": body,
        "checked": checked,
        "unchecked": _frame(body, checksums=False),
        "linked": _frame(repeated, checksums=True, linked=True),
        "sized": _frame(body, checksums=True, length=True),
        "frames": _frame(body[:100], checksums=True) + _frame(body[100:], checksums=True),
        "skippable": b"\x50\x2a\x4d\x18\x03\0\0\0abc" + checked,
        "bomb": _frame(bytes(4_000_000), checksums=False),
        "cut": checked[:-5],
        "damaged": checked[:60] + bytes([checked[60] ^ 1]) + checked[61:],
        "empty frame": _frame(b"", checksums=True),
    }


def _json() -> dict[str, bytes]:
    bodies = {f"type {n}": [[cell] for cell in cells] for n, cells in enumerate(CELLS)}
    seeds = {
        name: bytes([number]) + json.dumps(rows).encode()
        for number, (name, rows) in enumerate(bodies.items())
    }
    for number, (cell, *_) in enumerate(CELLS):
        seeds[f"cell {number}"] = bytes([number]) + str(cell).encode()
    deep = "[" * 5_000
    return seeds | {
        "deep": b"\x0d" + deep.encode(),
        "deep cell": b"\x0d" + f'[["{deep}"]]'.encode(),
    }


def main() -> None:
    for target, seeds in {"arrow": _arrow(), "json": _json(), "lz4": _lz4()}.items():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, seed in seeds.items():
            (folder / f"seed-{name.replace(' ', '-')}").write_bytes(seed)


if __name__ == "__main__":
    main()
