"""Headers that lie: tags without end, scans that hide, and what lies behind the end of a picture."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest

from limbwise.media.header import Header, read_header


def directory(tags: list[tuple[int, int, int, int]], behind: int = 0) -> bytes:
    """A little-endian TIFF directory of (tag, type, count, value), then `behind` bytes of ones."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + b"\1" * behind


def jpeg(*chunks: bytes, progressive: int = 0) -> bytes:
    """A small picture with chunks behind its first two bytes."""
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive]
    done, data = cv2.imencode(".jpg", np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3), options)
    assert done
    return data.tobytes()[:2] + b"".join(chunks) + data.tobytes()[2:]


def exif(block: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block


def png_with_exif(block: bytes) -> bytes:
    done, data = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))
    assert done
    chunk = struct.pack(">I", len(block)) + b"eXIf" + block + struct.pack(">I", zlib.crc32(b"eXIf" + block))
    return data.tobytes()[:33] + chunk + data.tobytes()[33:]


SIZE = [(256, 3, 1, 60), (257, 3, 1, 40), (274, 3, 1, 6)]
MANY = {
    "tags that nobody asks for": [*SIZE, *((1000 + i, 1, 200_000, 8) for i in range(300))],
    "strips": [*SIZE, *((tag, 1, 200_000, 8) for tag in (273, 279, 324, 325) * 75)],
    "sizes": [*SIZE, *((256 + i % 2, 1, 200_000, 8) for i in range(300))],
    "orientations": [*SIZE, *((274, 1, 200_000, 8) for _ in range(300))],
}


@pytest.mark.parametrize("kind", MANY)
@pytest.mark.parametrize("wrapped", [True, False], ids=["PNG", "TIFF"])
def test_tags_that_share_their_bytes_take_no_memory(kind: str, wrapped: bool) -> None:
    block = directory(MANY[kind], 200_000)
    data = png_with_exif(block) if wrapped else block
    tracemalloc.start()
    try:
        began = time.perf_counter()
        header = read_header(data)
        took, peak = time.perf_counter() - began, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert header is not None
    assert (header.width, header.height) == ((4, 4) if wrapped else (60, 40) if kind == "strips" else (0, 0))
    assert header.orientation == (6 if wrapped else 1)
    assert peak < 4_000_000
    assert took < 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "letter"), [(3, "H"), (4, "I")])
@pytest.mark.parametrize("count", [1, 2, 40])
def test_strips_of_every_layout(order: str, kind: int, letter: str, count: int) -> None:
    """Numbers beside the tag or elsewhere; the last strip ends with the file, and one byte less is a cut."""
    size, behind = struct.calcsize(f"{order}{count}{letter}"), 8 + 2 + 4 * 12 + 4
    first = behind + 2 * size
    starts, lengths = [first + 3 * i for i in range(count)], [3] * count
    tags = [(256, 3, 1, 60), (257, 3, 1, count)]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 4)
    for tag, _, _, value in tags:
        head += struct.pack(order + "HHIHH", tag, 3, 1, value, 0)
    for tag, numbers, place in ((273, starts, behind), (279, lengths, behind + size)):
        packed = struct.pack(f"{order}{count}{letter}", *numbers)
        head += struct.pack(order + "HHI", tag, kind, count)
        head += packed.ljust(4, b"\0") if size <= 4 else struct.pack(order + "I", place)
    lists = b"".join(struct.pack(f"{order}{count}{letter}", *numbers) for numbers in (starts, lengths))
    data = head + bytes(4) + lists + bytes(3 * count)
    assert read_header(data) == Header("TIFF", 60, count)
    assert read_header(data[:-1]) == Header("TIFF", 60, count, whole=False)


def test_scans_are_counted_up_to_the_end_of_the_picture() -> None:
    for progressive in (0, 1):
        data = jpeg(progressive=progressive)
        header = read_header(data + b"\0\0\0\x18ftypmp42" + b"\xff\xda" * 500)  # a film behind it
        assert header is not None
        assert header.whole
        assert header.scans == data.count(b"\xff\xda")
        assert (header.scans > 1) == bool(progressive)
    small = jpeg(exif(b"II*\0" + jpeg()))  # a picture inside the picture's notes is none of its scans
    assert read_header(small).scans == 1  # type: ignore[union-attr]


def test_no_marker_hides_scans() -> None:
    """Where a restart is due, decoders step over what is no marker, and see what a length of it would hide."""
    data = jpeg(progressive=1)
    last = data.rindex(b"\xff\xda")
    hiding = b"\xff\x05" + struct.pack(">H", 60_000) + data[last:-2] * 200
    header = read_header(data[:-2] + hiding.ljust(60_100, b"\0") + b"\xff\xd9")
    assert header is not None
    assert header.scans >= 200
