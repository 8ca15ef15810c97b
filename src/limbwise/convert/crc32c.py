"""CRC-32C (Castagnoli), by which TensorFlow and LevelDB check their files; eight bytes a step, in numba."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled

POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed


def _tables() -> npt.NDArray[np.uint32]:
    """(8, 256) what each byte adds to the remainder, 0 to 7 bytes before the end of a step."""
    first = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        first = np.where(first & 1, (first >> 1) ^ np.uint32(POLYNOMIAL), first >> 1).astype(np.uint32)
    tables = [first]
    for _ in range(7):
        tables.append(first[tables[-1] & 255] ^ (tables[-1] >> 8))
    return np.stack(tables)


TABLES = _tables()


def crc32c(data: bytes | memoryview) -> int:
    """The CRC-32C of some bytes."""
    return int(_run(np.frombuffer(data, np.uint8), TABLES))


def masked_crc32c(data: bytes | memoryview) -> int:
    """The CRC-32C turned and shifted as LevelDB stores it, since a checksum of bytes that hold their own checksum is weak."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@compiled
def _run(data: npt.NDArray[np.uint8], tables: npt.NDArray[np.uint32]) -> int:
    crc = np.uint32(0xFFFFFFFF)
    whole = len(data) - len(data) % 8
    for at in range(0, whole, 8):
        mixed = np.uint32(0)
        for i in range(4):
            byte = np.uint32(data[at + i]) ^ ((crc >> np.uint32(8 * i)) & np.uint32(255))
            mixed ^= tables[7 - i, byte]
        for i in range(4, 8):
            mixed ^= tables[7 - i, data[at + i]]
        crc = mixed
    for at in range(whole, len(data)):
        crc = tables[0, (crc ^ np.uint32(data[at])) & np.uint32(255)] ^ (crc >> np.uint32(8))
    return int(crc ^ np.uint32(0xFFFFFFFF))
