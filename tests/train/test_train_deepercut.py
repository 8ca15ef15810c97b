"""DeeperCut in the trainer: the published recipes, its targets chosen by the spec, masks that are mirrored with the image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from limbwise.augment.scene import SceneOptions
from limbwise.data.dataset import Dataset, Labels
from limbwise.data.images import Images
from limbwise.errors import InputError, UsageError
from limbwise.net.deepercut import DeeperCut, DeeperCutOptions, deepercut_spec
from limbwise.net.resnet import ResNetOptions
from limbwise.skeleton import Skeleton
from limbwise.spec import write_spec
from limbwise.target import deepercut
from limbwise.train.checkpoint import load_weights
from limbwise.train.log import read_log
from limbwise.train.losses import LossOptions, stage_losses, total_loss
from limbwise.train.networks import NETWORKS, check_start, find_network
from limbwise.train.optimiser import rate_factor
from limbwise.train.presets import deepercut_coco, deepercut_lsp, deepercut_mpii
from limbwise.train.recipe import Machine, Recipe, Saving, Stage, changed
from limbwise.train.run import train_network
from limbwise.train.samples import DataOptions, SceneMaker
from limbwise.train.statistics import completed
from limbwise.train.validate import Validation

THREE = Skeleton("three", ("left_end", "right_end", "middle"), ((0, 2), (1, 2)), (0.1, 0.1, 0.1))
TINY = ResNetOptions((1, 1, 1, 1), (4, 4, 4, 4), 4, frozen_norms=False)
PLAIN = deepercut_mpii().data.scene


class Drawn(Dataset):
    """Images of one person, whose joints are a red, a green and a blue spot, and whose right third is to be ignored."""

    def __init__(self, folder: Path, count: int = 6) -> None:
        rng = np.random.default_rng(0)
        self.skeleton, self.images, self.names = THREE, Images(folder), [f"{i}.png" for i in range(count)]
        for i, name in enumerate(self.names):
            image = rng.integers(0, 100, (96, 96, 3), dtype=np.uint8)
            for k, (x, y) in enumerate(self.labels(i).xy[0].astype(int)):
                image[y - 5 : y + 6, x - 5 : x + 6] = 255 * np.eye(3, dtype=np.uint8)[k]
            cv2.imwrite(str(folder / name), image)

    def labels(self, i: int) -> Labels:
        xy = np.array([[[20, 30], [50, 40 + i], [30, 60]]], np.float32)
        box, area = np.array([[10, 20, 60, 75]], np.float32), np.array([1500], np.float32)
        return Labels(self.names[i], xy, np.full((1, 3), 2, np.int8), box, area)

    def ignore(self, i: int, size: tuple[int, int]) -> np.ndarray:
        mask = np.zeros((size[1], size[0]), bool)
        mask[:, 72:] = True
        return mask


def maker(folder: Path, scene: SceneOptions = PLAIN, pairwise: bool = True) -> SceneMaker:
    spec = deepercut_spec(side=96, skeleton=THREE, pairwise=pairwise)
    return SceneMaker([Drawn(folder)], spec, DataOptions(scene=scene, discs=deepercut.DiscOptions(12)), seed=3)


@pytest.mark.parametrize(
    ("recipe", "wanted"),
    [
        (deepercut_mpii(), {0: 0.005, 10_000: 0.02, 430_000: 0.002, 730_000: 0.001, 1_029_999: 0.001}),
        (
            deepercut_coco(),
            {9_999: 0.005, 449_999: 0.02, 450_000: 0.002, 750_000: 0.0005, 1_050_000: 0.0002, 1_799_999: 0.00005},
        ),
    ],
)
def test_the_published_learning_rates(recipe: Recipe, wanted: dict[int, float]) -> None:
    for step, rate in wanted.items():
        assert recipe.optimiser.rate * rate_factor(recipe.schedule, step, recipe.steps) == pytest.approx(rate)


def test_the_published_loss() -> None:
    """Mean cross-entropy of parts, of both stages, and 0.05 Huber of what the masks leave."""
    rng = torch.Generator().manual_seed(0)
    shape = {"part_logits": (1, 17, 4, 5), "offsets": (1, 34, 4, 5), "pairwise": (1, 544, 4, 5)}
    found = {name: 3 * torch.randn(size, generator=rng) for name, size in shape.items()}
    early = {"part_logits": torch.randn(shape["part_logits"], generator=rng)}
    targets = {name: torch.rand(size, generator=rng).round() for name, size in shape.items()}
    masks = {name: torch.rand(size, generator=rng).round() for name, size in shape.items()}
    masks["part_logits"] = torch.ones(shape["part_logits"])
    options = deepercut_coco().loss
    loss = total_loss(stage_losses([early, found], targets, masks, options), options)
    wanted = torch.tensor(0.0)
    for maps in (early, found):
        x, z = maps["part_logits"], targets["part_logits"]
        wanted += (x.clamp(min=0) - x * z + torch.log1p(torch.exp(-x.abs()))).mean()
    for name in ("offsets", "pairwise"):
        miss = (found[name] - targets[name])[masks[name] > 0].abs()
        wanted += 0.05 * torch.where(miss < 1, 0.5 * miss**2, miss - 0.5).mean()
    torch.testing.assert_close(loss, wanted)


def test_targets_are_those_of_the_spec(tmp_path: Path) -> None:
    for pairwise in (True, False):
        example = maker(tmp_path, pairwise=pairwise)(0, 0, 96)
        wanted = {"part_logits": (3, 12, 12), "offsets": (6, 12, 12)} | ({"pairwise": (12, 12, 12)} if pairwise else {})
        assert {name: maps.shape for name, maps in example.targets.items()} == wanted
        assert {name: mask.shape for name, mask in example.masks.items()} == wanted
        assert set(np.unique(example.targets["part_logits"])) == {0, 1}


def test_the_ignore_mask_is_mirrored_with_the_image(tmp_path: Path) -> None:
    """At its own scale, unmoved but for the mirror: the ignored third is at the right, or at the left."""
    for flip, ignored, left_x in ((0.0, slice(9, 12), 20), (1.0, slice(0, 3), 95 - 50)):
        spatial = replace(PLAIN.spatial, native=(1.0, 1.0), flip=flip)
        example = maker(tmp_path, replace(PLAIN, spatial=spatial))(0, 0, 96)
        free = example.masks["part_logits"]
        assert not free[..., ignored].any()
        assert free.mean() == pytest.approx(0.75)
        left_end = np.argwhere(example.targets["part_logits"][0])[:, 1].mean() * 8 + 4
        assert left_end == pytest.approx(left_x, abs=6)


def test_an_image_at_its_own_scale(tmp_path: Path) -> None:
    scenes = [maker(tmp_path).scene(number, 0, 96) for number in range(40)]
    heights = [np.ptp(scene.people.xy[0, :, 1]) / 30 for scene in scenes]
    assert 0.85 * 0.845 - 0.01 < min(heights) < 0.80
    assert 0.90 < max(heights) < 1.15 * 0.846 + 0.01


def test_pairwise_vectors_are_measured_on_scenes_once(tmp_path: Path) -> None:
    make = maker(tmp_path)
    spec = completed(make.spec, make, 96, tmp_path / "run", scenes=60)
    head = spec.heads["pairwise"]
    people = np.concatenate([make.scene(number, 0, 96).people.xy for number in range(60)])
    vectors = people[:, 2] - people[:, 0]  # pair 0-2; with all mirror images the mean of x is that of both sides
    other = (people[:, 2] - people[:, 1]) * [-1, 1]
    assert np.allclose(head.mean[2:4], np.concatenate([vectors, other]).mean(0), atol=0.05)
    (tmp_path / "run").mkdir()
    write_spec(spec, tmp_path / "run" / "spec.json")
    again = completed(make.spec, make, 96, tmp_path / "run", scenes=1)
    assert again.heads["pairwise"] == head
    single = deepercut_spec(skeleton=THREE, pairwise=False)
    assert completed(single, make, 96, tmp_path / "run") is single


def test_a_few_steps_of_batches(tmp_path: Path) -> None:
    make = maker(tmp_path)
    make.spec = completed(make.spec, make, 96, tmp_path / "run", scenes=20)
    recipe = Recipe("tiny", 40, (Stage(1, 64, 2),), machine=Machine("cpu", 1, 0), saving=Saving(0, 2, 0, 1),
                    loss=LossOptions(foreground=3))  # fmt: skip
    recipe = changed(recipe, sets=["schedule.warmup=5", "optimiser.rate=0.01"])
    net = DeeperCutOptions(3, backbone=TINY)
    path = train_network(lambda: DeeperCut(net), make.spec, recipe, make, None, tmp_path / "run")
    losses = [line["loss"] for line in read_log(tmp_path / "run" / "log.jsonl") if line["kind"] == "step"]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert "backbone.conv1.0.weight" in torch.load(path, weights_only=True)


class Perfect(nn.Module):
    """Says what the labels of each image in turn say."""

    def __init__(self, maps: list[dict[str, torch.Tensor]]) -> None:
        super().__init__()
        self.one, self.maps = nn.Parameter(torch.ones(1)), maps

    def forward(self, x: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        return [self.maps.pop(0)]


def test_validation_counts_right_joints_of_a_person_in_a_box(tmp_path: Path) -> None:
    skeleton = Skeleton("four", ("left_shoulder", "right_hip", "neck"), ((0, 2), (1, 2)), (0.1, 0.1, 0.1))
    source = Drawn(tmp_path)
    source.skeleton = skeleton
    spec = deepercut_spec(side=96, skeleton=skeleton, pairwise=False)
    discs = [deepercut.targets(source.load(i), spec) for i in range(len(source))]
    maps = [{name: torch.from_numpy(value)[None] for name, value in found.maps.items()} for found in discs]
    assert Validation(spec, None, {}, [], source)(Perfect(list(maps)))["pck"] == 1
    for name in maps:
        name["offsets"] = name["offsets"] + 2  # 14.6 pixels
    assert Validation(spec, None, {}, [], source)(Perfect(list(maps)))["pck"] == 0


def test_frozen_norms_begin_with_weights() -> None:
    for recipe in (deepercut_mpii(), deepercut_coco()):
        with pytest.raises(UsageError, match=r"start: deepercut.*ImageNet"):
            check_start(recipe)
        check_start(replace(recipe, start="a.pt"))
    check_start(deepercut_lsp())
    assert {"deepercut_101", "deepercut_single_50", "deepercut_small"} <= set(NETWORKS)
    assert find_network(deepercut_lsp())[1].skeleton.name == "lsp_14"


def test_a_backbone_alone_is_a_start() -> None:
    net, other = (DeeperCut(DeeperCutOptions(3, backbone=TINY)) for _ in range(2))
    weights = {f"backbone.{name}": value for name, value in other.backbone.state_dict().items()}
    before = net.part_logits.weight.clone()
    load_weights(net, weights, "b.pt")
    assert torch.equal(net.part_logits.weight, before)
    assert torch.equal(net.backbone.conv1[0].weight, other.backbone.conv1[0].weight)
    weights.pop("backbone.conv1.0.weight")
    with pytest.raises(InputError, match=r"b\.pt: backbone\.conv1\.0\.weight: .* the file has none"):
        load_weights(net, weights, "b.pt")
