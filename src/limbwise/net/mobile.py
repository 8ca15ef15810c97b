"""mobile: the house's own network for the CPU, made for training from nothing.

A stem of two strided convolutions, stages at strides 8, 16 and 32, and a way back to stride 8 (FPN, Lin et al. 2017), all of
dense 3 x 3 convolutions. Most weights sit at stride 32, where they cost least and see the whole person: left and right are told
apart by context. The maps are predicted twice, before and after a last block at stride 8; the first prediction only trains
(intermediate supervision, Wei et al. 2016) and is no part of an exported model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch.nn.functional as F
from torch import Tensor, nn

from limbwise.geometry import SizeRule
from limbwise.net.blocks import Residual, Stages, conv_norm, enlarge_to
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17
from limbwise.spec import Head, InputSpec, ModelSpec

# COCO's skeleton, the links that it lacks between head and trunk, and long links past the joint in their middle, so that an
# occluded elbow, knee or ear does not cut a person in two.
LINKS = (
    ("left_shoulder", "left_ear"), ("right_shoulder", "right_ear"), ("left_shoulder", "nose"), ("right_shoulder", "nose"),
    ("left_shoulder", "left_wrist"), ("right_shoulder", "right_wrist"), ("left_hip", "left_ankle"), ("right_hip", "right_ankle"),
)  # fmt: skip
LIMBS = COCO_17.limbs + tuple((COCO_17.index(a), COCO_17.index(b)) for a, b in LINKS)
STRIDE = 8


@dataclass(frozen=True)
class MobileOptions:
    """Widths and depths of the network: channels of the `stem` (strides 2 and 4), of the stages at strides 8, 16 and 32, and of the
    merged maps; residual blocks at strides 16 and 32, and at 16 again once 32 has come back. `keypoints` and `limbs` give K + 1 heatmaps
    and 2 L PAF channels."""

    keypoints: int = len(COCO_17)
    limbs: int = len(LIMBS)
    stem: tuple[int, int] = (16, 32)
    channels: tuple[int, int, int] = (64, 128, 208)
    blocks: tuple[int, int, int] = (2, 3, 1)
    merged: int = 64


class Heads(nn.Module):
    """Heatmaps (N, K + 1, h, w), background last, and PAFs (N, 2 L, h, w), x and y in turn, from features by 1 x 1 convolutions."""

    def __init__(self, channels: int, options: MobileOptions) -> None:
        super().__init__()
        self.heatmaps = nn.Conv2d(channels, options.keypoints + 1, 1)
        self.pafs = nn.Conv2d(channels, 2 * options.limbs, 1)
        for conv in (self.heatmaps, self.pafs):
            nn.init.normal_(conv.weight, std=0.01)
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)
        assert self.heatmaps.bias is not None
        nn.init.ones_(self.heatmaps.bias[-1:])  # nearly everything is background

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"heatmaps": self.heatmaps(x), "pafs": self.pafs(x)}


class Mobile(nn.Module):
    """Images (N, 3, H, W), normalised as the spec says, H and W multiples of 8, to the maps of two stages at (H / 8, W / 8)."""

    def __init__(self, options: MobileOptions | None = None) -> None:
        super().__init__()
        options = options or MobileOptions()
        (fine, middle, deep), merged = options.channels, options.merged
        self.stem = nn.Sequential(conv_norm(3, options.stem[0], 2), conv_norm(*options.stem, 2))
        self.stride8 = nn.Sequential(conv_norm(options.stem[1], fine, 2), conv_norm(fine, fine))
        self.stride16 = _stage(fine, middle, options.blocks[0])
        self.stride32 = _stage(middle, deep, options.blocks[1])
        self.from32 = nn.Conv2d(deep, middle, 1)
        self.merge16 = conv_norm(middle, middle)
        self.refine16 = nn.Sequential(*(Residual(middle) for _ in range(options.blocks[2])))
        self.from16 = nn.Conv2d(middle, merged, 1)
        self.from8 = nn.Conv2d(fine, merged, 1)
        self.refine = Residual(merged)
        self.early, self.final = Heads(merged, options), Heads(merged, options)

    def forward(self, images: Tensor) -> Stages:
        at8 = self.stride8(self.stem(images))
        at16 = self.stride16(at8)
        at32 = self.stride32(at16)
        back16 = self.refine16(self.merge16(F.relu(at16 + enlarge_to(self.from32(at32), at16))))
        back8 = F.relu(self.from8(at8) + enlarge_to(self.from16(back16), at8))
        final = self.final(self.refine(back8))
        return [self.early(back8), final] if self.training else [final]


def _stage(channels_in: int, channels: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(conv_norm(channels_in, channels, 2), *(Residual(channels) for _ in range(blocks)))


def mobile_spec(name: str = "mobile", side: int = 368, skeleton: Skeleton | None = None) -> ModelSpec:
    """What goes into `Mobile` and comes out: RGB scaled to about -1 to 1, half-pixel rule at stride 8.

    COCO-17 with `LIMBS`, or another skeleton with its own limbs.
    """
    skeleton = skeleton or COCO_17
    limbs = LIMBS if skeleton == COCO_17 else skeleton.limbs
    heads = {
        "heatmaps": Head("heatmaps", tuple(range(len(skeleton) + 1)), STRIDE),
        "pafs": Head("pafs", tuple(range(2 * len(limbs))), STRIDE),
    }
    size = replace(SizeRule(), side=side, multiple=STRIDE)
    scaled = InputSpec(mean=(127.5, 127.5, 127.5), scale=(1 / 64, 1 / 64, 1 / 64), pad=(128, 128, 128), size=size)
    return ModelSpec(name, skeleton, heads, limbs, scaled, licence="MIT", origin="trained by limbwise train mobile")
