"""The network of OpenPose's face and hand detectors (Simon et al., CVPR 2017): one part of the body in a square crop around it.

As openpose_cpm, with deeper features and one branch: no fields are needed where there is one of each keypoint.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from limbwise.geometry import SizeRule
from limbwise.net.blocks import Stages
from limbwise.net.openpose_cpm import caffe_input, cpm_stage
from limbwise.net.vgg import STRIDE, Vgg19, chain
from limbwise.skeleton import Skeleton
from limbwise.spec import Head, ModelSpec


class CropCpm(nn.Module):
    """Crops (N, 3, H, W), normalised as the spec says, to heatmaps (N, `keypoints` + 1, H / 8, W / 8) of all stages, background
    last; in inference of the last stage. `width` as in CpmOptions."""

    def __init__(self, keypoints: int, stages: int = 6, width: int = 128) -> None:
        super().__init__()
        self.backbone = Vgg19("conv5_2", width // 2)
        self.features = chain([("conv5_3_CPM", width, 3)], self.backbone.channels, relu_last=True)
        first = chain([("conv6_1_CPM", 4 * width, 1), ("conv6_2_CPM", keypoints + 1, 1)], width)
        later = [cpm_stage(t, "", width + keypoints + 1, width, keypoints + 1) for t in range(2, stages + 1)]
        self.heatmaps = nn.ModuleList([first, *later])

    def forward(self, images: Tensor) -> Stages:
        features = self.features(self.backbone(images))
        seen, stages = features, Stages()
        for heatmaps in self.heatmaps:
            stages.append({"heatmaps": heatmaps(seen)})
            seen = torch.cat([stages[-1]["heatmaps"], features], 1)
        return stages if self.training else stages[-1:]


def crop_spec(name: str, side: int, skeleton: Skeleton) -> ModelSpec:
    """What goes into `CropCpm` and comes out: a crop stretched to `side` x `side`, BGR, x / 256 - 1/2."""
    heads = {"heatmaps": Head("heatmaps", tuple(range(len(skeleton) + 1)), STRIDE)}
    return ModelSpec(name, skeleton, heads, (), caffe_input(SizeRule(side, "stretch")), method="single")
