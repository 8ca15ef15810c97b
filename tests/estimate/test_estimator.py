"""Estimator: images to people, on dot people."""

from __future__ import annotations

import gc
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dots import DOTS, SPEC, draw_dots, some_people

from limbwise.decode.options import OpenPoseOptions
from limbwise.errors import InputError, ModelMissing
from limbwise.estimate.estimator import Estimator, _kept, estimate
from limbwise.estimate.frames import Cut
from limbwise.estimate.grouping import group
from limbwise.estimate.maps import load_maps, save_maps
from limbwise.estimate.outputs import image_ids
from limbwise.media.image import write_image
from limbwise.media.sources import Source
from limbwise.media.video_writer import VideoWriter
from limbwise.people import People
from limbwise.spec import write_spec

OPTIONS = OpenPoseOptions(min_parts=2)


def in_order(people: People) -> np.ndarray:
    assert people.skeleton == DOTS
    return people.xy[np.argsort(people.xy[:, 0, 1])]


@pytest.mark.parametrize(
    "options", [{}, {"precise": True}, {"size": 480}, {"engine": "onnxruntime"}, {"engine": "pytorch"}]
)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_people_are_where_they_are(dots_model: Path, options: dict, count: int) -> None:
    estimator = Estimator(dots_model, decode=OPTIONS, **options)
    expected = some_people(count, count)
    people = estimator(draw_dots(expected))
    assert len(people) == count
    if count:
        np.testing.assert_allclose(in_order(people), expected, atol=2.5)


def test_from_a_file_and_from_pixels(tmp_path: Path, dots_model: Path) -> None:
    estimator = Estimator(dots_model, max_people=1)
    image = draw_dots(some_people(5))
    write_image(tmp_path / "a.png", image)
    np.testing.assert_array_equal(estimator(tmp_path / "a.png").xy, estimator(image).xy)
    assert len(estimator(image)) == 1


def test_a_stream_is_its_frames(tmp_path: Path, dots_model: Path) -> None:
    frames = [draw_dots(some_people(2) + np.array([3 * i, 0])) for i in range(6)]
    with VideoWriter(tmp_path / "a.mp4", (320, 240), 25) as video:
        for i, frame in enumerate(frames):
            video.write(frame, i / 25)
    estimator = Estimator(dots_model, decode=OPTIONS)
    seen = list(estimator.stream(str(tmp_path / "a.mp4"), Cut(start=1, step=2)))
    assert [frame.index for frame, _ in seen] == [1, 3, 5]
    for frame, people in seen:
        np.testing.assert_allclose(in_order(people), some_people(2) + np.array([3 * frame.index, 0]), atol=2.5)


def test_a_stream_is_of_one_source(tmp_path: Path, dots_model: Path) -> None:
    for name in ("a.png", "b.png"):
        write_image(tmp_path / name, draw_dots(some_people(0)))
    with pytest.raises(InputError, match="holds 2 images and videos"):
        next(Estimator(dots_model).stream(str(tmp_path)))
    with pytest.raises(ValueError, match="size: a whole number"):
        Estimator(dots_model, size=0)


def test_who_leaves_a_stream_early_leaves_nothing_running(
    tmp_path: Path, dots_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with VideoWriter(tmp_path / "a.mp4", (320, 240), 25) as video:
        for i in range(100):
            video.write(draw_dots(some_people(2)), i / 25)
    estimator = Estimator(dots_model, decode=OPTIONS)
    unheard: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", unheard.append)
    before = threading.active_count()
    for count in (1, 2, 3, 5, 8):
        frames = estimator.stream(str(tmp_path / "a.mp4"))
        for _ in range(count):
            next(frames)
        del frames
        gc.collect()
    assert not unheard
    assert threading.active_count() == before


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
)
def test_what_is_no_image(dots_model: Path, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected \(H, W, 3\) uint8 RGB"):
        Estimator(dots_model)(image)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 7)])
def test_odd_images(dots_model: Path, size: tuple[int, int]) -> None:
    assert len(Estimator(dots_model, decode=OPTIONS)(np.zeros((*size, 3), np.uint8))) == 0


def test_maps_are_kept_as_they_are(tmp_path: Path, dots_model: Path) -> None:
    estimator = Estimator(dots_model, decode=OPTIONS)
    image = draw_dots(some_people(4))
    maps = estimator.look(estimator.prepare(image), image.shape)
    save_maps(maps, tmp_path / "a.npz")
    again = load_maps(tmp_path / "a.npz")
    assert (again.spec, again.size) == (maps.spec, (320, 240))
    for name, array in maps.heads.items():
        np.testing.assert_array_equal(again.heads[name], array)
    np.testing.assert_array_equal(group(again, OPTIONS).xy, estimator(image).xy)
    lit = np.unravel_index(maps.heads["heatmaps"][0].argmax(), maps.heads["heatmaps"][0].shape)
    x, y = maps.to_picture("heatmaps") @ (lit[1], lit[0], 1)
    assert np.linalg.norm(some_people(4)[:, 0] - (x, y), axis=1).min() < 8


@pytest.mark.parametrize("cut", [0, 10, 200, -1, -40])
def test_damaged_maps(tmp_path: Path, dots_model: Path, cut: int) -> None:
    estimator = Estimator(dots_model)
    image = draw_dots(some_people(4))
    save_maps(estimator.look(estimator.prepare(image), image.shape), tmp_path / "a.npz")
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:cut])
    with pytest.raises(InputError, match=r"a\.npz"):
        load_maps(tmp_path / "a.npz")
    with pytest.raises(InputError, match="missing"):
        load_maps(tmp_path / "missing.npz")


def test_maps_that_do_not_fit_their_spec(tmp_path: Path, dots_model: Path) -> None:
    estimator = Estimator(dots_model)
    image = draw_dots(some_people(4))
    maps = estimator.look(estimator.prepare(image), image.shape)
    save_maps(replace(maps, heads={"heatmaps": maps.heads["heatmaps"]}), tmp_path / "a.npz")
    with pytest.raises(InputError, match="pafs"):
        load_maps(tmp_path / "a.npz")
    save_maps(replace(maps, frame=np.zeros((2, 3))), tmp_path / "a.npz")
    with pytest.raises(InputError, match="frame"):
        load_maps(tmp_path / "a.npz")


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"none\.onnx"):
        Estimator(tmp_path / "none.onnx")


def test_a_spec_without_what_people_are_made_of(tmp_path: Path, dots_model: Path) -> None:
    write_spec(replace(SPEC, method="single", heads={}), tmp_path / "a.json")
    with pytest.raises(InputError, match="no heatmaps"):
        Estimator(dots_model, spec=tmp_path / "a.json")


def test_image_ids() -> None:
    def sources(*paths: str) -> list[Source]:
        return [Source("video" if p.endswith("mp4") else "image", p, p) for p in paths]

    assert image_ids(sources("a/000012.jpg", "a/7.png")) == {"a/000012.jpg": 12, "a/7.png": 7}  # COCO's own numbers
    assert image_ids(sources("12.jpg", "b.jpg")) == {"12.jpg": 1, "b.jpg": 2}
    assert image_ids(sources("a/1.jpg", "b/1.jpg")) == {"a/1.jpg": 1, "b/1.jpg": 2}
    assert image_ids(sources("5.jpg", "6.mp4")) == {"5.jpg": 1, "6.mp4": 2}


def test_a_model_brings_options_of_its_decoder(tmp_path: Path, dots_model: Path) -> None:
    model = tmp_path / "own.onnx"
    model.write_bytes(dots_model.read_bytes())
    write_spec(replace(SPEC, decode={"min_parts": 2, "smoothing": 4.0}), model.with_suffix(".json"))
    assert Estimator(model).decode_options == OpenPoseOptions(min_parts=2, smoothing=4.0)
    assert Estimator(model, decode={"smoothing": 0.0}).decode_options == OpenPoseOptions(min_parts=2)
    assert Estimator(model, decode=OPTIONS, max_people=3).decode_options == replace(OPTIONS, max_people=3)
    write_spec(replace(SPEC, decode={"min_party": 2}), model.with_suffix(".json"))
    with pytest.raises(InputError, match="decode: min_party"):
        Estimator(model)


def test_probabilities_are_of_scores_made_as_the_spec_says(tmp_path: Path, dots_model: Path) -> None:
    model, image = tmp_path / "own.onnx", draw_dots(some_people(2))
    model.write_bytes(dots_model.read_bytes())
    own = {"min_parts": 2, "person_score": "mean", "size_weight": 0.5}
    write_spec(replace(SPEC, decode=own, worth=((-9.0, 0.25), (9.0, 0.25))), model.with_suffix(".json"))
    plain = Estimator(dots_model, decode=own)(image)
    assert Estimator(model)(image).person_scores.tolist() == [0.25] * len(plain)
    assert Estimator(model, decode={"threshold": 0.1})(image).person_scores.tolist() == [0.25] * len(plain)
    for other in ({"person_score": "sum"}, {"size_weight": 0.0}):
        expected = Estimator(dots_model, decode=own | other)(image).person_scores
        np.testing.assert_array_equal(Estimator(model, decode=other)(image).person_scores, expected)


def test_the_decoder_of_one_call(dots_model: Path) -> None:
    """A mapping cannot be hashed, and the estimator is kept all the same."""
    image = draw_dots(some_people(2))
    _kept.cache_clear()
    for threshold in (0.2, 0.2, 0.99):
        people = estimate(image, model=dots_model, decode={"threshold": threshold, "min_parts": 2})
        assert len(people) == (2 if threshold == 0.2 else 0)
    assert len(estimate(image, model=dots_model, decode=OPTIONS)) == 2
    assert len(estimate(image, model=dots_model, max_people=1)) == 1
    assert (_kept.cache_info().hits, _kept.cache_info().misses) == (1, 4)
    _kept.cache_clear()
