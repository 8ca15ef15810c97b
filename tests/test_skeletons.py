"""Skeletons: tables, index maps, and reading one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limbwise import skeletons
from limbwise.errors import InputError
from limbwise.skeleton import Skeleton
from limbwise.skeletons import SKELETONS, read_skeleton

# Index lists that OpenPose's users pass around (ecosystem: COCO_18 and BODY_25 to COCO_17).
KNOWN_MAPS = [
    ("coco_17", "openpose_18", [0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]),
    ("coco_17", "body_25", [0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11]),
    ("posetrack_15", "posetrack_17", [16, 14, 12, 11, 13, 15, 10, 8, 6, 5, 7, 9, 1, 0, 2]),
    ("mpii_14", "mpii_16", [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 8, 9]),
    ("lsp_14", "coco_17", [16, 14, 12, 11, 13, 15, 10, 8, 6, 5, 7, 9, -1, -1]),
]  # fmt: skip
SIZES = {"coco_17": 17, "openpose_18": 18, "body_25": 25, "mpii_14": 14, "mpii_16": 16, "penn_13": 13, "mpi_15": 15, "lsp_14": 14,
         "posetrack_15": 15, "posetrack_17": 17, "face_70": 70, "hand_21": 21, "left_hand_21": 21, "right_hand_21": 21,
         "openpose_130": 130, "openpose_137": 137}  # fmt: skip


def test_all_tables_are_there_with_their_sizes() -> None:
    assert {name: len(skeleton) for name, skeleton in SKELETONS.items()} == SIZES


@pytest.mark.parametrize(("to", "source", "expected"), KNOWN_MAPS)
def test_index_maps_are_the_known_ones(to: str, source: str, expected: list[int]) -> None:
    assert SKELETONS[to].map_from(SKELETONS[source]).tolist() == expected


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_mirroring_twice_changes_nothing(skeleton: Skeleton) -> None:
    assert (skeleton.flip[skeleton.flip] == np.arange(len(skeleton))).all()
    for left, right in skeleton.pairs:
        assert skeleton.keypoints[left].replace("left", "right") == skeleton.keypoints[right]


@pytest.mark.parametrize("name", [n for n, skeleton in SKELETONS.items() if "body" in skeleton.parts])
def test_limbs_join_all_of_the_body(name: str) -> None:
    skeleton = SKELETONS[name]
    start, stop = skeleton.parts["body"]
    reached = {skeleton.limbs[0][0]}
    for _ in skeleton.limbs:
        reached |= {end for limb in skeleton.limbs if reached & set(limb) for end in limb}
    apart = set(range(start, stop)) - reached
    assert name == "coco_17" or not apart  # COCO's own table leaves the head free
    assert apart <= {0, 1, 2, 3, 4}


def test_whole_body_is_its_parts() -> None:
    whole = skeletons.OPENPOSE_130
    assert whole.parts == {"body": (0, 18), "face": (18, 88), "left_hand": (88, 109), "right_hand": (109, 130)}
    assert whole.keypoints[:18] == skeletons.OPENPOSE_18.keypoints
    assert whole.keypoints[88] == "left_hand_root"
    feet = skeletons.OPENPOSE_137
    assert feet.keypoints == skeletons.BODY_25.keypoints + whole.keypoints[18:]
    assert feet.parts == {"body": (0, 25), "face": (25, 95), "left_hand": (95, 116), "right_hand": (116, 137)}


OWN = """
keypoints = ["beak", "left_wing", "right_wing", "tail"]
limbs = [["beak", "tail"], ["left_wing", "right_wing"]]
"""


def test_own_skeleton_from_toml(tmp_path: Path) -> None:
    (tmp_path / "bird.toml").write_text(OWN)
    bird = read_skeleton(tmp_path / "bird.toml")
    assert (bird.name, bird.limbs, bird.pairs) == ("bird", ((0, 3), (1, 2)), ((1, 2),))
    assert bird.sigmas == (0.08,) * 4


def test_a_mark_before_the_text_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "bird.toml").write_text(OWN, encoding="utf-8-sig")
    assert read_skeleton(tmp_path / "bird.toml").name == "bird"


WRONG = [
    ("limbs = []", "keypoints"),  # missing
    ('keypoints = ["a", "a"]\nlimbs = []', "keypoints"),  # twice
    ('keypoints = ["a", "b"]\nlimbs = [["a", "c"]]', "limbs: 'c' is none of the keypoints"),
    ('keypoints = ["a", "b"]\nlimbs = [["a"]]', "limbs"),  # half a limb
    ('keypoints = ["a", "b"]\nlimbs = [[0, 7]]', "limbs"),  # out of range
    ('keypoints = ["a", "b"]\nlimbs = []\nsigmas = [1.0]', "sigmas"),  # too few
    ('keypoints = ["a", "b"]\nlimbs = []\nsigmas = ["x", "y"]', "sigmas"),  # no numbers
    ('keypoints = ["a", "b"]\nlimbs = []\nparts = {head = [0, 5]}', "parts"),
    ('keypoints = ["a", "b"]\nlimbs = []\nlims = 3', "lims"),  # misspelt field
    ("keypoints = 3", "keypoints"),
    ("not toml at all", "toml"),
]


@pytest.mark.parametrize(("text", "field"), WRONG)
def test_wrong_skeletons_name_file_and_field(tmp_path: Path, text: str, field: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(InputError, match=field) as caught:
        read_skeleton(tmp_path / "own.toml")
    assert str(caught.value).startswith(str(tmp_path / "own.toml"))
    assert "\n" not in str(caught.value)


SIDES = [("Left_Wing", "Right_Wing"), ("LeftWing", "RightWing"), ("LEFT_WING", "RIGHT_WING"), ("l_wing", "r_wing"),
         ("wing_l", "wing_r"), ("wing_L", "wing_R"), ("wing_l_tip", "wing_r_tip")]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), SIDES)
def test_sides_are_told_from_names_however_they_are_spelt(left: str, right: str) -> None:
    names = (right, "beak", left, "tail_r", "bright_spot", "spot")
    bird = Skeleton("bird", names, (), (0.1,) * 6)
    assert bird.flip.tolist() == [2, 1, 0, 3, 4, 5]
    assert bird.pairs == ((2, 0),)


def test_another_order_keeps_limbs_and_sigmas_with_their_names() -> None:
    bird = Skeleton("bird", ("beak", "tail", "crest"), ((0, 1), (2, 0)), (0.1, 0.2, 0.3))
    other = bird.reordered(["crest", "beak", "tail"])
    assert (other.name, other.keypoints) == ("bird", ("crest", "beak", "tail"))
    assert (other.limbs, other.sigmas) == (((1, 2), (0, 1)), (0.3, 0.1, 0.2))
    assert other.reordered(bird.keypoints) == bird
    for names in (["beak", "tail"], ["beak", "tail", "crown"], ["beak", "tail", "crest", "crest"]):
        with pytest.raises(ValueError, match="are not those of bird: beak, tail, crest"):
            bird.reordered(names)
