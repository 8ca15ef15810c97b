"""Engines: the same file gives the same maps, whatever runs it; what is wrong with a file or its spec is one line."""

from __future__ import annotations

import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limbwise.engine.base import Engine, EngineOptions
from limbwise.engine.fake import FakeEngine
from limbwise.engine.kinds import ENGINES, open_engine
from limbwise.errors import InputError, LimbwiseError, MissingExtra, ModelMissing, UsageError
from limbwise.skeleton import Skeleton
from limbwise.spec import Head, InputSpec, ModelSpec

onnx = pytest.importorskip("onnx", reason="the models of these tests are made with onnx")
OPTIONS = EngineOptions(threads=1)
STICK = Skeleton("stick", ("head", "hand", "foot"), ((0, 1), (0, 2)), (0.08,) * 3)
SPEC = ModelSpec(
    "test", STICK, {"heatmaps": Head("maps", (0, 1, 2, 3)), "pafs": Head("fields", (3, 2, 1, 0))}, STICK.limbs
)
NHWC = replace(SPEC, input=InputSpec(layout="NHWC"), layout="NHWC")
SIZES = [(1, 64, 96), (3, 72, 104), (1, 104, 72), (3, 64, 96)]


def images(count: int, height: int, width: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(0, 1, (count, 3, height, width)).astype(np.float32)


def make_model(path: Path, nhwc: bool = False, operator: str = "PRelu") -> Path:
    """A small network of stride 8 with random weights, and the operators in which engines differ."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(1)
    sizes = {"w1": (8, 3, 3, 3), "slope": (8, 1, 1), "w2": (8, 8, 3, 3), "w3": (16, 1, 3, 3), "up": (16, 6, 2, 2), "b": (6,),
             "w4": (4, 8, 1, 1), "w5": (4, 14, 1, 1)}  # fmt: skip
    weights = [
        numpy_helper.from_array(rng.normal(0, 0.3, size).astype(np.float32), name) for name, size in sizes.items()
    ]
    weights += [
        numpy_helper.from_array(np.array(value), name)
        for name, value in {"0": [0], "2": [2], "4": [4], "c": [6]}.items()
    ]
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1"], ["a"], strides=[2, 2], pads=[1, 1, 1, 1]),
        node(operator, ["a", "slope"], ["b1"]),
        node("MaxPool", ["b1"], ["c1"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
        node("Conv", ["c1", "w2"], ["d"], strides=[2, 2], pads=[0, 0, 1, 1]),
        node("HardSwish", ["d"], ["e"]),
        node("Conv", ["e", "w3"], ["f"], group=8, strides=[2, 2], pads=[1, 1, 1, 1]),
        node("ConvTranspose", ["f", "up", "b"], ["g"], strides=[2, 2]),
        node("Shape", ["e"], ["s"]),
        node("Slice", ["s", "2", "4", "0"], ["hw"]),
        node("Slice", ["s", "0", "0", "0"], ["none"]),
        node("Shape", ["g"], ["sg"]),
        node("Slice", ["sg", "0", "2", "0"], ["nc"]),
        node("Concat", ["nc", "none", "hw"], ["size"], axis=0),
        node(
            "Resize", ["g", "", "", "size"], ["h"], mode="linear", coordinate_transformation_mode="pytorch_half_pixel"
        ),
        node("Concat", ["e", "h"], ["j"], axis=1),
        node("Sigmoid", ["j"], ["k"]),
        node("Conv", ["e", "w4"], ["maps_nchw"]),
        node("Conv", ["k", "w5"], ["fields_nchw"]),
    ]
    ports = ["batch", "height", "width"]
    shape = [ports[0], *ports[1:], 3] if nhwc else [ports[0], 3, *ports[1:]]
    if nhwc:
        nodes.insert(0, node("Transpose", ["image"], ["x"], perm=[0, 3, 1, 2]))
    else:
        nodes.insert(0, node("Identity", ["image"], ["x"]))
    for name in ("maps", "fields"):
        perm = [0, 2, 3, 1] if nhwc else [0, 1, 2, 3]
        nodes.append(node("Transpose", [f"{name}_nchw"], [name], perm=perm))
    outputs = [["n", "h", "w", 4] if nhwc else ["n", 4, "h", "w"] for _ in range(2)]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, out) for name, out in zip(("maps", "fields"), outputs, strict=True)],
        weights,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "net.onnx")


def opened(kind: str, path: Path, spec: ModelSpec = SPEC) -> Engine:
    try:
        return open_engine(kind, path, spec, OPTIONS)  # type: ignore[arg-type]  # a table of names
    except MissingExtra as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("nhwc", [False, True], ids=["NCHW", "NHWC"])
@pytest.mark.parametrize("kind", ["onnxruntime", "pytorch"])
def test_all_engines_give_the_same_maps(kind: str, nhwc: bool, tmp_path: Path) -> None:
    path, spec = make_model(tmp_path / "net.onnx", nhwc), NHWC if nhwc else SPEC
    ours, other = opened("openvino", path, spec), opened(kind, path, spec)
    for count, height, width in SIZES:
        batch = images(count, height, width)
        one, two = ours.run(batch), other.run(batch)
        assert one.keys() == two.keys() == {"maps", "fields"}
        for name, maps in one.items():
            assert maps.shape == two[name].shape == (count, 4, height // 8, width // 8)
            assert maps.dtype == two[name].dtype == np.float32
            assert maps.std() > 0.01
            np.testing.assert_allclose(maps, two[name], atol=1e-4)


def test_engines_give_what_the_network_gave_before_it_was_a_file(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the torch extra is not installed")

    class Net(torch.nn.Module):  # type: ignore[misc,name-defined]  # a module that may be absent has no types
        def __init__(self) -> None:
            super().__init__()
            nn = torch.nn
            self.trunk = nn.Sequential(
                nn.Conv2d(3, 8, 3, 4, 1), nn.BatchNorm2d(8), nn.PReLU(8), nn.MaxPool2d(3, 2, ceil_mode=True)
            )
            self.up = nn.ConvTranspose2d(8, 8, 4, 2, 1)
            self.maps, self.fields = nn.Conv2d(8, 4, 1), nn.Conv2d(16, 4, 1)

        def forward(self, x: Any) -> Any:
            trunk = self.trunk(x)
            small = torch.nn.functional.relu6(torch.nn.functional.avg_pool2d(self.up(trunk), 4))
            large = torch.nn.functional.interpolate(small, size=trunk.shape[-2:], mode="bilinear", align_corners=False)
            return self.maps(trunk * trunk.mean((2, 3), keepdim=True).sigmoid()), self.fields(
                torch.cat([trunk, large], 1)
            )

    torch.manual_seed(0)
    net, path, axes = Net().eval(), tmp_path / "net.onnx", {0: "n", 2: "h", 3: "w"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the old exporter says that it is old; it needs no further package
        torch.onnx.export(net, (torch.zeros(1, 3, 64, 64),), path, input_names=["image"], output_names=["maps", "fields"],
                          dynamic_axes={"image": axes, "maps": axes, "fields": axes}, dynamo=False)  # fmt: skip
    for count, height, width in SIZES:
        batch = images(count, height, width)
        with torch.no_grad():
            wanted = dict(zip(("maps", "fields"), net(torch.from_numpy(batch)), strict=True))
        for kind in ENGINES:
            for name, maps in opened(kind, path).run(batch).items():
                np.testing.assert_allclose(maps, wanted[name], atol=1e-4, err_msg=f"{kind} {name}")


@pytest.mark.parametrize("kind", sorted(ENGINES))
def test_maps_are_the_callers_own(kind: str, model: Path) -> None:
    engine = opened(kind, model)
    first = engine.run(images(1, 64, 64))
    kept = {name: maps.copy() for name, maps in first.items()}
    engine.run(images(1, 64, 64, seed=1))
    for name, maps in first.items():
        np.testing.assert_array_equal(maps, kept[name])
        assert maps.flags.writeable


def test_a_size_gives_the_same_maps_compiled_for_it_or_for_any(model: Path) -> None:
    batch, engine = images(1, 72, 104), opened("openvino", model)
    exact = engine.run(batch)
    other = opened("openvino", model)
    other.run(images(1, 64, 64))
    for _ in range(20):  # past the patience of the cache
        for name, maps in other.run(batch).items():
            np.testing.assert_allclose(maps, exact[name], atol=1e-5)


def test_threads_may_share_an_engine(model: Path) -> None:
    engine = opened("openvino", model)
    batches = [images(1, 64, 64 + 8 * (i % 3), seed=i) for i in range(12)]
    alone = [engine.run(batch)["maps"] for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for maps, wanted in zip(pool.map(engine.run, batches), alone, strict=True):
            np.testing.assert_allclose(maps["maps"], wanted, atol=1e-5)


def with_head(**fields: Any) -> ModelSpec:
    return replace(SPEC, heads={**SPEC.heads, "heatmaps": replace(SPEC.heads["heatmaps"], **fields)})


WRONG_SPECS = {
    "heads.heatmaps.output: 'nowhere'": with_head(output="nowhere"),
    "heads.heatmaps.channels: channel 7": with_head(channels=(0, 1, 2, 7)),
    "heads.heatmaps.stride: 2": with_head(stride=2),
    "input.name: 'data'": replace(SPEC, input=InputSpec(name="data")),
}


@pytest.mark.parametrize("field", WRONG_SPECS)
@pytest.mark.parametrize("kind", sorted(ENGINES))
def test_a_spec_that_does_not_fit_is_named_by_its_field(kind: str, field: str, model: Path) -> None:
    with pytest.raises(InputError, match=field) as caught:
        opened(kind, model, WRONG_SPECS[field]).run(images(1, 128, 128))
    assert str(caught.value).startswith(str(model))
    assert "\n" not in str(caught.value)


DAMAGED = {"empty": b"", "text": b"not a model", "half": None, "noise": bytes(range(256)) * 9}


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("suffix", [".onnx", ".pb", ".xml", ".tflite"])
def test_a_damaged_file_is_one_line(
    damage: str, suffix: str, model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"bad{suffix}"
    data = DAMAGED[damage]
    path.write_bytes(model.read_bytes()[: model.stat().st_size // 2] if data is None else data)
    for kind in ENGINES if suffix == ".onnx" else ["openvino"]:
        with pytest.raises(InputError) as caught:
            opened(kind, path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", ["onnxruntime", "pytorch"])
def test_other_formats_are_for_openvino(kind: str, tmp_path: Path) -> None:
    (tmp_path / "net.pb").write_bytes(b"\x0a\x00")
    with pytest.raises(InputError, match=r"reads \.onnx files only"):
        opened(kind, tmp_path / "net.pb")


WRONG_CALLS: list[tuple[dict[str, Any], type[LimbwiseError], str]] = [
    ({"kind": "tensorrt"}, UsageError, "engine: 'tensorrt' is unknown; there are openvino"),
    ({"model": Path("gone.onnx")}, ModelMissing, "gone.onnx: there is no such model file"),
    *[
        ({"kind": kind, "options": EngineOptions("toaster")}, UsageError, "toaster is not there; .* finds .*cpu")
        for kind in ENGINES
    ],
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG_CALLS)
def test_wrong_calls(call: dict[str, Any], error: type[LimbwiseError], message: str, model: Path) -> None:
    opened(call.get("kind", "openvino") if call.get("kind") in ENGINES else "openvino", model)
    with pytest.raises(error, match=f"(?i){message}"):
        open_engine(**{"kind": "openvino", "model": model, "spec": SPEC, **call})


def test_a_widened_engine_gives_the_same_maps(model: Path) -> None:
    batches = [images(1, 64, 96, seed) for seed in range(12)] + [images(1, 72, 104, seed) for seed in range(12)]
    single = open_engine("openvino", model, SPEC, EngineOptions(threads=4))
    wide = single.widened()
    assert (single.width, wide.width) == (1, 4)
    assert wide.widened() is wide
    assert open_engine("openvino", model, SPEC, OPTIONS).widened().width == 1
    with ThreadPoolExecutor(4) as pool:
        several = list(pool.map(wide.run, batches))
    for batch, maps in zip(batches, several, strict=True):
        for name, expected in single.run(batch).items():
            np.testing.assert_allclose(maps[name], expected, atol=1e-6)


@pytest.mark.parametrize("options", [{"threads": -1}, {"precision": "int3"}])
def test_wrong_options(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        EngineOptions(**options)


def test_the_pytorch_engine_names_an_operator_it_does_not_know(tmp_path: Path) -> None:
    path = make_model(tmp_path / "net.onnx", operator="Mod")
    with pytest.raises(InputError, match="does not know the operator Mod"):
        opened("pytorch", path)


def test_a_fake_gives_what_it_was_given() -> None:
    maps = np.zeros((4, 8, 8), np.float32)
    fake = FakeEngine({"maps": maps})
    assert fake.run(images(3, 64, 64))["maps"].shape == (3, 4, 8, 8)
    assert FakeEngine(lambda batch: {"maps": batch[:, :1]}).run(images(2, 8, 8))["maps"].shape == (2, 1, 8, 8)
    assert fake.batches == [(3, 3, 64, 64)]
    with pytest.raises(ValueError, match="maps of 2 images"):
        FakeEngine({"maps": np.zeros((3, 4, 8, 8), np.float32)}).run(images(2, 64, 64))


SIGNALLED = """
import gc, os, signal, sys
from pathlib import Path
from limbwise.engine.base import EngineOptions
from limbwise.engine.openvino import OpenVINOEngine
from limbwise.spec import read_spec
path = Path(sys.argv[1])
spec = read_spec(path.with_suffix(".json"))
engines = [OpenVINOEngine(path, spec, EngineOptions()) for _ in range(3)]
while engines:
    del engines[0]
    gc.collect()
signal.signal(signal.SIGTERM, lambda *_: print("heard"))
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the stacks for signals are Linux's")
def test_signals_are_heard_when_engines_have_come_and_gone(dots_model: Path) -> None:
    code = [sys.executable, "-c", SIGNALLED, str(dots_model)]
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


OFFLINE = """
import os, sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        os.write(2, f"{event} {arguments}".encode()); os._exit(7)
sys.addaudithook(watch)
import limbwise.engine.base
assert not {"openvino", "onnxruntime", "torch", "onnx"} & sys.modules.keys()
from limbwise.engine.openvino import load_openvino
load_openvino().Core()
assert not [name for name in sys.modules if name.startswith("openvino_telemetry")]
"""


def test_openvino_comes_without_a_message_to_its_maker() -> None:
    done = subprocess.run([sys.executable, "-c", OFFLINE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
