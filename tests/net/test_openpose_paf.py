"""The fields-first network in both presets: as many numbers as the originals have, what each stage sees, maps that fit the spec."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from limbwise.net.blocks import fold_norms
from limbwise.net.openpose_paf import (
    BODY_25_LIMBS,
    COCO_LIMBS,
    OpenPosePaf,
    PafOptions,
    compact,
    openpose_paf_spec,
    paper,
    shrink,
)
from limbwise.skeletons import BODY_25, COCO_17

NARROW = {"widths": ((4, 4, 4), (8, 4, 4)), "middle": (8, 12), "features": (4, 8, 6)}
PRESETS = [
    PafOptions(4, 3, 2, 2, **NARROW),  # type: ignore[arg-type]
    PafOptions(4, 3, 3, 1, **NARROW, activation="relu", norm=True, image=True),  # type: ignore[arg-type]
]


def numbers(options: PafOptions) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in OpenPosePaf(options).parameters())


def test_as_many_numbers_as_the_originals() -> None:
    """The PyTorch code's is published; BODY_25's file has 104,715,850 bytes, of which some 50 kB are names and shapes."""
    assert numbers(compact()) == 10_658_963
    assert numbers(paper()) == 26_166_084
    assert 0 < 104_715_850 - 4 * numbers(paper()) < 100_000


@pytest.mark.parametrize("options", PRESETS, ids=["paper", "compact"])
def test_stages(options: PafOptions) -> None:
    net = OpenPosePaf(options)
    stages = net(torch.zeros(2, 3, 64, 72))
    assert [sorted(maps) for maps in stages] == [
        *[["pafs"]] * (options.paf_stages - 1), *[["heatmaps"]] * (options.heatmap_stages - 1), ["heatmaps", "pafs"],
    ]  # fmt: skip
    assert {name: maps.shape for name, maps in net.eval()(torch.zeros(2, 3, 64, 72))[-1].items()} == {
        "heatmaps": (2, 5, 8, 9),
        "pafs": (2, 6, 8, 9),
    }
    assert len(net(torch.zeros(1, 3, 64, 64))) == 1


@pytest.mark.parametrize(("options", "place"), [(PRESETS[0], -1), (PRESETS[1], 1)], ids=["paper", "compact"])
def test_heatmap_stages_see_features_pafs_and_heatmaps_in_the_order_of_the_system(
    options: PafOptions, place: int
) -> None:
    net = OpenPosePaf(PafOptions(**{**vars(options), "heatmap_stages": 2})).eval()
    seen: list[torch.Tensor] = []
    for stage in (*net.pafs, *net.heatmaps):
        stage.register_forward_hook(lambda _, inputs, output: seen.append(inputs[0]))
    made: list[torch.Tensor] = []
    for stage in (*net.pafs, *net.heatmaps):
        stage.register_forward_hook(lambda _, inputs, output: made.append(output))
    with torch.no_grad():
        net(torch.randn(1, 3, 64, 64))
    features, pafs = seen[0], made[options.paf_stages - 1]
    torch.testing.assert_close(seen[1], torch.cat([features, made[0]], 1))
    torch.testing.assert_close(seen[-2], torch.cat([features, pafs], 1))
    order = [features, made[-2], pafs] if place < 0 else [features, pafs, made[-2]]
    torch.testing.assert_close(seen[-1], torch.cat(order, 1))
    if options.image:
        assert features.shape[1] == 3 + options.features[2]


def test_the_image_is_shrunk_as_bilinear_resizing_does() -> None:
    image = torch.randn(2, 3, 64, 104)
    wanted = F.interpolate(image, scale_factor=1 / 8, mode="bilinear", align_corners=False)
    torch.testing.assert_close(shrink(image), wanted)


def test_norms_fold() -> None:
    torch.manual_seed(0)
    net = OpenPosePaf(PRESETS[1])
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_var = torch.rand(module.num_features) + 0.5
            module.running_mean = torch.randn(module.num_features)
    images = torch.randn(1, 3, 64, 64)
    folded = fold_norms(net)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    for name, maps in net.eval()(images)[-1].items():
        torch.testing.assert_close(folded(images)[-1][name], maps, rtol=1e-4, atol=1e-5)


def test_limbs_of_the_published_networks() -> None:
    """COCO's skeleton and more; BODY_25's are its skeleton and two links from ears to shoulders."""
    assert {frozenset(limb) for limb in COCO_17.limbs} < {frozenset(limb) for limb in COCO_LIMBS}
    extra = {frozenset(limb) for limb in BODY_25_LIMBS} - {frozenset(limb) for limb in BODY_25.limbs}
    names = {frozenset(BODY_25.keypoints[k] for k in limb) for limb in extra}
    assert names == {frozenset((f"{side}_ear", f"{side}_shoulder")) for side in ("left", "right")}
    assert openpose_paf_spec().limbs == COCO_LIMBS
    assert openpose_paf_spec(skeleton=BODY_25, imagenet=False).limbs == BODY_25_LIMBS


def test_what_goes_in() -> None:
    spec = openpose_paf_spec(side=184).input
    values = [(value - mean) * scale for value, mean, scale in zip((0, 127.5, 255), spec.mean, spec.scale, strict=True)]
    assert values == pytest.approx([-0.485 / 0.229, (0.5 - 0.456) / 0.224, (1 - 0.406) / 0.225])
    assert (spec.size.side, spec.size.fit, spec.pad, spec.colour) == (184, "longer", (0, 0, 0), "RGB")
