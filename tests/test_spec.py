"""ModelSpec: written, read, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from limbwise.errors import InputError
from limbwise.skeletons import OPENPOSE_18, Skeleton
from limbwise.spec import Head, InputSpec, ModelSpec, ordered_pairs, read_spec, write_spec

SPEC = ModelSpec(
    "small",
    OPENPOSE_18,
    {"heatmaps": Head("out", tuple(range(19))), "pafs": Head("out", tuple(range(19, 19 + 34)))},
    limbs=OPENPOSE_18.limbs,
    input=InputSpec(colour="BGR", mean=(128, 128, 128), scale=(1 / 128,) * 3),
)


def test_written_and_read(tmp_path: Path) -> None:
    write_spec(SPEC, tmp_path / "a.json")
    assert read_spec(tmp_path / "a.json") == SPEC
    own = Skeleton("own", ("a", "b"), ((0, 1),), (0.1, 0.2))
    spec = ModelSpec("own", own, {"heatmaps": Head("h", (0, 1, 2)), "pafs": Head("p", (1, 0), 4, 2.0)}, limbs=((0, 1),))
    write_spec(spec, tmp_path / "b.json")
    assert read_spec(tmp_path / "b.json") == spec


def test_a_head_takes_its_channels() -> None:
    outputs = {"out": np.arange(2 * 6, dtype=np.float32).reshape(2, 6, 1, 1)}
    assert Head("out", (2, 3)).take(outputs).ravel().tolist() == [2, 3, 8, 9]
    assert Head("out", (2, 3)).take(outputs).base is not None  # a view
    assert Head("out", (5, 0)).take(outputs).ravel().tolist() == [5, 0, 11, 6]


def test_a_head_has_units() -> None:
    head = Head("out", (2, 3), scale=(2, 4), mean=(10, 0))
    outputs = {"out": np.arange(2 * 6, dtype=np.float32).reshape(2, 6, 1, 1)}
    meant = head.take(outputs)
    assert meant.ravel().tolist() == [14, 12, 26, 36]
    assert meant.dtype == np.float32
    assert head.learnt(meant).ravel().tolist() == [2, 3, 8, 9]


def test_pairs_are_in_the_order_of_the_published_formula() -> None:
    pairs = ordered_pairs(17)
    assert len(pairs) == 17 * 16
    for row, (a, b) in enumerate(pairs.tolist()):
        assert row == (17 - 1) * a + b - (a < b)


def change(table: dict, path: str, value: object) -> None:
    *steps, last = path.split(".")
    for step in steps:
        table = table[step]
    table.pop(last) if value is None else table.__setitem__(last, value)


WRONG = [
    ("skeleton", None, "skeleton"),
    ("skeleton", "coco_18", "skeleton"),
    ("heads", None, "heads"),
    ("heads.pafs", None, "pafs"),
    ("heads.heatmaps.channels", [1, 2], "heatmaps"),
    ("heads.heatmaps.channels", [-1] * 19, "heatmaps"),
    ("heads.heatmaps.output", 5, "heatmaps"),
    ("heads.heatmaps.scale", [1] * 18, "heatmaps"),
    ("heads.heatmaps.scale", [0] * 19, "heatmaps"),
    ("heads.heatmaps.mean", [float("nan")] * 19, "heatmaps"),
    ("heads.extra", {"output": "x", "channels": [1]}, "extra"),
    ("limbs", [[0, 99]], "limbs"),
    ("input.colour", "CMYK", "colour"),
    ("input.size.side", 0, "side"),
    ("input.size.side", "large", "side"),
    ("input.mean", [1, 2], "mean"),
    ("method", "magic", "method"),
    ("nmae", "x", "nmae"),
]


@pytest.mark.parametrize(("field", "value", "named"), WRONG)
def test_wrong_specs_name_file_and_field(tmp_path: Path, field: str, value: object, named: str) -> None:
    write_spec(SPEC, tmp_path / "a.json")
    table = json.loads((tmp_path / "a.json").read_text())
    change(table, field, value)
    (tmp_path / "a.json").write_text(json.dumps(table))
    with pytest.raises(InputError, match=named) as caught:
        read_spec(tmp_path / "a.json")
    assert str(tmp_path / "a.json") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "\xff", "3", '{"a":' * 2000])
def test_no_spec_at_all(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"a\.json"):
        read_spec(tmp_path / "a.json")
    with pytest.raises(InputError, match="missing"):
        read_spec(tmp_path / "missing.json")


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        SPEC.name = "other"  # type: ignore[misc]
    assert replace(SPEC, name="other").name == "other"
