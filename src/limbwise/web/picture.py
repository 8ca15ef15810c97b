"""The bytes of an image that a client sent, to pixels, with what may be wrong with them told before memory and time are taken."""

from __future__ import annotations

from limbwise.media.frame import Image
from limbwise.media.header import read_header
from limbwise.media.image import decode_image
from limbwise.web.refusal import Refusal

MOST_SCANS = 100  # of a JPEG: a file of a few kilobytes with thousands of them takes minutes


def open_picture(data: bytes, max_pixels: int) -> Image:
    """(H, W, 3) uint8 RGB, upright. Raises Refusal 413 for more pixels than allowed, by the header alone; InputError for what is no
    image, or damaged."""
    header = read_header(data)
    if header is not None and header.width * header.height > max_pixels:
        size = f"{header.width} x {header.height}"
        raise Refusal(413, f"image: {size} pixels are more than the {max_pixels:,} allowed; make it smaller")
    if header is not None and header.scans > MOST_SCANS:
        raise Refusal(422, f"image: JPEG data of more than {MOST_SCANS} scans; save it again")
    return decode_image(data, "image", max_pixels)
