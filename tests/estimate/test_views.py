"""Views: what several looks at one picture add up to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limbwise.engine.prepare import Prepared, View, prepare
from limbwise.estimate.views import as_viewed, choose_views, merge
from limbwise.geometry import SizeRule, apply, compose, fit, flip, invert
from limbwise.skeletons import COCO_17
from limbwise.spec import Head, InputSpec, ModelSpec

LIMBS = ((5, 6), (5, 7), (6, 8), (0, 5), (0, 6))  # one across the middle, and pairs
SPEC = ModelSpec(
    "test",
    COCO_17,
    {"heatmaps": Head("h", tuple(range(18))), "pafs": Head("p", tuple(range(2 * len(LIMBS))))},
    limbs=LIMBS,
    input=InputSpec(size=SizeRule(side=160)),
)
CORNERS = replace(SPEC, heads={name: replace(head, grid="corners") for name, head in SPEC.heads.items()})
WIDTH, HEIGHT = 300, 170
PERSON = np.random.default_rng(3).uniform((40, 30), (260, 140), (17, 2))


def ideal(view: View, spec: ModelSpec = SPEC) -> tuple[dict[str, np.ndarray], Prepared]:
    """What a perfect network says of PERSON in that view: smooth heatmaps, and PAFs that are constant over the picture."""
    fitted = fit(WIDTH, HEIGHT, SPEC.input.size, view.scale)
    frame = compose(fitted.matrix, flip(fitted.resized[0])) if view.mirrored else fitted.matrix
    person = PERSON[COCO_17.flip] if view.mirrored else PERSON  # who is mirrored has her left where her right was
    seen = apply(frame, person)
    w, h = fitted.padded[0] // 8, fitted.padded[1] // 8
    cells = apply(spec.heads["heatmaps"].frame((h, w)), np.stack(np.meshgrid(np.arange(w), np.arange(h)), -1))
    distance = np.linalg.norm(cells[None] - seen[:, None, None], axis=-1)
    heat = np.exp(-((distance / (40 * view.scale)) ** 2) / 2)
    heatmaps = np.concatenate([heat, 1 - heat.max(0, keepdims=True)]).astype(np.float32)
    units = np.array([(seen[b] - seen[a]) / np.linalg.norm(seen[b] - seen[a]) for a, b in LIMBS]).ravel()
    pafs = np.broadcast_to(units[:, None, None], (2 * len(LIMBS), h, w)).astype(np.float32)
    return {"heatmaps": heatmaps, "pafs": pafs}, Prepared(np.zeros((1, 3, h * 8, w * 8), np.float32), frame, view)


@pytest.mark.parametrize(
    "views",
    [
        [View(), View(1.0, True)],
        [View(1.0), View(2.0)],
        [View(0.5), View(1.0)],
        list(choose_views(precise=True, mirrored=True)),
    ],
)
@pytest.mark.parametrize("spec", [SPEC, CORNERS], ids=["cells", "corners"])
def test_all_views_say_the_same_of_an_ideal_picture(views: list[View], spec: ModelSpec) -> None:
    expected, plain = ideal(View(), spec)
    maps, prepared = zip(*(ideal(view, spec) for view in views), strict=True)
    merged, frame = merge(maps, prepared, spec)
    np.testing.assert_allclose(frame, plain.frame)
    inner = np.s_[:, 2:-3, 2:-3]
    np.testing.assert_allclose(merged["heatmaps"][inner], expected["heatmaps"][inner], atol=0.04)
    np.testing.assert_allclose(merged["pafs"][inner], expected["pafs"][inner], atol=0.04)


def test_one_view_is_not_copied() -> None:
    maps, prepared = ideal(View())
    merged, _ = merge([maps], [prepared], SPEC)
    assert merged["heatmaps"] is maps["heatmaps"]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("size", [(480, 640), (50, 40), (1, 1), (1, 20000)])
def test_a_prepared_picture_lies_where_its_frame_says(mirrored: bool, size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 255, np.uint8)
    prepared = prepare(image, InputSpec(pad=(0, 0, 0), size=SizeRule(side=96)), View(1.0, mirrored))
    corners = apply(prepared.frame, np.array([[-0.5, -0.5], [size[1] - 0.5, size[0] - 0.5]]))
    left, right = sorted(corners[:, 0] + 0.5)
    bright = prepared.batch[0, 0] > 0
    assert (left, corners[0, 1]) == pytest.approx((0, -0.5))
    assert (bright.sum(1).max(), bright.sum(0).max()) == (round(right), round(corners[1, 1] + 0.5))
    assert bright[0, 0]
    assert prepared.batch.shape[2] % 8 == prepared.batch.shape[3] % 8 == 0


def test_colours_mean_and_scale() -> None:
    image = np.zeros((96, 96, 3), np.uint8)
    image[..., 0], image[..., 2] = 200, 50  # red and a little blue
    spec = InputSpec(colour="BGR", mean=(10, 20, 30), scale=(0.5, 1, 2), size=SizeRule(side=96))
    batch = prepare(image, spec, View()).batch
    assert batch[0, :, 0, 0].tolist() == [(50 - 10) * 0.5, -20, (200 - 30) * 2]
    assert invert(prepare(image, spec, View()).frame).tolist() == [[1, 0, 0], [0, 1, 0]]


def test_only_one_look_places_cells_at_the_corners() -> None:
    assert as_viewed(CORNERS, precise=False) == CORNERS
    assert as_viewed(CORNERS, precise=True) == SPEC
    apart = CORNERS.heads["heatmaps"].frame((1, 46, 62)) - SPEC.heads["heatmaps"].frame((1, 46, 62))
    assert 3 < abs(apart[:, 2]).max() < 4  # pixels of the network's input, at the corner
