"""A checkpoint that TensorFlow wrote, converted, gives what TensorFlow computed (made by tensorflow_network.py)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from limbwise.cli.convert import convert as convert_verb
from limbwise.convert.deepercut import convert_backbone, convert_deepercut
from limbwise.convert.tensorflow import Arrays, read_checkpoint
from limbwise.data.pairwise_stats import read_statistics
from limbwise.errors import InputError, UsageError
from limbwise.net.deepercut import DeeperCut, count_values
from limbwise.skeletons import COCO_17, LSP_14, MPII_14
from limbwise.spec import ordered_pairs, read_spec

FIXTURE = Path(__file__).parent / "fixtures" / "tensorflow"
SCRIPT = Path(__file__).with_name("tensorflow_network.py")


def differences(net: DeeperCut, answers: Path) -> dict[str, float]:
    """The greatest difference of each head from TensorFlow's outputs, relative to their spread where that is above 1."""
    net.train()  # the middle is given only then; the norms are frozen, so that nothing else changes
    worst: dict[str, float] = {}
    with np.load(answers) as table:
        for i in range(sum(name.startswith("images") for name in table)):
            with torch.inference_mode():
                early, final = net(torch.from_numpy(table[f"images{i}"].transpose(0, 3, 1, 2).copy()))
            for name, maps in {**final, "intermediate": early["part_logits"]}.items():
                wanted = table[f"{name}{i}"].transpose(0, 3, 1, 2)
                assert maps.shape == wanted.shape
                difference = float(np.abs(maps.numpy() - wanted).max() / max(1, wanted.std()))
                worst[name] = max(worst.get(name, 0), difference)
    return worst


def test_the_same_maps_as_tensorflow() -> None:
    net, spec = convert_deepercut(read_checkpoint(FIXTURE / "snapshot"), "snapshot")
    assert spec.skeleton == MPII_14
    worst = differences(net, FIXTURE / "outputs.npz")
    assert set(worst) == {"part_logits", "offsets", "pairwise", "intermediate"}
    assert max(worst.values()) < 1e-5, worst


@pytest.mark.slow
def test_the_same_maps_as_tensorflow_in_the_published_size(tmp_path: Path) -> None:
    """Needs LIMBWISE_TENSORFLOW, the path of a Python that has TensorFlow."""
    python = os.environ.get("LIMBWISE_TENSORFLOW")
    if not python:
        pytest.skip("LIMBWISE_TENSORFLOW does not name a Python with TensorFlow")
    subprocess.run([python, str(SCRIPT), str(tmp_path), "full"], check=True, capture_output=True)
    net, spec = convert_deepercut(read_checkpoint(tmp_path / "snapshot"), "snapshot")
    assert spec.skeleton == COCO_17
    net.intermediate, intermediate = None, net.intermediate
    assert count_values(net) == 53_573_139
    net.intermediate = intermediate
    worst = differences(net, tmp_path / "outputs.npz")
    print(worst)
    assert max(worst.values()) < 1e-4, worst


@pytest.fixture(scope="module")
def variables() -> Arrays:
    return read_checkpoint(FIXTURE / "snapshot")


def test_the_backbone_of_an_old_checkpoint_is_that_of_the_new_one(variables: Arrays) -> None:
    backbone = convert_backbone(read_checkpoint(FIXTURE / "backbone.ckpt"), "old")
    whole, _ = convert_deepercut(variables, "new")
    for name, value in whole.backbone.state_dict().items():
        assert torch.equal(backbone.state_dict()[name], value), name


def test_names_of_the_published_checkpoints(variables: Arrays) -> None:
    names = {"resnet_v1_50/conv1/weights", "resnet_v1_50/conv1/BatchNorm/moving_mean", "pose/part_pred/block4/weights",
             "resnet_v1_50/block3/unit_6/bottleneck_v1/conv2/BatchNorm/gamma", "pose/locref_pred/block4/biases",
             "resnet_v1_50/block1/unit_1/bottleneck_v1/shortcut/weights", "pose/pairwise_pred/block4/weights",
             "pose/intermediate_supervision/block4/weights", "global_step"}  # fmt: skip
    assert names <= variables.keys()


def test_fewer_heads_and_other_skeletons(variables: Arrays) -> None:
    single = {name: v for name, v in variables.items() if "pairwise" not in name and "intermediate" not in name}
    net, spec = convert_deepercut(single, "single", LSP_14)
    assert set(spec.heads) == {"part_logits", "offsets"}
    assert (spec.skeleton, net.pairwise, net.intermediate) == (LSP_14, None, None)
    with pytest.raises(InputError, match=r"x: the network has 14 keypoints, coco_17 has 17; .* --skeleton"):
        convert_deepercut(single, "x", COCO_17)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.pop("resnet_v1_50/block2/unit_3/bottleneck_v1/conv1/weights"), "missing: .*block2/unit_3"),
        (lambda v: v.update({"resnet_v1_50/extra/weights": np.zeros(3)}), "left over: .*resnet_v1_50/extra"),
        (
            lambda v: v.update({"resnet_v1_50/block1/unit_2/bottleneck_v1/conv1/weights": np.zeros((1, 1, 3, 3))}),
            "shape",
        ),
        (lambda v: v.update({"pose/part_pred/block4/biases": np.full(14, np.nan)}), "not all of it are numbers"),
        (lambda v: v.pop("pose/part_pred/block4/biases"), "pose/part_pred/block4/biases is missing"),
        (
            lambda v: v.update({"resnet_v1_101/conv1/weights": np.zeros(1)}),
            "one resnet_v1 .* resnet_v1_101, resnet_v1_50",
        ),
        (lambda v: v.update({"resnet_v1_50/block1/unit_999/x": np.zeros(1)}), "no ResNet"),
    ],
)
def test_what_does_not_fit_is_named(change: Callable[[Arrays], object], message: str, variables: Arrays) -> None:
    changed = dict(variables)
    change(changed)
    with pytest.raises(InputError, match=rf"^here: .*{message}"):
        convert_deepercut(changed, "here")


def stats_file(path: Path, keypoints: int, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A pairwise_stats.mat in an order of its own; means and deviations in ours."""
    rng = np.random.default_rng(1)
    pairs = ordered_pairs(keypoints)
    means, deviations = rng.normal(size=(len(pairs), 2)), rng.uniform(1, 9, (len(pairs), 2))
    order = rng.permutation(len(pairs))
    savemat(path, {"graph": pairs[order] + first, "means": means[order], "std_devs": deviations[order]})
    return means, deviations


@pytest.mark.parametrize("first", [0, 1])
def test_statistics_of_pairwise_vectors(first: int, tmp_path: Path) -> None:
    means, deviations = stats_file(tmp_path / "pairwise_stats.mat", 14, first)
    found = read_statistics(tmp_path / "pairwise_stats.mat", MPII_14)
    assert np.allclose(found, [means, deviations], rtol=1e-6)
    with pytest.raises(InputError, match=r"pairwise_stats\.mat: .* 272 x 2"):
        read_statistics(tmp_path / "pairwise_stats.mat", COCO_17)


def test_damaged_statistics(tmp_path: Path) -> None:
    path = tmp_path / "pairwise_stats.mat"
    stats_file(path, 14)
    data = path.read_bytes()
    rng = np.random.default_rng(2)
    for _ in range(60):
        broken = bytearray(data)
        for _ in range(4):
            broken[rng.integers(len(broken))] = rng.integers(256)
        path.write_bytes(broken)
        with suppress(InputError):
            means, deviations = read_statistics(path, MPII_14)
            assert np.isfinite(means).all()
            assert (deviations > 0).all()


def test_at_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    convert_verb(FIXTURE / "snapshot.index", tmp_path / "net.pt")
    assert "DeeperCut on mpii_14" in (said := capsys.readouterr().out)
    assert "--pairwise-stats" in said
    convert_verb(FIXTURE / "backbone.ckpt", tmp_path / "start.pt")
    start, whole = (torch.load(tmp_path / name, weights_only=True) for name in ("start.pt", "net.pt"))
    assert all(torch.equal(whole[name], value) for name, value in start.items())
    assert all(name.startswith("backbone.") for name in start)
    with pytest.raises(UsageError, match=r"NAME\.pt"):
        convert_verb(FIXTURE / "backbone.ckpt", tmp_path / "a.onnx")
    with pytest.raises(UsageError, match="no pairwise vectors"):
        convert_verb(FIXTURE / "backbone.ckpt", tmp_path / "a.pt", pairwise_stats=tmp_path / "s.mat")


@pytest.mark.slow
def test_as_a_model_with_its_units(tmp_path: Path) -> None:
    means, _ = stats_file(tmp_path / "s.mat", 14)
    convert_verb(FIXTURE / "snapshot", tmp_path / "mpii", pairwise_stats=tmp_path / "s.mat")
    spec = read_spec(tmp_path / "mpii.json")
    assert (spec.name, spec.method) == ("mpii", "deepercut")
    assert np.allclose(np.reshape(spec.heads["pairwise"].mean, (-1, 2)), means, atol=1e-5)
