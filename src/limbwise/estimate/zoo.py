"""Models: those that come with limbwise, one by its path, one by its name in the user's model folder; each with its spec."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from limbwise.errors import HashMismatch, InputError, ModelMissing
from limbwise.estimate.known import KNOWN_SPECS
from limbwise.spec import ModelSpec, read_spec

MODELS = Path(__file__).parents[1] / "models"
SHIPPED = {"default": MODELS / "default.onnx", "fast": MODELS / "fast.xml"}
SUFFIXES = (".onnx", ".xml", ".pb", ".tflite")


@dataclass(frozen=True)
class Model:
    """A weights file and what its channels mean."""

    path: Path
    spec: ModelSpec


def find_model(model: str | Path = "default", spec: str | Path | None = None) -> Model:
    """The model that a name or path means.

    `model`: "default" or "fast"; the path of a weights file; or a name in `model_folder()`, with or without its suffix. `spec`: a JSON
    file; without it the one of the same stem beside the weights, or a built-in one of known weights. Raises ModelMissing,
    InputError (no spec, or a wrong one) or HashMismatch (the file is not the one that the spec was written for).
    """
    path = find_weights(model)
    found = Model(path, _find_spec(path, Path(spec) if spec else None))
    if found.spec.sha256:
        _check_hash(found)
    return found


def find_weights(model: str | Path) -> Path:
    """The weights file that a name or path means; raises ModelMissing that says how to give one."""
    if (shipped := SHIPPED.get(str(model))) is not None:
        if shipped.is_file():
            return shipped
        raise ModelMissing(
            f"{shipped}: the {model} model is missing; install limbwise again, or give another (--model)"
        )
    path = Path(model)
    named = [model_folder() / path] + [model_folder() / f"{path}{suffix}" for suffix in SUFFIXES]
    for candidate in [path, *named]:
        if candidate.is_file():
            return candidate
    raise ModelMissing(f"{model}: no such model file, and none of that name in {model_folder()}")


def list_models() -> list[Model]:
    """The models that can be had by name: those that come with limbwise, and those of the user's folder that have a spec."""
    folder = model_folder()
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    found = []
    for path in [*(path for path in SHIPPED.values() if path.is_file()), *files]:
        with suppress(InputError):
            found.append(Model(path, _find_spec(path, None)))
    return found


def model_folder() -> Path:
    """Where a user's models lie: LIMBWISE_HOME/models, or the system's place for data of programs."""
    from platformdirs import user_data_dir

    return Path(os.environ.get("LIMBWISE_HOME") or user_data_dir("limbwise", appauthor=False)) / "models"


def sha256(path: Path) -> str:
    """The hash of a weights file, in hexadecimal, of an .xml with that of its .bin; raises InputError where it cannot be read."""
    digest = hashlib.sha256()
    for part in (path, path.with_suffix(".bin")) if path.suffix.lower() == ".xml" else (path,):
        try:
            with part.open("rb") as file:
                hashlib.file_digest(file, lambda: digest)
        except OSError as error:
            raise InputError(f"{part}: cannot be read ({error.strerror or error})") from error
    return digest.hexdigest()


def _find_spec(path: Path, given: Path | None) -> ModelSpec:
    beside = path.with_suffix(".json")
    if given or beside.is_file():
        return read_spec(given or beside)
    known = KNOWN_SPECS.get(sha256(path))
    if known is None:
        raise InputError(f"{path}: its spec is missing; put it beside the file as {beside.name}, or give it (--spec)")
    return known


def _check_hash(model: Model) -> None:
    actual = sha256(model.path)
    if actual != model.spec.sha256.lower():
        raise HashMismatch(f"{model.path}: not the file its spec was written for (sha256 {actual[:12]}..., the spec says "
                           f"{model.spec.sha256[:12]}...); get it again, or write its spec anew")  # fmt: skip
