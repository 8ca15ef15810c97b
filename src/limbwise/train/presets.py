"""The recipes that `limbwise train` knows by name: one function each, with the figures of the system that it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from limbwise.augment.colour import ColourOptions
from limbwise.augment.cover import CoverOptions
from limbwise.augment.scene import SceneOptions
from limbwise.augment.spatial import SpatialOptions
from limbwise.data.coco import CocoOptions
from limbwise.errors import UsageError
from limbwise.target.deepercut import DiscOptions
from limbwise.target.openpose import TargetOptions
from limbwise.train.losses import LossOptions
from limbwise.train.optimiser import Group, OptimiserOptions, ScheduleOptions
from limbwise.train.recipe import Recipe, Saving, Stage
from limbwise.train.samples import DataOptions


def mobile() -> Recipe:
    """Our own network from nothing: small inputs first, the end at 320 pixels; a constant rate with a cool-down."""
    stages = (Stage(0.4, 128, 16), Stage(0.3, 192, 12), Stage(0.3, 320, 8))
    scene = SceneOptions(spatial=SpatialOptions(person=(0.5, 1.4)), mosaic=0.1, paste=0.4)
    return Recipe("mobile", steps=100_000, stages=stages, data=DataOptions(scene=scene))


# What the networks of OpenPose's family were trained with: images as they are but for scale, turn, shift, flip and colour.
PLAIN = SceneOptions(cover=CoverOptions(chance=0), mosaic=0, paste=0)
NEVER = 10**9


def _alone(
    tone_chance: float, grey_chance: float, brightness: float, contrast: float, saturation: float, hue: float
) -> ColourOptions:
    """Colours changed in these ways and no other."""
    return ColourOptions(brightness, contrast, saturation, channel=0, hue=hue, gamma=0, tone_chance=tone_chance,
                         grey_chance=grey_chance, blur_chance=0, noise_chance=0, jpeg_chance=0)  # fmt: skip


def openpose_cpm() -> Recipe:
    """OpenPose's first network as in Chainer: VGG-19 (--init) frozen at first and slower than the rest, Adam, rates in steps.

    There gradients of the backbone count a quarter, which Adam undoes; here its rate does. The scale is drawn about the image's own,
    between people of 64 and of 512 pixels.
    """
    spatial = SpatialOptions(
        person=(0.15, 1.25), filled=0.0, zoom=(0.5, 2.0), shift=40 / 368, least=32.0, fill=(127, 127, 127)
    )
    scene = replace(PLAIN, spatial=spatial, colour=_alone(0.5, 0.0, 30.0, 0.0, 40 / 255, 20.0))
    groups = (Group(r"^backbone\.", 0.25, 2_000), Group(r"^features\.", 0.25))
    return Recipe(
        "openpose_cpm", steps=300_000, stages=(Stage(1.0, 368, 10),), ema=0.0,
        data=DataOptions(scene=scene, validate_side=368, coco=CocoOptions(min_keypoints=5, min_area=32.0**2)),
        loss=LossOptions(foreground=1.0, heads={"heatmaps": 1 / 19, "pafs": 1 / 38}),  # a mean over channels, not their sum
        optimiser=OptimiserOptions("adam", 1e-4, 0.0, (0.9, 0.999), clip=0.0, groups=groups),
        schedule=ScheduleOptions("steps", warmup=0, until=((100_000, 1.0), (200_000, 0.1), (300_000, 0.01))),
    )  # fmt: skip


def openpose_paf() -> Recipe:
    """OpenPose's second network as in the PyTorch code of 2018, at 368 pixels: VGG-19 (--init) frozen, all stages at once, Adam.

    The loss is the root of the sum of squares there, of heatmaps enlarged 8 times. Other than there, what a data set ignores is left
    out, people's heatmaps do not paste each other over, and the peaks are 1 high.
    """
    spatial = SpatialOptions(person=(0.25, 1.0), filled=0.0, rotation=0.0, fill=(0, 0, 0))
    scene = replace(PLAIN, spatial=spatial, colour=_alone(0.8, 1 / 3, 25.5, 0.1, 0.1, 18.0))
    return Recipe(
        "openpose_paf", steps=17_000, stages=(Stage(1.0, 368, 8),), ema=0.0,
        data=DataOptions(scene=scene, target=TargetOptions(sigma=5.3, limb_width=5.0), validate_side=368),
        loss=LossOptions(foreground=1.0, heads={"heatmaps": 8.0, "pafs": 1.0}, kinds={"heatmaps": "norm", "pafs": "norm"}),
        optimiser=OptimiserOptions("adam", 1e-5, 0.0, (0.9, 0.999), clip=0.0, groups=(Group(r"^backbone\.", 1.0, NEVER),)),
        schedule=ScheduleOptions("steps", warmup=0, until=((NEVER, 1.0),)),
    )  # fmt: skip


def openpose_paf_184() -> Recipe:
    """The same at 184 pixels, four times as fast: patches and fields are as small as the people."""
    recipe = openpose_paf()
    target = TargetOptions(sigma=3.0, limb_width=2.5)
    return replace(recipe, stages=(Stage(1.0, 184, 8),), data=replace(recipe.data, target=target, validate_side=184))


def face() -> Recipe:
    """The face network on crops around faces, on data with 70 keypoints; its own training is not published."""
    return _crops("face")


def hand() -> Recipe:
    """The hand network on crops around right hands, left ones mirrored beforehand; its own training is not published."""
    return _crops("hand")


def _crops(network: str) -> Recipe:
    """One thing a crop, about as large in it as the detectors cut it out; never mirrored, since it has sides of its own."""
    spatial = SpatialOptions(person=(0.45, 0.9), filled=0.0, zoom=(0.05, 8.0), shift=0.1, flip=0.0)
    groups = (Group(r"^backbone\.", 0.25, 2_000), Group(r"^features\.", 0.25))
    return Recipe(
        network, steps=100_000, stages=(Stage(1.0, 368, 10),), data=DataOptions(scene=replace(PLAIN, spatial=spatial), validate_side=368),
        optimiser=OptimiserOptions("adam", 1e-4, 0.0, (0.9, 0.999), groups=groups),
    )  # fmt: skip


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
    "openpose_cpm": openpose_cpm,
    "openpose_paf": openpose_paf,
    "openpose_paf_184": openpose_paf_184,
    "face": face,
    "hand": hand,
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
