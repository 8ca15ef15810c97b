"""An image as a network wants to see it: resized, mirrored, padded, normalised, with the frame that leads back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from limbwise.engine.planes import area_weights, shrink_to_planes, to_planes
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
    """An RGB uint8 (H, W, 3) image resized, mirrored, padded at the right and the bottom, and normalised as the network wants it.

    Smaller images come of averaging (areas, as OpenCV's INTER_AREA), larger ones of linear interpolation.
    """
    height, width = image.shape[:2]
    fitted = fit(width, height, spec.size, view.scale)
    (wide, high), frame = fitted.resized, fitted.matrix
    if view.mirrored:
        image, frame = np.asarray(cv2.flip(image, 1), np.uint8), compose(frame, flip(wide))
    batch = np.empty((1, 3, fitted.padded[1], fitted.padded[0]), np.float32)
    planes, (order, gain, less, border) = batch[0], _levels(spec)
    if wide <= width and high <= height and (wide, high) != (width, height):
        rows, columns = area_weights(height, high), area_weights(width, wide)
        shrink_to_planes(_rows(image), *rows, *columns, order, gain, less, planes)
    else:
        way = cv2.INTER_AREA if wide * high < width * height else cv2.INTER_LINEAR
        to_planes(_rows(cv2.resize(image, fitted.resized, interpolation=way)), order, gain, less, planes)
    planes[:, high:], planes[:, :high, wide:] = border, border
    return Prepared(batch, frame, view)


@lru_cache
def _levels(spec: InputSpec) -> tuple[npt.NDArray[np.intp], Floats, Floats, Floats]:
    """How levels become what a network wants: its channels' places in RGB, what to multiply them with and to subtract then; and what the
    border has, (3, 1, 1)."""
    order = np.array((2, 1, 0) if spec.colour == "BGR" else (0, 1, 2), np.intp)
    mean, scale = np.array(spec.mean), np.array(spec.scale)
    border = (np.array(spec.pad) - mean) * scale
    return order, scale.astype(np.float32), (mean * scale).astype(np.float32), border.astype(np.float32)[:, None, None]


def _rows(image: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """(h, 3 w) bytes of a picture (h, w, 3)."""
    return np.ascontiguousarray(image, np.uint8).reshape(len(image), -1)
