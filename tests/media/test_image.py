"""Images in and out, against Pillow as the writer and the reader that we did not write."""

from __future__ import annotations

import io
import os
import struct
import threading
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageOps

from limbwise.errors import InputError, UsageError
from limbwise.media.header import read_header
from limbwise.media.image import decode_image, quiet_opencv, read_image, write_image

SHARED = (Path(__file__).parents[2] / ".." / "shared").resolve()
QUARTERS = np.zeros((40, 60, 3), np.uint8)
QUARTERS[:20, :30], QUARTERS[:20, 30:], QUARTERS[20:, :30], QUARTERS[20:, 30:] = (
    (230, 20, 20),
    (20, 220, 30),
    (30, 40, 210),
    (240, 230, 40),
)
LOSSLESS = ("PNG", "BMP", "TIFF", "PPM", "GIF", "WEBP", "JPEG2000")


def encoded(image: np.ndarray | Pillow.Image, form: str, **options: object) -> bytes:
    if form == "WEBP":
        options = {"lossless": True, **options}
    if form == "JPEG":
        options = {"quality": 95, "subsampling": 0, **options}
    buffer = io.BytesIO()
    (image if isinstance(image, Pillow.Image) else Pillow.fromarray(image)).save(buffer, form, **options)
    return buffer.getvalue()


def assert_close(actual: np.ndarray, expected: np.ndarray, bound: int) -> None:
    assert actual.shape == expected.shape
    assert actual.dtype == np.uint8
    assert np.abs(actual.astype(int) - expected.astype(int)).mean() <= bound


@pytest.mark.parametrize("form", [*LOSSLESS, "JPEG", "AVIF"])
def test_reads_each_format_as_rgb(form: str) -> None:
    assert_close(decode_image(encoded(QUARTERS, form), "x"), QUARTERS, 0 if form in LOSSLESS else 4)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_orientation_is_honoured(form: str, orientation: int) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(Pillow.open(io.BytesIO(encoded(QUARTERS, "PNG", exif=exif)))))
    data = encoded(QUARTERS, form, exif=exif)  # in AVIF Pillow turns it into the boxes irot and imir
    assert_close(decode_image(data, "x"), expected, 4)


@pytest.mark.parametrize(
    ("mode", "form"),
    [(m, f) for m in ("L", "1", "P") for f in ("PNG", "TIFF", "BMP", "GIF")]
    + [("L", "JPEG"), ("CMYK", "JPEG"), ("CMYK", "TIFF")],
)
def test_modes_become_rgb(mode: str, form: str) -> None:
    image = Pillow.fromarray(QUARTERS).convert(mode)
    assert_close(decode_image(encoded(image, form), "x"), np.asarray(image.convert("RGB")), 4)


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        ("PNG", "RGBA"),
        ("PNG", "LA"),
        ("WEBP", "RGBA"),
        ("WEBP", "LA"),
        ("JPEG2000", "RGBA"),
        ("AVIF", "RGBA"),
        ("AVIF", "LA"),
    ],
)
def test_alpha_lies_over_white(form: str, mode: str) -> None:
    image = Pillow.fromarray(QUARTERS).convert(mode)
    image.putalpha(Pillow.fromarray(np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1))))
    options = {"exact": True} if form == "WEBP" else {"quality": 95} if form == "AVIF" else {}
    white = Pillow.new("RGBA", image.size, "white")
    expected = np.asarray(Pillow.alpha_composite(white, image.convert("RGBA")).convert("RGB"))
    assert_close(decode_image(encoded(image, form, **options), "x"), expected, 4)


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".pgm", ".jp2"])
def test_sixteen_bit_is_scaled(suffix: str) -> None:
    cv2 = pytest.importorskip("cv2")
    deep = np.linspace(0, 65535, 2400).astype(np.uint16).reshape(40, 60)
    actual = decode_image(cv2.imencode(suffix, deep)[1].tobytes(), "x")
    assert_close(actual, np.repeat(np.rint(deep / 257).astype(np.uint8)[..., None], 3, 2), 0)


@pytest.mark.parametrize("suffix", [".tiff", ".hdr", ".pfm"])
@pytest.mark.parametrize("largest", [1.0, 400.0])
def test_floats_are_black_to_white(suffix: str, largest: float) -> None:
    cv2 = pytest.importorskip("cv2")
    grey = np.linspace(0, largest, 2400).astype(np.float32).reshape(40, 60)
    colours = np.repeat(grey[..., None], 3, 2)
    actual = decode_image(cv2.imencode(suffix, colours)[1].tobytes(), "x")
    assert_close(actual, np.rint(colours / largest * 255).astype(np.uint8), 1)
    assert actual.max() == 255


@pytest.mark.parametrize("size", [(1, 1), (20000, 1), (1, 20000)])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "PPM", "BMP"])
def test_odd_sizes_are_fine(size: tuple[int, int], form: str) -> None:
    data = encoded(Pillow.new("RGB", size, (200, 100, 50)), form)
    assert_close(decode_image(data, "x"), np.full((size[1], size[0], 3), (200, 100, 50), np.uint8), 2)


def png_claiming(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [head, b"IDAT" + zlib.compress(bytes(1000)), b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks
    )


def patched(form: str, old: bytes, new: bytes) -> bytes:
    data = encoded(QUARTERS, form)
    assert old in data
    return data.replace(old, new)


HUGE = {
    "png": png_claiming(50_000, 50_000),
    "jpeg": patched("JPEG", struct.pack(">HH", 40, 60), struct.pack(">HH", 50_000, 50_000)),
    "bmp": patched("BMP", struct.pack("<ii", 60, 40), struct.pack("<ii", 50_000, 50_000)),
    "gif": patched("GIF", struct.pack("<HH", 60, 40), struct.pack("<HH", 50_000, 50_000)),
    "webp": patched("WEBP", struct.pack("<I", 59 | 39 << 14), struct.pack("<I", 16_383 | 16_383 << 14)),
    "tiff": patched("TIFF", struct.pack("<HHII", 256, 4, 1, 60), struct.pack("<HHII", 256, 4, 1, 50_000_000)),
    "jp2": patched("JPEG2000", struct.pack(">II", 40, 60), struct.pack(">II", 50_000, 50_000)),
    "avif": patched("AVIF", struct.pack(">II", 60, 40), struct.pack(">II", 50_000, 50_000)),
    "ppm": b"P6\n# a comment\n50000 50000\n255\n" + bytes(100),
    "pam": b"P7\nWIDTH 50000\nHEIGHT 50000\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n" + bytes(100),
    "pfm": b"PF\n50000 50000\n-1.0\n" + bytes(100),
    "hdr": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 50000 +X 50000\n" + bytes(100),
}


@pytest.mark.parametrize("form", HUGE)
def test_absurd_sizes_are_refused_from_the_header(form: str) -> None:
    with pytest.raises(InputError, match=r"^here: .* pixels are more than the .* allowed"):
        decode_image(HUGE[form], "here")


def test_the_bound_is_the_callers() -> None:
    data = encoded(QUARTERS, "PNG")
    assert decode_image(data, "x", max_pixels=2400).shape == (40, 60, 3)
    with pytest.raises(InputError, match="60 x 40 pixels are more than the 2,399 allowed"):
        decode_image(data, "x", max_pixels=2399)


@pytest.mark.parametrize("form", [*LOSSLESS, "JPEG", "AVIF"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.995])
def test_truncated_is_an_error_not_a_grey_half(form: str, share: float, capfd: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    data = encoded(rng.integers(0, 256, (120, 160, 3)).astype(np.uint8), form)
    with pytest.raises(InputError, match=r"^photo: "):
        decode_image(data[: int(len(data) * share)], "photo")
    assert capfd.readouterr().err == ""


def test_progressive_jpeg_without_its_last_scans_is_an_error() -> None:
    data = encoded(np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8), "JPEG", progressive=True)
    assert read_header(data).whole  # type: ignore[union-attr]
    with pytest.raises(InputError, match="cut short"):
        decode_image(data[:-2], "x")


@pytest.mark.parametrize("form", [*LOSSLESS, "JPEG", "AVIF"])
def test_flipped_bits_never_crash(form: str) -> None:
    whole = encoded(np.random.default_rng(2).integers(0, 256, (48, 64, 3)).astype(np.uint8), form)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        data = bytearray(whole)
        for place in rng.integers(0, (len(data), 64)[seed % 2], 1 + seed % 7):
            data[place] ^= 1 << rng.integers(8)
        try:
            image = decode_image(bytes(data), "x", max_pixels=1_000_000)
        except InputError as error:
            assert str(error).startswith("x: ")
        else:
            assert image.dtype == np.uint8
            assert image.ndim == 3
            assert image.shape[2] == 3


def test_a_flipped_bit_in_a_png_is_found_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encoded(QUARTERS, "PNG"))
    data[60] ^= 4
    with pytest.raises(InputError, match="damaged"):
        decode_image(bytes(data), "x")
    assert capfd.readouterr().err == ""


def test_opencv_stays_quiet_until_the_last_thread_is_out() -> None:
    logging: Any = cv2.utils.logging if hasattr(cv2.utils, "logging") else cv2
    before = logging.getLogLevel()
    assert before > 0
    with quiet_opencv:
        with quiet_opencv:
            assert logging.getLogLevel() == 0
        assert logging.getLogLevel() == 0
    assert logging.getLogLevel() == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"just some words, no pixels\n" * 20, "not an image"),
        (b"\xff\xd8\xff", "cut short"),
        (bytes(500), "not an image"),
    ],
)
def test_what_is_no_image_says_so(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match=says) as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder_say_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.jpg: no such file"):
        read_image(tmp_path / "nowhere.jpg")
    with pytest.raises(InputError, match="is a folder"):
        read_image(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPG", ".webp", ".bmp", ".tiff"])
def test_written_images_are_read_by_others(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / f"out{suffix}"
    write_image(path, QUARTERS)
    assert_close(np.asarray(Pillow.open(path).convert("RGB")), QUARTERS, 4)
    assert_close(read_image(path), QUARTERS, 4)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["out.xyz", "out", "out.txt"])
def test_unknown_suffix_is_an_error_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"use \.png"):
        write_image(tmp_path / name, QUARTERS)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_only_rgb_bytes_are_written(tmp_path: Path, image: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"\(H, W, 3\) uint8"):
        write_image(tmp_path / "a.png", image)


def test_real_photos_equal_pillow() -> None:
    photos = SHARED / "data" / "photos"
    if not photos.is_dir():
        pytest.skip(f"no photos in {photos}")
    for path in photos.iterdir():
        expected = np.asarray(ImageOps.exif_transpose(Pillow.open(path)).convert("RGB"))
        assert_close(read_image(path), expected, 2)


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    write_image(tmp_path / "a.png", image)
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes((tmp_path / "a.png").read_bytes()))
    writer.start()
    np.testing.assert_array_equal(read_image(tmp_path / "pipe"), image)
    writer.join()
