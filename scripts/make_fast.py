"""The fast model: the default one in 8-bit integers, calibrated on images that it was trained on.

    python scripts/make_fast.py default.onnx LSPE RENDERED -o fast.xml [--each 150]

Its spec is the default's, so the decoder's options and what scores are worth are the same.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from limbwise.cli.export import export
from limbwise.export.quantise import Int8Options
from limbwise.media.image import write_image
from limbwise.spec import ModelSpec, read_spec, write_spec
from limbwise.train.samples import DataOptions, open_training


def pictures(sets: Sequence[str], spec: ModelSpec, each: int, folder: Path) -> None:
    """So many training images of each data set, spread evenly, as files of a folder."""
    for number, data in enumerate(open_training(DataOptions(root=sets[0], also=tuple(sets[1:])), spec)):
        for k in range(each):
            write_image(folder / f"{number}-{k:04d}.jpg", data.image(k * len(data) // each))


def main(arguments: Sequence[str] | None = None) -> None:
    """Quantise, write, and say where it came from."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("data", nargs="+", help="data sets that the model was trained on")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--each", type=int, default=150)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        pictures(given.data, read_spec(given.model.with_suffix(".json")), given.each, Path(folder))
        export(given.model, given.out, eight=Int8Options(int8=Path(folder)))
    path = given.out.with_suffix(".json")
    spec = read_spec(path)
    write_spec(replace(spec, origin=f"{spec.origin}, in 8 bits by NNCF"), path)


if __name__ == "__main__":
    main()
