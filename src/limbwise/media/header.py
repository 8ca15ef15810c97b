"""What the first bytes of an image file say: format, size, orientation, and whether the file is all there.

Decoders fill what is missing with grey and say so on stderr at best, and take memory before they look; so size and wholeness are
read here first. Formats by their public specifications: JPEG T.81, PNG, WebP (RFC 9649), GIF89a, TIFF 6, BMP, Netpbm, JPEG 2000,
AVIF (HEIF), Radiance, Sun raster, OpenEXR.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.media.frame import Orientation


@dataclass(frozen=True)
class Header:
    """`format` by name, stored size in pixels, `whole`: nothing is missing as far as can be told without decoding; `scans` of a JPEG."""

    format: str
    width: int = 0
    height: int = 0
    orientation: Orientation = 1
    whole: bool = True
    scans: int = 0


def read_header(data: bytes) -> Header | None:
    """The header of an image file, given wholly; None where no known format begins like this."""
    for name, magic, parse in _FORMATS:
        if magic.match(data):
            try:
                return parse(name, data)
            except (struct.error, LookupError, ValueError):
                return Header(name, whole=False)
    return None


def is_image(start: bytes) -> bool:
    """Whether a file that starts with these 32 bytes or more is an image of a known format."""
    return any(magic.match(start) for _, magic, _ in _FORMATS)


# Those with a length, and the end: no stuffed zero, no restart, and nothing below 0xc0, whose "length" could hide scans from us alone.
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd9-\xfe])")
_FRAME_MARKERS = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def _jpeg(name: str, data: bytes) -> Header:
    width, height, orientation, scans, at = 0, 0, 1, 0, 2
    while marker := _MARKER.search(data, at):
        code, at = marker[1][0], marker.end()
        if code == 0xD9:
            return Header(name, width, height, orientation, height > 0, scans)
        (length,) = struct.unpack_from(">H", data, at)
        if code in _FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", data, at + 3)
        elif code == 0xE1 and data[at + 2 : at + 8] == b"Exif\0\0":
            orientation = _exif_orientation(data[at + 8 : at + length])
        scans += code == 0xDA
        at += length
    return Header(name, width, height, orientation, False, scans)


def _png(name: str, data: bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    orientation, at = 1, 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body, end = data[at + 4 : at + 8], memoryview(data)[at + 8 : at + 8 + length], at + 8 + length
        if len(data) < end + 4 or zlib.crc32(body, zlib.crc32(kind)) != struct.unpack_from(">I", data, end)[0]:
            break
        if kind == b"eXIf":
            orientation = _exif_orientation(bytes(body))
        if kind == b"IEND":
            return Header(name, width, height, orientation)
        at = end + 4
    return Header(name, width, height, orientation, whole=False)


def _webp(name: str, data: bytes) -> Header:
    width = height = 0
    orientation = 1
    for kind, at, length in _riff_chunks(data):
        if kind == b"VP8X":
            width, height = (int.from_bytes(data[at + i : at + i + 3], "little") + 1 for i in (4, 7))
        elif kind == b"VP8 " and not width:
            width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, at + 6))
        elif kind == b"VP8L" and not width:
            (bits,) = struct.unpack_from("<I", data, at + 1)
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif kind == b"EXIF":
            orientation = _exif_orientation(data[at : at + length].removeprefix(b"Exif\0\0"))
    return Header(name, width, height, orientation, whole=len(data) >= struct.unpack_from("<I", data, 4)[0] + 8)


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and length of each chunk's body."""
    at = 12
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        yield data[at : at + 4], at + 8, length
        at += 8 + length + length % 2


def _gif(name: str, data: bytes) -> Header:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _colour_table(flags)
    while data[at] == 0x21:  # extensions before the first picture, the only one that is read
        at = _after_sub_blocks(data, at + 2)
    if data[at] != 0x2C:
        return Header(name, width, height, whole=False)
    _after_sub_blocks(data, at + 11 + _colour_table(data[at + 9]))
    return Header(name, width, height)


def _colour_table(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_sub_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


def _tiff(name: str, data: bytes) -> Header:
    tags = _tiff_tags(data)
    starts, lengths = (tags[a if a in tags else b] for a, b in ((273, 324), (279, 325)))
    count = min(len(starts), len(lengths))
    ends = np.add(starts[:count], lengths[:count], dtype=np.float64)
    # The decoder turns these by itself, so that the orientation is 1 here.
    return Header(name, int(tags[256][0]), int(tags[257][0]), whole=count > 0 and bool(ends.max() <= len(data)))


_TIFF_WIDTHS = {1: 1, 3: 2, 4: 4, 13: 4, 16: 8}  # bytes of each type of whole numbers
_TIFF_TAGS = {256, 257, 274, 273, 279, 324, 325}  # sides, orientation, places and lengths of strips and of tiles


def _tiff_tags(data: bytes) -> dict[int, npt.NDArray[Any]]:
    """The tags that count, of the first directory of a TIFF or BigTIFF file, or of an EXIF block, which is laid out as one.

    They are views of the file, since many tags may have the same bytes, and as many as the file; of a tag that comes twice decoders
    take the first.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    (at,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    (entries,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
    at, step, inline = (at + 8, 20, 8) if big else (at + 2, 12, 4)
    tags: dict[int, npt.NDArray[Any]] = {}
    for entry in range(at, at + min(entries, 4096) * step, step):
        tag, kind, count = struct.unpack_from(order + ("HHQ" if big else "HHI"), data, entry)
        if tag not in _TIFF_TAGS or tag in tags or kind not in _TIFF_WIDTHS:
            continue
        width, value = _TIFF_WIDTHS[kind], entry + step - inline
        if count * width > inline:
            (value,) = struct.unpack_from(order + ("Q" if big else "I"), data, value)
        if value + count * width > len(data):
            raise ValueError("cut short")
        tags[tag] = np.frombuffer(memoryview(data)[value : value + count * width], f"{order}u{width}")
    return tags


def _exif_orientation(block: bytes) -> Orientation:
    """The orientation in an EXIF block; 1 where it says nothing or nonsense."""
    try:
        orientation = int(_tiff_tags(block)[274][0])
    except (struct.error, LookupError, ValueError):
        return 1
    return orientation if 1 <= orientation <= 8 else 1


def _bmp(name: str, data: bytes) -> Header:
    old = struct.unpack_from("<I", data, 14)[0] == 12
    width, height = struct.unpack_from("<HH" if old else "<ii", data, 18)
    return Header(name, abs(width), abs(height))


def _avif(name: str, data: bytes) -> Header:
    sizes = [struct.unpack_from(">II", data, box.end() + 4) for box in re.finditer(b"ispe", data[:65536])]
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return Header(name, width, height, _heif_orientation(data[:65536]))


def _heif_orientation(boxes: bytes) -> Orientation:
    """From the properties irot (quarter turns against the clock) and then imir (1: left and right change places)."""
    turn, mirror = (re.search(kind + rb"(.)", boxes, re.DOTALL) for kind in (b"irot", b"imir"))
    turns = turn[1][0] & 3 if turn else 0
    if mirror is None:
        return (1, 8, 3, 6)[turns]
    return ((4, 5, 2, 7) if mirror[1][0] & 1 == 0 else (2, 7, 4, 5))[turns]


def _fields(layout: str, at: int) -> Callable[[str, bytes], Header]:
    """A format whose width and height stand at a fixed place."""
    return lambda name, data: Header(name, *struct.unpack_from(layout, data, at))


def _pattern(pattern: bytes) -> Callable[[str, bytes], Header]:
    """A format whose width and height (groups w and h) are found by a pattern, as digits."""
    compiled = re.compile(pattern, re.DOTALL)

    def parse(name: str, data: bytes) -> Header:
        found = compiled.search(data[:65536])
        return Header(name, int(found["w"]), int(found["h"])) if found else Header(name, whole=False)

    return parse


def _jpeg_2000(name: str, data: bytes) -> Header:
    height, width = struct.unpack_from(">II", data, data.index(b"ihdr", 0, 65536) + 4)
    return Header(name, width, height)


def _exr(name: str, data: bytes) -> Header:
    left, top, right, bottom = struct.unpack_from("<4i", data, data.index(b"dataWindow\0box2i\0", 0, 65536) + 21)
    return Header(name, right - left + 1, bottom - top + 1)


_SPACE = rb"(?:\s|#[^\n]*\n)+"
_FORMATS = [
    (name, re.compile(magic, re.DOTALL), parse)
    for name, magic, parse in (
        ("JPEG", rb"\xff\xd8\xff", _jpeg),
        ("PNG", rb"\x89PNG\r\n\x1a\n", _png),
        ("WebP", rb"RIFF....WEBP", _webp),
        ("GIF", rb"GIF8[79]a", _gif),
        ("TIFF", rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]", _tiff),
        ("BMP", rb"BM.{4}\0{4}|BM.{8}[^\0]\0\0\0[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", _bmp),
        ("Netpbm", rb"P[1-6]\s", _pattern(rb"P[1-6]" + _SPACE + rb"(?P<w>\d{1,9})" + _SPACE + rb"(?P<h>\d{1,9})")),
        ("PAM", rb"P7\s", _pattern(rb"WIDTH (?P<w>\d{1,9})\s.*?HEIGHT (?P<h>\d{1,9})\s")),
        ("PFM", rb"P[Ff]\s", _pattern(rb"P[Ff]\s(?P<w>\d{1,9})\s(?P<h>\d{1,9})\s")),
        ("Radiance", rb"#\?(RADIANCE|RGBE)", _pattern(rb"\n-Y (?P<h>\d{1,9}) \+X (?P<w>\d{1,9})\n")),
        ("JPEG 2000", rb"\0\0\0\x0cjP  ", _jpeg_2000),
        ("JPEG 2000", rb"\xff\x4f\xff\x51", _fields(">II", 8)),
        ("AVIF", rb".{4}ftyp(avif|avis|mif1|miaf|heic|heix)", _avif),
        ("Sun raster", rb"\x59\xa6\x6a\x95", _fields(">II", 4)),
        ("OpenEXR", rb"\x76\x2f\x31\x01", _exr),
    )
]
