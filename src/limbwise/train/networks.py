"""The networks that can be trained, by the name that a recipe gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from limbwise.errors import UsageError
from limbwise.net.cpm_crop import CropCpm, crop_spec
from limbwise.net.deepercut import DeeperCut, DeeperCutOptions, deepercut_spec
from limbwise.net.mobile import Mobile, MobileOptions, mobile_spec
from limbwise.net.openpose_cpm import CpmOptions, OpenPoseCpm, openpose_cpm_spec
from limbwise.net.openpose_paf import OpenPosePaf, PafOptions, compact, openpose_paf_spec, paper
from limbwise.net.refiner import Refiner, RefinerOptions, SmallOptions, SmallRefiner, refiner_spec, small_refiner_spec
from limbwise.net.resnet import RESNET_50, RESNET_101, RESNET_SMALL, ResNetOptions
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17, FACE_70, HAND_21, MPII_14, find_skeleton
from limbwise.spec import ModelSpec
from limbwise.train.recipe import Recipe

Built = tuple[Callable[[], nn.Module], ModelSpec]


def _mobile(skeleton: Skeleton | None) -> Built:
    spec = mobile_spec(skeleton=skeleton)
    return partial(Mobile, MobileOptions(len(spec.skeleton), len(spec.limbs))), spec


def _deepercut(pairwise: bool, backbone: ResNetOptions, skeleton: Skeleton | None) -> Built:
    """One person on MPII's 14 keypoints, or several, with pairwise terms, on COCO's 17."""
    spec = deepercut_spec(skeleton=skeleton or (COCO_17 if pairwise else MPII_14), pairwise=pairwise)
    return partial(DeeperCut, DeeperCutOptions(len(spec.skeleton), pairwise, backbone=backbone)), spec


def _refiner(backbone: ResNetOptions, skeleton: Skeleton | None) -> Built:
    """As published, on PoseTrack's 15 keypoints or others."""
    spec = refiner_spec(skeleton=skeleton)
    return partial(Refiner, RefinerOptions(len(spec.skeleton), backbone)), spec


def _refiner_small(skeleton: Skeleton | None) -> Built:
    spec = small_refiner_spec(skeleton=skeleton)
    return partial(SmallRefiner, SmallOptions(len(spec.skeleton))), spec


def _openpose_cpm(skeleton: Skeleton | None) -> Built:
    spec = openpose_cpm_spec(skeleton=skeleton)
    return partial(OpenPoseCpm, CpmOptions(len(spec.skeleton), len(spec.limbs))), spec


def _openpose_paf(preset: Callable[[int, int], PafOptions], skeleton: Skeleton | None) -> Built:
    """The PyTorch code's or the paper's, both on COCO's 17 keypoints unless told otherwise."""
    spec = openpose_paf_spec(skeleton=skeleton, imagenet=preset is compact)
    return partial(OpenPosePaf, preset(len(spec.skeleton), len(spec.limbs))), spec


def _crop(name: str, usual: Skeleton, skeleton: Skeleton | None) -> Built:
    spec = crop_spec(name, 368, skeleton or usual)
    return partial(CropCpm, len(spec.skeleton)), spec


BACKBONES = {"101": RESNET_101, "50": RESNET_50, "small": RESNET_SMALL}
NETWORKS: dict[str, Callable[[Skeleton | None], Built]] = {
    "mobile": _mobile,
    **{f"deepercut_{size}": partial(_deepercut, True, backbone) for size, backbone in BACKBONES.items()},
    **{f"deepercut_single_{size}": partial(_deepercut, False, backbone) for size, backbone in BACKBONES.items()},
    "openpose_cpm": _openpose_cpm,
    "openpose_paf": partial(_openpose_paf, compact),
    "openpose_paf_paper": partial(_openpose_paf, paper),
    "face": partial(_crop, "face", FACE_70),
    "hand": partial(_crop, "hand", HAND_21),
    "refiner_small": _refiner_small,
    "refiner_101": partial(_refiner, RESNET_101),
    "refiner_50": partial(_refiner, RESNET_50),
}


def find_network(recipe: Recipe, skeleton: Skeleton | None = None) -> Built:
    """What makes a recipe's network, and its spec; `skeleton` takes the place of what the recipe names. Raises
    UsageError that lists the names and for a skeleton without the limbs that it needs, InputError for a wrong skeleton."""
    if recipe.network not in NETWORKS:
        raise UsageError(f"network: there is no {recipe.network!r}; there are {', '.join(NETWORKS)}")
    if skeleton is None and recipe.skeleton:
        skeleton = find_skeleton(recipe.skeleton)
    make, spec = NETWORKS[recipe.network](skeleton)
    if spec.method == "openpose" and not spec.limbs:
        raise UsageError(
            f"skeleton: {spec.skeleton.name} has no limbs, along which {recipe.network} joins keypoints to people; name some in its file"
        )
    return make, spec


def check_start(recipe: Recipe) -> None:
    """Raises UsageError where a network that is frozen, or its batch norms, shall begin without weights: it would not learn."""
    if not recipe.start and any(group.frozen_until >= recipe.steps for group in recipe.optimiser.groups):
        raise UsageError(
            f"start: {recipe.network} is frozen in part for the whole run and begins with weights (--init FILE, see docs/openpose.md), "
            "or with nothing frozen: --set optimiser.groups=[]"
        )
    backbone = BACKBONES.get(recipe.network.rpartition("_")[2])
    is_ours = recipe.network.startswith(("deepercut", "refiner"))
    if not recipe.start and is_ours and backbone is not None and backbone.frozen_norms:
        raise UsageError(
            f"start: {recipe.network} begins with weights, as those of ImageNet (--init resnet_v1_101.ckpt); what begins with "
            "nothing is deepercut_small, deepercut_single_small or refiner_small (--set network=NAME)"
        )
