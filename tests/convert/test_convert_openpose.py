"""OpenPose's family from the files of four systems: the same network from each, in every engine; what does not fit is listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from foreign import Layers, layers_of, randomised, worst, write_caffemodel, write_ir, write_npz
from torch import nn

from limbwise.convert.kinds import Converted, convert
from limbwise.convert.openpose import compact_name, paper_name
from limbwise.errors import LimbwiseError, WeightsError
from limbwise.export.onnx import export_onnx
from limbwise.export.parity import differences
from limbwise.net.cpm_crop import CropCpm
from limbwise.net.face import Face
from limbwise.net.hand import Hand
from limbwise.net.openpose_cpm import MPI_LIMBS, OPENPOSE_LIMBS, CpmOptions, OpenPoseCpm
from limbwise.net.openpose_paf import BODY_25_LIMBS, COCO_LIMBS, OpenPosePaf, compact, paper
from limbwise.skeletons import BODY_25, COCO_17, FACE_70, HAND_21, MPI_15, OPENPOSE_18

TOLERANCE = 1e-5
Make = Callable[[int], nn.Module]  # of a width

NETWORKS: dict[str, tuple[Make, object]] = {
    "body": (lambda width: OpenPoseCpm(CpmOptions(width=width)), OPENPOSE_18),
    "mpi": (lambda width: OpenPoseCpm(CpmOptions(15, 14, width=width)), MPI_15),
    "face": (lambda width: Face(width=width), FACE_70),
    "hand": (lambda width: Hand(width=width), HAND_21),
}


def made(name: str, width: int) -> nn.Module:
    torch.manual_seed(3)
    return randomised(NETWORKS[name][0](width)).eval()


def converted_from_all(layers: Layers, folder: Path) -> dict[str, Converted]:
    """The same layers by way of every format."""
    paths = {
        "caffe": write_caffemodel(folder / "new.caffemodel", layers),
        "caffe V1, doubles": write_caffemodel(folder / "old.caffemodel", layers, old=True, double=True),
        "chainer": write_npz(folder / "net.npz", layers),
        "openvino": write_ir(folder / "net.xml", layers),
    }
    return {name: convert(path) for name, path in paths.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_network_from_every_format(name: str, tmp_path: Path) -> None:
    net = made(name, 8)
    found = converted_from_all(layers_of(net), tmp_path)
    x = torch.randn(2, 3, 64, 72, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        outputs = [net(x)[-1], *(converted.net.eval()(x)[-1] for converted in found.values())]
    assert float(max(maps.abs().max() for maps in outputs[0].values())) > 0.01
    assert worst(outputs) <= TOLERANCE
    for converted in found.values():
        assert converted.spec is not None
        assert converted.spec.skeleton is NETWORKS[name][1]
        assert converted.missing == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_full_size_networks_through_every_format_and_engine(name: str, tmp_path: Path) -> None:
    net = made(name, 128)
    found = converted_from_all(layers_of(net), tmp_path)
    x = torch.randn(1, 3, 184, 160, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        outputs = [net(x)[-1], *(converted.net.eval()(x)[-1] for converted in found.values())]
    assert worst(outputs) <= TOLERANCE
    converted = found["caffe"]
    assert converted.spec is not None
    spec = export_onnx(converted.net, converted.spec, tmp_path / "out.onnx", half=False)
    for engine in ("openvino", "onnxruntime"):
        found_by = differences(net, tmp_path / "out.onnx", spec, engine, [(1, 64, 64), (1, 184, 160)])
        assert max(found_by.values()) <= TOLERANCE


@pytest.mark.parametrize("kind", ["body", "crop"])
def test_narrow_networks_through_the_engines(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = randomised(OpenPoseCpm(CpmOptions(stages=2, width=8)) if kind == "body" else CropCpm(21, 2, 8)).eval()
    converted = convert(write_caffemodel(tmp_path / "net.caffemodel", layers_of(net)))
    assert converted.spec is not None
    spec = export_onnx(converted.net, converted.spec, tmp_path / "out.onnx", half=False)
    for engine in ("openvino", "onnxruntime"):
        pytest.importorskip(engine)
        found = differences(net, tmp_path / "out.onnx", spec, engine, [(1, 64, 64), (2, 104, 72)])
        assert found.keys() == spec.heads.keys()
        assert max(found.values()) <= TOLERANCE


def test_body_25_from_caffe(tmp_path: Path) -> None:
    """CMU's second network: blocks of three, a PReLU after every convolution but VGG's and the last ones."""
    options = replace(paper(), widths=((4, 4, 4), (8, 6, 4)), middle=(8, 12), features=(4, 8, 6))
    net = randomised(OpenPosePaf(options)).eval()
    layers: Layers = {}
    for name, value in net.state_dict().items():
        layers.setdefault(paper_name(name).split(".")[0], []).append(value.numpy())
    assert {"conv4_2", "prelu4_2", "conv4_4_CPM", "prelu4_4_CPM", "Mconv1_stage0_L2_0", "Mprelu5_stage3_L2_2",
            "Mconv7_stage1_L1", "Mprelu6_stage0_L1", "Mconv2_stage1_L1_1"} <= layers.keys()  # fmt: skip
    assert len(layers) == 10 + 2 + 3 + 6 * (2 * 15 + 2 + 1)
    found = convert(write_caffemodel(tmp_path / "pose.caffemodel", layers))
    assert found.spec is not None
    assert (found.spec.skeleton, found.spec.limbs, found.spec.input.colour) == (BODY_25, BODY_25_LIMBS, "BGR")
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert worst([net(x)[-1], found.net.eval()(x)[-1]]) == 0


def test_the_pytorch_code_of_2018(tmp_path: Path) -> None:
    options = replace(compact(), widths=((8, 4, 4),) * 2, middle=(16, 16), features=(4, 8, 5))
    net = randomised(OpenPosePaf(options)).eval()
    state = {compact_name(name): value for name, value in net.state_dict().items()}
    assert {"F.vgg.21.bias", "F.conv_4_3_and_4_4.4.running_var", "PAF_Stages.Stage4.4.C3.1.weight", "PAF_Stages.Stage1.5.bias",
            "PAF_Stages.Stage2.6.num_batches_tracked", "Heatmap_Stages.Stage2.8.weight"} <= state.keys()  # fmt: skip
    path = tmp_path / "model-wts-368.ckpt"
    torch.save(state, path)
    found = convert(path)
    assert found.spec is not None
    assert (found.spec.skeleton, found.spec.limbs, found.spec.input.colour) == (COCO_17, COCO_LIMBS, "RGB")
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert worst([net(x)[-1], found.net.eval()(x)[-1]]) == 0
    torch.save({"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}}, path)
    assert convert(path).spec == found.spec


@pytest.fixture
def body() -> Layers:
    return layers_of(OpenPoseCpm(CpmOptions(stages=2, width=8)))


def test_what_is_missing_and_left_over_is_listed(body: Layers, tmp_path: Path) -> None:
    lacking = {name: pair for name, pair in body.items() if name != "conv5_5_CPM_L1"}
    path = write_npz(tmp_path / "coco_posenet.npz", lacking)
    with pytest.raises(WeightsError, match=r"1 layer missing: conv5_5_CPM_L1 \(--allow-missing"):
        convert(path)
    found = convert(path, allow_missing=True)
    assert found.missing == ("conv5_5_CPM_L1",)
    more = {**lacking, "extra_1": body["conv1_1"], "extra_2": body["conv1_1"]}
    for allowed in (False, True):
        with pytest.raises(WeightsError, match=r"conv5_5_CPM_L1; 2 layers left over: extra_1, extra_2$"):
            convert(write_npz(tmp_path / "more.npz", more), allow_missing=allowed)


@pytest.mark.parametrize(
    ("layer", "change", "said"),
    [
        ("conv3_1", lambda w: w[:, :-1], r"conv3_1\.weight: its shape is \(16, 7, 3, 3\), \(16, 8, 3, 3\) is needed"),
        ("conv3_1", lambda w: w * np.nan, "not all of it are numbers"),
        ("conv3_1", lambda w: w.astype("U8"), "no weights"),
        ("Mconv7_stage2_L2", lambda w: w[:5], "4 keypoints, no skeleton"),
        ("Mconv7_stage2_L1", lambda w: w[:5], "5 channels of fields, the 19 limbs"),
        ("conv4_4_CPM", lambda w: np.zeros((4096, 16, 1, 1), np.float32), "4096 channels"),
        ("conv4_4_CPM", lambda w: w[0], "4 axes"),
    ],
)
def test_weights_that_do_not_fit(
    body: Layers, layer: str, change: Callable[..., object], said: str, tmp_path: Path
) -> None:
    body[layer] = [change(body[layer][0]), *body[layer][1:]]  # type: ignore[list-item]
    with pytest.raises(WeightsError, match=said):
        convert(write_npz(tmp_path / "net.npz", body))


def test_own_keypoints(tmp_path: Path) -> None:
    """A network of the family on another skeleton: its limbs are in the skeleton's own order."""
    layers = layers_of(OpenPoseCpm(CpmOptions(17, len(COCO_17.limbs), 2, 8)))
    path = write_caffemodel(tmp_path / "net.caffemodel", layers)
    with pytest.raises(WeightsError, match="give the right one with --skeleton"):
        convert(path)
    found = convert(path, COCO_17)
    assert found.spec is not None
    assert found.spec.limbs == COCO_17.limbs


def test_how_each_program_shows_images_and_places_cells(tmp_path: Path) -> None:
    """x / 256 - 1/2 (CMU), x / 255 - 1/2 (Chainer's bodies), and where Chainer and PyTorch align corners."""
    body, face = layers_of(made("body", 8)), layers_of(made("face", 8))
    shown = {}
    for name, found in converted_from_all(body, tmp_path).items():
        assert found.spec is not None
        x = found.spec.input
        values = [(v - x.mean[0]) * x.scale[0] for v in (0, 255)]
        shown[name] = (x.colour, *np.round(values, 4), x.size.fit, found.spec.heads["pafs"].grid, x.pad)
    plain = ("BGR", -0.5, 0.4961, "shorter", "cells", (128,) * 3)
    assert shown["caffe"] == shown["caffe V1, doubles"] == plain
    assert shown["chainer"] == ("BGR", -0.5, 0.5, "shorter", "corners", (104, 117, 123))
    assert shown["openvino"] == ("BGR", -0.5, 0.4961, "stretch", "cells", (128,) * 3)
    spec = convert(write_npz(tmp_path / "face.npz", face)).spec
    assert spec is not None
    assert (spec.method, spec.input.scale[0], spec.heads["heatmaps"].grid) == ("single", 1 / 256, "corners")


def test_limbs_are_those_of_the_channels(tmp_path: Path) -> None:
    for name, limbs in (("body", OPENPOSE_LIMBS), ("mpi", MPI_LIMBS)):
        spec = convert(write_caffemodel(tmp_path / "net.caffemodel", layers_of(made(name, 8)))).spec
        assert spec is not None
        assert spec.limbs == limbs


@pytest.mark.parametrize("name", ["net.bin", "net.xml"])
def test_an_ir_by_either_of_its_files(body: Layers, name: str, tmp_path: Path) -> None:
    write_ir(tmp_path / "net.xml", body, version="5", kind="<f2")
    found = convert(tmp_path / name)
    wanted = torch.from_numpy(body["conv1_1"][0].astype(np.float16).astype(np.float32))
    assert torch.equal(found.net.state_dict()["backbone.conv1_1.weight"], wanted)


def test_a_snapshot_of_chainers_trainer(body: Layers, tmp_path: Path) -> None:
    path = write_npz(tmp_path / "snapshot.npz", body, "updater/model:main/")
    with np.load(path) as arrays:
        np.savez(path, **{**arrays, "updater/iteration": np.array(7), "updater/optimizer:main/t": np.array(7)})
    assert convert(path).missing == ()


def test_foreign_networks(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="of no network of the OpenPose family; its first layers: fc8"):
        convert(write_npz(tmp_path / "x.npz", {"fc8": [np.zeros((2, 3)), np.zeros(2)]}))
    (tmp_path / "x.h5").write_bytes(b"x")
    with pytest.raises(WeightsError, match="of no known kind"):
        convert(tmp_path / "x.h5")
    with pytest.raises(LimbwiseError, match="no such file"):
        convert(tmp_path / "none.npz")
