"""The skeletons that pose software agrees on, and reading one's own from TOML.

Orders: COCO; CMU OpenPose (18, BODY_25, face 70, hand 21, MPI 15); MPII; LSP; PoseTrack 2017 (poseval's order) and 2018.
Sigmas: COCO's for its 17 points, COCO-WholeBody's for feet, face and hands; 0.079 (COCO's shoulder) for neck and head top,
0.107 (its hip) for the pelvis and the chest.
"""

from __future__ import annotations

from pathlib import Path

from limbwise.errors import InputError
from limbwise.fields import build, read_table
from limbwise.skeleton import Skeleton

_SIGMAS = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062, "hip": 0.107,
    "knee": 0.087, "ankle": 0.089, "neck": 0.079, "head_bottom": 0.079, "head_top": 0.079, "upper_neck": 0.079,
    "head": 0.079, "thorax": 0.107, "chest": 0.107, "pelvis": 0.107, "mid_hip": 0.107, "big_toe": 0.068, "small_toe": 0.066, "heel": 0.066,
}  # fmt: skip

_FACE_SIGMAS = (
    0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031, 0.025, 0.020, 0.023, 0.029, 0.032, 0.037, 0.038, 0.043, 0.041, 0.045,
    0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013, 0.015, 0.009, 0.007, 0.007, 0.007, 0.012, 0.009, 0.008,
    0.016, 0.010, 0.017, 0.011, 0.009, 0.011, 0.009, 0.007, 0.013, 0.008, 0.011, 0.012, 0.010, 0.034, 0.008, 0.008, 0.009,
    0.008, 0.008, 0.007, 0.010, 0.008, 0.009, 0.009, 0.009, 0.007, 0.007, 0.008, 0.011, 0.008, 0.008, 0.008, 0.010, 0.008,
    0.008, 0.008,
)  # fmt: skip

_HAND_SIGMAS = (
    0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024, 0.022, 0.026, 0.017, 0.021, 0.021, 0.032,
    0.020, 0.019, 0.022, 0.031,
)  # fmt: skip


def _sides(*joints: str) -> list[str]:
    """left_x, right_x for each x."""
    return [f"{side}_{joint}" for joint in joints for side in ("left", "right")]


def _body(name: str, keypoints: list[str], limbs: str) -> Skeleton:
    """A body skeleton; `limbs` as "from-to" indices, sigmas from the names."""
    sigmas = tuple(_SIGMAS[keypoint.removeprefix("left_").removeprefix("right_")] for keypoint in keypoints)
    return Skeleton(name, tuple(keypoints), _pairs(limbs), sigmas, {"body": (0, len(keypoints))})


def _pairs(text: str) -> tuple[tuple[int, int], ...]:
    return tuple((int(a), int(b)) for a, b in (pair.split("-") for pair in text.split()))


def _chain(start: int, stop: int, closed: bool = False) -> list[tuple[int, int]]:
    """Links from each point to the next, from `start` to `stop` inclusive; `closed` joins the ends."""
    return [(i, i + 1) for i in range(start, stop)] + ([(stop, start)] if closed else [])


_COCO_LIMBS = "15-13 13-11 16-14 14-12 11-12 5-11 6-12 5-6 5-7 6-8 7-9 8-10 1-2 0-1 0-2 1-3 2-4"
_R_ARM, _L_ARM = (["right_shoulder", "right_elbow", "right_wrist"], ["left_shoulder", "left_elbow", "left_wrist"])
_R_LEG, _L_LEG = (["right_hip", "right_knee", "right_ankle"], ["left_hip", "left_knee", "left_ankle"])
_LSP_LIKE = ["right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
             "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck"]  # fmt: skip
_LSP_LIMBS = "0-1 1-2 2-3 3-4 4-5 6-7 7-8 8-12 12-9 9-10 10-11 2-8 3-9"

COCO_17 = _body(
    "coco_17", ["nose", *_sides("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")], _COCO_LIMBS
)
OPENPOSE_18 = _body(
    "openpose_18",
    ["nose", "neck", *_R_ARM, *_L_ARM, *_R_LEG, *_L_LEG, "right_eye", "left_eye", "right_ear", "left_ear"],
    "1-2 1-5 2-3 3-4 5-6 6-7 1-8 8-9 9-10 1-11 11-12 12-13 1-0 0-14 14-16 0-15 15-17",
)
BODY_25 = _body(
    "body_25",
    ["nose", "neck", *_R_ARM, *_L_ARM, "mid_hip", *_R_LEG, *_L_LEG, "right_eye", "left_eye", "right_ear", "left_ear",
     "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel"],
    "1-8 1-2 1-5 2-3 3-4 5-6 6-7 8-9 9-10 10-11 8-12 12-13 13-14 1-0 0-15 15-17 0-16 16-18 14-19 19-20 14-21 11-22 22-23 11-24",
)  # fmt: skip
MPII_14 = _body("mpii_14", [*_LSP_LIKE, "head_top"], _LSP_LIMBS + " 12-13")
LSP_14 = _body("lsp_14", [*_LSP_LIKE, "head_top"], _LSP_LIMBS + " 12-13")
MPII_16 = _body(
    "mpii_16",
    [*_LSP_LIKE[:6], "pelvis", "thorax", "upper_neck", "head_top", *_LSP_LIKE[6:12]],
    "0-1 1-2 2-6 6-3 3-4 4-5 6-7 7-8 8-9 10-11 11-12 12-7 7-13 13-14 14-15",
)
MPI_15 = _body(
    "mpi_15",
    ["head_top", "neck", *_R_ARM, *_L_ARM, *_R_LEG, *_L_LEG, "chest"],
    "0-1 1-2 2-3 3-4 1-5 5-6 6-7 1-14 14-11 11-12 12-13 14-8 8-9 9-10",
)
PENN_13 = _body(
    "penn_13",
    ["head", *_sides("shoulder", "elbow", "wrist", "hip", "knee", "ankle")],
    "0-1 0-2 1-2 1-3 3-5 2-4 4-6 1-7 2-8 7-8 7-9 9-11 8-10 10-12",
)
POSETRACK_15 = _body("posetrack_15", [*_LSP_LIKE, "nose", "head_top"], _LSP_LIMBS + " 12-13 13-14")
POSETRACK_17 = _body(
    "posetrack_17",
    ["nose", "head_bottom", "head_top", *_sides("ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")],
    "15-13 13-11 16-14 14-12 11-12 5-11 6-12 1-5 1-6 5-7 6-8 7-9 8-10 1-0 0-2 0-3 0-4",
)

_FACE_LIMBS = (
    *_chain(0, 16), *_chain(17, 21), *_chain(22, 26), *_chain(27, 30), *_chain(31, 35), *_chain(36, 41, True),
    *_chain(42, 47, True), *_chain(48, 59, True), *_chain(60, 67, True),
)  # fmt: skip
_FINGERS = [f"{finger}_{i}" for finger in ("thumb", "index", "middle", "ring", "little") for i in range(1, 5)]
_HAND_LIMBS = tuple(link for first in range(1, 21, 4) for link in [(0, first), *_chain(first, first + 3)])

# The face's sides are not in its names: iBUG-68's numbering mirrors by position, and nobody flips a face by name.
FACE_70 = Skeleton(
    "face_70", (*(f"face_{i}" for i in range(68)), "right_pupil", "left_pupil"), _FACE_LIMBS, _FACE_SIGMAS, {"face": (0, 70)}
)  # fmt: skip
HAND_21 = Skeleton("hand_21", ("hand_root", *_FINGERS), _HAND_LIMBS, _HAND_SIGMAS, {"hand": (0, 21)})


def _whole_body(body: Skeleton) -> Skeleton:
    """One of OpenPose's bodies, face, left hand and right hand in one."""
    blocks = (
        ("body", "", body),
        ("face", "", FACE_70),
        ("left_hand", "left_", HAND_21),
        ("right_hand", "right_", HAND_21),
    )
    names: list[str] = []
    limbs: list[tuple[int, int]] = []
    sigmas: list[float] = []
    parts: dict[str, tuple[int, int]] = {}
    for part, prefix, skeleton in blocks:
        start = len(names)
        names += [prefix + keypoint for keypoint in skeleton.keypoints]
        limbs += [(start + a, start + b) for a, b in skeleton.limbs]
        sigmas += skeleton.sigmas
        parts[part] = (start, len(names))
    return Skeleton(f"openpose_{len(names)}", tuple(names), tuple(limbs), tuple(sigmas), parts)


def _one_hand(side: str) -> Skeleton:
    """A hand whose side is known, by the names that its keypoints have in OPENPOSE_130."""
    names = tuple(f"{side}_{keypoint}" for keypoint in HAND_21.keypoints)
    return Skeleton(f"{side}_hand_21", names, HAND_21.limbs, HAND_21.sigmas, {f"{side}_hand": (0, len(names))})


OPENPOSE_130, OPENPOSE_137 = _whole_body(OPENPOSE_18), _whole_body(BODY_25)
LEFT_HAND_21, RIGHT_HAND_21 = _one_hand("left"), _one_hand("right")

SKELETONS = {s.name: s for s in (COCO_17, OPENPOSE_18, BODY_25, MPII_14, MPII_16, MPI_15, LSP_14, PENN_13, POSETRACK_15, POSETRACK_17,
                                 FACE_70, HAND_21, LEFT_HAND_21, RIGHT_HAND_21, OPENPOSE_130, OPENPOSE_137)}  # fmt: skip


def find_skeleton(name: str | Path) -> Skeleton:
    """A skeleton of the house by its name, or one's own by the path of its TOML file; raises InputError where it is neither."""
    return SKELETONS[str(name)] if str(name) in SKELETONS else read_skeleton(name)


def of_the_house(keypoints: tuple[str, ...]) -> Skeleton | None:
    """The skeleton of the house with these keypoints in this order; None where there is none."""
    return next((skeleton for skeleton in SKELETONS.values() if skeleton.keypoints == keypoints), None)


def read_skeleton(path: str | Path) -> Skeleton:
    """A skeleton from a TOML file.

    `keypoints` is a list of names, `limbs` a list of pairs of names; `name` (default: the file's), `sigmas` (default: COCO's by
    name, else 0.08) and `parts` ({name = [start, stop]}) may be given. Raises InputError that names the file and the field.
    """
    table = read_table(path)
    table.setdefault("name", Path(path).stem)
    table["limbs"] = _by_name(table.get("limbs", []), table.get("keypoints", []), path)
    if "sigmas" not in table and isinstance(table.get("keypoints"), list):
        names = [str(name).removeprefix("left_").removeprefix("right_") for name in table["keypoints"]]
        table["sigmas"] = [_SIGMAS.get(name, 0.08) for name in names]
    return build(Skeleton, table, path)


def _by_name(limbs: object, keypoints: object, path: str | Path) -> object:
    """Limbs given by names as indices; what cannot be read is left for the check that names the field. Raises InputError for a name
    that no keypoint has."""
    if not isinstance(limbs, list) or not isinstance(keypoints, list):
        return limbs
    indices = {str(name): i for i, name in enumerate(keypoints)}
    ends = (end for limb in limbs if isinstance(limb, list) for end in limb if isinstance(end, str))
    if (unknown := next((end for end in ends if end not in indices), None)) is not None:
        raise InputError(f"{path}: limbs: {unknown!r} is none of the keypoints")
    return [[indices[end] if isinstance(end, str) else end for end in limb] if isinstance(limb, list) else limb
            for limb in limbs]  # fmt: skip
