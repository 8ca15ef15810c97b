"""Sorted string tables of LevelDB, in which TensorFlow keeps the index of a checkpoint: keys and values, in blocks with checksums.

The file ends in 48 bytes: where the index of blocks lies, and a magic number. A block is entries whose keys leave out what they share
with the key before, then restart points; one byte of how it is packed (not, or by Snappy) and its masked CRC-32C follow it.
"""

from __future__ import annotations

from collections.abc import Iterator

from limbwise.convert.crc32c import masked_crc32c
from limbwise.engine.protobuf import read_varint

MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
FOOTER = 48
TRAILER = 5  # one byte of how the block is packed, four of its checksum
PLAIN, SNAPPY = 0, 1


def is_table(data: bytes) -> bool:
    """Whether some bytes end as such a table does."""
    return len(data) >= FOOTER and data[-8:] == MAGIC


def read_table(data: bytes) -> dict[bytes, bytes]:
    """The values of a table by their keys; raises ValueError that says what is damaged."""
    if not is_table(data):
        raise ValueError("it does not end as such a table does (truncated, or another kind of file)")
    footer = memoryview(data)[-FOOTER:]
    _, _, at = _handle(footer, 0)  # the block about blocks (filters), which none of ours has
    offset, size, _ = _handle(footer, at)
    table: dict[bytes, bytes] = {}
    for _, handle in _entries(_block(data, offset, size)):
        offset, size, _ = _handle(handle, 0)
        table |= ((key, bytes(value)) for key, value in _entries(_block(data, offset, size)))
    return table


def _handle(data: bytes | memoryview, at: int) -> tuple[int, int, int]:
    """Offset and size of a block, and the position after them."""
    offset, at = read_varint(data, at)
    size, at = read_varint(data, at)
    return offset, size, at


def _block(data: bytes, offset: int, size: int) -> bytes:
    """A block, its checksum checked, unpacked."""
    if offset + size + TRAILER > len(data) - FOOTER:
        raise ValueError("a block lies outside of it")
    view = memoryview(data)[offset : offset + size + TRAILER]
    if masked_crc32c(view[: size + 1]) != int.from_bytes(view[size + 1 :], "little"):
        raise ValueError("a checksum is wrong")
    if view[size] not in (PLAIN, SNAPPY):
        raise ValueError(f"a block is packed in an unknown way ({view[size]})")
    return unpack_snappy(view[:size]) if view[size] == SNAPPY else bytes(view[:size])


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise ValueError("a block is damaged")
    at, key = 0, b""
    while at < end:
        shared, at = read_varint(block, at)
        own, at = read_varint(block, at)
        length, at = read_varint(block, at)
        if shared > len(key) or at + own + length > end:
            raise ValueError("an entry lies outside of its block")
        key = key[:shared] + block[at : at + own]
        at += own + length
        yield key, block[at - length : at]


def unpack_snappy(packed: bytes | memoryview) -> bytes:
    """What Snappy packed, in its raw format: literals and copies of what came before. Raises ValueError where it is damaged."""
    length, at = read_varint(packed, 0)
    out = bytearray()
    while at < len(packed):
        tag, at = packed[at], at + 1
        at = _literal(packed, tag, at, out) if tag & 3 == 0 else _copy(packed, tag, at, out)
        if len(out) > length:
            break
    if len(out) != length:
        raise ValueError("what Snappy packed has another length than it says")
    return bytes(out)


def _literal(packed: bytes | memoryview, tag: int, at: int, out: bytearray) -> int:
    """Append bytes as they stand there: their count less one in the tag, or, from 60, in the 1 to 4 bytes behind it."""
    count = tag >> 2
    if count >= 60:
        extra = count - 59
        count, at = int.from_bytes(packed[at : at + extra], "little"), at + extra
    if at + count + 1 > len(packed):
        raise ValueError("what Snappy packed is cut short")
    out += packed[at : at + count + 1]
    return at + count + 1


def _copy(packed: bytes | memoryview, tag: int, at: int, out: bytearray) -> int:
    """Append a copy of earlier output; it may reach into what it writes itself."""
    extra = (1, 2, 4)[(tag & 3) - 1]
    if at + extra > len(packed):
        raise ValueError("what Snappy packed is cut short")
    back = int.from_bytes(packed[at : at + extra], "little")
    count = (tag >> 2) + 1
    if extra == 1:
        back, count = back | (tag >> 5) << 8, ((tag >> 2) & 7) + 4
    if not 0 < back <= len(out):
        raise ValueError("what Snappy packed refers to before its beginning")
    piece = bytes(out[len(out) - back :][:count])
    out += (piece * (count // len(piece) + 1))[:count]
    return at + extra
