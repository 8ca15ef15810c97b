"""A network of DeeperCut's heads that sees the dot people of dots.py, as an ONNX file: sums over windows and a division, no training.

Parts: how much of a colour is about a cell. Offsets: to the middle of it. Pairwise: to the middle of the other colours in a wide,
low window, so people must lie at least 60 pixels one above the other.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from dots import DOTS
from onnx import TensorProto, helper, numpy_helper

from limbwise.geometry import SizeRule
from limbwise.spec import Head, InputSpec, ModelSpec, ordered_pairs, write_spec

PAIRS = ordered_pairs(3)
SPEC = ModelSpec(
    "dot parts",
    DOTS,
    {
        "part_logits": Head("parts", (0, 1, 2), 8, 4.0),
        "offsets": Head("offsets", tuple(range(6)), 8, 4.0, scale=(8.0,) * 6),
        "pairwise": Head("pairwise", tuple(range(12)), 8, 4.0, scale=(50.0,) * 12, mean=(10.0,) * 12),
    },
    input=InputSpec(scale=(1 / 255,) * 3, pad=(0, 0, 0), size=SizeRule(side=240, multiple=16)),
    method="deepercut",
)
COLOURS = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1]], np.float32)
MASS = 380.0  # pixels of a dot


def _moments(high: int, wide: int) -> np.ndarray:
    """(3, 1, 2 high + 1, 2 wide + 1) a window's sum, and its sums weighted by x and by y from the middle."""
    y, x = np.mgrid[-high : high + 1, -wide : wide + 1].astype(np.float32)
    return np.stack([np.ones_like(x), x, y])[:, None]


def _window(name: str, high: int, wide: int, values: dict[str, np.ndarray]) -> list[onnx.NodeProto]:
    """Sums of the three planes over windows about cells, (n, 3 x 3, y, x): mass, x and y of each plane; and mass, middle x and y."""
    values[name + "_w"] = np.tile(_moments(high, wide), (3, 1, 1, 1))
    pads = [high - 4, wide - 4, high - 3, wide - 3]
    nodes = [helper.make_node("Conv", ["planes", name + "_w"], [name], group=3, strides=[8, 8], pads=pads)]
    nodes += [helper.make_node("Gather", [name, f"{axis}s"], [f"{name}_{axis}"], axis=1) for axis in ("mass", "x", "y")]
    nodes += [helper.make_node("Max", [name + "_mass", "one"], [name + "_some"])]
    return nodes + [helper.make_node("Div", [f"{name}_{axis}", name + "_some"], [f"{name}_m{axis}"]) for axis in "xy"]


def write_model(folder: Path) -> Path:
    """dot_parts.onnx and its spec in `folder`; the pairwise terms are still to be fitted."""
    b = PAIRS[:, 1]
    values: dict[str, np.ndarray] = {
        "colours": COLOURS[:, :, None, None], "zero": np.float32(0), "one": np.float32(1), "five": np.float32(5),
        "slope": np.float32(10 / MASS), "unit": np.float32(8), "mean": np.float32(10), "wide_unit": np.float32(50),
        "masss": np.array([0, 3, 6]), "xs": np.array([1, 4, 7]), "ys": np.array([2, 5, 8]),
        "own": np.array([0, 3, 1, 4, 2, 5]), "other": np.stack([b, b + 3], axis=1).ravel(),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["image", "colours"], ["mixed"]),
        helper.make_node("Clip", ["mixed", "zero", "one"], ["planes"]),
        *_window("near", 14, 14, values),
        *_window("far", 28, 230, values),
        helper.make_node("Mul", ["near_mass", "slope"], ["strong"]),
        helper.make_node("Sub", ["strong", "five"], ["parts"]),
        helper.make_node("Concat", ["near_mx", "near_my"], ["near_all"], axis=1),
        helper.make_node("Gather", ["near_all", "own"], ["near_xy"], axis=1),
        helper.make_node("Div", ["near_xy", "unit"], ["offsets"]),
        helper.make_node("Concat", ["far_mx", "far_my"], ["far_all"], axis=1),
        helper.make_node("Gather", ["far_all", "other"], ["far_xy"], axis=1),
        helper.make_node("Sub", ["far_xy", "mean"], ["far_less"]),
        helper.make_node("Div", ["far_less", "wide_unit"], ["pairwise"]),
    ]
    initial = [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", count, "y", "x"])
               for name, count in (("parts", 3), ("offsets", 6), ("pairwise", 12))]  # fmt: skip
    graph = helper.make_graph(nodes, "dot_parts", [image], outputs, initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(folder / "dot_parts.onnx"))
    write_spec(SPEC, folder / "dot_parts.json")
    return folder / "dot_parts.onnx"
