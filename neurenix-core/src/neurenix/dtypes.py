"""The dtypes of tensors: NumPy's, plus what NumPy lacks, with Neurenix's defaults."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .errors import DtypeError, MissingPackageError
from .installing import how_to_install


@dataclass(frozen=True, eq=False)
class Dtype:
    """One element type. `code` is its stable number in programs and engines."""

    name: str
    code: int
    itemsize: int
    kind: str  # "float", "int", "uint" or "bool"

    def __repr__(self) -> str:
        return f"neurenix.{self.name}"

    def __reduce__(self) -> Any:
        return as_dtype, (self.name,)

    @cached_property
    def is_floating(self) -> bool:
        return self.kind == "float"

    @cached_property
    def numpy(self) -> np.dtype[Any]:
        """NumPy's equal; bfloat16 needs the package ml_dtypes."""
        if self.name == "bfloat16":
            try:
                import ml_dtypes
            except ImportError:
                raise MissingPackageError(
                    "bfloat16 on the host needs the package ml_dtypes: "
                    + how_to_install("neurenix-core", "half")
                ) from None
            return np.dtype(ml_dtypes.bfloat16)
        return np.dtype(self.name)


float32: Dtype = Dtype("float32", 0, 4, "float")
float64: Dtype = Dtype("float64", 1, 8, "float")
float16: Dtype = Dtype("float16", 2, 2, "float")
bfloat16: Dtype = Dtype("bfloat16", 3, 2, "float")
int32: Dtype = Dtype("int32", 4, 4, "int")
int64: Dtype = Dtype("int64", 5, 8, "int")
uint8: Dtype = Dtype("uint8", 6, 1, "uint")
uint32: Dtype = Dtype("uint32", 7, 4, "uint")
bool_: Dtype = Dtype("bool", 8, 1, "bool")

ALL = (float32, float64, float16, bfloat16, int32, int64, uint8, uint32, bool_)
_BY_NAME = {d.name: d for d in ALL}
# Wide dtypes that libraries use by default, and the ones that tensors get instead.
_NARROWED = {
    "float64": float32,
    "int64": int32,
    "int16": int32,
    "int8": int32,
    "uint16": int32,
    "uint64": int32,
}
_PYTHON: dict[Any, Dtype] = {float: float32, int: int32, bool: bool_}


def as_dtype(dtype: Any) -> Dtype:
    """The `Dtype` for a Dtype, a name, a NumPy dtype, or Python's float, int, bool.

    >>> as_dtype("float32"), as_dtype(int)
    (neurenix.float32, neurenix.int32)
    """
    if isinstance(dtype, Dtype):
        return dtype
    if isinstance(dtype, type) and dtype in _PYTHON:
        return _PYTHON[dtype]
    try:
        name = dtype if isinstance(dtype, str) else np.dtype(dtype).name
        return _BY_NAME[name]
    except (TypeError, KeyError):
        names = ", ".join(_BY_NAME)
        raise DtypeError(f"unknown dtype {dtype!r}; there are {names}") from None


def default_for(array: np.ndarray[Any, Any]) -> Dtype:
    """The dtype that an array gets when none is asked for: float64 becomes float32."""
    name = array.dtype.name
    return _NARROWED.get(name) or as_dtype(name)


_RANK = {d: i for i, d in enumerate((bool_, uint8, int32, uint32, int64))}
_FLOAT_RANK = {d: i for i, d in enumerate((float16, bfloat16, float32, float64))}


def promote(a: Dtype, b: Dtype) -> Dtype:
    """The dtype of an operation on both. Integers never widen a float.

    >>> promote(int32, float32), promote(float32, float64)
    (neurenix.float32, neurenix.float64)
    """
    if a is b:
        return a
    if a.is_floating and b.is_floating:
        if {a, b} == {float16, bfloat16}:
            return float32
        return max(a, b, key=_FLOAT_RANK.__getitem__)
    if a.is_floating or b.is_floating:
        return a if a.is_floating else b
    if {a, b} == {int32, uint32}:
        return int64
    return max(a, b, key=_RANK.__getitem__)
