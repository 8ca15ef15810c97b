"""Clips for the page's tests: the beginning of a real one, and one whose pictures carry their number as black and white fields."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

BITS, FIELD = 6, 32  # fields of a number, and their size in pixels
Image = np.ndarray[Any, np.dtype[np.uint8]]
SQUARE = Fraction(1)


def write_clip(path: Path, source: Path, frames: int) -> None:
    """The first frames of a clip: .mp4 (H.264) or .mjpeg, by the name."""
    import av

    with av.open(str(source)) as container:
        pictures = (
            frame.to_ndarray(format="rgb24") for frame, _ in zip(container.decode(video=0), range(frames), strict=False)
        )
        encode(path, pictures)


def write_numbered(path: Path, picture: Image, frames: int, pixels: Fraction = SQUARE) -> None:
    """A clip of one picture (H, W, 3); the number of each frame is in its lowest rows, the highest bit left."""
    encode(path, (_numbered(picture, number) for number in range(frames)), pixels)


def read_number(image: Image, width: int) -> int:
    """The number in a picture that is shown in another size; `width`: of the picture itself."""
    scale = image.shape[1] / width
    row = image[-int(scale * FIELD / 2), :, :3].mean(-1)
    bits = [row[int(scale * (bit + 0.5) * FIELD)] > 128 for bit in range(BITS)]
    return int("".join(str(int(bit)) for bit in bits), 2)


def encode(path: Path, pictures: Iterator[Image], pixels: Fraction = SQUARE) -> None:
    """RGB pictures to a video of 25 frames/s; `pixels`: width of a pixel by its height."""
    import av

    moving = path.suffix == ".mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264" if moving else "mjpeg", rate=25)
        stream.pix_fmt = "yuv420p" if moving else "yuvj420p"
        stream.options = {"g": "10"} if moving else {"qmin": "2", "qmax": "4"}
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
                stream.codec_context.sample_aspect_ratio = pixels
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _numbered(picture: Image, number: int) -> Image:
    picture = picture.copy()
    for bit in range(BITS):
        value = 255 * (number >> (BITS - 1 - bit) & 1)
        picture[-FIELD:, bit * FIELD : (bit + 1) * FIELD] = value
    return picture
