"""A graph under construction: nodes, constants and names, in ONNX's own terms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

import numpy as np
import onnx

from ...dtypes import Dtype
from ...errors import ExportError
from ...program import Instruction

Array = np.ndarray[Any, Any]

#: The dtypes that a graph may have, by name.
KINDS = {
    name: onnx.helper.np_dtype_to_tensor_dtype(np.dtype(name))
    for name in ("float32", "int32", "int64", "uint8", "uint32", "bool")
}
OPSET = 18


def kind_of(dtype: Dtype) -> int:
    return KINDS[dtype.name]


def at(instruction: Instruction) -> str:
    """Where an instruction comes from, for messages."""
    line = f" at {instruction.source}" if instruction.source else ""
    return f"export to ONNX: {instruction.primitive.name}{line}"


def refuse(instruction: Instruction, why: str) -> ExportError:
    return ExportError(f"{at(instruction)}: {why}")


class Graph:
    """Nodes in the order in which they were added. Values are named by numbers, past
    the names that are taken; equal constants are one initializer."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._constants: dict[Any, str] = {}
        self._taken = frozenset(taken)
        self._count = count(1)

    def body(self) -> Graph:
        """A graph within this one, which has names and constants from it."""
        inner = Graph(())
        inner.initializers, inner._constants = self.initializers, self._constants
        inner._taken, inner._count = self._taken, self._count
        return inner

    def new_name(self) -> str:
        while True:
            name = f"_{next(self._count)}"
            if name not in self._taken:
                return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """A node of one output; its name."""
        output = self.new_name()
        self.nodes.append(onnx.helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(self, name: str, array: Array) -> None:
        self.initializers.append(onnx.numpy_helper.from_array(array, name))

    def constant(self, value: Any, dtype: str) -> str:
        array = np.ascontiguousarray(np.asarray(value, np.dtype(dtype)))
        array = array.reshape(np.shape(value))
        key = (dtype, array.shape, array.tobytes())
        name = self._constants.get(key)
        if name is None:
            name = self._constants[key] = self.new_name()
            self.weight(name, array)
        return name

    def integers(self, values: Sequence[int]) -> str:
        """A list of int64, as which nodes take shapes and axes."""
        return self.constant(list(values), "int64")

    # ---- what many rules need --------------------------------------------------------

    def cast(self, x: str, dtype: str) -> str:
        return self.add(
            "Cast", x, to=int(onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
        )

    def reshape(self, x: str, old: Sequence[int], new: Sequence[int]) -> str:
        if tuple(old) == tuple(new):
            return x
        return self.add("Reshape", x, self.integers(new), allowzero=1)

    def transpose(self, x: str, permutation: Sequence[int]) -> str:
        if list(permutation) == list(range(len(permutation))):
            return x
        return self.add("Transpose", x, perm=list(permutation))

    def expand(self, x: str, shape: Sequence[int]) -> str:
        return self.add("Expand", x, self.integers(shape))

    def where(self, condition: str, a: str, b: str) -> str:
        return self.add("Where", condition, a, b)

    def full(self, shape: Sequence[int], value: Any, dtype: str) -> str:
        one = self.constant(np.asarray(value), dtype)
        return self.expand(one, shape) if len(shape) else one
