"""Caffe's files: three real models against OpenCV's importer of them, blob by blob and output by output; both forms of layers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from foreign import blob, message, write_caffemodel
from torch import Tensor

from limbwise.convert.caffe import read_caffemodel
from limbwise.errors import InputError

PARTS = {"0": "weight", "1": "bias"}


@pytest.fixture(scope="module")
def oracles(shared: Path) -> Path:
    folder = shared / "oracles" / "caffe"
    if not folder.is_dir():
        pytest.skip("../shared/oracles/caffe is not here")
    return folder


@pytest.mark.parametrize("name", ["det1", "det2", "det3"])
def test_every_blob_of_real_models_bit_for_bit(oracles: Path, name: str) -> None:
    weights = read_caffemodel(oracles / f"{name}.caffemodel")
    expected = np.load(oracles / f"{name}_opencv.npz")
    blobs = [key.split("/")[1:] for key in expected.files if key.startswith("blob/")]
    assert len(blobs) > 10
    extra = weights.keys() - {f"{layer}.{PARTS[i]}" for layer, i in blobs}
    text = (oracles / f"{name}.prototxt").read_text()
    assert not [
        layer for layer in extra if f'"{layer.partition(".")[0]}"' in text
    ]  # det2 was trained with one more branch
    assert len(weights) - len(extra) == len(blobs)
    for layer, i in blobs:
        found, wanted = weights[f"{layer}.{PARTS[i]}"], expected[f"blob/{layer}/{i}"]
        assert found.dtype == wanted.dtype == np.float32
        assert found.size == wanted.size
        assert [n for n in found.shape if n > 1] == [n for n in wanted.shape if n > 1]
        assert found.tobytes() == wanted.tobytes()


def parse(text: str) -> list[dict[str, Any]]:
    """A prototxt's layers; each a table of fields, repeated ones as lists."""
    tokens = re.findall(r'"[^"]*"|[{}]|[\w.-]+:?', re.sub(r"#.*", "", text))

    def block(at: int) -> tuple[dict[str, Any], int]:
        table: dict[str, Any] = {}
        while at < len(tokens) and tokens[at] != "}":
            name = tokens[at].rstrip(":")
            if tokens[at + 1] == "{":
                value, at = block(at + 2)
            else:
                value, at = tokens[at + 1].strip('"'), at + 1
            table.setdefault(name, []).append(value)
            at += 1
        return table, at

    return list(block(0)[0]["layer"])


def forward(layers: list[dict[str, Any]], weights: dict[str, Any], x: Tensor) -> dict[str, Tensor]:
    """Caffe's layers of these models in torch; blobs by name."""
    blobs = {"data": x}
    for layer in layers:
        name, kind, x = layer["name"][0], layer["type"][0], blobs[layer["bottom"][0]]
        own = [torch.from_numpy(weights[f"{name}.{p}"].copy()) for p in PARTS.values() if f"{name}.{p}" in weights]
        number = {k: int(v[0]) for key in ("convolution_param", "pooling_param") for k, v in layer.get(key, [{}])[0].items()
                  if v[0] and str(v[0]).isdigit()}  # fmt: skip
        if kind == "Convolution":
            x = F.conv2d(x, own[0], own[1].ravel(), number.get("stride", 1), number.get("pad", 0))
        elif kind == "InnerProduct":
            x = F.linear(x.flatten(1), own[0].reshape(own[0].shape[-2:]), own[1].ravel())
        elif kind == "PReLU":
            x = F.prelu(x, own[0].ravel())
        elif kind == "Pooling":
            x = F.max_pool2d(x, number["kernel_size"], number["stride"], ceil_mode=True)
        elif kind == "Softmax":
            x = F.softmax(x, 1)
        else:
            assert kind == "Dropout"
        blobs[layer["top"][0]] = x
    return blobs


@pytest.mark.parametrize("name", ["det1", "det2", "det3"])
def test_outputs_of_real_models(oracles: Path, name: str) -> None:
    weights = read_caffemodel(oracles / f"{name}.caffemodel")
    expected = np.load(oracles / f"{name}_opencv.npz")
    layers = parse((oracles / f"{name}.prototxt").read_text())
    found = forward(layers, weights, torch.from_numpy(expected["input"]))
    outputs = [key for key in expected.files if key.startswith("output/")]
    assert len(outputs) >= 2
    for key in outputs:
        np.testing.assert_allclose(found[key.partition("/")[2]].numpy(), expected[key], atol=1e-5)


ARRAYS = {"conv": [np.linspace(-1, 1, 24).reshape(2, 3, 2, 2), np.array([0.1, -0.2])], "prelu": [np.array([0.25, 0.5])]}


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_forms(tmp_path: Path, old: bool, double: bool, packed: bool) -> None:
    path = write_caffemodel(tmp_path / "net.caffemodel", ARRAYS, old=old, double=double, packed=packed)
    weights = read_caffemodel(path)
    kind = np.float64 if double else np.float32
    assert list(weights) == ["conv.weight", "conv.bias", "prelu.weight"]
    assert weights["conv.bias"].shape == ((1, 1, 1, 2) if old else (2,))
    for name, array in (("conv.weight", ARRAYS["conv"][0]), ("conv.bias", ARRAYS["conv"][1])):
        assert weights[name].dtype == kind
        assert np.array_equal(weights[name].ravel(), array.astype(kind).ravel())


def layer(*parts: bytes) -> bytes:
    return message(100, b"".join(parts))


NAMED = message(1, b"conv")
GOOD = message(7, blob(np.zeros(3)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\x00\x01", "caffemodel"),
        (message(1, b"net"), "without weights"),
        (layer(NAMED), "without weights"),
        (layer(GOOD), "no name"),
        (layer(NAMED, GOOD) + layer(NAMED, GOOD), "two layers"),
        (layer(NAMED, GOOD)[:-1], "does not end"),
        (layer(NAMED, message(7, message(5, b"\0" * 12))), "shape None"),
        (layer(NAMED, message(7, message(7, message(1, b"\x04")) + message(5, b"\0" * 12))), "with 3 numbers"),
        (layer(NAMED, message(7, message(7, message(1, b"\xff\xff\xff\xff\x0f" * 8)))), "with 0 numbers"),
        (layer(NAMED, message(7, message(5, b"\0" * 7))), "within a number"),
        (layer(NAMED, message(7, blob(np.zeros(3)) + message(8, b"\0" * 24))), "floats and doubles"),
        (message(2, message(4, b"conv") + message(1, b"V0")), "before V1"),
        (layer(message(1, b"\xff\xfe"), GOOD), "caffemodel"),
    ],
)
def test_damage(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        read_caffemodel(path)
    assert str(path) in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_caffemodel(tmp_path / "none.caffemodel")
