"""The model card's curve: AP and PCK of weights over the scenes that they were trained on, measured and drawn.

    python scripts/card_curve.py 168800=training/mobile-169k.pt 345800=training/mobile-346k.pt ... --coco COCO.json --lspe LSPE \
        --json benchmarks/results/default-curve.json -o docs/pictures/default-curve.png

Every point has the decoder's general options, not those that were chosen for one of the models. AP at the networks' own size, PCK@0.2
(torso, known box) at 256 pixels.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from limbwise.data.lsp import LspDataset
from limbwise.decode.options import OpenPoseOptions
from limbwise.estimate.estimator import Estimator
from limbwise.evaluate.coco import evaluate_coco
from limbwise.evaluate.pck import evaluate_pck
from limbwise.files import whole_file
from limbwise.train.plot import Panel, curves, write_panels


def measured(weights: Path, coco: Path, lspe: Path) -> dict[str, float]:
    """AP, AP50 and PCK of a file of weights."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        command = [sys.executable, "-m", "limbwise", "export", str(weights), "--recipe", "mobile", "-o", str(model)]
        subprocess.run(command, check=True)
        estimator = Estimator(model, decode=OpenPoseOptions())
        found = evaluate_coco(estimator, estimator.spec.skeleton, coco, coco.parent / "images").numbers
        known = Estimator(model, size=256)
        pck = evaluate_pck(known.find_one, known.spec.skeleton, LspDataset(lspe, "val")).numbers.pck
    return {"ap": round(found.ap, 4), "ap50": round(found.ap50, 4), "pck": round(pck, 4)}


def panels_of(points: list[dict[str, float]]) -> list[Panel]:
    """AP above, PCK below, over thousands of scenes."""
    lines = [{**point, "step": point["scenes"] / 1000} for point in points]
    titles = {"ap": "AP on 91 COCO photos, over thousands of scenes", "pck": "PCK@0.2 on LSPE's last 1,000"}
    return [Panel(title, curves(lines, [name])) for name, title in titles.items()]


def main() -> None:
    """Read the arguments, measure, write and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("weights", nargs="+", metavar="SCENES=WEIGHTS")
    parser.add_argument("--coco", type=Path, required=True)
    parser.add_argument("--lspe", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    asked = parser.parse_args()
    points = []
    for given in asked.weights:
        scenes, _, weights = given.partition("=")
        points.append({"scenes": int(scenes), **measured(Path(weights), asked.coco, asked.lspe)})
        print(points[-1], flush=True)
    with whole_file(asked.json) as part:
        part.write_text(json.dumps({"points": points}, indent=1) + "\n", encoding="utf-8")
    write_panels(panels_of(points), asked.out)


if __name__ == "__main__":
    main()
