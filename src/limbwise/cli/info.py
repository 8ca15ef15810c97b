"""`limbwise info` and `limbwise models`: what is here."""

from __future__ import annotations

import json as json_
import platform
from importlib import metadata
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from limbwise import __version__
from limbwise.engine.openvino import find_core
from limbwise.errors import ModelMissing
from limbwise.estimate.zoo import Model, find_model, list_models

PACKAGES = (
    "numpy",
    "scipy",
    "numba",
    "opencv-python-headless",
    "openvino",
    "av",
    "onnxruntime",
    "torch",
    "pycocotools",
    "pygame",
)


def info(
    model: Annotated[str, typer.Option(help="name of a model, or path of a weights file")] = "default",
    json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Show versions, devices, the model and its skeleton."""
    facts: dict[str, Any] = {
        "limbwise": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "devices": _devices(),
    }
    try:
        facts["model"] = _describe(find_model(model))
    except ModelMissing as missing:
        if model != "default":
            raise
        facts["model"] = str(missing)
    if json:
        print(json_.dumps(facts, indent=1))
        return
    table = Table(show_header=False, box=None)
    for name, value in _flat(facts):
        table.add_row(name, value)
    Console().print(table)


def models(json: Annotated[bool, typer.Option("--json", help="as JSON")] = False) -> None:
    """List the models that can be used by name."""
    found = list_models()
    if json:
        print(json_.dumps([_describe(model) for model in found], indent=1))
        return
    if not found:
        print("no models here; --model takes the path of a weights file")
        return
    table = Table("name", "method", "skeleton", "licence", "file")
    for model in found:
        table.add_row(
            model.spec.name,
            model.spec.method,
            model.spec.skeleton.name,
            model.spec.licence,
            str(model.path),
            style=None,
        )
    Console().print(table)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _devices() -> dict[str, str]:
    """OpenVINO's devices by name."""
    core = find_core()
    return {device: str(core.get_property(device, "FULL_DEVICE_NAME")) for device in core.available_devices}


def _describe(model: Model) -> dict[str, Any]:
    spec = model.spec
    return {
        "name": spec.name,
        "file": str(model.path),
        "method": spec.method,
        "skeleton": spec.skeleton.name,
        "keypoints": list(spec.skeleton.keypoints),
        "limbs": len(spec.limbs),
        "side": spec.input.size.side,
        "licence": spec.licence,
        "origin": spec.origin,
    }


def _flat(facts: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in facts.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name} ")
        else:
            rows.append((prefix + name, ", ".join(value) if isinstance(value, list) else str(value)))
    return rows
