"""The recipes that `limbwise train` knows by name: one function each, with the figures of the system that it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from limbwise.augment.colour import ColourOptions
from limbwise.augment.cover import CoverOptions
from limbwise.augment.scene import SceneOptions
from limbwise.augment.spatial import SpatialOptions
from limbwise.errors import UsageError
from limbwise.target.deepercut import DiscOptions
from limbwise.train.losses import LossOptions
from limbwise.train.optimiser import OptimiserOptions, ScheduleOptions
from limbwise.train.recipe import Recipe, Saving, Stage
from limbwise.train.samples import DataOptions


def mobile() -> Recipe:
    """Our own network from nothing: small inputs first, the end at 320 pixels; a constant rate with a cool-down."""
    stages = (Stage(0.4, 128, 16), Stage(0.3, 192, 12), Stage(0.3, 320, 8))
    scene = SceneOptions(spatial=SpatialOptions(person=(0.5, 1.4)), mosaic=0.1, paste=0.4)
    return Recipe("mobile", steps=100_000, stages=stages, data=DataOptions(scene=scene))


DISC_RADIUS = 17.0  # pixels at the scale where a person is about 400 of them high
MPII_SCALE = 0.8452830189  # of the published network's input, in that scale


def deepercut_mpii() -> Recipe:
    """DeeperCut's single-person network as published, on what `limbwise data mpii` makes of MPII; --set start= ImageNet's backbone."""
    until = ((10_000, 0.25), (430_000, 1.0), (730_000, 0.1), (1_030_000, 0.05))
    return _published("deepercut_single_101", 14, MPII_SCALE, Stage(1.0, 560, 1), until)


def deepercut_coco() -> Recipe:
    """DeeperCut's multi-person network as published, on COCO; --set start= ImageNet's backbone."""
    until = ((10_000, 0.25), (450_000, 1.0), (750_000, 0.1), (1_050_000, 0.025), (1_550_000, 0.01), (1_800_000, 0.0025))
    return _published("deepercut_101", 17, 1.0, Stage(1.0, 640, 1), until)


def _published(network: str, keypoints: int, scale: float, stage: Stage, until: tuple[tuple[int, float], ...]) -> Recipe:  # fmt: skip
    """The training that both share: images at their own scale, 15 % more or less, mirrored or not; SGD, rates in steps. Other than
    published, the canvas has one size, so that batches can be larger, the discs do not grow with the image, and what a data set
    ignores is left out."""
    spatial = SpatialOptions(
        native=(0.85 * scale, 1.15 * scale), rotation=0.0, shift=0.0, least=0.0, fill=(124, 117, 104)
    )
    colour = ColourOptions(tone_chance=0, grey_chance=0, blur_chance=0, noise_chance=0, jpeg_chance=0)
    scene = SceneOptions(spatial, colour, CoverOptions(chance=0), mosaic=0, paste=0)
    heads = {
        "part_logits": 1 / keypoints,
        "offsets": 0.05,
        "pairwise": 0.05,
    }  # parts: mean over channels, not their sum
    return Recipe(
        network, steps=until[-1][0], stages=(stage,), ema=0.0,
        data=DataOptions(scene=scene, discs=DiscOptions(DISC_RADIUS * scale)),
        loss=LossOptions(foreground=1.0, heads=heads),
        optimiser=OptimiserOptions("sgd", rate=0.02, decay=0.0, momentum=0.9, clip=0.0),
        schedule=ScheduleOptions("steps", warmup=0, until=until),
    )  # fmt: skip


def deepercut_lsp() -> Recipe:
    """A small DeeperCut for one person from nothing, on LSP's keypoints, for a CPU."""
    scene = SceneOptions(spatial=SpatialOptions(person=(0.6, 1.1), shift=0.15), mosaic=0, paste=0)
    data = DataOptions(scene=scene, discs=DiscOptions(10.0), validate_side=160, validate_images=300)
    loss = LossOptions(foreground=5.0, heads={"part_logits": 1.0, "offsets": 0.3})
    stages = (Stage(0.6, 128, 16), Stage(0.4, 160, 16))
    saving = Saving(validate_minutes=5)
    return Recipe("deepercut_single_small", 8_000, stages, data=data, loss=loss, saving=saving, skeleton="lsp_14")


def refiner() -> Recipe:
    """A small refiner of our own from nothing, for a CPU: windows of 160 pixels, people of about 100, two a scene as often as not."""
    scene = SceneOptions(spatial=SpatialOptions(person=(0.4, 0.85), shift=0.15), mosaic=0, paste=0.5, most=1)
    data = DataOptions(scene=scene, discs=DiscOptions(8.0), validate_images=200)
    loss = LossOptions(foreground=5.0, heads={"part_logits": 1.0, "offsets": 0.3})
    return Recipe("refiner_small", 20_000, (Stage(1.0, 160, 16),), data=data, loss=loss)


def refiner_posetrack() -> Recipe:
    """The published refiner's network; --set start= a backbone with the channels of the discs. Its own training is not published."""
    recipe = _published(
        "refiner_101", 15, MPII_SCALE, Stage(1.0, 640, 1), ((10_000, 0.25), (430_000, 1.0), (515_000, 0.1))
    )
    spatial = SpatialOptions(person=(0.4, 0.7), rotation=0.0, fill=(116, 105, 96))
    return replace(recipe, data=replace(recipe.data, scene=replace(recipe.data.scene, spatial=spatial)))


PRESETS: dict[str, Callable[[], Recipe]] = {
    "mobile": mobile,
    "deepercut_mpii": deepercut_mpii,
    "deepercut_coco": deepercut_coco,
    "deepercut_lsp": deepercut_lsp,
    "refiner": refiner,
    "refiner_posetrack": refiner_posetrack,
}


def preset(name: str) -> Recipe:
    """A recipe by its name; raises UsageError that lists the names."""
    if name not in PRESETS:
        raise UsageError(f"there is no recipe {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]()
