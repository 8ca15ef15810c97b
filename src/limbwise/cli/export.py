"""limbwise export: a trained network as an ONNX file with its spec, checked in every engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    source: Annotated[Path, typer.Argument(help="A run's folder (its newest checkpoint) or a checkpoint, .pt.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write, .onnx; its spec, .json, beside it.")],
    full: Annotated[bool, typer.Option("--full", help="Keep float32 weights: twice the size.")] = False,
    last: Annotated[bool, typer.Option("--last", help="The last weights instead of their running mean.")] = False,
    side: Annotated[int, typer.Option(help="Shorter side, in pixels, that images are brought to.")] = 368,
) -> None:
    """Write a trained network for the engines, and check that each computes what it computed in training."""
    from dataclasses import replace

    from limbwise.errors import InputError, UsageError
    from limbwise.export.onnx import export_onnx, ready
    from limbwise.export.parity import check_parity
    from limbwise.spec import read_spec
    from limbwise.train.checkpoint import load_weights, newest, read, recipe_of
    from limbwise.train.networks import find_network

    if out.suffix != ".onnx":
        raise UsageError(f"--out {out}: expected a name that ends in .onnx")
    state = newest(source / "checkpoints") if source.is_dir() else read(source)
    if state is None:
        raise InputError(f"{source}: no checkpoint in it")
    network, spec = find_network(recipe_of(state))
    kept = (source if source.is_dir() else source.parent.parent) / "spec.json"
    spec = read_spec(kept) if kept.is_file() else spec  # it knows what was measured on the data
    net = network()
    load_weights(net, state["net" if last else "ema"], source)
    size = replace(spec.input.size, side=side, longest=max(spec.input.size.longest, side))
    spec = export_onnx(net, replace(spec, name=out.stem, input=replace(spec.input, size=size)), out, not full)
    worst = check_parity(ready(net, not full), out, spec)
    megabytes = out.stat().st_size / 1e6
    told = ", ".join(f"{engine} {difference:.1g}" for engine, difference in worst.items())
    print(f"{out} · {megabytes:.2f} MB · step {state['step']}, {state['seen']} samples · greatest differences: {told}")
