"""The folder that the documentation's commands run in: everything that its pages name, made of pictures that may be passed on.

The photo is scikit-image's astronaut (NASA, public domain); birds and dot people are drawn. Words in capitals are files of the reader.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import skimage
from doc_blocks import ROOT
from doc_shell import limbwise, shortened
from dots import DOTS, draw_dots, some_people

from limbwise.estimate.zoo import SHIPPED
from limbwise.media.image import write_image
from limbwise.media.video_writer import VideoWriter
from limbwise.skeletons import COCO_17

STANDS_FOR = {
    "NETWORK": "NETWORK.onnx", "BODY": "NETWORK.onnx", "FACE": "face.onnx", "HAND": "hand.onnx", "FOLDER": "dots",
    "OPENPOSE_FOLDER": "openpose", "LABELS": "labels", "PREDICTIONS": "predictions", "PHOTOS": "holiday",
}  # fmt: skip
BIRDS = ["beak", "left_wing", "right_wing", "tail"]
TOML = f"keypoints = {BIRDS}\nlimbs = {[[name, 'tail'] for name in BIRDS[:3]]}\n"
MINE = "steps = 20000\n[data]\nroot = 'birds'\nheld_out = 50\n"
BIRD = np.array([[0, -30], [-26, -6], [26, -6], [0, 30]], float)


def meant(text: str) -> str:
    """A block with files of the world in place of the words that stand for them."""
    return re.sub(r"\b[A-Z_]{4,}\b(?![.\w])", lambda found: STANDS_FOR.get(found[0], found[0]), text)


def copy_of(world: Path, folder: Path) -> Path:
    """The world once more, as links: files are replaced whole, never written into."""
    return Path(shutil.copytree(world, folder, copy_function=os.link))


def make_world(folder: Path) -> Path:
    """All of it, in an empty folder."""
    pictures(folder)
    write_labels(folder / "coco")
    write_birds(folder / "birds", 8)
    write_birds(folder / "birds-val", 2)
    write_dots(folder / "dots")
    (folder / "mine.toml").write_text(MINE)
    models(folder)
    recorded(folder)
    return folder


def pictures(folder: Path) -> None:
    """photo.jpg, holiday/, frames/, clip.mp4, clips/."""
    photo = cv2.resize(skimage.data.astronaut(), (256, 256), interpolation=cv2.INTER_AREA)
    write_image(folder / "photo.jpg", photo)
    for name in (
        "coco/images/0.png",
        "pictures/one.jpg",
        "pictures/two.jpg",
        "holiday/beach.jpg",
        "holiday/hill.jpg",
        "faces/her.png",
        "gloves/his.png",
        *(f"frames/{i:03}.jpg" for i in range(3)),
    ):
        write_image(folder / name, photo)
    wide = np.concatenate([photo, photo[:, ::-1]], axis=1)
    for name in ("clip.mp4", "clips/first.mp4", "clips/second.mp4"):
        (folder / name).parent.mkdir(exist_ok=True)
        with VideoWriter(folder / name, (320, 256), 10) as video:
            for left in range(0, 48, 8):
                video.write(np.ascontiguousarray(wide[:, left : left + 320]))


def write_labels(folder: Path) -> None:
    """coco/: the photo with her keypoints, set by hand, at half its size; 0 is what is not in the picture."""
    marked = {"nose": (225, 121), "left_eye": (247, 103), "right_eye": (203, 101), "left_ear": (270, 128), "right_ear": (177, 124),
              "left_shoulder": (335, 262), "right_shoulder": (65, 262), "right_elbow": (45, 430)}  # fmt: skip
    points = np.array([marked.get(name, (0, 0)) for name in COCO_17.keypoints]) / 2
    person = _person(1, 0, points[points[:, 0] > 0])
    person["keypoints"] = np.column_stack([points, 2 * (points[:, 0] > 0)]).ravel().tolist()
    _labels(folder / "person_keypoints.json", [_image(0, 256, 256)], [person], list(COCO_17.keypoints))


def write_birds(folder: Path, count: int) -> None:
    """Birds of four keypoints in COCO's form, with their skeleton."""
    rng = np.random.default_rng(count)
    images, people = [], []
    for i in range(count):
        picture = rng.integers(180, 220, (128, 128, 3), dtype=np.uint8)
        points = BIRD + rng.uniform(50, 78, 2)
        cv2.fillPoly(picture, [np.rint(points[[0, 1, 3, 2]]).astype(int)], (60, 60, 160))
        write_image(folder / "images" / f"{i}.png", picture)
        images.append(_image(i, 128, 128))
        people.append(_person(len(people) + 1, i, points))
    _labels(folder / "labels.json", images, people, BIRDS)
    (folder / "birds.toml").write_text(TOML)


def write_dots(folder: Path) -> None:
    """Dot people (see dots.py) in COCO's form with masks."""
    images, people = [], []
    for i in range(6):
        shown = some_people(i, 1 + i % 2)
        write_image(folder / "images" / f"{i}.png", draw_dots(shown))
        images.append(_image(i, 320, 240))
        people += [_person(len(people) + 1 + j, i, points) for j, points in enumerate(shown)]
    _labels(folder / "labels.json", images, people, list(DOTS.keypoints))
    shutil.copy(folder / "labels.json", folder.parent / "labels.json")
    shutil.copytree(folder / "images", folder.parent / "images")


def _image(number: int, width: int, height: int) -> dict[str, Any]:
    return {"id": number, "file_name": f"{number}.png", "width": width, "height": height}


def _person(number: int, image: int, points: np.ndarray) -> dict[str, Any]:
    (left, top), (right, bottom) = points.min(0) - 12, points.max(0) + 12
    return {"id": number, "image_id": image, "category_id": 1, "iscrowd": 0, "num_keypoints": len(points), "area": 3000.0,
            "keypoints": np.column_stack([points, np.full(len(points), 2)]).ravel().tolist(),
            "bbox": [left, top, right - left, bottom - top],
            "segmentation": [[left, top, right, top, right, bottom, left, bottom]]}  # fmt: skip


def _labels(path: Path, images: list[dict[str, Any]], people: list[dict[str, Any]], keypoints: list[str]) -> None:
    category = {"id": 1, "name": "thing", "keypoints": keypoints, "skeleton": [[1, 2]]}
    path.write_text(json.dumps({"images": images, "annotations": people, "categories": [category]}))


def models(folder: Path) -> None:
    """NETWORK (our default), face, hand, DeeperCut (net) and refiner: the last four without any training."""
    from dot_parts import write_model
    from estimate.markers import write_marker

    from limbwise.skeletons import FACE_70, HAND_21

    for suffix in (".onnx", ".json"):
        shutil.copy(SHIPPED["default"].with_suffix(suffix), folder / f"NETWORK{suffix}")
        shutil.copy(SHIPPED["default"].with_suffix(suffix), folder / f"body{suffix}")
    write_marker(folder, "face", FACE_70)
    write_marker(folder, "hand", HAND_21)
    write_model(folder).rename(folder / "net.onnx")
    (folder / "dot_parts.json").rename(folder / "net.json")
    write_refiner(folder / "refiner.onnx")


def write_refiner(path: Path) -> None:
    """A refiner of one random layer: it moves keypoints to nowhere good, but goes in and out as a real one."""
    from limbwise.net.refiner import small_refiner_spec
    from limbwise.spec import write_spec

    spec = small_refiner_spec()
    keypoints, rng = len(spec.skeleton), np.random.default_rng(0)
    sizes = {"part_logits": keypoints, "offsets": 2 * keypoints}
    weights = {
        name: 0.01 * rng.normal(size=(size, 3 + keypoints, 8, 8)).astype(np.float32) for name, size in sizes.items()
    }
    nodes = [
        onnx.helper.make_node("Conv", [spec.input.name, f"{name}_w"], [name], kernel_shape=[8, 8], strides=[8, 8])
        for name in sizes
    ]
    image = onnx.helper.make_tensor_value_info(spec.input.name, onnx.TensorProto.FLOAT, ["n", 3 + keypoints, "h", "w"])
    outputs = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", size, "y", "x"])
        for name, size in sizes.items()
    ]
    values = [onnx.numpy_helper.from_array(array, f"{name}_w") for name, array in weights.items()]
    graph = onnx.helper.make_graph(nodes, "refiner", [image], outputs, values)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9), str(path))
    write_spec(spec, path.with_suffix(".json"))


def trained(folder: Path) -> None:
    """runs/birds, a training of two steps, and weights alone: those that the default model's training began with."""
    sets = ["--set", f"data.root={folder / 'birds'}", "--set", f'skeleton="{folder / "birds" / "birds.toml"}"']
    assert limbwise(shortened(["train", "mobile", "-o", str(folder / "runs" / "birds"), *sets])) == 0
    shutil.copy(ROOT / "training" / "mobile.pt", folder / "weights.pt")


def recorded(folder: Path) -> None:
    """People that were found earlier: openpose/, results.json, posetrack/, labels/ and predictions/ of PoseTrack."""
    from evaluate.posetrack_files import standing, write_2018

    here = Path.cwd()
    os.chdir(folder)
    try:
        assert limbwise(["predict", "frames", "-o", "found", "--json", "openpose,coco,posetrack2018"]) == 0
    finally:
        os.chdir(here)
    shutil.copytree(folder / "found" / "openpose", folder / "openpose")
    shutil.copytree(folder / "found" / "posetrack2018", folder / "posetrack")
    shutil.copy(folder / "found" / "coco.json", folder / "results.json")
    shutil.copy(folder / "found" / "coco_images.json", folder / "results_images.json")
    shutil.rmtree(folder / "found")
    for name, shift in (("labels", 0.0), ("predictions", 1.0)):
        write_2018(folder / name / "walk.json", [[(0, standing(shift)), (1, standing(400 + shift))] for _ in range(4)])
