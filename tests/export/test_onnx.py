from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from limbwise.errors import LimbwiseError, UsageError
from limbwise.export.onnx import export_onnx, ready
from limbwise.export.parity import TOLERANCE, check_parity, differences
from limbwise.net.mobile import Mobile, MobileOptions, mobile_spec
from limbwise.spec import Head, ModelSpec, read_spec

SMALL = MobileOptions(stem=(4, 8), channels=(8, 12, 16), blocks=(1, 1, 1), merged=8)
SPEC = mobile_spec("small")


def trained() -> Mobile:
    """A small network whose norms are as far from nothing as those of a trained one."""
    torch.manual_seed(0)
    net = Mobile(SMALL)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.running_mean, std=0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return net


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Mobile, Path, ModelSpec]:
    path = tmp_path_factory.mktemp("export") / "small.onnx"
    net = trained()
    return net, path, export_onnx(net, SPEC, path)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_engines_compute_what_torch_does(exported: tuple[Mobile, Path, ModelSpec], engine: str) -> None:
    pytest.importorskip(engine)
    net, path, spec = exported
    worst = differences(ready(net), path, spec, engine)
    assert set(worst) == {"heatmaps", "pafs"}
    assert max(worst.values()) <= TOLERANCE


def test_another_network_is_noticed(exported: tuple[Mobile, Path, ModelSpec]) -> None:
    _, path, spec = exported
    torch.manual_seed(1)
    with pytest.raises(LimbwiseError, match="openvino differs by"):
        check_parity(ready(Mobile(SMALL)), path, spec, ["openvino"])


def test_the_file_tells_nothing_of_the_machine_and_names_its_ends(exported: tuple[Mobile, Path, ModelSpec]) -> None:
    _, path, _ = exported
    content = path.read_bytes()
    assert b".py" not in content
    assert b"torch.nn" not in content
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [value.name for value in model.graph.input] == ["image"]
    assert [value.name for value in model.graph.output] == ["heatmaps", "pafs"]
    free = [bool(dim.dim_param) for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert free == [True, False, True, True]
    assert not {node.op_type for node in model.graph.node} & {"BatchNormalization", "Dropout"}


def test_weights_take_two_bytes_each(exported: tuple[Mobile, Path, ModelSpec], tmp_path: Path) -> None:
    net, path, _ = exported
    export_onnx(net, SPEC, tmp_path / "full.onnx", half=False)
    weights = sum(p.numel() for p in ready(net).parameters() if p.ndim > 1) - sum(
        p.numel() for p in net.early.parameters() if p.ndim > 1
    )
    saved = (tmp_path / "full.onnx").stat().st_size - path.stat().st_size
    assert weights * 2 * 0.8 < saved <= weights * 2


def test_the_spec_lies_beside_with_the_hash(exported: tuple[Mobile, Path, ModelSpec]) -> None:
    import hashlib

    _, path, spec = exported
    assert read_spec(path.with_suffix(".json")) == spec
    assert spec.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


class OneOutput(nn.Module):
    """A network whose spec has both heads in one output, as OpenPose's published ones do."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Mobile(SMALL)

    def forward(self, images: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        stages: list[dict[str, torch.Tensor]] = self.net(images)
        return stages


def test_heads_that_share_an_output(tmp_path: Path) -> None:
    pafs = len(SPEC.heads["pafs"].channels)
    heads = {"heatmaps": Head("maps", tuple(range(pafs, pafs + 18))), "pafs": Head("maps", tuple(range(pafs)))}
    net, spec = OneOutput(), replace(SPEC, heads=heads)
    path = tmp_path / "one.onnx"
    export_onnx(net, spec, path, half=False)
    assert max(differences(ready(net, half=False), path, spec, "openvino").values()) <= TOLERANCE


def test_a_spec_that_is_not_the_networks(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"heads\.pafs"):
        export_onnx(Mobile(MobileOptions(keypoints=17, limbs=3)), SPEC, tmp_path / "x.onnx")
    gap = replace(SPEC, heads={**SPEC.heads, "heatmaps": Head("heatmaps", tuple(np.arange(1, 19).tolist()))})
    with pytest.raises(UsageError, match="not in order"):
        export_onnx(Mobile(SMALL), gap, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())
