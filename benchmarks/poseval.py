"""How long `limbwise evaluate posetrack` and poseval take for the same folders, reading and judging, imports left out.

    python benchmarks/poseval.py GT PRED --poseval SCRATCH/bin/python --json benchmarks/results/poseval.json

`--poseval`: the Python of an environment in which the Python 3 poseval is installed; the two take turns, so that both see the same
machine. CPU seconds, the least of several rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

OURS = """
import sys, time
from limbwise.evaluate.posetrack import evaluate_posetrack
begun = time.process_time()
evaluate_posetrack(sys.argv[1], sys.argv[2])
print(time.process_time() - begun)
"""

POSEVAL = """
import contextlib, io, os, sys, tempfile, time
from poseval import eval_helpers
from poseval.evaluateAP import evaluateAP
from poseval.evaluateTracking import evaluateTracking
begun = time.process_time()
with contextlib.redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as out:
    frames = eval_helpers.load_data_dir(["", sys.argv[1] + "/", sys.argv[2] + "/"])
    evaluateAP(*frames, out, True, True)
    evaluateTracking(*frames, out, True, True)
print(time.process_time() - begun)
"""


def seconds(python: str, program: str, gt: Path, pred: Path) -> float:
    """CPU seconds that one fresh process says it took."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [python, "-c", program, str(gt.resolve()), str(pred.resolve())],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("gt", type=Path, help="folder of labels")
    parser.add_argument("pred", type=Path, help="folder of predictions")
    parser.add_argument("--poseval", help="Python of an environment with poseval (default: only our own time)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    times: dict[str, list[float]] = {"limbwise": [], "poseval": []}
    for _ in range(arguments.rounds):
        times["limbwise"].append(seconds(sys.executable, OURS, arguments.gt, arguments.pred))
        if arguments.poseval:
            times["poseval"].append(seconds(arguments.poseval, POSEVAL, arguments.gt, arguments.pred))
    result = {name: round(min(values), 3) for name, values in times.items() if values}
    if "poseval" in result:
        result["times_faster"] = round(result["poseval"] / result["limbwise"], 1)
    print(result)
    if arguments.json:
        record = {"gt": arguments.gt.parent.name, "seconds": result, "machine": platform.machine(), "cores": os.cpu_count(),
                  "python": platform.python_version()}  # fmt: skip
        arguments.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
