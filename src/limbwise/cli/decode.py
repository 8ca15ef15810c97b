"""`limbwise decode`: people again from maps that `predict --save-maps` kept, with other options, without the network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from limbwise.cli.problems import report
from limbwise.decode.pairwise import PairwiseTerms
from limbwise.errors import InputError, UsageError
from limbwise.estimate.grouping import DecoderOptions, decoder_options, group, needs_terms
from limbwise.estimate.maps import load_with_record
from limbwise.estimate.outputs import RESULTS
from limbwise.estimate.pairwise import find_terms
from limbwise.fields import Given
from limbwise.spec import ModelSpec
from limbwise.write import FORMATS, open_writer
from limbwise.write.record import Record


def decode(
    maps: Annotated[Path, typer.Argument(help="a file or folder of maps, as predict --save-maps wrote them")],
    decoding: Given[DecoderOptions],
    out: Annotated[Path, typer.Option("-o", "--out", help="folder for the results")],
    json: Annotated[str, typer.Option(help=f"one format of {', '.join(FORMATS)}")] = "openpose",
    pairwise: Annotated[
        Path | None, typer.Option(help="pairwise terms of a DeeperCut model (STEM.pairwise.json, or a folder of .mat)")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace files that are there")] = False,
) -> None:
    """Make people of kept maps again, with other options."""
    if not overwrite and (there := next((out / name for name in RESULTS if (out / name).exists()), None)) is not None:
        raise UsageError(f"{there}: is there already; --overwrite replaces it")
    if json not in FORMATS:
        raise UsageError(f"--json: {json!r} is unknown; there are {', '.join(FORMATS)}")
    files = sorted(maps.rglob("*.npz")) if maps.is_dir() else [maps]
    if not files:
        raise InputError(f"{maps}: holds no maps (.npz); predict --save-maps writes them")
    root, problems = maps if maps.is_dir() else maps.parent, list[InputError]()
    with open_writer(json, out) as writer:
        for number, path in enumerate(files):
            try:
                kept, record = load_with_record(path)
            except InputError as problem:
                problems.append(problem)
                continue
            people = group(kept, decoder_options(kept.spec, decoding), terms=_terms(kept.spec, pairwise))
            writer.add(record or _record(path.relative_to(root), number + 1, kept.size), people)
    report(problems)


def _terms(spec: ModelSpec, pairwise: Path | None) -> PairwiseTerms | None:
    if not needs_terms(spec):
        return None
    if pairwise is None:
        raise UsageError(f"--pairwise: {spec.name} tells people apart by pairwise terms; give its STEM.pairwise.json")
    return find_terms(pairwise, spec.skeleton, pairwise)


def _record(path: Path, number: int, size: tuple[int, int]) -> Record:
    """Of maps that do not say where they are from: frames of a video lie in a folder of its name, under 12 digits."""
    stem = path.with_suffix("")
    if len(stem.name) == 12 and stem.name.isdigit() and stem.parent.name:
        name = stem.parent.as_posix()
        return Record(name, name, number, int(stem.name), None, *size)
    return Record(stem.as_posix(), stem.name, number, None, None, *size)
