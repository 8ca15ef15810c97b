"""OpenVINO's form of a network and INT8: what stays in floats, what it differs by, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from dots import SPEC, draw_dots, some_people
from onnx import TensorProto, helper, numpy_helper

from limbwise.cli.export import export
from limbwise.engine.kinds import open_engine
from limbwise.errors import HashMismatch, InputError, LimbwiseError, UsageError
from limbwise.estimate.estimator import Estimator
from limbwise.estimate.zoo import find_model
from limbwise.export.openvino import noise, read_network
from limbwise.export.quantise import Int8Options, last_convolutions, middle
from limbwise.media.image import write_image
from limbwise.net.refiner import small_refiner_spec
from limbwise.spec import write_spec


def chain(path: Path, widths: list[int], skip: bool = False) -> Path:
    """Convolutions 3 x 3 of these widths one after the other, x0, x1, ..; `skip` adds the input of the last to its output."""
    nodes, values, name = [], [], "image"
    for i, (source, target) in enumerate(zip([3, *widths], widths, strict=False)):
        values.append(numpy_helper.from_array(np.ones((target, source, 3, 3), np.float32), f"w{i}"))
        nodes.append(helper.make_node("Conv", [name, f"w{i}"], [f"x{i}"], pads=[1] * 4))
        before, name = name, f"x{i}"
    if skip:
        nodes.append(helper.make_node("Add", [before, name], ["sum"]))
    output = helper.make_tensor_value_info("sum" if skip else name, TensorProto.FLOAT, ["n", widths[-1], "h", "w"])
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])
    graph = helper.make_graph(nodes, "chain", [image], [output], values)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


# 3 x 3 kernels: multiplications of the four are 3 x 8, 8 x 8, 8 x 4 and 4 x 4 parts of 136.
@pytest.mark.parametrize(("share", "kept"), [(0, 1), (0.1, 1), (0.13, 1), (0.36, 2), (0.5, 2), (0.9, 3), (1.0, 4)])
def test_the_last_share_of_the_arithmetic(tmp_path: Path, share: float, kept: int) -> None:
    model = read_network(chain(tmp_path / "a.onnx", [8, 8, 4, 4]))
    assert [name.partition("/")[0] for name in last_convolutions(model, (1, 3, 32, 32), share)] == [
        "x3",
        "x2",
        "x1",
        "x0",
    ][:kept]


def test_the_longest_way_counts(tmp_path: Path) -> None:
    """What a skip connection leads past the last convolution is no head for that."""
    model = read_network(chain(tmp_path / "a.onnx", [8, 4, 4], skip=True))
    assert [name.partition("/")[0] for name in last_convolutions(model, (1, 3, 32, 32), 0)] == ["x2"]


@pytest.mark.parametrize("size", [(8, 8), (5, 12), (16, 9), (8, 40)])
def test_the_middle_of_an_input(size: tuple[int, int]) -> None:
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32)
    taken = middle(np.stack([rows, columns])[None], 8)
    assert taken.shape == (1, 2, 8, 8)
    centre = (np.array(size) - 1) / 2
    np.testing.assert_allclose(taken.mean((0, 2, 3)), centre, atol=0.51)


@pytest.mark.parametrize(("full", "most"), [(True, 1e-6), (False, 2e-3)])
def test_openvinos_form(
    tmp_path: Path, dots_model: Path, capsys: pytest.CaptureFixture[str], full: bool, most: float
) -> None:
    export(dots_model, tmp_path / "a.xml", full=full)
    assert "greatest differences: heatmaps" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"a.xml", "a.bin", "a.json"}
    model = find_model(tmp_path / "a.xml")
    assert model.spec.name == "a"
    for batch in noise(model.spec, [(64, 64), (240, 320)]):
        one, other = (open_engine("openvino", path, SPEC).run(batch)["maps"] for path in (dots_model, model.path))
        np.testing.assert_allclose(one, other, atol=most)
    (tmp_path / "a.bin").write_bytes((tmp_path / "a.bin").read_bytes()[:-1] + b"?")
    with pytest.raises(HashMismatch, match=r"a\.xml"):
        find_model(tmp_path / "a.xml")
    (tmp_path / "a.bin").unlink()
    with pytest.raises(InputError, match=r"a\.bin: cannot be read"):
        find_model(tmp_path / "a.xml")


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Pictures of dot people with a COCO file, and a folder of black ones."""
    images, annotations = [], []
    for i in range(4):
        people = some_people(i)
        write_image(tmp_path / "images" / f"{i}.png", draw_dots(people))
        write_image(tmp_path / "black" / f"{i}.png", np.zeros((240, 320 + 50 * i, 3), np.uint8))
        images.append({"id": i, "file_name": f"{i}.png", "width": 320, "height": 240})
        for person in people:
            (x, y), (right, low) = person.min(0) - 10, person.max(0) + 10
            keypoints = [value for point in person.tolist() for value in (*point, 2)]
            annotations.append({"id": len(annotations) + 1, "image_id": i, "category_id": 1, "iscrowd": 0, "num_keypoints": 3,
                                "keypoints": keypoints, "bbox": [x, y, right - x, low - y], "area": (right - x) * (low - y)})  # fmt: skip
    categories = [{"id": 1, "name": "person", "keypoints": ["head", "hip", "foot"]}]
    labels = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    return tmp_path


def two_convolutions(folder: Path, dots: Path) -> Path:
    """The dots' network with a convolution before it that changes nothing, for INT8 to have something to work on."""
    model = onnx.load(dots)
    model.graph.initializer.append(numpy_helper.from_array(np.eye(3, dtype=np.float32)[:, :, None, None], "same"))
    model.graph.node[0].input[0] = "first"
    model.graph.node.insert(0, helper.make_node("Conv", ["image", "same"], ["first"], name="before"))
    onnx.save(model, str(folder / "two.onnx"))
    write_spec(SPEC, folder / "two.json")
    return folder / "two.onnx"


def test_int8_is_measured_and_refused_where_it_loses_too_much(
    labelled: Path, dots_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("nncf")
    model, labels = two_convolutions(labelled, dots_model), labelled / "labels.json"
    export(model, labelled / "good" / "int8.xml", eight=Int8Options(labelled / "images", labels=labels))
    said = capsys.readouterr().out
    assert "AP" in said
    assert "before" in said
    xml = (labelled / "good" / "int8.xml").read_text()
    assert "FakeQuantize" in xml
    exact, rough = (Estimator(path) for path in (model, labelled / "good" / "int8.xml"))
    image = draw_dots(some_people(1))
    maps = [e.look(e.prepare(image), image.shape).heads["heatmaps"] for e in (exact, rough)]
    assert 0 < np.abs(maps[0] - maps[1]).max() < 0.05
    with pytest.raises(
        LimbwiseError, match=r"INT8 loses .* points of AP .* nothing is written"
    ):  # calibrated on black alone
        export(model, labelled / "bad" / "int8.xml", eight=Int8Options(labelled / "black", labels=labels))
    assert not list((labelled / "bad").iterdir())


def test_what_int8_needs(tmp_path: Path, dots_model: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        export(dots_model, tmp_path / "x.xml", eight=Int8Options(tmp_path / "empty"))
    other = replace(SPEC, input=replace(SPEC.input, layout="NHWC"))
    (tmp_path / "other.onnx").write_bytes(dots_model.read_bytes())
    write_spec(other, tmp_path / "other.json")
    with pytest.raises(UsageError, match="NHWC"):
        export(tmp_path / "other.onnx", tmp_path / "x.xml", eight=Int8Options(tmp_path))
    with pytest.raises(ValueError, match="labels"):
        Int8Options(labels=tmp_path / "labels.json")


@pytest.mark.parametrize("device", ["GPU", "NPU", "GPU.1"])
def test_devices_that_are_not_there(dots_model: Path, device: str) -> None:
    import openvino

    if any(name.startswith(device) for name in openvino.Core().available_devices):
        pytest.skip(f"{device} is there")
    with pytest.raises(LimbwiseError, match=f"device: {device} is not there; OpenVINO finds CPU"):
        Estimator(dots_model, device=device)


def test_noise_for_a_refiner_has_a_channel_for_each_keypoint() -> None:
    spec = small_refiner_spec()
    assert next(iter(noise(spec, [(64, 48)]))).shape == (1, 3 + len(spec.skeleton), 64, 48)
