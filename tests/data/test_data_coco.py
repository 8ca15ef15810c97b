"""COCO files: what becomes of labels, crowds, extras, own skeletons and nonsense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from limbwise.augment.skeleton import to_skeleton
from limbwise.data.coco import CocoDataset, CocoOptions
from limbwise.data.find import open_dataset
from limbwise.data.regions import region
from limbwise.errors import InputError
from limbwise.sample import ABSENT, HIDDEN, SEEN, UNKNOWN
from limbwise.skeletons import COCO_17, read_skeleton

SHARED = (Path(__file__).parents[2] / ".." / "shared").resolve()
OLD_ARRAYS = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # pycocotools with NumPy 2
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not there")


def keypoints(*labelled: tuple[int, float, float, int], count: int = 17) -> list[float]:
    flat = np.zeros((count, 3))
    for k, x, y, v in labelled:
        flat[k] = x, y, v
    return list(flat.ravel())


def annotation(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": number, "image_id": 7, "category_id": 1, "iscrowd": 0, "bbox": [10, 10, 20, 30], "area": 300,
            "keypoints": keypoints((5, 12, 13, 2), (6, 14, 15, 1)), **more}  # fmt: skip


def write(folder: Path, annotations: list[dict[str, Any]], **more: Any) -> Path:
    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "a.png"), np.zeros((60, 80, 3), np.uint8))
    table = {"images": [{"id": 7, "file_name": "a.png", "width": 80, "height": 60}], "annotations": annotations, **more}
    (folder / "labels.json").write_text(json.dumps(table))
    return folder / "labels.json"


def test_labels_become_a_sample(tmp_path: Path) -> None:
    sample = CocoDataset(write(tmp_path, [annotation()])).load(0)
    assert sample.people.skeleton == COCO_17
    assert sample.visibility[0, [0, 5, 6]].tolist() == [ABSENT, SEEN, HIDDEN]
    assert sample.people.xy[0, 6].tolist() == [14, 15]
    assert np.isnan(sample.people.xy[0, 0]).all()
    assert sample.boxes.tolist() == [[9.5, 9.5, 29.5, 39.5]]
    assert sample.areas.tolist() == [300]
    assert not sample.ignore.any()


def test_v0_may_mean_that_nobody_looked(tmp_path: Path) -> None:
    source = CocoDataset(write(tmp_path, [annotation()]), options=CocoOptions(unlabelled="unknown"))
    assert source.load(0).visibility[0, 0] == UNKNOWN


CROWD = {"size": [60, 80], "counts": [60 * 50, 60 * 20, 60 * 10]}  # columns 50 to 69


@pytest.mark.parametrize(
    ("more", "ignored"),
    [
        ({"iscrowd": 1, "segmentation": CROWD}, (slice(None), slice(50, 70))),
        (
            {"keypoints": keypoints(), "segmentation": [[40, 20, 60, 20, 60, 40, 40, 40]]},
            (slice(20, 40), slice(40, 60)),
        ),
        ({"keypoints": keypoints(), "bbox": [40, 20, 20, 20]}, (slice(20, 40), slice(40, 60))),
        ({"iscrowd": 1, "bbox": [40, 20, 20, 20], "keypoints": None}, (slice(20, 40), slice(40, 60))),
    ],
)
def test_crowds_and_people_without_keypoints_are_ignored(tmp_path: Path, more: Any, ignored: Any) -> None:
    sample = CocoDataset(write(tmp_path, [annotation(), annotation(2, **more)])).load(0)
    wanted = np.zeros((60, 80), bool)
    wanted[ignored] = True
    assert len(sample.people) == 1
    inner = cv2.erode(wanted.astype(np.uint8), np.ones((3, 3))) > 0
    outer = cv2.dilate(wanted.astype(np.uint8), np.ones((3, 3))) > 0
    assert sample.ignore[inner].all()
    assert not sample.ignore[~outer].any()


def test_a_labelled_person_stands_out_of_the_crowd(tmp_path: Path) -> None:
    body = [[50, 0, 60, 0, 60, 60, 50, 60]]
    crowd = annotation(2, iscrowd=1, segmentation=CROWD)
    sample = CocoDataset(write(tmp_path, [annotation(segmentation=body), crowd])).load(0)
    assert not sample.ignore[:, 51:59].any()
    assert sample.ignore[:, 62:69].all()


@OLD_ARRAYS
def test_packed_run_lengths_are_those_of_pycocotools(tmp_path: Path) -> None:
    mask_tools = pytest.importorskip("pycocotools.mask")
    wanted = np.zeros((60, 80), np.uint8)
    cv2.circle(wanted, (40, 30), 15, 1, -1)
    wanted |= np.random.default_rng(0).random((60, 80)) < 0.1
    packed = mask_tools.encode(np.asfortranarray(wanted))
    segment = {"size": packed["size"], "counts": packed["counts"].decode()}
    sample = CocoDataset(write(tmp_path, [annotation(iscrowd=1, segmentation=segment)])).load(0)
    assert (sample.ignore == wanted.astype(bool)).all()


@OLD_ARRAYS
def test_polygons_are_those_of_pycocotools() -> None:
    mask_tools = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(0)
    for _ in range(10):
        corners = cv2.convexHull(
            rng.uniform((5, 5), (75, 55), (9, 2)).astype(np.float32)
        )  # thin spikes are a matter of taste
        polygon = corners.ravel()
        theirs = mask_tools.decode(mask_tools.frPyObjects([polygon.tolist()], 60, 80))[..., 0] > 0
        ours = region([polygon.tolist()], np.zeros(4, np.float32), (80, 60))
        about = np.ones((3, 3))  # to a pixel at the edge
        assert not (ours & (cv2.dilate(theirs.astype(np.uint8), about) == 0)).any()
        assert not (theirs & (cv2.dilate(ours.astype(np.uint8), about) == 0)).any()


@pytest.mark.parametrize("options", [CocoOptions(min_keypoints=5), CocoOptions(min_area=32**2)])
def test_poorly_labelled_people_may_be_ignored(tmp_path: Path, options: CocoOptions) -> None:
    sample = CocoDataset(write(tmp_path, [annotation()]), options=options).load(0)
    assert len(sample.people) == 0
    assert sample.ignore[15:35, 15:25].all()


def test_own_data_set_needs_a_toml_and_no_code(tmp_path: Path) -> None:
    dog = annotation(keypoints=keypoints((0, 12, 13, 2), (2, 20, 20, 1), count=3))
    write(tmp_path, [dog])
    (tmp_path / "dog.toml").write_text(
        'keypoints = ["snout", "left_paw", "right_paw"]\nlimbs = [["snout", "left_paw"]]'
    )
    source = open_dataset(tmp_path)
    assert source.skeleton.keypoints == ("snout", "left_paw", "right_paw")
    assert source.load(0).visibility.tolist() == [[SEEN, ABSENT, HIDDEN]]


def test_names_of_the_category_make_a_skeleton(tmp_path: Path) -> None:
    category = {"id": 1, "name": "dog", "keypoints": ["snout", "left_paw", "right_paw"], "skeleton": [[1, 2], [1, 3]]}
    path = write(tmp_path, [annotation(keypoints=keypoints((0, 1, 1, 2), count=3))], categories=[category])
    assert CocoDataset(path).skeleton.limbs == ((0, 1), (0, 2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": [1, 2, 3]}, r"annotation 1: keypoints: 51 numbers are needed for coco_17, got 3"),
        ({"keypoints": ["x"] * 51}, r"annotation 1: keypoints"),
        ({"image_id": 8}, r"annotation 1: image_id 8 is not among the images"),
        ({"bbox": ["a", "b", 1, 2]}, r"annotation 1: bbox, area: numbers"),
    ],
)
def test_nonsense_is_refused_by_file_and_annotation(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match="labels.json: " + message):
        CocoDataset(write(tmp_path, [annotation(**change)]))


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"images": [], "annotations": [1]}', '{"images": [{}], "annotations": []}']
)
def test_files_that_are_no_coco(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(InputError, match=r"labels\.json"):
        CocoDataset(tmp_path / "labels.json")


@pytest.mark.parametrize("where", ["nothing", "empty"])
def test_no_data_set_there(tmp_path: Path, where: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=where):
        open_dataset(tmp_path / where)


@needs_shared
def test_real_coco_is_what_pycocotools_reads() -> None:
    coco = pytest.importorskip("pycocotools.coco")
    folder = SHARED / "data" / "coco" / "people"
    source = open_dataset(folder)
    truth = coco.COCO(str(folder / "person_keypoints.json"))
    for i in range(0, len(source), 9):
        labels = source.labels(i)
        for k, number in enumerate(labels.ids):
            theirs = truth.loadAnns(number)[0]
            assert np.allclose(np.array(theirs["keypoints"]).reshape(17, 3)[:, 2], np.maximum(labels.visibility[k], 0))
            assert np.allclose(labels.boxes[k, 2:] - labels.boxes[k, :2], theirs["bbox"][2:], atol=1e-3)


@needs_shared
def test_rendered_scenes_have_neck_and_head_top() -> None:
    folder = SHARED / "data" / "rendered"
    source = open_dataset(folder)
    assert source.skeleton.keypoints == (*COCO_17.keypoints, "neck", "head_top")
    sample = source.load(0)
    assert sample.image.shape == (240, 320, 3)
    assert sample.people["neck"][0, :2].tolist() == [76, pytest.approx(100.9)]
    assert sample.visibility[0, [0, 2, 4]].tolist() == [ABSENT, HIDDEN, SEEN]  # the face looks away
    far = CocoDataset(folder / "rendered_labels.json", folder / "rendered.zip", options=CocoOptions(far_face=True))
    assert far.labels(0).visibility[0, 0] == HIDDEN
    assert far.labels(0).xy[0, 0].tolist() == [pytest.approx(88.8), pytest.approx(84.8)]


def test_a_superset_of_cocos_keypoints_is_judged_on_all_of_them(tmp_path: Path) -> None:
    names = [*COCO_17.keypoints, "left_heel", "right_heel"]
    path = write(tmp_path, [annotation(keypoints=[1.0] * 57)], categories=[{"id": 1, "keypoints": names}])
    assert CocoDataset(path).judged.keypoints == tuple(names)


def test_extras_beside_the_keypoints_are_not_judged(tmp_path: Path) -> None:
    assert CocoDataset(write(tmp_path, [annotation(neck_top=[1, 2, 2, 1, 1, 2])])).judged == COCO_17
    dog = {"id": 1, "keypoints": ["snout", "tail"], "skeleton": [[1, 2]]}
    people = [annotation(keypoints=[1.0] * 6, neck_top=[1, 2, 2, 1, 1, 2])]
    judged = CocoDataset(write(tmp_path, people, categories=[dog])).judged
    assert (judged.keypoints, judged.limbs) == (("snout", "tail"), ((0, 1),))


PAWS = {"id": 1, "name": "dog", "keypoints": ["snout", "left_paw", "right_paw"]}
TURNED = 'keypoints = ["right_paw", "snout", "left_paw"]\nlimbs = [["right_paw", "snout"], ["snout", "left_paw"]]\n'


def dog(number: int = 1, **more: Any) -> dict[str, Any]:
    points = keypoints((0, 10, 11, 2), (1, 20, 21, 2), (2, 30, 31, 1), count=3)
    return annotation(number, **{"keypoints": points, **more})


def test_a_skeleton_in_another_order_than_the_file_is_joined_by_name(tmp_path: Path) -> None:
    write(tmp_path, [dog()], categories=[PAWS])
    (tmp_path / "dog.toml").write_text(TURNED)
    source, own = open_dataset(tmp_path), read_skeleton(tmp_path / "dog.toml")
    assert source.skeleton.keypoints == ("snout", "left_paw", "right_paw")
    assert source.skeleton.limbs == ((2, 0), (0, 1))
    learnt = to_skeleton(source.load(0), own)
    assert learnt.people.skeleton.keypoints == ("right_paw", "snout", "left_paw")
    assert learnt.people.xy.tolist() == [[[30, 31], [10, 11], [20, 21]]]
    assert learnt.visibility.tolist() == [[HIDDEN, SEEN, SEEN]]


@pytest.mark.parametrize("names", ['"snout", "left_paw", "rightpaw"', '"snout", "left_paw"'])
def test_a_skeleton_of_other_names_than_the_file_is_refused(tmp_path: Path, names: str) -> None:
    write(tmp_path, [dog()], categories=[PAWS])
    (tmp_path / "dog.toml").write_text(f"keypoints = [{names}]\nlimbs = []\n")
    with pytest.raises(InputError, match=r"labels\.json: categories: .*name them alike"):
        open_dataset(tmp_path)


def test_a_recipe_beside_the_labels_is_no_skeleton_and_two_skeletons_are_one_too_many(tmp_path: Path) -> None:
    write(tmp_path, [dog()], categories=[PAWS])
    (tmp_path / "dog.toml").write_text(TURNED)
    (tmp_path / "recipe.toml").write_text("steps = 5\n")
    assert open_dataset(tmp_path).skeleton.limbs == ((2, 0), (0, 1))
    (tmp_path / "cat.toml").write_text(TURNED)
    with pytest.raises(InputError, match=r"cat\.toml, dog\.toml are skeletons"):
        open_dataset(tmp_path)


def test_categories_with_the_same_keypoints_are_people_and_others_are_nobody(tmp_path: Path) -> None:
    people = [dog(1), dog(2, category_id=2), annotation(3, category_id=3, bbox=[40, 20, 20, 20])]
    crowd = annotation(4, category_id=3, iscrowd=1, bbox=[40, 20, 20, 20], keypoints=None)
    puppy, man = {**PAWS, "id": 2, "name": "puppy"}, {"id": 3, "keypoints": list(COCO_17.keypoints)}
    source = CocoDataset(write(tmp_path, [*people, crowd], categories=[PAWS, puppy, man]))
    assert source.labels(0).ids == (1, 2)
    assert not source.load(0).ignore.any()


def test_no_place_where_nothing_is_marked_is_no_label(tmp_path: Path) -> None:
    unmarked = [10, 11, 2, None, None, 0, 30, 31, 1]
    sample = CocoDataset(write(tmp_path, [dog(keypoints=unmarked)], categories=[PAWS])).load(0)
    assert sample.visibility.tolist() == [[SEEN, ABSENT, HIDDEN]]
    assert np.isnan(sample.people.xy[0, 1]).all()


def test_a_polygon_may_be_one_flat_list() -> None:
    corners = [40, 20, 60, 20, 60, 40, 40, 40]
    flat = region(corners, np.zeros(4, np.float32), (80, 60))
    assert flat[22:38, 42:58].all()
    assert np.array_equal(flat, region([corners], np.zeros(4, np.float32), (80, 60)))
