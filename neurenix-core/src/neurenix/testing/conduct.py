"""Checks the conduct of a backend beyond values: outputs have their dtype and shape,
and what it takes it gives back."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import neurenix as nx

from ..backends import discovery
from ..dtypes import Dtype, as_dtype
from ..primitives import ops
from ..tensor import Tensor, tensor
from .case import Case


def check_types(name: str, outputs: Sequence[Tensor]) -> None:
    """The arrays that a device gives are of their tensors' dtypes and shapes."""
    for y in outputs:
        found = y.numpy()
        assert found.dtype == y.dtype.numpy and found.shape == y.shape, (
            f"{name}: the device gave {found.dtype}{found.shape}, "
            f"and should give {y.dtype.name}{y.shape}"
        )


def check_leaks(name: str, call: Callable[[], Sequence[Tensor]]) -> None:
    """Checks that a call gives back what it takes once nobody holds its results: no
    buffer lives on, and the device's `memory_stats` are as before.

    Raises AssertionError with `name`, and how much was kept.
    """
    device = nx.current_device()
    backend = discovery.backend(device.type)

    def once() -> list[weakref.ref[Any]]:
        return [weakref.ref(y.data) for y in call() if y.device is not None]

    def memory() -> dict[str, int]:
        backend.synchronize(device.index)
        stats = backend.memory_stats(device.index)
        return {
            kind: amount
            for kind, amount in stats.items()
            if kind not in ("peak", "cached")
        }

    for _ in range(2):  # executables, literals and scratch are made, and stay
        once()
    before = memory()
    rounds = 3
    kept = [ref for _ in range(rounds) for ref in once() if ref() is not None]
    assert not kept, (
        f"{name}: {len(kept)} buffers live on after {rounds} calls, though nobody "
        "holds the tensors; a buffer is new, and freed with its last reference"
    )
    after = memory()
    grown = {k: after[k] - before[k] for k in before if after[k] > before[k]}
    assert not grown, (
        f"{name}: {rounds} calls leave more memory in use than before: "
        + ", ".join(f"{kind} by {amount} bytes" for kind, amount in grown.items())
    )


def check_conduct(case: Case, dtype: Dtype) -> None:
    """Both, of one primitive, called as it is and compiled."""
    primitive = getattr(ops, case.primitive)
    arrays = case.inputs(np.random.default_rng(0), dtype)
    inputs = [tensor(a, dtype=as_dtype(a.dtype)) for a in arrays]

    def operation(*xs: Tensor) -> list[Tensor]:
        outputs = primitive(*xs, **case.params)
        return list(outputs) if primitive.many else [outputs]

    for f in (operation, nx.compile(operation)):
        call = partial(f, *inputs)
        check_types(str(case), call())
        check_leaks(str(case), call)
