"""face: the 70 keypoints of a face in a square crop around it (OpenPose's face detector; Simon et al., CVPR 2017)."""

from __future__ import annotations

from limbwise.net.cpm_crop import CropCpm, crop_spec
from limbwise.skeletons import FACE_70
from limbwise.spec import ModelSpec


class Face(CropCpm):
    """Crops of faces (N, 3, H, W) to heatmaps (N, 71, H / 8, W / 8); layers are called as in CMU's Caffe file."""

    def __init__(self, stages: int = 6, width: int = 128) -> None:
        super().__init__(len(FACE_70), stages, width)


def face_spec(name: str = "face", side: int = 368) -> ModelSpec:
    """What goes into `Face` and comes out."""
    return crop_spec(name, side, FACE_70)
