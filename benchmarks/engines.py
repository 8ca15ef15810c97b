"""How fast each engine runs OpenPose's first network on a 620 x 465 image, the classic comparison of OpenVINO with Caffe.

    python benchmarks/engines.py [IMAGE] [--repeats 20] [--model NETWORK.onnx] [--rows eager,openvino-f32] \\
        [--json benchmarks/results/engines.json]

One process; after a warm-up the engines take turns at each repeat, so that whatever else the machine does falls on all alike. Latency:
median milliseconds of one image on all cores. Throughput: images a second with several under way (OpenVINO: asynchronous requests as
many as it asks for; the others: a thread a core). The image from file to people is timed in the same turns, in OpenVINO f32: what is
not the network. Without --model the weights are random (He), which changes no time of the network; the maps are made quiet, as those of
a trained network are.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from limbwise.engine.base import EngineOptions
from limbwise.engine.kinds import open_engine
from limbwise.engine.openvino import find_core, load_openvino
from limbwise.engine.prepare import View, prepare
from limbwise.estimate.estimator import Estimator
from limbwise.estimate.zoo import find_model
from limbwise.export.onnx import export_onnx
from limbwise.export.openvino import read_network, write_network
from limbwise.export.quantise import quantise
from limbwise.media.image import read_image, write_image
from limbwise.net.openpose_cpm import OpenPoseCpm, openpose_cpm_spec
from limbwise.spec import ModelSpec, write_spec

PHOTO = Path(__file__).resolve().parents[2] / "shared" / "data" / "photos" / "ballet.jpg"  # 620 x 465
WARM_UP = 2  # runs of each engine before any counts
REFERENCE = "openvino-f32"
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Row:
    """One engine: `run` takes the batch through the network; `flood` runs it so many times with several under way; `note`: on what."""

    name: str
    run: Callable[[], Any]
    flood: Callable[[int], None]
    note: str = ""


def random_network(folder: Path) -> tuple[nn.Module, Path]:
    """openpose_cpm with He weights and quiet maps: the heads answer little, the background's 1."""
    torch.manual_seed(0)
    net = OpenPoseCpm().eval()
    for name, parameter in net.named_parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu")
            if "Mconv7" in name or "conv5_5" in name:
                parameter.data *= 1e-3
        else:
            nn.init.zeros_(parameter)
    path = folder / "openpose_cpm.onnx"
    export_onnx(net, openpose_cpm_spec(), path, half=False)
    return net, path


def torch_row(name: str, net: nn.Module, batch: Floats, compiled: bool) -> Row:
    """PyTorch, eager or compiled by its inductor."""
    x = torch.from_numpy(batch)
    model: Any = torch.compile(net) if compiled else net

    def run() -> None:
        with torch.inference_mode():
            model(x)

    return Row(name, run, in_threads(run), f"PyTorch {torch.__version__}")


def onnxruntime_row(path: Path, spec: ModelSpec, batch: Floats) -> Row:
    import onnxruntime

    engine = open_engine("onnxruntime", path, spec)
    return Row(
        "onnxruntime", lambda: engine.run(batch), in_threads(lambda: engine.run(batch)), f"{onnxruntime.__version__}"
    )


def openvino_row(name: str, path: Path, spec: ModelSpec, batch: Floats, precision: Any) -> Row:
    """OpenVINO as our engine runs it; for throughput a second copy, compiled for that."""
    ov = load_openvino()
    engine = open_engine("openvino", path, spec, EngineOptions(precision=precision))
    model = read_network(path)
    model.reshape(list(batch.shape))
    hints = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision}
    several = find_core().compile_model(model, "CPU", hints)
    queue = ov.AsyncInferQueue(several)

    def flood(count: int) -> None:
        for _ in range(count):
            queue.start_async({0: batch})
        queue.wait_all()

    done_in = several.get_property("INFERENCE_PRECISION_HINT").to_string()
    note = f"{ov.__version__.partition('-')[0]}, computes in {done_in}, {len(queue)} requests"
    return Row(name, lambda: engine.run(batch), flood, note)


def in_threads(run: Callable[[], Any]) -> Callable[[int], None]:
    """Run so many times in as many threads as there are cores."""

    def flood(count: int) -> None:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for done in [pool.submit(run) for _ in range(count)]:
                done.result()

    return flood


def rows_of(
    names: list[str], net: nn.Module | None, path: Path, spec: ModelSpec, batch: Floats, folder: Path
) -> list[Row]:
    """The engines that were asked for and are here; says why one is not."""
    spec = replace(spec, sha256="")

    def int8() -> Row:
        network = quantise(read_network(path), [batch, np.ascontiguousarray(batch[..., ::-1])], lambda x: x)
        write_network(network, folder / "int8.xml", half=False)
        return openvino_row("openvino-int8", folder / "int8.xml", spec, batch, "f32")

    makers: dict[str, Callable[[], Row]] = {
        "openvino-f32": lambda: openvino_row("openvino-f32", path, spec, batch, "f32"),
        "openvino-bf16": lambda: openvino_row("openvino-bf16", path, spec, batch, "bf16"),
        "openvino-int8": int8,
        "onnxruntime": lambda: onnxruntime_row(path, spec, batch),
    }
    if net is not None:
        makers |= {
            "eager": lambda: torch_row("eager", net, batch, False),
            "compiled": lambda: torch_row("compiled", net, batch, True),
        }
    rows = []
    for name in [name for name in makers if name in names]:
        try:
            row = makers[name]()
            for _ in range(WARM_UP):
                row.run()
            rows.append(row)
        except Exception as error:  # whatever is missing on this machine
            print(f"{name} is left out: {' '.join(str(error).split())[:200]}", flush=True)
    return rows


def measure(rows: list[Row], estimator: Estimator, image: Path, repeats: int) -> dict[str, Any]:
    """Medians over turns: each engine once, then the image from file to people."""
    times: dict[str, list[float]] = defaultdict(list)

    def timed(name: str, step: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = step()
        times[name].append(1000 * (time.perf_counter() - start))
        return result

    def from_file_to_people() -> None:
        pixels = timed("read", lambda: read_image(image))
        inputs = timed("prepare", lambda: estimator.prepare(pixels))
        maps = timed("network", lambda: estimator.look(inputs, pixels.shape))
        timed("group", lambda: estimator.group(maps))

    from_file_to_people()
    times.clear()
    for _ in range(repeats):
        for row in rows:
            timed(row.name, row.run)
        timed("end to end", from_file_to_people)
    return {name: {"median": median(values), "least": min(values)} for name, values in times.items()}


def floods(rows: list[Row], repeats: int, count: int) -> dict[str, float]:
    """Images a second of each engine, the median of turns of `count` images."""
    rates: dict[str, list[float]] = defaultdict(list)
    for _ in range(repeats):
        for row in rows:
            start = time.perf_counter()
            row.flood(count)
            rates[row.name].append(count / (time.perf_counter() - start))
    return {name: median(values) for name, values in rates.items()}


def table(rows: list[Row], latency: dict[str, Any], rates: dict[str, float]) -> str:
    """The table of the README, in Markdown."""
    reference = latency.get(REFERENCE, next(iter(latency.values())))["median"]
    lines = ["| engine | latency, ms | of OpenVINO f32 | images a second | |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        one = latency[row.name]["median"]
        lines.append(f"| {row.name} | {one:.0f} | {one / reference:.2f} | {rates[row.name]:.2f} | {row.note} |")
    steps = ", ".join(f"{name} {latency[name]['median']:.1f}" for name in ("read", "prepare", "network", "group"))
    whole = latency["end to end"]["median"]
    inside = whole / latency["network"]["median"]
    told = f"From file to people {whole:.0f} ms ({steps}): {inside:.3f} of the network in it, {whole / reference:.3f} of the network alone."
    return "\n".join([*lines, "", told])


def machine() -> dict[str, Any]:
    """On what this was measured."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
        flags = next((line for line in lines if line.startswith("flags")), "")
        model += "".join(f", {flag}" for flag in ("avx512_vnni", "avx512_bf16", "amx_int8") if flag in flags)
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]}


def picture(given: Path | None, folder: Path) -> Path:
    """The image that was given, the photo, or a drawn one of its size."""
    if given is not None or PHOTO.is_file():
        return given or PHOTO
    blots = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    write_image(
        folder / "scene.jpg", np.asarray(cv2.resize(blots, (620, 465), interpolation=cv2.INTER_LINEAR), np.uint8)
    )
    return folder / "scene.jpg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("image", type=Path, nargs="?")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument(
        "--model", type=Path, help="a network with its spec (.onnx) instead of openpose_cpm with random weights"
    )
    parser.add_argument("--rows", default="eager,compiled,onnxruntime,openvino-f32,openvino-bf16,openvino-int8")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        net, path = (None, arguments.model) if arguments.model else random_network(folder)
        model, image = find_model(path), picture(arguments.image, folder)
        batch = prepare(read_image(image), model.spec.input, View()).batch
        rows = rows_of(arguments.rows.split(","), net, path, model.spec, batch, folder)
        write_spec(replace(model.spec, sha256=""), folder / "spec.json")
        estimator = Estimator(path, spec=folder / "spec.json")
        latency = measure(rows, estimator, image, arguments.repeats)
        rates = floods(rows, max(1, arguments.repeats // 4), 2 * (os.cpu_count() or 1))
    print(f"{model.spec.name}, input {batch.shape[3]} x {batch.shape[2]}, {arguments.repeats} repeats, {machine()}\n")
    print(table(rows, latency, rates))
    if arguments.json:
        record = {"model": model.spec.name, "input": [batch.shape[3], batch.shape[2]], "repeats": arguments.repeats, "machine": machine(),
                  "milliseconds": latency, "images_a_second": rates, "notes": {row.name: row.note for row in rows}}  # fmt: skip
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
