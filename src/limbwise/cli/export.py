"""`limbwise export`: a trained or converted network as a file for engines (ONNX, OpenVINO IR, INT8), with what it differs by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from limbwise.cli.convert import folder_beside
from limbwise.errors import InputError, LimbwiseError, UsageError
from limbwise.export.quantise import Int8Options
from limbwise.spec import ModelSpec, read_spec, write_spec

Net = Any  # torch's Module, which doors do not know
FLOATS = Int8Options()  # no INT8
LOOKED_AT = 8  # images on which maps are compared


def export(
    source: Annotated[
        Path,
        typer.Argument(help="A run's folder (its newest checkpoint), a checkpoint (.pt), or a model with its spec."),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="The file to write: .onnx, or .xml (OpenVINO); its spec, .json, beside it."),
    ],
    full: Annotated[bool, typer.Option("--full", help="Keep float32 weights: twice the size.")] = False,
    last: Annotated[bool, typer.Option("--last", help="The last weights instead of their running mean.")] = False,
    side: Annotated[
        int | None,
        typer.Option(help="Shorter side, in pixels, that images are brought to. Default: the network's own."),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Recipe whose network SOURCE holds, where it is weights alone (weights.pt).")
    ] = None,
    eight: Int8Options = FLOATS,
) -> None:
    """Write a network for the engines, and measure what the file computes otherwise than the network did."""
    if out.suffix not in (".onnx", ".xml"):
        raise UsageError(f"--out {out}: expected a name that ends in .onnx or .xml")
    if eight.int8 is not None and out.suffix != ".xml":
        raise UsageError(f"--out {out}: INT8 is written as OpenVINO's form; give a name that ends in .xml")
    trained = source.is_dir() or source.suffix == ".pt"
    if out.suffix == ".onnx" and not trained:
        raise UsageError(f"{source}: is a model already; -o NAME.xml makes OpenVINO's form of it")
    if not trained and (last or recipe is not None):
        raise UsageError(f"{source}: is a model already; --last and --recipe are for what was trained")
    if side is not None and side < 1:
        raise UsageError(f"--side {side}: at least 1 pixel is needed")
    if not trained and out.with_suffix("").resolve() == source.with_suffix("").resolve():
        raise UsageError(f"--out {out}: its spec would take the place of that of {source}; give it another name")
    with folder_beside(out) as folder:
        if trained:
            net, spec, told = _trained(source, last, recipe)
            model, spec, differs = _as_onnx(
                net, _sized(spec, out.stem, side), folder, half=not full and out.suffix == ".onnx"
            )
        else:
            from limbwise.estimate.zoo import find_model

            found = find_model(source)
            model, spec, told, differs = found.path, _sized(found.spec, found.spec.name, side), "", ""
        if out.suffix == ".xml":
            differs = _as_ir(model, spec, folder / out.name, not full, eight)
        for suffix in (".bin", ".json", out.suffix):
            if (folder / out.name).with_suffix(suffix).exists():
                (folder / out.name).with_suffix(suffix).replace(out.with_suffix(suffix))
    size = sum(path.stat().st_size for path in {out, out.with_suffix(".bin")} if path.exists())
    print(" · ".join(part for part in (str(out), f"{size / 1e6:.2f} MB", told, differs) if part))


def _trained(source: Path, last: bool, recipe: str | None) -> tuple[Net, ModelSpec, str]:
    """The network of a run, a checkpoint or a file of weights, its spec, and how far it is, for people."""
    from limbwise.train.checkpoint import load_weights, mean_weights, newest, read, recipe_of
    from limbwise.train.presets import preset
    from limbwise.train.recipe import read_recipe

    beside = source.parent / "recipe.json"
    if recipe is not None or (source.name == "weights.pt" and beside.is_file()):
        asked = preset(recipe) if recipe is not None else read_recipe(beside)
        network, spec = _network(asked, source.parent / "spec.json")
        net = network()
        load_weights(net, mean_weights(source), source)
        return net, spec, f"{recipe or asked.network}, weights alone"
    state = newest(source / "checkpoints") if source.is_dir() else read(source)
    if state is None:
        raise InputError(f"{source}: no checkpoint in it")
    network, spec = _network(recipe_of(state), (source if source.is_dir() else source.parent.parent) / "spec.json")
    net = network()
    load_weights(net, state["net" if last else "ema"], source)
    return net, spec, f"step {state['step']}, {state['seen']} samples"


def _network(recipe: Any, kept: Path) -> tuple[Any, ModelSpec]:
    """What makes a recipe's network, and its spec: that which the run kept, where it did, since it knows the skeleton wherever the run's
    folder lies by now, and what was measured on the data."""
    from limbwise.train.networks import find_network

    spec = read_spec(kept) if kept.is_file() else None
    network, usual = find_network(recipe, None if spec is None else spec.skeleton)
    return network, spec or usual


def _sized(spec: ModelSpec, name: str, side: int | None) -> ModelSpec:
    size = spec.input.size
    if side is not None:
        size = replace(size, side=side, longest=max(size.longest, side))
    return replace(spec, name=name, input=replace(spec.input, size=size))


def _as_onnx(net: Net, spec: ModelSpec, folder: Path, half: bool) -> tuple[Path, ModelSpec, str]:
    """ONNX and spec in a folder, compared with the network in every engine; raises LimbwiseError where one differs."""
    from limbwise.export.onnx import export_onnx, ready
    from limbwise.export.parity import check_parity

    path = folder / f"{spec.name}.onnx"
    spec = export_onnx(net, spec, path, half)
    worst = check_parity(ready(net, half), path, spec)
    return path, spec, "greatest differences: " + _numbers(worst)


def _as_ir(model: Path, spec: ModelSpec, out: Path, half: bool, eight: Int8Options) -> str:
    """OpenVINO's form of a model, in floats or INT8, with its spec; tells what it computes otherwise.

    Raises LimbwiseError where INT8 loses more AP than it may.
    """
    from limbwise.estimate.zoo import sha256
    from limbwise.export.openvino import file_differences, noise, read_network, write_network
    from limbwise.export.quantise import middle, quantise

    if eight.int8 is not None and spec.input.layout != "NCHW":
        raise UsageError(f"{model}: its images lie as NHWC; INT8 is made of networks that take them as NCHW")
    if eight.int8 is not None and spec.input.pose is not None:
        raise UsageError(
            f"{model}: refiners see a pose beside the picture; INT8 is made of networks that see a picture alone"
        )
    network = read_network(model)
    pictures = [] if eight.int8 is None else _pictures(eight)
    if eight.int8 is not None:
        side = max(1, spec.input.size.side // spec.input.size.multiple) * spec.input.size.multiple
        network = quantise(network, pictures, lambda path: middle(_input(path, spec), side), eight.keep)
    write_network(network, out, half)
    made = replace(spec, name=out.stem, sha256=sha256(out))
    write_spec(made, out.with_suffix(".json"))
    batches = [_input(path, spec) for path in pictures[:LOOKED_AT]] or list(noise(spec))
    told = f"greatest differences: {_numbers(file_differences(model, out, made, batches))}"
    if eight.labels is None:
        return told
    before, after = (_ap(path, of, eight) for path, of in ((model, spec), (out, made)))
    if 100 * (before - after) > eight.max_drop:
        raise LimbwiseError(
            f"{out.name}: INT8 loses {100 * (before - after):.2f} points of AP ({before:.4f} to {after:.4f}), more than "
            f"--max-drop {eight.max_drop:g}; nothing is written. --keep {min(1, 2 * eight.keep):g} keeps more of the network"
        )
    return f"{told} · AP {before:.4f} before, {after:.4f} after"


def _pictures(eight: Int8Options) -> list[str]:
    """Image files of the folder to calibrate with, spread evenly; raises InputError where there are none."""
    from limbwise.media.sources import find_sources

    sources, problems = find_sources([str(eight.int8)])
    paths = [source.path for source in sources if source.kind == "image"]
    if not paths:
        raise problems[0] if problems else InputError(f"{eight.int8}: no images to calibrate with")
    count = min(eight.most, len(paths))
    return [paths[i * len(paths) // count] for i in range(count)]


def _input(path: str, spec: ModelSpec) -> Any:
    from limbwise.engine.prepare import View, prepare
    from limbwise.media.image import read_image

    return prepare(read_image(path), spec.input, View()).batch


def _ap(model: Path, spec: ModelSpec, eight: Int8Options) -> float:
    """AP of a model on the labels."""
    from tempfile import TemporaryDirectory

    from limbwise.cli.progress import counted
    from limbwise.data.images import find_images
    from limbwise.estimate.estimator import Estimator
    from limbwise.evaluate.coco import evaluate_coco

    assert eight.labels is not None
    images = eight.images or find_images(eight.labels)
    with TemporaryDirectory() as folder, counted(f"AP of {model.name}") as tell:
        write_spec(spec, Path(folder) / "spec.json")
        estimator = Estimator(model, spec=Path(folder) / "spec.json")
        result = evaluate_coco(estimator, estimator.spec.skeleton, eight.labels, images, eight.limit, tell)
    return result.numbers.ap


def _numbers(named: Any) -> str:
    return ", ".join(f"{name} {number:.1g}" for name, number in named.items())
