"""Two hundred uploads that no honest client sends: bombs, lies in headers, cut and bent files, wrong types, names that lead away."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np

HUGE = 50_000


@dataclass(frozen=True)
class Upload:
    """One request: what it is, where it goes, and the arguments of httpx.post."""

    name: str
    path: str
    arguments: dict[str, Any]


def uploads(seed: int = 7, count: int = 200) -> Iterator[Upload]:
    """The same ones for the same seed: every kind in turn, to images and videos, as bodies and as forms."""
    rng = np.random.default_rng(seed)
    kinds = list(KINDS.items())
    for i in range(count):
        name, make = kinds[i % len(kinds)]
        data = make(rng)
        path = "/v1/people" if i % 5 else "/v1/video"
        sent: dict[str, Any] = {"content": data, "headers": {"Content-Type": TYPES[i % len(TYPES)]}}
        if i % 3 == 0:
            sent = {"files": {"file": (NAMES[i // 3 % len(NAMES)], data, TYPES[i % len(TYPES)])}}
        yield Upload(f"{i}: {name} to {path}", path, sent)


TYPES = [
    "image/png",
    "image/jpeg",
    "application/octet-stream",
    "text/html",
    "video/mp4",
    "application/x-www-form-urlencoded",
    "nonsense",
]
NAMES = [
    "../../../etc/passwd",
    "..\\..\\a.png",
    "/etc/shadow",
    "a\0.png",
    "x" * 3000,
    "con.png",
    "%2e%2e%2fa",
    "\u202egnp.exe",
    "'; --",
]


def honest(suffix: str, rng: np.random.Generator) -> bytes:
    """A whole image of noise."""
    pixels = cv2.resize(rng.integers(0, 256, (8, 8, 3), np.uint8), (160, 120), interpolation=cv2.INTER_CUBIC)
    done, data = cv2.imencode(suffix, pixels)
    assert done
    return data.tobytes()


def cut(suffix: str) -> Callable[[np.random.Generator], bytes]:
    """A file that ends too early."""

    def make(rng: np.random.Generator) -> bytes:
        data = honest(suffix, rng)
        return data[: int(rng.integers(12, len(data) - 4))]

    return make


def bent_png(rng: np.random.Generator) -> bytes:
    """One byte of the pixels is another."""
    data = bytearray(honest(".png", rng))
    data[int(rng.integers(60, len(data) - 20))] ^= 0x55
    return bytes(data)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + png_chunk(b"IEND", b"")


@cache
def png_too_large() -> bytes:
    """A few kilobytes that become 7.5 GB."""
    return png(HUGE, HUGE, png_chunk(b"IDAT", zlib.compress(bytes(1_000_000), 9)))


@cache
def png_without_pixels() -> bytes:
    """A text of 64 MB in 64 KB, and no picture."""
    return png(64, 64, png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(64_000_000), 9)))


def jpeg_too_large(rng: np.random.Generator) -> bytes:
    data = honest(".jpg", rng)
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", HUGE, HUGE) + data[at + 4 :]


@cache
def jpeg_of_many_scans() -> bytes:
    """A progressive picture of 30 megapixels whose last scan comes thousands of times."""
    pixels = np.full((5000, 6000, 3), 90, np.uint8)
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    data = encoded.tobytes()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 2000 + b"\xff\xd9"


def gif_too_large(rng: np.random.Generator) -> bytes:
    pixels = b"\x2c" + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x02\x02\x4c\x01\x00\x3b"
    return b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6) + pixels


def tiff_too_large(rng: np.random.Generator) -> bytes:
    tags = [(256, HUGE), (257, HUGE), (258, 8), (259, 8), (262, 1), (273, 200), (277, 1), (278, HUGE), (279, 64)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return (b"II*\0\x08\0\0\0" + directory).ljust(200, b"\0") + zlib.compress(bytes(50_000), 9).ljust(64, b"\0")


def bmp_too_large(rng: np.random.Generator) -> bytes:
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 154, 0, 0, 54, 40, HUGE, HUGE, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(100)


def webp_too_large(rng: np.random.Generator) -> bytes:
    body = (
        b"VP8X" + struct.pack("<IB", 10, 0) + bytes(3) + (16383).to_bytes(3, "little") * 2 + honest(".webp", rng)[12:]
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def jpeg_2000_too_large(rng: np.random.Generator) -> bytes:
    box = struct.pack(">I4sIIHBBBB", 22, b"ihdr", HUGE, HUGE, 3, 7, 7, 0, 0)
    return (
        b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 \0\0\0\0jp2 " + struct.pack(">I4s", 30, b"jp2h") + box + bytes(40)
    )


def avif_too_large(rng: np.random.Generator) -> bytes:
    return (
        struct.pack(">I4s4sI4s", 20, b"ftyp", b"avif", 0, b"avif")
        + struct.pack(">I4sIII", 20, b"ispe", 0, HUGE, HUGE)
        + bytes(50)
    )


def video_too_large(rng: np.random.Generator) -> bytes:
    """Frames of 50,000 x 50,000, says the header."""
    return b"YUV4MPEG2 W50000 H50000 F25:1 Ip A1:1 C420jpeg\nFRAME\n" + bytes(3000)


@cache
def zip_bomb() -> bytes:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(3):
            archive.writestr(f"../{i}.png", bytes(10_000_000))
    return inner.getvalue()


def noise_behind(magic: bytes) -> Callable[[np.random.Generator], bytes]:
    return lambda rng: magic + rng.integers(0, 256, int(rng.integers(10, 5000)), np.uint8).tobytes()


def always(data: bytes) -> Callable[[np.random.Generator], bytes]:
    return lambda rng: data


def once(make: Callable[[], bytes]) -> Callable[[np.random.Generator], bytes]:
    return lambda rng: make()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/><script>alert(1)</script></svg>'
XML = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'

KINDS: dict[str, Callable[[np.random.Generator], bytes]] = {
    "png of 50,000 x 50,000": once(png_too_large),
    "jpeg of 50,000 x 50,000": jpeg_too_large,
    "gif of 65,535 x 65,535": gif_too_large,
    "tiff of 50,000 x 50,000": tiff_too_large,
    "bmp of 50,000 x 50,000": bmp_too_large,
    "webp of 16,384 x 16,384": webp_too_large,
    "jpeg 2000 of 50,000 x 50,000": jpeg_2000_too_large,
    "avif of 50,000 x 50,000": avif_too_large,
    "netpbm of 50,000 x 50,000": always(b"P6\n50000 50000\n255\n" + bytes(100)),
    "video of 50,000 x 50,000": video_too_large,
    "png without pixels, a large text": once(png_without_pixels),
    "jpeg of 2000 scans": once(jpeg_of_many_scans),
    "zip bomb": once(zip_bomb),
    "gzip bomb": always(gzip.compress(bytes(10_000_000))),
    "png cut short": cut(".png"),
    "jpeg cut short": cut(".jpg"),
    "webp cut short": cut(".webp"),
    "tiff cut short": cut(".tiff"),
    "bent png": bent_png,
    "noise": noise_behind(b"\x01"),
    "noise behind PNG": noise_behind(b"\x89PNG\r\n\x1a\n"),
    "noise behind JPEG": noise_behind(b"\xff\xd8\xff\xe0"),
    "noise behind WebP": noise_behind(b"RIFF\x10\0\0\0WEBPVP8 "),
    "noise behind TIFF": noise_behind(b"II*\0"),
    "noise behind MP4": noise_behind(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"),
    "noise behind Matroska": noise_behind(b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01"),
    "svg": always(SVG),
    "xml with entities": always(XML),
    "pdf": always(b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"),
    "program": always(b"\x7fELF\x02\x01\x01" + bytes(200)),
    "playlist": always(b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"),
    "nothing": always(b""),
}
