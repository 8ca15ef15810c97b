"""Specs of published weights that come without one, found by the file's hash. Specs only: the weights are their makers'."""

from __future__ import annotations

from limbwise.geometry import SizeRule
from limbwise.skeletons import OPENPOSE_18
from limbwise.spec import Head, InputSpec, ModelSpec

# CMU's network, and all that were trained like it: the limbs, and the channels of each one's field after 18 heatmaps and background.
_CMU_LIMBS = (*OPENPOSE_18.limbs, (2, 16), (5, 17))
_CMU_FIELDS = (12, 20, 14, 16, 22, 24, 0, 2, 4, 6, 8, 10, 28, 30, 34, 32, 36, 18, 26)


def _cmu_heads(output: str) -> dict[str, Head]:
    fields = tuple(19 + first + axis for first in _CMU_FIELDS for axis in (0, 1))
    return {"heatmaps": Head(output, tuple(range(19))), "pafs": Head(output, fields)}


_TF_POSE_MOBILENET_V2_SMALL = ModelSpec(
    name="tf-pose mobilenet_v2_small",
    skeleton=OPENPOSE_18,
    limbs=_CMU_LIMBS,
    heads=_cmu_heads("Openpose/concat_stage7"),
    input=InputSpec("image", "BGR", "NHWC", (128.0,) * 3, (1 / 128,) * 3, (128, 128, 128), SizeRule(368)),
    layout="NHWC",
    sha256="428a9d6e7bfc0319e1ce4de8c0191a9111cd281bea6ae2b496fd42c92d574160",
    licence="Apache-2.0",
    origin="tf-pose-estimation, MobileNet-v2 small, trained on COCO at 368 x 432",
)

KNOWN_SPECS = {spec.sha256: spec for spec in (_TF_POSE_MOBILENET_V2_SMALL,)}
