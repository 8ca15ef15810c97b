"""The recipes of OpenPose's family: figures, groups that find their layers, a few steps each; and training from foreign weights."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from convert.foreign import layers_of, randomised, write_caffemodel
from torch import nn

from limbwise.cli.train import RECIPES, begun_with
from limbwise.convert.backbones import CAFFE_INPUT, TORCHVISION_INPUT, fitted_backbone
from limbwise.convert.kinds import convert
from limbwise.errors import UsageError, WeightsError
from limbwise.geometry import SizeRule
from limbwise.net.cpm_crop import CropCpm
from limbwise.net.openpose_cpm import CpmOptions, OpenPoseCpm, caffe_input
from limbwise.net.openpose_paf import OpenPosePaf, PafOptions, imagenet_input
from limbwise.net.resnet import ResNet, ResNetOptions
from limbwise.net.vgg import TORCHVISION, Vgg19
from limbwise.spec import InputSpec
from limbwise.train import networks
from limbwise.train.checkpoint import load_weights, mean_weights
from limbwise.train.losses import field_loss
from limbwise.train.networks import check_start, find_network
from limbwise.train.optimiser import make_optimiser, rate_factor, set_rates
from limbwise.train.presets import PRESETS, preset
from limbwise.train.recipe import Recipe, changed
from limbwise.train.run import train
from limbwise.train.samples import SceneMaker

FAMILY = ("openpose_cpm", "openpose_paf", "openpose_paf_184", "face", "hand")
SMALL = {
    "openpose_cpm": partial(OpenPoseCpm, CpmOptions(stages=2, width=4)),
    "openpose_paf": partial(
        OpenPosePaf, PafOptions(17, 23, 2, 1, ((4, 4, 4),) * 2, (8, 8), (2, 8, 5), "relu", True, True)
    ),
    "face": partial(CropCpm, 70, 2, 4),
    "hand": partial(CropCpm, 21, 2, 4),
}


def test_the_command_line_knows_them() -> None:
    assert set(FAMILY) <= RECIPES.keys() == PRESETS.keys()


@pytest.mark.parametrize("name", FAMILY)
def test_the_recipe_fits_its_network(name: str) -> None:
    recipe = preset(name)
    _, spec = find_network(recipe)
    net = SMALL[recipe.network]()
    optimiser = make_optimiser(net, recipe.optimiser)  # raises where a pattern finds nothing
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.ones_like(parameter)
    set_rates(optimiser, recipe.optimiser.rate, 1999)
    frozen = {n for n, p in net.named_parameters() if p.grad is None}
    assert frozen == {n for n, _ in net.named_parameters() if n.startswith("backbone.")}
    assert set(net(torch.zeros(1, 3, 32, 32))[-1]) == spec.heads.keys()


def test_openpose_cpm_trains_as_chainers_does() -> None:
    recipe = preset("openpose_cpm")
    rates = [
        recipe.optimiser.rate * rate_factor(recipe.schedule, step, recipe.steps)
        for step in (0, 99_999, 100_000, 200_000)
    ]
    assert rates == pytest.approx([1e-4, 1e-4, 1e-5, 1e-6])
    factors = {group.pattern: (group.factor, group.frozen_until) for group in recipe.optimiser.groups}
    assert factors == {r"^backbone\.": (0.25, 2000), r"^features\.": (0.25, 0)}
    assert (recipe.steps, recipe.stages[0].size, recipe.stages[0].batch) == (300_000, 368, 10)


def test_a_frozen_backbone_needs_weights() -> None:
    recipe = preset("openpose_paf")
    with pytest.raises(UsageError, match="--init FILE"):
        check_start(recipe)
    check_start(replace(recipe, start="weights.pt"))
    check_start(changed(recipe, sets=["optimiser.groups=[]"]))


def test_the_norm_is_the_root_of_the_sum_of_squares_where_it_counts() -> None:
    found, target = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    mask = (torch.rand(2, 3, 4, 5) > 0.3).float()
    wanted = [torch.dist(f * m, t * m) for f, t, m in zip(found, target, mask, strict=True)]
    torch.testing.assert_close(field_loss("pafs", found, target, mask, 5.0, "norm"), torch.stack(wanted))
    same = found.clone().requires_grad_()
    field_loss("pafs", same, found, mask, kind="norm").sum().backward()
    assert same.grad is not None
    assert torch.isfinite(same.grad).all()


def crops(folder: Path, keypoints: tuple[str, ...]) -> Path:
    """Six pictures of one bright dot a keypoint, each keypoint always at the same place of a circle, as a COCO data set."""
    folder.mkdir()
    turn = np.linspace(0, 2 * np.pi, len(keypoints), endpoint=False)
    images, annotations = [], []
    for i in range(6):
        centre, radius = (70 + 3 * i, 66 + 2 * i), 40 + i
        xy = np.stack([np.cos(turn), np.sin(turn)], 1) * radius + centre
        picture = np.full((140, 160, 3), 60, np.uint8)
        for x, y in xy:
            cv2.circle(picture, (round(x), round(y)), 2, (255, 255, 255), -1)
        cv2.imwrite(str(folder / f"{i}.png"), picture)
        flat = np.column_stack([xy, np.full(len(xy), 2)]).ravel().tolist()
        box = [*(xy.min(0)).tolist(), *np.ptp(xy, axis=0).tolist()]
        images.append({"id": i, "file_name": f"{i}.png", "width": 160, "height": 140})
        annotations.append({"id": i, "image_id": i, "category_id": 1, "keypoints": flat, "num_keypoints": len(xy), "bbox": box,
                            "area": box[2] * box[3], "iscrowd": 0})  # fmt: skip
    category = {"id": 1, "name": "part", "keypoints": list(keypoints), "skeleton": []}
    path = folder / "crops.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [category]}))
    return path


FEW = ["steps=3", "stages=[{share=1.0,size=64,batch=2}]", 'machine={device="cpu",threads=1,workers=0}', "saving.minutes=0",
       "saving.validate_minutes=0", "data.held_out=2", "data.validate_side=64", "optimiser.groups=[]"]  # fmt: skip


@pytest.mark.parametrize("name", FAMILY)
def test_a_few_steps(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Crops give heatmaps only; the whole family goes through the one trainer, validation included."""
    recipe = preset(name)
    _, spec = find_network(recipe)
    monkeypatch.setitem(networks.NETWORKS, recipe.network, lambda _: (SMALL[recipe.network], spec))
    root = crops(tmp_path / "data", spec.skeleton.keypoints)
    recipe = changed(recipe, sets=[f"data.root={root}", *FEW])
    weights = mean_weights(train(recipe, tmp_path / "run"))
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    validation = next(line for line in lines if line["kind"] == "validation")
    assert ("pck" in validation) == (spec.method == "single")
    torch.manual_seed(recipe.seed)
    begun = SMALL[recipe.network]().state_dict()
    assert all(torch.isfinite(value).all() for value in weights.values())
    assert any(not torch.equal(weights[key], value) for key, value in begun.items())


def test_crops_are_never_mirrored_and_hold_the_whole_part(tmp_path: Path) -> None:
    from limbwise.train.samples import open_training

    recipe = preset("hand")
    _, spec = find_network(recipe)
    options = replace(recipe.data, root=str(crops(tmp_path / "data", spec.skeleton.keypoints)), held_out=0)
    maker = SceneMaker(open_training(options, spec), spec, options, 0)
    inside = []
    for number in range(12):
        example = maker(number, 0, 128)
        assert example.targets.keys() == {"heatmaps"}
        assert example.targets["heatmaps"].shape == (22, 16, 16)
        xy = maker.scene(number, 0, 128).people.xy[0]
        inside.append(np.isfinite(xy).mean())
        a, b, c = (xy[k] for k in (0, 7, 14))
        if np.isfinite([*a, *b, *c]).all():
            assert np.cross([*(b - a), 0], [*(c - b), 0])[2] > 0  # the circle still turns the same way
    assert np.mean(inside) > 0.9


def state_as_torchvision(net: nn.Module) -> dict[str, torch.Tensor]:
    """VGG-19's state dict by torchvision's names, with a classifier."""
    state = {
        f"features.{TORCHVISION[name.split('.')[0]]}.{name.split('.')[1]}": v for name, v in net.state_dict().items()
    }
    return {**state, "classifier.6.weight": torch.zeros(4, 4), "classifier.6.bias": torch.zeros(4)}


def show(pixels: torch.Tensor, spec: InputSpec) -> torch.Tensor:
    """RGB pixels (N, 3, H, W), 0 to 255, as a network is shown them."""
    x = pixels if spec.colour == "RGB" else pixels.flip(1)
    mean, scale = (torch.tensor(values)[:, None, None] for values in (spec.mean, spec.scale))
    return (x - mean) * scale


@pytest.mark.parametrize("used_to", [CAFFE_INPUT, TORCHVISION_INPUT])
@pytest.mark.parametrize("shown", [caffe_input(SizeRule()), imagenet_input(SizeRule())])
def test_a_backbone_sees_the_same_in_another_network(used_to: InputSpec, shown: InputSpec) -> None:
    """VGG's first features away from the border, and a ResNet's, whose norm takes in the mean."""
    pixels = 255 * torch.rand(1, 3, 32, 32)
    vgg = randomised(Vgg19("conv1_2", 4, activate_last=False))
    fitted = Vgg19("conv1_2", 4, activate_last=False)
    fitted.load_state_dict({k.removeprefix("backbone."): v for k, v in fitted_backbone(vgg, used_to, shown).items()})
    with torch.inference_mode():
        one, other = (net(show(pixels, spec)) for net, spec in ((vgg, used_to), (fitted, shown)))
    torch.testing.assert_close(other[..., 2:-2, 2:-2], one[..., 2:-2, 2:-2], rtol=1e-3, atol=1e-2)

    resnet = randomised(ResNet(ResNetOptions((1, 1, 1, 1), (4, 4, 4, 4), 4))).eval()
    state = fitted_backbone(resnet, used_to, shown)
    first = F.conv2d(show(pixels, shown), state["backbone.conv1.0.weight"])
    plain = F.conv2d(show(pixels, used_to), resnet.state_dict()["conv1.0.weight"])
    torch.testing.assert_close(
        first - state["backbone.conv1.1.running_mean"][:, None, None],
        plain - resnet.state_dict()["conv1.1.running_mean"][:, None, None], rtol=1e-3, atol=1e-2,
    )  # fmt: skip


def test_training_begins_with_foreign_backbones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """VGG_ILSVRC_19_layers.caffemodel and torchvision's VGG-19, wherever they end; a ResNet is no VGG."""
    recipe = preset("openpose_cpm")
    _, spec = find_network(recipe)
    monkeypatch.setitem(networks.NETWORKS, "openpose_cpm", lambda _: (SMALL["openpose_cpm"], spec))
    vgg = randomised(Vgg19("conv5_4", 2))
    caffe = layers_of(vgg) | {"fc6": [np.zeros((1, 1, 4, 8)), np.zeros(4)], "fc8": [np.zeros((4, 4)), np.zeros(4)]}
    torch.save(state_as_torchvision(vgg), tmp_path / "vgg19.pth")
    files = {write_caffemodel(tmp_path / "VGG_ILSVRC_19_layers.caffemodel", caffe, old=True): 256.0,
             tmp_path / "vgg19.pth": 1 / 255 / 0.225 * 256}  # fmt: skip
    for i, (file, factor) in enumerate(files.items()):
        begun = begun_with(file, recipe, tmp_path / f"start{i}.pt")
        net = SMALL["openpose_cpm"]()
        before = net.state_dict()["features.conv4_4_CPM.weight"].clone()
        load_weights(net, mean_weights(Path(begun.start)), begun.start)
        state = net.state_dict()
        assert torch.equal(state["backbone.conv4_2.weight"], vgg.state_dict()["conv4_2.weight"])
        blue = vgg.state_dict()["conv1_1.weight"][:, 0 if i == 0 else 2]
        scale = factor if i == 0 else 256 / 255 / 0.225
        torch.testing.assert_close(state["backbone.conv1_1.weight"][:, 0], scale * blue)
        assert torch.equal(state["features.conv4_4_CPM.weight"], before)

    resnet = {"conv1.weight": torch.zeros(4, 3, 7, 7), "fc.weight": torch.zeros(2, 2), "fc.bias": torch.zeros(2)}
    ours = ResNet(ResNetOptions((1, 2, 1, 1), (4, 4, 4, 4), 4)).state_dict()
    for name, value in ours.items():
        layer = name.replace("block", "layer").replace("shortcut.", "downsample.")
        for k in "123":
            layer = layer.replace(f"conv{k}.0.", f"conv{k}.").replace(f"conv{k}.1.", f"bn{k}.")
        resnet[layer] = value
    torch.save(resnet, tmp_path / "resnet50.pth")
    found = convert(tmp_path / "resnet50.pth")
    assert found.spec is None
    assert all(torch.equal(value, ours[name]) for name, value in found.net.state_dict().items())
    with pytest.raises(WeightsError, match="no beginning of this network"):
        begun_with(tmp_path / "resnet50.pth", recipe, tmp_path / "start9.pt")


def test_training_begins_with_a_whole_foreign_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = randomised(SMALL["hand"]())
    recipe = preset("hand")
    _, spec = find_network(recipe)
    monkeypatch.setitem(networks.NETWORKS, "hand", lambda _: (SMALL["hand"], spec))
    path = write_caffemodel(tmp_path / "pose_iter_102000.caffemodel", layers_of(net))
    begun: Recipe = begun_with(path, recipe, tmp_path / "run" / "start.pt")
    weights = mean_weights(Path(begun.start))
    assert all(torch.equal(weights[name], value) for name, value in net.state_dict().items())
