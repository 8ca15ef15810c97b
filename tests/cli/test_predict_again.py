"""`limbwise predict` a second time into the same folder: what goes on, and what must be refused since it would mix or lose results."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from dots import SPEC, draw_dots, some_people

from limbwise.cli.verbs import app
from limbwise.engine.base import EngineOptions
from limbwise.errors import UsageError
from limbwise.media.image import write_image
from limbwise.people import People


class Asked:
    """In the place of a refiner: leaves people alone, and keeps what it was made with."""

    given: ClassVar[list[tuple[Any, ...]]] = []

    def __init__(self, model: Path, *, engine: str, run: EngineOptions) -> None:
        self.given.append((engine, run.device, run.threads, run.precision))
        self.path, self.spec = model, SPEC

    def __call__(self, image: object, people: People) -> People:
        return people


@pytest.fixture
def model(tmp_path: Path, dots_model: Path) -> Path:
    """A copy of the dot people's model, to be changed."""
    for suffix in (".onnx", ".json"):
        shutil.copy(dots_model.with_suffix(suffix), tmp_path / f"net{suffix}")
    write_image(tmp_path / "a.png", draw_dots(some_people(0)))
    return tmp_path / "net.onnx"


@pytest.fixture
def refiner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys.modules["limbwise.cli.predict"], "Refiner", Asked)
    (tmp_path / "refiner.onnx").write_bytes(b"one")
    return tmp_path / "refiner.onnx"


def predict(model: Path, *flags: object) -> None:
    out = model.parent / "out"
    app([*map(str, ("predict", model.parent / "a.png", "--model", model, "-o", out, *flags))], standalone_mode=False)


def retrain(path: Path) -> None:
    """Another file by the old name; bytes that ONNX reads as one more description."""
    path.write_bytes(path.read_bytes() + b"\x32\x01x")


def files(out: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_resume_and_overwrite_at_once_lose_nothing(model: Path) -> None:
    predict(model)
    before = files(model.parent / "out")
    with pytest.raises(UsageError, match="leave one of the two out"):
        predict(model, "--resume", "--overwrite")
    assert files(model.parent / "out") == before


def test_a_model_that_was_trained_again_is_another_one(model: Path) -> None:
    predict(model)
    predict(model, "--resume")
    retrain(model)
    with pytest.raises(UsageError, match="other settings"):
        predict(model, "--resume")
    predict(model, "--overwrite")


@pytest.mark.parametrize("given", [False, True])
def test_another_spec_is_another_model(model: Path, given: bool) -> None:
    spec = model.with_name("given.json") if given else model.with_suffix(".json")
    flags = ("--spec", shutil.copy(model.with_suffix(".json"), spec)) if given else ()
    predict(model, *flags)
    told = json.loads(spec.read_text())
    spec.write_text(json.dumps(dict(reversed(told.items()))))  # the same in another order
    predict(model, *flags, "--resume")
    told["input"]["mean"] = [1 + value for value in told["input"]["mean"]]
    spec.write_text(json.dumps(told))
    with pytest.raises(UsageError, match="other settings"):
        predict(model, *flags, "--resume")


def test_a_refiner_is_part_of_what_was_asked(model: Path, refiner: Path) -> None:
    predict(model, "--refine", refiner)
    predict(model, "--refine", refiner, "--resume")
    other = refiner.with_name("other.onnx")
    other.write_bytes(b"one")
    for flags in ((), ("--refine", other)):
        with pytest.raises(UsageError, match="other settings"):
            predict(model, *flags, "--resume")
    retrain(refiner)
    with pytest.raises(UsageError, match="other settings"):
        predict(model, "--refine", refiner, "--resume")


def test_an_interrupted_run_does_not_go_on_with_another_refiner(
    model: Path, refiner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Asked, "__call__", stop)
        predict(model, "--refine", refiner)
    with pytest.raises(UsageError, match="cannot go on with other settings: refine was"):
        predict(model, "--resume")
    predict(model, "--refine", refiner, "--resume")


def test_a_refiner_runs_where_the_network_does(model: Path, refiner: Path) -> None:
    predict(model, "--refine", refiner, "--engine", "onnxruntime", "--threads", 1, "--device", "cpu")
    assert Asked.given[-1] == ("onnxruntime", "cpu", 1, "f32")


def test_other_files_of_the_same_names_are_others(model: Path) -> None:
    predict(model)
    (model.parent / "b").mkdir()
    other = shutil.copy(model.parent / "a.png", model.parent / "b")
    with pytest.raises(UsageError, match="other settings"):
        app(
            ["predict", other, "--model", str(model), "-o", str(model.parent / "out"), "--resume"],
            standalone_mode=False,
        )


def test_what_failed_is_not_forgotten(model: Path) -> None:
    out, bad = model.parent / "out", model.parent / "a.png"
    good = bad.read_bytes()
    bad.write_bytes(b"no picture")
    for flags in ((), ("--resume",), ("--resume",)):
        with pytest.raises(SystemExit) as end:
            predict(model, *flags)
        assert end.value.code == 3
        assert "not an image" in json.loads((out / "failed.json").read_text())["a"]
    bad.write_bytes(good)
    predict(model, "--overwrite")
    assert not (out / "failed.json").exists()


def test_maps_of_another_run_are_not_replaced_unasked(model: Path) -> None:
    maps = model.parent / "maps"
    predict(model, "--save-maps", maps)
    before = files(maps)
    shutil.rmtree(model.parent / "out")
    with pytest.raises(UsageError, match="maps of another run"):
        predict(model, "--save-maps", maps)
    assert files(maps) == before
    predict(model, "--save-maps", maps, "--overwrite")
