from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from limbwise.augment.scene import SceneOptions
from limbwise.data.coco import CocoOptions
from limbwise.data.dataset import Dataset, Labels
from limbwise.data.find import open_dataset
from limbwise.data.images import Images
from limbwise.errors import InputError, UsageError
from limbwise.net.mobile import mobile_spec
from limbwise.sample import ABSENT, SEEN, UNKNOWN
from limbwise.skeletons import COCO_17, LSP_14
from limbwise.train.presets import preset
from limbwise.train.samples import DataOptions, SceneMaker, held_back, held_out, open_training

SPEC = mobile_spec()


class Drawn(Dataset):
    """Made-up images, one person each."""

    def __init__(self, folder: Path, kind: str, count: int) -> None:
        self.skeleton = LSP_14 if kind == "lsp" else COCO_17
        self.images, self.names = Images(folder), [f"{kind}{i}" for i in range(count)]

    def labels(self, i: int) -> Labels:
        count = len(self.skeleton)
        xy = np.stack([20 + 8.0 * (np.arange(count) % 4), 20 + 12.0 * (np.arange(count) // 4)], axis=1)[None].astype(
            np.float32
        )
        box, area = np.array([[15, 15, 50, 75]], np.float32), np.array([1000], np.float32)
        return Labels(self.names[i], xy, np.full((1, count), 2, np.int8), box, area)

    def ignore(self, i: int, size: tuple[int, int]) -> np.ndarray:
        return np.zeros((size[1], size[0]), bool)


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SceneMaker:
    import cv2

    rng = np.random.default_rng(0)
    for kind in ("lsp", "coco"):
        for i in range(5):
            cv2.imwrite(str(tmp_path / f"{kind}{i}.png"), rng.integers(0, 256, (90, 70, 3), dtype=np.uint8))
    sources = [Drawn(tmp_path, "lsp", 5), Drawn(tmp_path, "coco", 5)]
    for source in sources:
        source.names = [f"{name}.png" for name in source.names]
    return SceneMaker(sources, SPEC, DataOptions(also_share=0.4), seed=7)


def test_an_example_fits_the_network(maker: SceneMaker) -> None:
    example = maker(3, 0, 96)
    assert example.image.shape == (96, 96, 3)
    assert example.image.dtype == np.uint8
    for name, head in SPEC.heads.items():
        assert example.targets[name].shape == example.masks[name].shape == (len(head.channels), 12, 12)
    assert example.targets["heatmaps"][:-1].max() > 0.3


def test_an_example_is_a_function_of_seed_and_number(maker: SceneMaker) -> None:
    again = SceneMaker(maker.sources, SPEC, maker.options, seed=7)
    for number in (11, 2, 5):  # in any order
        assert np.array_equal(maker(number, 0, 64).image, again(number, 0, 64).image)
    other = SceneMaker(maker.sources, SPEC, maker.options, seed=8)
    assert not np.array_equal(maker(2, 0, 64).image, other(2, 0, 64).image)
    assert not np.array_equal(maker(2, 0, 64).image, maker(2, 1, 64).image)


def test_sets_take_their_shares_and_each_image_comes_before_any_comes_twice(maker: SceneMaker) -> None:
    places = [maker._place(number) for number in range(50)]
    for index, (source, share) in enumerate(zip(maker.sources, (0.6, 0.4), strict=True)):
        positions = [position for found, position in places if found is source]
        assert positions == list(range(round(50 * share))), index
        shown = [maker._index(source, position) for position in positions]
        for turn in range(len(shown) // 5):
            assert sorted(shown[5 * turn : 5 * turn + 5]) == [0, 1, 2, 3, 4]


def test_mosaics_are_of_all_sets_and_pasted_people_of_the_first(maker: SceneMaker) -> None:
    for scene, of_both in ((SceneOptions(mosaic=1, tiles=3), True), (SceneOptions(mosaic=0, paste=1), False)):
        made = SceneMaker(maker.sources, SPEC, DataOptions(also_share=0.4, scene=scene), seed=7)
        others = [name[:3] for i in range(30) for name in made.scene(i, 0, 128).name.split(" + ")[1:]]
        assert set(others) == ({"lsp", "coc"} if of_both else {"lsp"})


def test_a_missing_image_is_named(maker: SceneMaker, tmp_path: Path) -> None:
    for path in tmp_path.glob("lsp*"):
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match=r"lsp\d\.png"):
        for number in range(4):
            maker(number, 0, 64)


def test_no_data() -> None:
    with pytest.raises(UsageError, match=r"data\.root"):
        open_training(DataOptions(), SPEC)
    with pytest.raises(InputError, match="nowhere"):
        open_training(DataOptions(root="nowhere"), SPEC)


def test_the_last_thousand_of_lspe_and_the_held_out_scenes_are_not_trained_on(shared: Path) -> None:
    data = shared / "data"
    lspe, rendered = open_training(DataOptions(str(data / "lspe"), (str(data / "rendered"),), held_out=500), SPEC)
    assert 8000 < len(lspe) <= 9000  # a few whose labels cannot be right are left out
    assert len(rendered) == 11500
    validated = set(np.load(data / "lspe" / "lspe_labels.npz")["ids"][-1000:].tolist())
    assert not validated & {int(name[2:7]) for name in lspe.names}


def write(folder: Path, names: list[str], count: int = 1) -> str:
    """A COCO json with `count` images, which are not there, of one person each, whose first keypoint alone is marked."""
    points = [20, 20, 2] + [0, 0, 0] * (len(names) - 1)
    rows = [{"id": i, "image_id": i, "category_id": 1, "keypoints": points, "area": 400} for i in range(count)]
    images = [{"id": i, "file_name": f"{i}.png"} for i in range(count)]
    table = {"images": images, "annotations": rows, "categories": [{"id": 1, "keypoints": names}]}
    folder.mkdir(exist_ok=True)
    (folder / "labels.json").write_text(json.dumps(table))
    return str(folder)


def test_a_set_without_any_keypoint_of_the_network_is_refused(tmp_path: Path) -> None:
    people = write(tmp_path / "people", list(COCO_17.keypoints), 3)
    dogs = write(tmp_path / "dogs", ["snout", "tail"], 3)
    half = write(tmp_path / "half", ["nose", "tail"], 3)
    assert [len(part) for part in open_training(DataOptions(people, (half,)), SPEC)] == [2, 2]
    for options in (DataOptions(dogs), DataOptions(people, (dogs,))):
        with pytest.raises(UsageError, match=r"dogs: none of its keypoints \(snout, tail.*--set skeleton=FILE\.toml"):
            open_training(options, SPEC)


@pytest.mark.parametrize(
    ("total", "asked", "back"),
    [(1000, None, 100), (11, None, 2), (1, None, 1), (0, None, 0), (9000, None, 500), (40, 3, 3), (4, 9, 4), (4, 0, 0)],
)
def test_a_tenth_is_held_back_unless_a_number_is_asked_for(total: int, asked: int | None, back: int) -> None:
    assert held_back(total, asked) == back


def test_what_is_held_back_is_what_is_not_trained_on(tmp_path: Path) -> None:
    root = write(tmp_path, list(COCO_17.keypoints), 12)
    for count in (None, 2):
        trained = open_training(DataOptions(root, held_out=count), SPEC)[0].names
        assert trained + held_out(open_dataset(root), count).names == [f"{i}.png" for i in range(12)]
        assert len(trained) == 10
    with pytest.raises(InputError, match=r"no image is left to train on \(12 in all, data\.held_out = 12\)"):
        open_training(DataOptions(root, held_out=30), SPEC)


def test_options_of_coco_reach_the_data_set(tmp_path: Path) -> None:
    root = write(tmp_path, list(COCO_17.keypoints), 2)
    for options, unlabelled in ((CocoOptions(), ABSENT), (CocoOptions(unlabelled="unknown"), UNKNOWN)):
        source = open_training(DataOptions(root, coco=options), SPEC)[0]
        assert source.labels(0).visibility[0, :2].tolist() == [SEEN, unlabelled]
    assert len(open_training(DataOptions(root, coco=CocoOptions(min_keypoints=5)), SPEC)[0].labels(0).xy) == 0
    assert preset("openpose_cpm").data.coco == CocoOptions(min_keypoints=5, min_area=32**2)
