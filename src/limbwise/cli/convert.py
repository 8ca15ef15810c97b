"""`limbwise convert`: weights of other systems as a model of ours, or as weights that training begins with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from limbwise.convert.kinds import Converted


def convert(
    source: Annotated[
        Path, typer.Argument(help="A file of another system's weights; a TensorFlow checkpoint by its prefix.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="The file to write: .onnx, its spec, .json, beside it; or .pt, for training to begin with.",
        ),
    ],
    skeleton: Annotated[
        str | None, typer.Option(help="What its keypoints are: a name, or a TOML file. Default: told by their number.")
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Weights in half precision: half the size on disk.")] = False,
) -> None:
    """Take over weights of other systems, told by what is in the file, and compare what the new file computes in every engine."""
    from limbwise.convert.kinds import convert as converted
    from limbwise.skeletons import find_skeleton

    found = converted(source, find_skeleton(skeleton) if skeleton else None)
    told = write_weights(found, out) if out.suffix == ".pt" else write_model(found, named(out), half)
    print(f"{source}: {found.what}\n{told}")


def named(out: Path) -> Path:
    """The path with .onnx at its end."""
    return out if out.suffix == ".onnx" else out.with_name(out.name + ".onnx")


def write_model(found: Converted, out: Path, half: bool) -> str:
    """ONNX and spec, compared with the network; returns a line for people. Raises UsageError for a backbone alone."""
    from dataclasses import replace

    from limbwise.errors import LimbwiseError, UsageError
    from limbwise.export.onnx import export_onnx, ready
    from limbwise.export.parity import check_parity

    if found.spec is None:
        raise UsageError(f"{found.what} finds nobody by itself; -o NAME.pt makes weights that training begins with")
    spec = export_onnx(found.net, replace(found.spec, name=out.stem), out, half)
    try:
        worst = check_parity(ready(found.net, half), out, spec)
    except LimbwiseError:
        out.unlink()
        out.with_suffix(".json").unlink()
        raise
    differences = ", ".join(f"{engine} {difference:.1g}" for engine, difference in worst.items())
    return f"{out} · {out.stat().st_size / 1e6:.2f} MB · {spec.skeleton.name} · greatest differences: {differences}"


def write_weights(found: Converted, out: Path) -> str:
    """Weights by the names of our networks, of a backbone alone under `backbone.`; returns a line for people."""
    import torch

    from limbwise.files import whole_file

    prefix = "backbone." if found.spec is None else ""
    with whole_file(out) as part:
        torch.save({prefix + name: value for name, value in found.net.state_dict().items()}, part)
    return f"{out} · {out.stat().st_size / 1e6:.2f} MB · training begins with it: --set start={out}"
