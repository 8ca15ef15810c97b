"""ONNX operators in PyTorch: a table from their names to functions.

Semantics: https://onnx.ai/onnx/operators, opsets 9 and up. Tensors of indices and shapes stay on the CPU, the rest goes to the device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from limbwise.engine.onnx_node import Attributes, Inputs, Operator, UnknownOperator, optional
from limbwise.engine.onnx_resize import resize, upsample


def _pads(
    x: Tensor, a: Attributes, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> list[int]:
    """(top, left, bottom, right) padding of a convolution or pooling."""
    if (auto := a("auto_pad", "NOTSET")) == "NOTSET":
        return list(a("pads", (0, 0, 0, 0)))
    if auto == "VALID":
        return [0, 0, 0, 0]
    totals = [max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0)
              for n, k, s, d in zip(x.shape[2:], kernel, strides, dilations, strict=True)]  # fmt: skip
    small, large = [t // 2 for t in totals], [t - t // 2 for t in totals]
    return small + large if auto == "SAME_UPPER" else large + small


def _pad2d(x: Tensor, pads: Sequence[int], value: float = 0.0) -> Tensor:
    top, left, bottom, right = pads
    return F.pad(x, (left, right, top, bottom), value=value) if any(pads) else x


def _two_axes(x: Tensor, name: str) -> None:
    if x.ndim != 4:
        raise UnknownOperator(f"{name} over {x.ndim - 2} axes")


def _conv(i: Inputs, a: Attributes) -> Tensor:
    x, weight, bias = i[0], i[1], optional(i, 2)
    _two_axes(x, "Conv")
    strides, dilations = a("strides", (1, 1)), a("dilations", (1, 1))
    pads = _pads(x, a, weight.shape[2:], strides, dilations)
    if pads[:2] == pads[2:]:
        return F.conv2d(x, weight, bias, strides, pads[:2], dilations, a("group", 1))
    return F.conv2d(_pad2d(x, pads), weight, bias, strides, 0, dilations, a("group", 1))


def _conv_transpose(i: Inputs, a: Attributes) -> Tensor:
    x, weight, bias = i[0], i[1], optional(i, 2)
    _two_axes(x, "ConvTranspose")
    if a("output_shape") or a("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise UnknownOperator("ConvTranspose with output_shape or auto_pad")
    y = F.conv_transpose2d(
        x, weight, bias, a("strides", (1, 1)), 0, a("output_padding", (0, 0)), a("group", 1), a("dilations", (1, 1))
    )
    return _pad2d(y, [-pad for pad in a("pads", (0, 0, 0, 0))])


def _torch_can_pad(pads: Sequence[int], kernel: Sequence[int]) -> bool:
    """Whether torch's pooling takes this padding: the same on both sides, and at most half of the kernel."""
    return pads[:2] == pads[2:] and all(2 * pad <= k for pad, k in zip(pads, kernel, strict=False))


def _max_pool(i: Inputs, a: Attributes) -> Tensor:
    x, kernel, strides, dilations = i[0], a("kernel_shape"), a("strides", (1, 1)), a("dilations", (1, 1))
    _two_axes(x, "MaxPool")
    pads, ceil = _pads(x, a, kernel, strides, dilations), bool(a("ceil_mode", 0))
    if _torch_can_pad(pads, kernel):
        return F.max_pool2d(x, kernel, strides, pads[:2], dilations, ceil)
    return F.max_pool2d(_pad2d(x, pads, -math.inf), kernel, strides, 0, dilations, ceil)


def _average_pool(i: Inputs, a: Attributes) -> Tensor:
    x, kernel, strides = i[0], a("kernel_shape"), a("strides", (1, 1))
    _two_axes(x, "AveragePool")
    if max(a("dilations", (1, 1))) > 1:
        raise UnknownOperator("AveragePool with dilations")
    pads, ceil, inclusive = (
        _pads(x, a, kernel, strides, (1, 1)),
        bool(a("ceil_mode", 0)),
        bool(a("count_include_pad", 0)),
    )
    if _torch_can_pad(pads, kernel):
        return F.avg_pool2d(x, kernel, strides, pads[:2], ceil, inclusive)
    mean = F.avg_pool2d(_pad2d(x, pads), kernel, strides, 0, ceil)
    return mean if inclusive else mean / F.avg_pool2d(_pad2d(torch.ones_like(x), pads), kernel, strides, 0, ceil)


def _pad(i: Inputs, a: Attributes) -> Tensor:
    x, pads, mode = i[0], a.given(i, 1, "pads"), a("mode", "constant")
    axes = a.given(i, 3, "axes") or range(x.ndim)
    count = len(pads) // 2
    sides = {axis % x.ndim: (pads[n], pads[n + count]) for n, axis in enumerate(axes)}
    flat = [side for axis in reversed(range(x.ndim)) for side in sides.get(axis, (0, 0))]
    if mode == "constant":
        return F.pad(x, flat, value=a.given(i, 2, "value") or 0.0)
    return F.pad(x, flat[:4], {"edge": "replicate", "reflect": "reflect", "wrap": "circular"}[mode])


def _slice(i: Inputs, a: Attributes) -> Tensor:
    x, starts, ends = i[0], a.given(i, 1, "starts"), a.given(i, 2, "ends")
    axes, steps = a.given(i, 3, "axes") or range(len(starts)), a.given(i, 4, "steps") or [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        index = torch.arange(*slice(start, end, step).indices(x.shape[axis]))
        x = (
            x.narrow(axis, int(index[0]) if len(index) else 0, len(index))
            if step == 1
            else x.index_select(axis, index.to(x.device))
        )
    return x


def _split(i: Inputs, a: Attributes) -> tuple[Tensor, ...]:
    axis, parts = a("axis", 0), a.given(i, 1, "split")
    return torch.split(i[0], parts or math.ceil(i[0].shape[axis] / a("num_outputs", a("outputs"))), axis)


def _squeeze(i: Inputs, a: Attributes) -> Tensor:
    axes = a.given(i, 1, "axes")
    return i[0].squeeze() if axes is None else i[0].squeeze(tuple(axes))


def _unsqueeze(i: Inputs, a: Attributes) -> Tensor:
    x, axes = i[0], a.given(i, 1, "axes")
    for axis in sorted(axis % (i[0].ndim + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _reshape(i: Inputs, a: Attributes) -> Tensor:
    wanted = a.given(i, 1, "shape")
    return i[0].reshape(
        [i[0].shape[n] if size == 0 and not a("allowzero", 0) else size for n, size in enumerate(wanted)]
    )


def _gather(i: Inputs, a: Attributes) -> Tensor:
    x, index, axis = i[0], i[1], a("axis", 0) % i[0].ndim
    index = torch.where(index < 0, index + x.shape[axis], index)
    shape = (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])
    return x.index_select(axis, index.flatten().to(x.device)).reshape(shape)


def _softmax(i: Inputs, a: Attributes) -> Tensor:
    """Over one axis (opset 13), or over all from an axis on (before)."""
    if a("opset", 13) >= 13:
        return i[0].softmax(a("axis", -1))
    return i[0].flatten(a("axis", 1) % i[0].ndim).softmax(-1).reshape(i[0].shape)


def _batch_norm(i: Inputs, a: Attributes) -> Tensor:
    if a("training_mode", 0):
        raise UnknownOperator("BatchNormalization in training mode")
    return F.batch_norm(i[0], i[3], i[4], i[1], i[2], eps=a("epsilon", 1e-5))


def _dropout(i: Inputs, a: Attributes) -> Tensor:
    if a.given(i, 2, "training_mode"):
        raise UnknownOperator("Dropout in training mode")
    return i[0]


def _depth_to_space(i: Inputs, a: Attributes) -> Tensor:
    x, size = i[0], a("blocksize")
    if a("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, size)
    n, c, h, w = x.shape
    blocks = x.reshape(n, size, size, c // size**2, h, w).permute(0, 3, 4, 1, 5, 2)
    return blocks.reshape(n, c // size**2, h * size, w * size)


def _gemm(i: Inputs, a: Attributes) -> Tensor:
    left, right = (x.T if a(flag, 0) else x for x, flag in zip(i, ("transA", "transB"), strict=False))
    product: Tensor = a("alpha", 1.0) * (left @ right)
    bias = optional(i, 2)
    return product if bias is None else product + a("beta", 1.0) * bias


def _clip(i: Inputs, a: Attributes) -> Tensor:
    low, high = a.given(i, 1, "min"), a.given(i, 2, "max")
    return i[0] if low is None and high is None else i[0].clamp(low, high)


def _prelu(i: Inputs, a: Attributes) -> Tensor:
    return torch.where(i[0] < 0, i[0] * i[1], i[0])


def _divide(i: Inputs, a: Attributes) -> Tensor:
    return i[0] / i[1] if i[0].is_floating_point() else torch.div(i[0], i[1], rounding_mode="trunc")


def _reduce(function: Callable[..., Tensor]) -> Operator:
    def operator(i: Inputs, a: Attributes) -> Tensor:
        axes = a.given(i, 1, "axes")
        if not axes and a("noop_with_empty_axes", 0):
            return i[0]
        return function(i[0], dim=tuple(axes or range(i[0].ndim)), keepdim=bool(a("keepdims", 1)))

    return operator


def _each(function: Callable[..., Any]) -> Operator:
    """An operator without attributes, of the same inputs as a torch function."""
    return lambda i, a: function(*i)


OPERATORS: dict[str, Operator] = {
    **{name: _each(getattr(torch, name.lower())) for name in "Relu Sigmoid Tanh Sqrt Exp Log Abs Erf Floor Ceil Neg".split()},
    "Add": _each(torch.add), "Sub": _each(torch.sub), "Mul": _each(torch.mul), "Div": _divide, "Pow": _each(torch.pow),
    "Min": lambda i, a: reduce(torch.minimum, i), "Max": lambda i, a: reduce(torch.maximum, i),
    "MatMul": _each(torch.matmul), "Where": _each(torch.where),
    "Equal": _each(torch.eq), "Less": _each(torch.lt), "Greater": _each(torch.gt), "Reciprocal": _each(torch.reciprocal),
    "Identity": _each(lambda x: x), "HardSwish": _each(F.hardswish), "Softplus": _each(F.softplus),
    "Conv": _conv, "ConvTranspose": _conv_transpose, "Gemm": _gemm, "MaxPool": _max_pool, "AveragePool": _average_pool,
    "GlobalAveragePool": lambda i, a: i[0].mean((2, 3), keepdim=True),
    "GlobalMaxPool": lambda i, a: i[0].amax((2, 3), keepdim=True),
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": lambda i, a: F.instance_norm(i[0], weight=i[1], bias=i[2], eps=a("epsilon", 1e-5)),
    "PRelu": _prelu, "LeakyRelu": lambda i, a: F.leaky_relu(i[0], a("alpha", 0.01)), "Clip": _clip,
    "Elu": lambda i, a: F.elu(i[0], a("alpha", 1.0)),
    "HardSigmoid": lambda i, a: (a("alpha", 0.2) * i[0] + a("beta", 0.5)).clamp(0, 1),
    "Gelu": lambda i, a: F.gelu(i[0], approximate=a("approximate", "none")), "Softmax": _softmax,
    "ReduceMean": _reduce(torch.mean), "ReduceSum": _reduce(torch.sum), "ReduceMax": _reduce(torch.amax),
    "ReduceMin": _reduce(torch.amin), "Resize": resize, "Upsample": upsample, "Pad": _pad, "Slice": _slice, "Split": _split,
    "Concat": lambda i, a: torch.cat(list(i), a("axis")), "Squeeze": _squeeze, "Unsqueeze": _unsqueeze, "Reshape": _reshape,
    "Flatten": lambda i, a: i[0].reshape(math.prod(i[0].shape[: a("axis", 1)]), -1), "Gather": _gather,
    "Transpose": lambda i, a: i[0].permute(a("perm", tuple(reversed(range(i[0].ndim))))),
    "Expand": lambda i, a: i[0] * torch.ones(i[1].tolist(), dtype=i[0].dtype, device=i[0].device),
    "Shape": lambda i, a: torch.tensor(i[0].shape[a("start", 0) : a("end")]),
    "Cast": lambda i, a: i[0].to(a("to")), "Constant": lambda i, a: a("value"), "Dropout": _dropout,
    "DepthToSpace": _depth_to_space,
}  # fmt: skip
