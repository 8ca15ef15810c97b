"""The published refiner's checkpoint: names, shapes and sums by systems.md D3, and what a synthetic one computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from limbwise.convert.refiner import convert_refiner, is_refiner, their_name
from limbwise.convert.tensorflow import Arrays
from limbwise.errors import InputError
from limbwise.net.deepercut import count_values
from limbwise.net.refiner import Refiner, RefinerOptions
from limbwise.net.resnet import RESNET_101, ResNetOptions

NORM = ("gamma", "beta", "moving_mean", "moving_variance")
SMALL = ResNetOptions(units=(1, 1, 2, 1), widths=(4, 6, 8, 10), stem=6)


def published(options: ResNetOptions, joints: int = 15) -> dict[str, tuple[int, ...]]:
    """Names and shapes that the published code gives its variables, from systems.md A2 and D3."""
    scope = "resnet_v1_101"
    shapes: dict[str, tuple[int, ...]] = {
        f"{scope}/conv1/weights": (7, 7, 3, options.stem),
        f"{scope}/conv1_extra/weights": (7, 7, joints, options.stem),
        **{f"{scope}/BatchNorm/{name}": (options.stem,) for name in NORM},
    }
    channels = options.stem
    for block, (units, width) in enumerate(zip(options.units, options.widths, strict=True), 1):
        for unit in range(1, units + 1):
            where = f"{scope}/block{block}/unit_{unit}/bottleneck_v1"
            convs = {"conv1": (1, channels, width), "conv2": (3, width, width), "conv3": (1, width, 4 * width)}
            if unit == 1:
                convs["shortcut"] = (1, channels, 4 * width)
            for conv, (kernel, ins, outs) in convs.items():
                shapes[f"{where}/{conv}/weights"] = (kernel, kernel, ins, outs)
                shapes |= {f"{where}/{conv}/BatchNorm/{name}": (outs,) for name in NORM}
            channels = 4 * width
    for head, outs in (("part_pred", joints), ("locref_pred", 2 * joints)):
        shapes[f"pose/{head}/block4/weights"] = (3, 3, outs, channels)
        shapes[f"pose/{head}/block4/biases"] = (outs,)
    return shapes


@pytest.fixture
def variables() -> Arrays:
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(0, 0.2, shape).astype(np.float32) for name, shape in published(SMALL).items()}
    return {name: np.abs(a) + 0.5 if name.endswith("variance") else a for name, a in arrays.items()}


def test_key_set_shapes_and_sums_of_the_published_network() -> None:
    shapes = published(RESNET_101)
    backbone = {name: shape for name, shape in shapes.items() if name.startswith("resnet") and "extra" not in name}
    assert (len(backbone), sum(np.prod(shape) for shape in backbone.values())) == (520, 42_605_504)
    total = 42_605_504 + 7 * 7 * 15 * 64 + (9 * 2048 + 1) * 15 + (9 * 2048 + 1) * 30
    assert sum(np.prod(shape) for shape in shapes.values()) == total
    with torch.device("meta"):
        net = Refiner()
    assert count_values(net) == total
    named = {their_name(name, "resnet_v1_101") for name in net.state_dict() if not name.endswith("num_batches_tracked")}
    assert named == shapes.keys() - {"resnet_v1_101/conv1_extra/weights"}


def test_the_first_layer_is_the_sum_of_both_convolutions(variables: Arrays) -> None:
    net, spec = convert_refiner(variables, "model")
    assert (spec.skeleton.name, spec.method) == ("posetrack_15", "refiner")
    x = torch.randn(1, 18, 40, 56)
    net.eval()
    with torch.inference_mode():
        both = [
            F.conv2d(
                part,
                torch.from_numpy(variables[f"resnet_v1_101/{name}/weights"].transpose(3, 2, 0, 1).copy()),
                None,
                2,
                3,
            )
            for name, part in (("conv1", x[:, :3]), ("conv1_extra", x[:, 3:]))
        ]
        gamma, beta, mean, variance = (torch.from_numpy(variables[f"resnet_v1_101/BatchNorm/{name}"]) for name in NORM)
        wanted = F.relu(F.batch_norm(both[0] + both[1], mean, variance, gamma, beta, False, 0.0, 1e-5))
        torch.testing.assert_close(net.backbone.conv1(x), wanted, rtol=1e-4, atol=1e-5)
        maps = net(x)[-1]
    assert maps["part_logits"].shape == (1, 15, 6, 8)
    assert maps["offsets"].shape == (1, 30, 6, 8)
    weights = variables["pose/part_pred/block4/weights"]
    np.testing.assert_array_equal(net.part_logits.weight.detach().numpy(), weights.transpose(3, 2, 0, 1))


def test_what_a_checkpoint_holds_besides(variables: Arrays) -> None:
    more = {
        "global_step": np.array(515_000),
        "resnet_v1_101/conv1_extra/weights/Momentum": variables["pose/part_pred/block4/biases"],
    }
    convert_refiner({**variables, **more}, "model")
    assert is_refiner(variables)
    assert not is_refiner({name: array for name, array in variables.items() if "extra" not in name})


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("resnet_v1_101/BatchNorm/gamma", None, "1 layer missing: resnet_v1_101/BatchNorm"),
        ("resnet_v1_101/conv1/BatchNorm/gamma", np.ones(6), "1 layer left over: resnet_v1_101/conv1/BatchNorm"),
        ("resnet_v1_101/conv1_extra/weights", np.ones((7, 7, 14, 6)), "conv1_extra/weights: its shape"),
        ("pose/part_pred/block4/biases", np.ones(14), "14 keypoints"),
        ("pose/locref_pred/block4/biases", np.full(30, np.nan), "not all of it are numbers"),
    ],
)
def test_what_does_not_fit_is_named(variables: Arrays, name: str, change: np.ndarray | None, message: str) -> None:
    variables = dict(variables)
    variables.pop(name, None)
    with pytest.raises(InputError, match=message):
        convert_refiner(variables if change is None else {**variables, name: change}, Path("model"))


def test_other_depths_follow_from_the_names(variables: Arrays) -> None:
    net, _ = convert_refiner(variables, "model")
    assert count_values(net) == count_values(Refiner(RefinerOptions(15, SMALL)))
