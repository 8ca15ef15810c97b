"""The models that come with limbwise: small enough, open to every engine that says so, and of one mind on real photos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from limbwise.errors import InputError
from limbwise.estimate.estimator import Estimator
from limbwise.estimate.zoo import SHIPPED, find_model
from limbwise.media.image import read_image
from limbwise.similarity import oks

PHOTOS = (Path(__file__).parents[2] / ".." / "shared" / "data" / "photos").resolve()
needs_photos = pytest.mark.skipif(not PHOTOS.is_dir(), reason="the photos are not here")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_model_takes_at_most_8_mb(name: str) -> None:
    path = find_model(name).path
    assert sum(part.stat().st_size for part in {path, path.with_suffix(".bin")} if part.exists()) <= 8_000_000


def test_fast_is_the_default_in_other_numbers() -> None:
    default, fast = find_model("default").spec, find_model("fast").spec
    assert replace(fast, name=default.name, sha256=default.sha256, origin=default.origin) == default
    assert fast.origin.startswith(default.origin)


def test_fast_computes_in_8_bits() -> None:
    text = SHIPPED["fast"].read_text()
    assert text.count('type="FakeQuantize"') > 20
    assert 'element_type="i8"' in text


def test_fast_is_for_openvino() -> None:
    with pytest.raises(InputError, match="onnxruntime reads"):
        Estimator("fast", engine="onnxruntime")


@needs_photos
def test_fast_sees_the_people_that_default_sees() -> None:
    image = read_image(PHOTOS / "ski.jpg")
    default, fast = (Estimator(name, size=368)(image) for name in ("default", "fast"))
    sure = default[default.person_scores > 0.5]
    assert len(sure) > 0
    assert (oks(fast, sure).max(0) > 0.8).all()
