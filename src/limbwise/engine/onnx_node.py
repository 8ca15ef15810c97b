"""A node of an ONNX graph as its operator sees it: inputs and attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

Inputs = Sequence[Tensor]  # None where an optional input is left out: see optional


class UnknownOperator(Exception):
    """An operator, or a mode of one, that is not in the table; its text is the name."""


@dataclass(frozen=True)
class Attributes:
    """A node's attributes; `given` also looks at an input, where newer opsets put what was an attribute."""

    values: dict[str, Any] = field(default_factory=dict)

    def __call__(self, name: str, default: Any = None) -> Any:
        value = self.values.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def given(self, inputs: Inputs, index: int, name: str) -> Any:
        """The input at `index` as Python numbers, else the attribute `name`, else None."""
        tensor = optional(inputs, index)
        return self(name) if tensor is None else tensor.tolist()


Operator = Callable[[Inputs, Attributes], Any]


def optional(inputs: Inputs, index: int) -> Tensor | None:
    """The input at `index`, None where it is left out."""
    return inputs[index] if index < len(inputs) else None
