"""Networks whose last layer marks given pixels: keypoint k wherever the picture has its colour, so that what comes back is known.

Each map is Gaussian around a spot of pure colour, drawn `AHEAD` to the right of it in the network's input: a mirrored crop gives the
spot itself only where the picture is mirrored back.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from limbwise.geometry import SizeRule
from limbwise.skeleton import Skeleton
from limbwise.spec import Head, InputSpec, ModelSpec, write_spec

# Weights of red, green and blue, and a bias, that let through nothing but one colour; keypoint k has colour k modulo 3.
COLOURS = np.array([[255, 0, 255], [255, 255, 0], [0, 255, 255]], np.uint8)
WEIGHTS = np.array([[1, -1, 1], [1, 1, -1], [-1, 1, 1]], np.float32) / 255
BIAS = np.float32(-1.6)
RADIUS, SIGMA, STRIDE = 28, 8.0, 8


def write_marker(folder: Path, name: str, skeleton: Skeleton, ahead: int = 0) -> Path:
    """NAME.onnx and its spec: maps (K + 1) of the colours, Gaussian, each peak `ahead` input pixels to the right of its spot."""
    count = len(skeleton)
    colour = np.concatenate([WEIGHTS[np.arange(count) % 3], np.zeros((1, 3), np.float32)])
    steps = np.arange(2 * RADIUS + 1) - RADIUS - (STRIDE - 1) / 2  # from the centre of a cell, by the half-pixel rule
    along, across = (0.1 * np.exp(-0.5 * ((steps + shift) / SIGMA) ** 2) for shift in (ahead, 0))
    weights = {"colour": colour[:, :, None, None], "bias": np.full(count + 1, BIAS), "along": along[None, None, None],
               "across": across[None, None, :, None]}  # fmt: skip
    for name_ in ("along", "across"):
        weights[name_] = np.repeat(weights[name_], count + 1, axis=0)
    each = {"group": count + 1}
    nodes = [
        helper.make_node("Conv", ["image", "colour", "bias"], ["likeness"]),
        helper.make_node("Relu", ["likeness"], ["spots"]),
        helper.make_node(
            "Conv", ["spots", "along"], ["rows"], strides=[1, STRIDE], pads=[0, RADIUS, 0, RADIUS], **each
        ),
        helper.make_node(
            "Conv", ["rows", "across"], ["maps"], strides=[STRIDE, 1], pads=[RADIUS, 0, RADIUS, 0], **each
        ),
    ]
    sizes = (("image", ["n", 3, "h", "w"]), ("maps", ["n", count + 1, "y", "x"]))
    ends = [helper.make_tensor_value_info(end, TensorProto.FLOAT, size) for end, size in sizes]
    values = [numpy_helper.from_array(array.astype(np.float32), key) for key, array in weights.items()]
    model = helper.make_model(
        helper.make_graph(nodes, name, ends[:1], ends[1:], values),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    onnx.save(model, str(folder / f"{name}.onnx"))
    heads = {"heatmaps": Head("maps", tuple(range(count + 1)))}
    scaled = InputSpec(scale=(1.0, 1.0, 1.0), pad=(0, 0, 0), size=SizeRule(side=368))
    write_spec(ModelSpec(name, skeleton, heads, input=scaled, method="single"), folder / f"{name}.json")
    return folder / f"{name}.onnx"


def mark(image: np.ndarray, points: np.ndarray, radius: float) -> np.ndarray:
    """The picture with a spot of colour k modulo 3 at points k (K, 2); what lies outside is not drawn."""
    marked = image.copy()
    for colour, point in zip(np.resize(COLOURS, (len(points), 3)), points, strict=True):
        centre = np.rint(point * 16).astype(int)
        cv2.circle(marked, centre.tolist(), round(radius * 16), colour.tolist(), -1, cv2.LINE_AA, 4)
    return marked
