"""The bytes of a chunk: an Arrow IPC stream, as it is or in LZ4 frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lz4.frame

if TYPE_CHECKING:
    import pyarrow as pa

END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def messages(schema: pa.Schema, table: pa.Table, batch_rows: int) -> list[bytes]:
    """The IPC messages of `table`: schema, batches of at most `batch_rows`, end of stream.

    `schema` names the types on the wire. Batches hold buffers only, so that the table may have
    other types of the same layout, which it needs where pyarrow cannot build arrays.
    """
    batches = table.to_batches(max_chunksize=batch_rows)
    parts = [schema.serialize().to_pybytes()]
    parts += [batch.serialize().to_pybytes() for batch in batches if batch.num_rows]
    return [*parts, END_OF_STREAM]


def frame(parts: list[bytes], flags: int) -> bytes:
    """Each part as an LZ4 frame of independent 4 MiB blocks, one frame after the other.

    `flags` is the FLG byte: 0x60 has no checksums, 0x74 one for each block and the content.
    """
    return b"".join(_frame(part, checksums=flags == 0x74) for part in parts)


def _frame(data: bytes, *, checksums: bool) -> bytes:
    compressor = lz4.frame.LZ4FrameCompressor(
        block_size=lz4.frame.BLOCKSIZE_MAX4MB,
        block_linked=False,
        block_checksum=checksums,
        content_checksum=checksums,
    )
    head: bytes = compressor.begin()
    return head + bytes(compressor.compress(data)) + bytes(compressor.flush())


def unframe(body: bytes) -> bytes:
    """The content of all frames of `body`."""
    parts = []
    while body:
        decompressor = lz4.frame.LZ4FrameDecompressor()
        parts.append(decompressor.decompress(body))
        body = decompressor.unused_data or b""
    return b"".join(parts)
