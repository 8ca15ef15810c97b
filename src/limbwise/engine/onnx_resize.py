"""ONNX Resize in PyTorch: every way to place pixels (half_pixel, align_corners, asymmetric, ...) that torch's own does not know."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from limbwise.engine.onnx_node import Attributes, Inputs, UnknownOperator


def _source(length: int, out: int, scale: float, a: Attributes) -> Tensor:
    """(out,) where each pixel of a resized axis lies on the axis before."""
    x, mode = torch.arange(out, dtype=torch.float64), a("coordinate_transformation_mode", "half_pixel")
    if mode == "asymmetric":
        return x / scale
    if mode == "align_corners":
        return x * ((length - 1) / (out - 1) if out > 1 else 0.0)
    if mode == "half_pixel" or (mode == "pytorch_half_pixel" and out > 1):
        return (x + 0.5) / scale - 0.5
    if mode == "pytorch_half_pixel":
        return torch.zeros(1, dtype=torch.float64)
    raise UnknownOperator(f"Resize with {mode} coordinates")


_NEAREST: dict[str, Callable[[Tensor], Tensor]] = {
    "round_prefer_floor": lambda x: (x - 0.5).ceil(),
    "round_prefer_ceil": lambda x: (x + 0.5).floor(),
    "floor": torch.floor,
    "ceil": torch.ceil,
}


def _resize_axis(x: Tensor, axis: int, out: int, scale: float, a: Attributes) -> Tensor:
    last = x.shape[axis] - 1
    source = _source(last + 1, out, scale, a)
    if a("mode", "nearest") == "nearest":
        index = _NEAREST[a("nearest_mode", "round_prefer_floor")](source).clamp(0, last).long()
        return x.index_select(axis, index.to(x.device))
    if a("mode") != "linear":
        raise UnknownOperator(f"Resize, {a('mode')}")
    source = source.clamp(0, last)
    low = source.floor().long()
    weight = (source - low).to(x.dtype).view([-1 if i == axis else 1 for i in range(x.ndim)]).to(x.device)
    ends = [x.index_select(axis, index.to(x.device)) for index in (low, (low + 1).clamp(max=last))]
    return torch.lerp(ends[0], ends[1], weight)


def resize(i: Inputs, a: Attributes) -> Tensor:
    """Resize: nearest or linear, an axis at a time."""
    if a("axes") or a("antialias", 0) or a("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise UnknownOperator("Resize with axes, antialias or keep_aspect_ratio_policy")
    # Opset 10 has no region of interest before the scales.
    x, scales = i[0], a.given(i, 1 if len(i) == 2 else 2, "scales") or []
    sizes = a.given(i, 3, "sizes") or [math.floor(n * s) for n, s in zip(x.shape, scales, strict=True)]
    for axis, (length, size) in enumerate(zip(tuple(x.shape), sizes, strict=True)):
        scale = scales[axis] if scales else size / length
        if size != length or scale != 1:
            x = _resize_axis(x, axis, size, scale, a)
    return x


def upsample(i: Inputs, a: Attributes) -> Tensor:
    """Opset 9's Resize: asymmetric, nearest by rounding down."""
    old = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor", "mode": a("mode", "nearest")}
    return resize([i[0], i[1]], Attributes(old))
