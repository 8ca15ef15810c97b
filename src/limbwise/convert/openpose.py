"""OpenPose's networks by the names and shapes of their weights: which of them a file holds, on which skeleton, and ours with them.

Caffe's names are those of CMU's files; Chainer's and OpenVINO's are the same. The PyTorch code of 2018 has names of its own. Widths,
stages and keypoints are told from the shapes, so that narrower and own networks of the same form are known as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from torch import nn

from limbwise.convert.weights import Weights, load, shape_of
from limbwise.errors import InputError
from limbwise.geometry import SizeRule
from limbwise.net.cpm_crop import CropCpm, crop_spec
from limbwise.net.openpose_cpm import CpmOptions, OpenPoseCpm, openpose_cpm_spec
from limbwise.net.openpose_paf import OpenPosePaf, PafOptions, Widths, openpose_paf_spec
from limbwise.net.vgg import TORCHVISION
from limbwise.skeleton import Skeleton
from limbwise.skeletons import BODY_25, COCO_17, FACE_70, HAND_21, MPI_15, OPENPOSE_18
from limbwise.spec import InputSpec, ModelSpec

Origin = Literal["caffe", "chainer", "openvino", "pytorch"]

CPM_SKELETONS = {len(skeleton): skeleton for skeleton in (OPENPOSE_18, MPI_15)}
CROP_SKELETONS = {len(skeleton): skeleton for skeleton in (FACE_70, HAND_21)}
PAF_SKELETONS = {len(skeleton): skeleton for skeleton in (BODY_25, OPENPOSE_18, MPI_15)}
COMPACT_SKELETONS = {len(COCO_17): COCO_17}
MOST_STAGES, MOST_CHANNELS = 20, 2048  # more than any of the family has: the file is damaged


@dataclass(frozen=True)
class Family:
    """A network of ours that a file holds: `build` makes it and its spec of the weights, `their_name` calls a weight as the file does."""

    what: str
    build: Callable[[Weights, str | Path, Skeleton | None], tuple[nn.Module, ModelSpec]]
    their_name: Callable[[str], str]


def convert_openpose(
    weights: Weights, where: str | Path, origin: Origin, skeleton: Skeleton | None = None, allow_missing: bool = False
) -> tuple[nn.Module, ModelSpec, str, list[str]]:
    """The network that weights of a file make, its spec, what it is, for people, and the layers that `allow_missing` left random.

    `skeleton`: default by the number of keypoints. `origin`: whose program the file was written for; its way to show images to the
    network and to place the maps' cells goes into the spec. Raises InputError that names `where` and lists what is missing and
    what is left over.
    """
    family = find_family(weights, where)
    net, spec = family.build(weights, where, skeleton)
    missing = load(net, weights, family.their_name, where, allow_missing)
    spec = as_shown_by(origin, spec)
    spec = replace(spec, name=Path(where).stem, origin=f"converted from {Path(where).name} ({family.what}, {origin})")
    return net, spec, f"{family.what} on {spec.skeleton.name}", missing


def find_family(weights: Weights, where: str | Path) -> Family:
    """Which network weights belong to, by a layer that only it has; raises InputError where none has any."""
    for mark, family in FAMILIES.items():
        if any(re.match(mark, name) for name in weights):
            return family
    some = ", ".join(list(weights)[:4])
    raise InputError(f"{where}: of no network of the OpenPose family; its first layers: {some}")


def as_shown_by(origin: Origin, spec: ModelSpec) -> ModelSpec:
    """The spec with what a program does to images and maps.

    CMU's: x / 256 - 1/2, map cells by the half-pixel rule. Chainer's: bodies x / 255 - 1/2 and borders of ImageNet's mean, cells at
    the corners (align-corners). OpenVINO's: as CMU's, but stretched to a square. PyTorch's: cells at the corners.
    """
    if origin == "chainer" and spec.method == "openpose":
        shown = InputSpec("image", "BGR", "NCHW", (127.5,) * 3, (1 / 255,) * 3, (104, 117, 123), spec.input.size)
        spec = replace(spec, input=shown)
    if origin == "openvino":
        spec = replace(spec, input=replace(spec.input, size=SizeRule(spec.input.size.side, "stretch")))
    if origin in ("chainer", "pytorch"):
        spec = replace(spec, heads={name: replace(head, grid="corners") for name, head in spec.heads.items()})
    return spec


def _cpm(weights: Weights, where: str | Path, skeleton: Skeleton | None) -> tuple[nn.Module, ModelSpec]:
    stages = _stages(weights, r"Mconv1_stage(\d+)_L2\.weight")
    maps, fields = (_channels(weights, f"Mconv7_stage{stages}_L{branch}.weight", where) for branch in (2, 1))
    spec = openpose_cpm_spec(skeleton=_skeleton(maps, CPM_SKELETONS, skeleton, where))
    _check_limbs(fields, spec, where)
    width = _even(_channels(weights, "conv4_4_CPM.weight", where), where)
    return OpenPoseCpm(CpmOptions(maps - 1, fields // 2, stages, width)), spec


def _crop(weights: Weights, where: str | Path, skeleton: Skeleton | None) -> tuple[nn.Module, ModelSpec]:
    stages = _stages(weights, r"Mconv1_stage(\d+)\.weight")
    maps = _channels(weights, f"Mconv7_stage{stages}.weight", where)
    skeleton = _skeleton(maps, CROP_SKELETONS, skeleton, where)
    width = _even(_channels(weights, "conv5_3_CPM.weight", where), where)
    return CropCpm(maps - 1, stages, width), crop_spec(skeleton.name, 368, skeleton)


def _paper(weights: Weights, where: str | Path, skeleton: Skeleton | None) -> tuple[nn.Module, ModelSpec]:
    stages = {
        b: _stages(weights, rf"Mconv1_stage(\d+)_L{b}_0\.weight") for b in (1, 2)
    }  # the last one's number, from 0
    maps, fields = (_channels(weights, f"Mconv7_stage{stages[b]}_L{b}.weight", where) for b in (1, 2))
    skeleton = _skeleton(maps, PAF_SKELETONS, skeleton, where)
    later = min(stages[2], 1)
    blocks = [[_channels(weights, f"Mconv1_stage{t}_L2_{u}.weight", where) for u in range(3)] for t in (0, later)]
    middle = [_channels(weights, f"Mconv6_stage{t}_L2.weight", where) for t in (0, later)]
    around = [_channels(weights, f"{name}.weight", where) for name in ("conv1_1", "conv4_3_CPM", "conv4_4_CPM")]
    options = _paf_options(maps, fields, (stages[2] + 1, stages[1] + 1), blocks, middle, around)
    return _paf(options, skeleton, imagenet=False, where=where)


def _compact(weights: Weights, where: str | Path, skeleton: Skeleton | None) -> tuple[nn.Module, ModelSpec]:
    stages = [_stages(weights, rf"{kind}_Stages\.Stage(\d+)\.0\.C1\.0\.weight") for kind in ("PAF", "Heatmap")]
    fields, maps = (_channels(weights, f"{kind}_Stages.Stage1.8.weight", where) for kind in ("PAF", "Heatmap"))
    skeleton = _skeleton(maps, COMPACT_SKELETONS, skeleton, where)
    first = "PAF_Stages.Stage1"
    block = [_channels(weights, f"{first}.0.C{u}.0.weight", where) for u in (1, 2, 3)]
    middle = _channels(weights, f"{first}.5.weight", where)
    around = [_channels(weights, f"F.{name}.weight", where)
              for name in ("vgg.0", "conv_4_3_and_4_4.0", "conv_4_3_and_4_4.3")]  # fmt: skip
    options = _paf_options(maps, fields, (stages[0], stages[1]), [block, block], [middle, middle], around)
    return _paf(replace(options, activation="relu", norm=True, image=True), skeleton, imagenet=True, where=where)


def _paf_options(
    maps: int, fields: int, stages: tuple[int, int], blocks: list[list[int]], middle: list[int], around: list[int]
) -> PafOptions:
    def three(numbers: list[int]) -> Widths:
        return numbers[0], numbers[1], numbers[2]

    widths = (three(blocks[0]), three(blocks[1]))
    return PafOptions(maps - 1, fields // 2, *stages, widths, (middle[0], middle[1]), three(around))


def _paf(options: PafOptions, skeleton: Skeleton, imagenet: bool, where: str | Path) -> tuple[nn.Module, ModelSpec]:
    spec = openpose_paf_spec(skeleton=skeleton, imagenet=imagenet)
    _check_limbs(2 * options.limbs, spec, where)
    return OpenPosePaf(options), spec


def caffe_name(name: str) -> str:
    """CMU's name for a weight of openpose_cpm, face or hand: that of its layer, wherever this stands."""
    return ".".join(name.split(".")[-2:])


def paper_name(name: str) -> str:
    """CMU's name for a weight of openpose_paf: Mconv1_stage0_L2_0 and so on."""
    place, _, part = name.rpartition(".")
    steps = place.split(".")
    if steps[0] == "act":
        return f"prelu4_2.{part}"
    if steps[0] == "features":
        return f"{'prelu' if steps[2] == 'act' else 'conv'}4_{int(steps[1]) + 3}_CPM.{part}"
    if steps[0] == "backbone":
        return caffe_name(name)
    stage = f"stage{steps[1]}_L{2 if steps[0] == 'pafs' else 1}"
    kind = "Mprelu" if steps[-1] == "act" else "Mconv"
    if steps[2] == "blocks":
        return f"{kind}{int(steps[3]) + 1}_{stage}_{steps[5]}.{part}"
    return f"{kind}{6 if steps[2] == 'middle' else 7}_{stage}.{part}"


def compact_name(name: str) -> str:
    """The PyTorch code's name for a weight of openpose_paf: PAF_Stages.Stage1.0.C1.0 and so on."""
    place, _, part = name.rpartition(".")
    steps = place.split(".")
    norm = steps[-1] == "norm"
    if steps[0] == "backbone":
        return f"F.vgg.{TORCHVISION[steps[1]]}.{part}"
    if steps[0] == "features":
        return f"F.conv_4_3_and_4_4.{3 * int(steps[1]) + norm}.{part}"
    stage = f"{'PAF' if steps[0] == 'pafs' else 'Heatmap'}_Stages.Stage{int(steps[1]) + 1}"
    if steps[2] == "blocks":
        return f"{stage}.{steps[3]}.C{int(steps[5]) + 1}.{int(norm)}.{part}"
    return f"{stage}.{8 if steps[2] == 'last' else 5 + norm}.{part}"


# The first mark that fits a layer's name counts.
FAMILIES = {
    r"PAF_Stages\.": Family("the PyTorch code's openpose_paf", _compact, compact_name),
    r"Mconv\d_stage\d+_L\d_\d\.": Family("openpose_paf", _paper, paper_name),
    r"Mconv\d_stage\d+_L\d\.": Family("openpose_cpm", _cpm, caffe_name),
    r"Mconv\d_stage\d+\.": Family("the face or hand network", _crop, caffe_name),
}


def _stages(weights: Weights, pattern: str) -> int:
    """The highest number that a pattern finds among the names; 1 where it finds none, which is then missing."""
    numbers = [int(found[1]) for name in weights if (found := re.fullmatch(pattern, name)) and len(found[1]) < 4]
    return min(max(numbers, default=1), MOST_STAGES)


def _channels(weights: Weights, name: str, where: str | Path) -> int:
    """How many channels a convolution puts out."""
    channels = shape_of(weights, name, 4, where)[0]
    if channels > MOST_CHANNELS:
        raise InputError(f"{where}: {name}: {channels} channels are more than any of these networks has")
    return channels


def _even(width: int, where: str | Path) -> int:
    if width % 2:
        raise InputError(f"{where}: features of {width} channels; an even number is needed")
    return width


def _skeleton(maps: int, known: dict[int, Skeleton], given: Skeleton | None, where: str | Path) -> Skeleton:
    """The skeleton of that many heatmaps, background included."""
    skeleton = given or known.get(maps - 1)
    if skeleton is None or len(skeleton) != maps - 1:
        has = f"{skeleton.name} has {len(skeleton)}" if skeleton else "no skeleton of the house is known for that"
        raise InputError(f"{where}: the network has {maps - 1} keypoints, {has}; give the right one with --skeleton")
    return skeleton


def _check_limbs(fields: int, spec: ModelSpec, where: str | Path) -> None:
    if fields != 2 * len(spec.limbs):
        raise InputError(f"{where}: the network has {fields} channels of fields, the {len(spec.limbs)} limbs of "
                         f"{spec.skeleton.name} need {2 * len(spec.limbs)}; give the right skeleton with --skeleton")  # fmt: skip
