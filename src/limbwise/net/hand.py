"""hand: the 21 keypoints of a right hand in a square crop around it; a left one is mirrored first (Simon et al., CVPR 2017)."""

from __future__ import annotations

from limbwise.net.cpm_crop import CropCpm, crop_spec
from limbwise.skeletons import HAND_21
from limbwise.spec import ModelSpec


class Hand(CropCpm):
    """Crops of hands (N, 3, H, W) to heatmaps (N, 22, H / 8, W / 8); layers are called as in CMU's Caffe file."""

    def __init__(self, stages: int = 6, width: int = 128) -> None:
        super().__init__(len(HAND_21), stages, width)


def hand_spec(name: str = "hand", side: int = 368) -> ModelSpec:
    """What goes into `Hand` and comes out."""
    return crop_spec(name, side, HAND_21)
