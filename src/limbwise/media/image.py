"""Image files to RGB pixels and back, by OpenCV, with the checks that it leaves out."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from limbwise.errors import InputError, UsageError
from limbwise.files import check_place, whole_file
from limbwise.media.frame import Image, upright
from limbwise.media.header import is_image, read_header

MAX_PIXELS = 178_956_970  # half a GiB of RGB; the bound of Pillow too
_WITH_ALPHA = {"PNG", "WebP", "AVIF", "JPEG 2000"}  # elsewhere a fourth channel is black ink, padding, or premultiplied
_AS_COLOUR = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


def read_image(path: str | Path, max_pixels: int = MAX_PIXELS) -> Image:
    """The picture in a file, (H, W, 3) uint8 RGB, upright; see decode_image. Raises InputError with the path."""
    try:
        with open(os.fspath(path), "rb", buffering=0) as file:
            data = file.read(64)
            if is_image(data):  # what is no image may be huge
                data += file.read()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the path") from error
    except OSError as error:
        if Path(path).is_dir():
            raise InputError(f"{path}: is a folder, not an image; name the files in it") from error
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    return decode_image(data, str(path), max_pixels)


def decode_image(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Image:
    """The bytes of an image file as (H, W, 3) uint8 RGB, upright.

    The EXIF orientation is applied; grey becomes RGB; 16-bit values are divided by 257; floats and other integers are taken as 0 to
    1 (black to white), or 0 to their largest where that is above 1; transparent pixels are laid over white, as a viewer shows them
    (in TIFF and BMP alpha is ignored). Of an animation the first picture counts.
    Raises InputError, which begins with `name`, where the data is empty, no image, cut short, damaged so that it cannot be decoded,
    or of more than `max_pixels` pixels; that is told from the header, before memory is taken.
    """
    if not data:
        raise InputError(f"{name}: is empty; copy or download it again")
    header = read_header(data)
    if header is None:
        raise InputError(
            f"{name}: is not an image of a known format; JPEG, PNG, WebP, TIFF and BMP are read, among others"
        )
    if header.width * header.height > max_pixels:
        size = f"{header.width} x {header.height}"
        raise InputError(f"{name}: {size} pixels are more than the {max_pixels:,} allowed; make it smaller")
    if not header.whole or header.width < 1 or header.height < 1:
        raise InputError(f"{name}: {header.format} data is cut short or damaged; copy or download it again")
    pixels = _decode(data, header.format)
    if pixels is None:
        raise InputError(
            f"{name}: {header.format} data cannot be decoded; it is damaged or of an unusual kind, save it as PNG or JPEG"
        )
    if pixels.shape[0] * pixels.shape[1] > max_pixels:
        raise InputError(f"{name}: holds more pixels than its header says; it is damaged")
    return upright(pixels if header.format == "JPEG" else _rgb(_eight_bit(pixels)), header.orientation)


def write_image(path: str | Path, image: Image, quality: int = 95) -> None:
    """Write (H, W, 3) uint8 RGB to a file; the suffix gives the format, `quality` (1 to 100) counts for JPEG, WebP and AVIF.

    The file is whole or not there. Raises UsageError for a suffix that OpenCV does not write and for an array of another kind,
    LimbwiseError where the disk says no.
    """
    path = Path(path)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise UsageError(f"{path}: an image is (H, W, 3) uint8, not {image.shape} {image.dtype}")
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_WEBP_QUALITY, quality]
    try:
        with quiet_opencv:
            done, data = cv2.imencode(path.suffix.lower(), image[..., ::-1], _options_for(path.suffix.lower(), options))
    except cv2.error:
        done = False
    if not done:
        raise UsageError(_unwritable(path))
    with whole_file(path) as part:
        part.write_bytes(data.tobytes())


def check_image_place(path: Path | None) -> None:
    """Raises UsageError where write_image could not put a picture, as far as can be told before; None is no picture."""
    check_place(path)
    if path is not None and not cv2.haveImageWriter(f"x{path.suffix.lower()}"):
        raise UsageError(_unwritable(path))


def _unwritable(path: Path) -> str:
    return f"{path}: cannot be written as '{path.suffix}'; use .png, .jpg, .webp, .bmp or .tiff"


def _options_for(suffix: str, quality: list[int]) -> list[int]:
    if suffix in {".jpg", ".jpeg", ".jpe"}:
        return quality[:2]
    return quality[2:] if suffix == ".webp" else []


def _decode(data: bytes, format: str) -> npt.NDArray[Any] | None:
    """Stored pixels, (H, W, 3) uint8 RGB of a JPEG; of others in OpenCV's channel order, (H, W), (H, W, 3) or (H, W, 4), any dtype; None
    where it cannot."""
    buffer = np.frombuffer(data, np.uint8)
    with quiet_opencv:
        for flags in _ways(format):
            try:
                pixels = cv2.imdecode(buffer, flags)
            except cv2.error:  # also what it says of sizes beyond its own bound
                continue
            if pixels is not None and pixels.size:
                return np.asarray(pixels)
    return None


def _ways(format: str) -> tuple[int, ...]:
    """OpenCV's flags to decode a format by, the best first."""
    if format == "JPEG":
        return (cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION,)  # saves a second picture in memory
    return (cv2.IMREAD_UNCHANGED, _AS_COLOUR) if format in _WITH_ALPHA else (_AS_COLOUR, cv2.IMREAD_UNCHANGED)


def _eight_bit(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    values = np.nan_to_num(pixels.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    scaled: npt.NDArray[np.float64] = np.rint(np.clip(values, 0, None) * (255 / max(1.0, values.max())))
    return scaled.astype(np.uint8)


def _rgb(pixels: npt.NDArray[np.uint8]) -> Image:
    """From (H, W), (H, W, 1), BGR or BGRA to RGB; alpha over white."""
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if pixels.shape[2] < 3:
        return np.repeat(pixels[..., :1], 3, axis=2)
    colours: Image = np.asarray(cv2.cvtColor(pixels[..., :3], cv2.COLOR_BGR2RGB), np.uint8)
    if pixels.shape[2] == 3 or pixels[..., 3].min() == 255:
        return colours
    alpha = pixels[..., 3:].astype(np.uint16)
    return ((colours * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


class _Quiet:
    """Keeps OpenCV from writing on stderr what becomes an error of ours. Its level holds for the process: the first thread that comes in
    makes it quiet, the last that leaves gives the level back. No generator: beside a small picture one can be told."""

    def __init__(self) -> None:
        self._lock, self._threads, self._level = threading.Lock(), 0, 0

    def __enter__(self) -> None:
        with self._lock:
            if self._threads == 0:
                self._level = _logging.getLogLevel()
                _logging.setLogLevel(0)  # silent
            self._threads += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._threads -= 1
            if self._threads == 0:
                _logging.setLogLevel(self._level)


_logging: Any = cv2.utils.logging if hasattr(cv2.utils, "logging") else cv2  # OpenCV 5, OpenCV 4
quiet_opencv = _Quiet()
