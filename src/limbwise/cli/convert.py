"""`limbwise convert`: weights of other systems as a model of ours, or as weights that training begins with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
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
    pairwise_stats: Annotated[
        Path | None,
        typer.Option(
            help="What DeeperCut's pairwise vectors are measured in: pairwise_stats.mat, or a file of data pairwise-stats."
        ),
    ] = None,
    decoder: Annotated[
        str | None,
        typer.Option(help="People as another program makes them: chainer, python_original or matlab; into the spec."),
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Layers that the file lacks stay random; they are named.")
    ] = False,
) -> None:
    """Take over weights of other systems, told by what is in the file, and compare what the new file computes in every engine."""
    from limbwise.convert.kinds import convert as converted
    from limbwise.skeletons import find_skeleton

    found = converted(source, find_skeleton(skeleton) if skeleton else None, allow_missing)
    if pairwise_stats is not None:
        found = measured(found, pairwise_stats)
    if decoder is not None:
        found = decoded_as(found, decoder)
    told = write_weights(found, out) if out.suffix == ".pt" else write_model(found, named(out), half)
    print(f"{source}: {found.what}\n{told}")
    if found.spec is not None and "pairwise" in found.spec.heads and not found.spec.heads["pairwise"].scale:
        print("its pairwise vectors have no unit; to tell several people apart convert it with --pairwise-stats")
    if found.missing:
        print(f"not in the file, and random: {', '.join(found.missing)}")


def decoded_as(found: Converted, program: str) -> Converted:
    """With the decoder's options of another program in the spec; raises UsageError for a name or a network that has none."""
    from dataclasses import asdict, replace

    from limbwise.decode.options import PRESETS, OpenPoseOptions
    from limbwise.errors import UsageError

    if program not in PRESETS or found.spec is None or found.spec.method != "openpose":
        raise UsageError(f"--decoder {program}: there are {', '.join(PRESETS)}, for networks with part affinity fields")
    usual = asdict(OpenPoseOptions())
    options = {name: value for name, value in asdict(PRESETS[program]()).items() if value != usual[name]}
    return replace(found, spec=replace(found.spec, decode=options))


def measured(found: Converted, stats: Path) -> Converted:
    """With pairwise vectors in the units of a file of statistics; raises UsageError for a network without such vectors."""
    from dataclasses import replace

    from limbwise.data.pairwise_stats import read_statistics
    from limbwise.errors import UsageError
    from limbwise.net.deepercut import with_statistics

    if found.spec is None or "pairwise" not in found.spec.heads:
        raise UsageError(f"--pairwise-stats: {found.what} has no pairwise vectors")
    spec = with_statistics(found.spec, *read_statistics(stats, found.spec.skeleton))
    return replace(found, spec=spec)


def named(out: Path) -> Path:
    """The path with .onnx at its end."""
    return out if out.suffix == ".onnx" else out.with_name(out.name + ".onnx")


def write_model(found: Converted, out: Path, half: bool) -> str:
    """ONNX and spec, which are not there before each engine has computed what the network does; returns a line for people.

    Raises UsageError for a backbone alone, LimbwiseError where an engine differs.
    """
    from dataclasses import replace

    from limbwise.errors import UsageError
    from limbwise.export.onnx import export_onnx, ready
    from limbwise.export.parity import check_parity

    if found.spec is None:
        raise UsageError(f"{found.what} finds nobody by itself; -o NAME.pt makes weights that training begins with")
    with folder_beside(out) as folder:
        tried = folder / out.name
        spec = export_onnx(found.net, replace(found.spec, name=out.stem), tried, half)
        worst = check_parity(ready(found.net, half), tried, spec)
        for part in (tried.with_suffix(".json"), tried):
            part.replace(out.with_name(part.name))
    differences = ", ".join(f"{engine} {difference:.1g}" for engine, difference in worst.items())
    return f"{out} · {out.stat().st_size / 1e6:.2f} MB · {spec.skeleton.name} · greatest differences: {differences}"


@contextmanager
def folder_beside(out: Path) -> Iterator[Path]:
    """A folder beside a file, on the same disk, gone afterwards; raises LimbwiseError where the disk says no."""
    from limbwise.errors import LimbwiseError

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".convert-", dir=out.parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise LimbwiseError(f"{out}: cannot be written ({error.strerror or error})") from error


def write_weights(found: Converted, out: Path) -> str:
    """Weights by the names of our networks, of a backbone alone under `backbone.`; returns a line for people."""
    from limbwise.convert.weights import save

    save(found.net, out, "backbone." if found.spec is None else "")
    return f"{out} · {out.stat().st_size / 1e6:.2f} MB · training begins with it: --set start={out}"
