"""An image as a network wants to see it: resized, mirrored, padded, normalised, with the frame that leads back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from limbwise.geometry import Matrix, compose, fit, flip
from limbwise.spec import InputSpec

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """One look at a picture: `scale` multiplies the side of the size rule, `mirrored` swaps left and right."""

    scale: float = 1.0
    mirrored: bool = False


@dataclass(frozen=True, eq=False)
class Prepared:
    """A network input: `batch` (1, 3, H, W) float32 and `frame`, the matrix from image pixels to its pixels."""

    batch: Floats
    frame: Matrix
    view: View


def prepare(image: npt.NDArray[np.uint8], spec: InputSpec, view: View) -> Prepared:
    """An RGB uint8 (H, W, 3) image resized, mirrored, padded at the right and the bottom, and normalised as the network wants it."""
    height, width = image.shape[:2]
    fitted = fit(width, height, spec.size, view.scale)
    shrinks = fitted.resized[0] * fitted.resized[1] < width * height
    picture = cv2.resize(image, fitted.resized, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    frame = fitted.matrix
    if view.mirrored:
        picture, frame = cv2.flip(picture, 1), compose(frame, flip(fitted.resized[0]))
    return Prepared(_normalise(np.asarray(picture, np.uint8), spec, fitted.padded), frame, view)


def _normalise(picture: npt.NDArray[np.uint8], spec: InputSpec, padded: tuple[int, int]) -> Floats:
    """(h, w, 3) uint8 RGB -> (1, 3, H, W) float32: (pixel - mean) x scale in the network's order of colours."""
    (height, width), channels = picture.shape[:2], (2, 1, 0) if spec.colour == "BGR" else (0, 1, 2)
    batch, pixels = np.empty((1, 3, padded[1], padded[0]), np.float32), cv2.split(picture)
    for plane, channel, mean, scale, border in zip(batch[0], channels, spec.mean, spec.scale, spec.pad, strict=True):
        np.multiply(pixels[channel], np.float32(scale), out=plane[:height, :width])
        plane[:height, :width] -= np.float32(mean * scale)
        plane[height:], plane[:height, width:] = (border - mean) * scale, (border - mean) * scale
    return batch
