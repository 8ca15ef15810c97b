"""Dot people: a network of 12 weights that sees people made of coloured dots, so that everything runs end to end without weights.

A dot person is a red dot (head), a green one (hip) and a blue one (foot), from left to right, joined by white lines. The network is
one convolution and average pooling: a heatmap a colour, and the PAFs of head-hip and hip-foot, both (light, 0).
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

DOTS = Skeleton("dots", ("head", "hip", "foot"), ((0, 1), (1, 2)), (0.08, 0.08, 0.08))
SPEC = ModelSpec(
    "dots",
    DOTS,
    {"heatmaps": Head("maps", (0, 1, 2, 3)), "pafs": Head("maps", (4, 5, 4, 5))},
    limbs=DOTS.limbs,
    input=InputSpec(scale=(1 / 255,) * 3, pad=(0, 0, 0), size=SizeRule(side=240)),
)
WEIGHTS = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [0, 0, 0], [2, 2, 2], [0, 0, 0]], np.float32)
BIASES = np.array([0, 0, 0, 0, -1, 0], np.float32)


def write_model(folder: Path) -> Path:
    """dots.onnx and its spec in `folder`."""
    nodes = [
        helper.make_node("Conv", ["image", "weights", "biases"], ["mixed"]),
        helper.make_node("Clip", ["mixed", "zero", "one"], ["clipped"]),
        helper.make_node("AveragePool", ["clipped"], ["maps"], kernel_shape=[24, 24], strides=[8, 8], pads=[8] * 4),
    ]
    values = [numpy_helper.from_array(WEIGHTS[:, :, None, None], "weights"), numpy_helper.from_array(BIASES, "biases")]
    values += [numpy_helper.from_array(np.array(v, np.float32), name) for name, v in (("zero", 0), ("one", 1))]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])
    maps = helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", 6, "y", "x"])
    graph = helper.make_graph(nodes, "dots", [image], [maps], values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(folder / "dots.onnx"))
    write_spec(SPEC, folder / "dots.json")
    return folder / "dots.onnx"


def draw_dots(people: np.ndarray, width: int = 320, height: int = 240) -> np.ndarray:
    """An RGB picture of dot people; `people` (N, 3, 2) x, y of head, hip and foot."""
    image = np.zeros((height, width, 3), np.uint8)
    for person in people.round().astype(int):
        for a, b in DOTS.limbs:
            cv2.line(image, person[a].tolist(), person[b].tolist(), (255, 255, 255), 14)
        for colour, point in zip(np.eye(3) * 255, person, strict=True):
            cv2.circle(image, point.tolist(), 11, colour.tolist(), -1)
    return image


def some_people(seed: int, count: int = 2) -> np.ndarray:
    """(count, 3, 2) dot people one above the other in a 320 x 240 picture."""
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, 240, count + 2)[1:-1] + rng.uniform(-8, 8, count)
    left = rng.uniform(30, 80, count)
    return np.stack([np.stack([left + i * rng.uniform(80, 100, count), rows], -1) for i in range(3)], 1)
