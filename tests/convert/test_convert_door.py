"""`limbwise convert` through the shell, from a file of another system to people in a photo."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from foreign import layers_of, randomised, write_caffemodel, write_npz

from limbwise.media.image import write_image
from limbwise.net.openpose_cpm import CpmOptions, OpenPoseCpm

pytest.importorskip("onnx")


def limbwise(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "limbwise", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def narrow() -> OpenPoseCpm:
    torch.manual_seed(0)
    return randomised(OpenPoseCpm(CpmOptions(stages=2, width=8))).eval()


def test_from_a_caffemodel_to_a_photo(tmp_path: Path) -> None:
    source = write_caffemodel(tmp_path / "pose.caffemodel", layers_of(narrow()))
    done = limbwise("convert", source, "-o", tmp_path / "body.onnx", "--decoder", "matlab")
    assert done.returncode == 0, done.stderr
    assert "openvino" in done.stdout  # what the engines compute was compared
    assert json.loads((tmp_path / "body.json").read_text())["decode"]
    write_image(tmp_path / "photo.png", np.zeros((96, 96, 3), np.uint8))
    found = limbwise(
        "predict", tmp_path / "photo.png", "--model", tmp_path / "body.onnx", "--size", 96, "-o", tmp_path / "out"
    )
    assert found.returncode == 0, found.stderr
    assert json.loads((tmp_path / "out/openpose/photo_keypoints.json").read_text())["version"] == 1.3


def test_what_a_file_lacks_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    layers = {name: layer for name, layer in layers_of(narrow()).items() if name != "conv5_5_CPM_L1"}
    source = write_npz(tmp_path / "pose.npz", layers)
    done = limbwise("convert", source, "-o", tmp_path / "body.onnx")
    assert done.returncode in (1, 5)
    assert "conv5_5_CPM_L1" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("body*"))
    allowed = limbwise("convert", source, "-o", tmp_path / "body.onnx", "--allow-missing")
    assert allowed.returncode == 0, allowed.stderr
    assert "random: " in allowed.stdout
    assert "conv5_5_CPM_L1" in allowed.stdout


def test_without_torch_the_extra_is_named(tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from limbwise.cli import main; main()"
    words = ["convert", str(tmp_path / "a.caffemodel"), "-o", str(tmp_path / "a.onnx")]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "limbwise[train]" in done.stderr
    assert len(done.stderr.splitlines()) == 1
