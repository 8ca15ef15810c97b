"""PyTorch's .pth, .pt and .ckpt: a state dict and nothing else. A pickle that wants to run code is refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor

from limbwise.convert.weights import Weights, check_size
from limbwise.errors import InputError

SUFFIXES = {".pth", ".pt", ".ckpt"}
WITHIN = ("state_dict", "model_state_dict", "model", "net")  # where a checkpoint of many things keeps the weights
COUNTER = "num_batches_tracked"


def read_state(path: str | Path) -> Weights:
    """The tensors of a state dict, or of one within a checkpoint, by name; DataParallel's `module.` and counters are left out.

    Raises InputError that names the file where it is missing, damaged, wants to run code, or holds no weights.
    """
    path = Path(path)
    check_size(path)
    state = _loaded(path)
    for name in WITHIN:
        if isinstance(state, dict) and isinstance(state.get(name), dict):
            state = state[name]
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{path}: holds no state dict of weights")
    arrays = {str(name).removeprefix("module."): _array(value, f"{path}: {name}") for name, value in state.items()}
    return {name: array for name, array in arrays.items() if not name.endswith(COUNTER)}


def is_state(path: Path) -> bool:
    """Whether the file is called like one; TensorFlow's checkpoints of the same name are told from it before."""
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _loaded(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        said = str(error)
        if "global" in said.lower() or "unsupported" in said.lower():
            raise InputError(f"{path}: refused, since it wants to run code; only plain weights are taken") from error
        raise InputError(f"{path}: not a file of PyTorch, or damaged") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (
        RuntimeError,
        EOFError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        MemoryError,
        OverflowError,
    ) as error:
        raise InputError(f"{path}: not a file of PyTorch, or damaged") from error


def _array(tensor: Tensor, where: str) -> npt.NDArray[Any]:
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex():
        raise InputError(f"{where}: {tensor.dtype} weights of that kind are not read")
    tensor = tensor.detach()
    array: npt.NDArray[Any] = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array
