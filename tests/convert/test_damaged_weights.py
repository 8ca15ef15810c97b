"""200 damaged files of weights, seeds fixed: each is refused with a reason, quickly, in little memory, and runs no code."""

from __future__ import annotations

import json
import pickle
import resource
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from foreign import Layers, layers_of, varint, write_caffemodel, write_ir, write_npz

from limbwise.convert.kinds import convert
from limbwise.convert.openpose import compact_name
from limbwise.errors import LimbwiseError
from limbwise.net.openpose_cpm import CpmOptions, OpenPoseCpm
from limbwise.net.openpose_paf import OpenPosePaf, PafOptions

Rng = np.random.Generator
COUNT = 200


class Evil:
    """What a malicious pickle is made of: unpickled, it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.write_text, (self.path, "code has run")


def write_ckpt(path: Path, layers: Layers) -> Path:
    """The PyTorch code's network with the arrays of `layers` (here by its own names)."""
    torch.save({name: torch.from_numpy(np.array(array)) for name, (array, *_) in layers.items()}, path)
    return path


WRITERS: dict[str, Callable[[Path, Layers], Path]] = {
    ".caffemodel": write_caffemodel,
    ".npz": write_npz,
    ".xml": write_ir,
    ".ckpt": write_ckpt,
}


@pytest.fixture(scope="module")
def sound() -> dict[str, Layers]:
    """Small networks that convert."""
    body = layers_of(OpenPoseCpm(CpmOptions(stages=2, width=4)))
    options = PafOptions(17, 23, 1, 1, ((4, 4, 4),) * 2, (8, 8), (2, 8, 5), "relu", True, True)
    state = OpenPosePaf(options).state_dict()
    named = {compact_name(name): [value.numpy()] for name, value in state.items()}
    return {suffix: named if suffix == ".ckpt" else body for suffix in WRITERS}


def cut(path: Path, rng: Rng) -> None:
    """Truncated somewhere."""
    if path.suffix == ".xml" and rng.random() < 0.5:
        path = path.with_suffix(".bin")
    content = path.read_bytes()
    path.write_bytes(content[: int(rng.integers(0, len(content) - 40))])


def scribble(path: Path, rng: Rng) -> None:
    """Nonsense at the beginning."""
    content = bytearray(path.read_bytes())
    content[:16] = rng.integers(0, 256, 16, np.uint8).tobytes()
    if path.suffix in {".npz", ".ckpt"}:  # zip archives are read from their end
        content[-22:] = rng.integers(0, 256, 22, np.uint8).tobytes()
    path.write_bytes(bytes(content))


def noise(path: Path, rng: Rng) -> None:
    """Nothing but nonsense."""
    path.write_bytes(rng.integers(0, 256, int(rng.integers(1, 5000)), np.uint8).tobytes())


def boast(path: Path, rng: Rng) -> None:
    """A size that nobody has, where the format says one."""
    huge = int(rng.integers(2**33, 2**40))
    if path.suffix == ".caffemodel":
        path.write_bytes(varint(100 << 3 | 2) + varint(huge) + path.read_bytes())
    elif path.suffix == ".xml":
        path.write_text(path.read_text().replace('offset="0"', f'offset="{huge}"', 1))
    elif path.suffix == ".npz":
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({huge},), }}".ljust(117) + "\n"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("conv1_1/W.npy", b"\x93NUMPY\x01\x00\x76\x00" + header.encode())
    else:
        torch.save({"F.vgg.0.weight": torch.zeros(1).expand(huge)}, path)


def run_code(path: Path, rng: Rng) -> None:
    """A pickle that would write a file; in an .xml a bomb of entities, in a .caffemodel a pickle under its name."""
    evil = Evil(path.with_name("evil"))
    if path.suffix == ".npz":
        np.savez(path, **{"conv1_1/W": np.array([evil], object)})  # type: ignore[arg-type]
    elif path.suffix == ".xml":
        entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "x" * 10}">' for i in range(12))
        path.write_text(f'<!DOCTYPE net [{entities}]><net version="2"><layers>&e11;</layers></net>')
    elif path.suffix == ".ckpt" and rng.random() < 0.5:
        torch.save({"state_dict": {"F.vgg.0.weight": torch.zeros(1)}, "args": evil}, path)
    else:
        path.write_bytes(pickle.dumps({"weights": evil}, 2))


FILES = (cut, scribble, noise, boast, run_code)


def drop(layers: Layers, name: str, rng: Rng) -> None:
    del layers[name]


def rename(layers: Layers, name: str, rng: Rng) -> None:
    layers[f"{name}_{rng.integers(100)}"] = layers.pop(name)


def add(layers: Layers, name: str, rng: Rng) -> None:
    layers[f"fc{rng.integers(6, 9)}x"] = layers[name]


def reshape(layers: Layers, name: str, rng: Rng) -> None:
    first, *rest = layers[name]
    layers[name] = [np.concatenate([first, first]), *rest]


def poison(layers: Layers, name: str, rng: Rng) -> None:
    first, *rest = layers[name]
    layers[name] = [np.full_like(first, rng.choice([np.nan, np.inf, -np.inf]), np.float32), *rest]


LAYERS = (drop, rename, add, reshape, poison)


def damaged(seed: int, sound: dict[str, Layers], folder: Path) -> Path:
    """File number `seed`: every kind of file with every kind of damage in turn."""
    rng = np.random.default_rng(seed)
    suffix = list(WRITERS)[seed % len(WRITERS)]
    harm = (*FILES, *LAYERS)[seed // len(WRITERS) % (len(FILES) + len(LAYERS))]
    layers = {name: list(arrays) for name, arrays in sound[suffix].items() if not name.endswith("num_batches_tracked")}
    if harm in LAYERS:
        harm(layers, str(rng.choice(list(layers))), rng)
    path = WRITERS[suffix](folder / f"weights{suffix}", layers)
    if harm in FILES:
        harm(path, rng)
    return path


@pytest.mark.parametrize("start", range(0, COUNT, 40))
def test_damaged_files_are_refused(start: int, sound: dict[str, Layers], tmp_path: Path) -> None:
    for seed in range(start, start + 40):
        path = damaged(seed, sound, tmp_path)
        before, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(LimbwiseError) as caught:
            convert(path, allow_missing=False)
        assert caught.value.exit_code in {1, 5}, json.dumps([seed, str(caught.value)])
        assert path.stem in str(caught.value)
        assert len(str(caught.value)) > len(str(path)) + 10
        assert time.process_time() - before < 5
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 2**21  # kilobytes
        assert not path.with_name("evil").exists()


def test_sound_files_convert(sound: dict[str, Layers], tmp_path: Path) -> None:
    """What the damaged ones were before."""
    for suffix, write in WRITERS.items():
        layers = {name: pair for name, pair in sound[suffix].items() if not name.endswith("num_batches_tracked")}
        assert convert(write(tmp_path / f"weights{suffix}", layers)).spec is not None
