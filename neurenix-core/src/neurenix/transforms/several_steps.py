"""Runs several steps of a compiled function in one call: `Compiled.run_steps`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import dispatch, tree
from ..backends import discovery
from ..backends.protocol import StepsCall
from ..backends.several_steps import begin_steps, stacked
from ..errors import CaptureError, InvalidArgumentError, ShapeError, StepsInterrupted
from ..primitives import TensorType
from ..tensor import Tensor, tensor
from . import eager
from .entry import Entry
from .statics import with_tensors


@dataclass(frozen=True)
class StepArguments:
    """The arguments of several steps.

    tensors  all of them, whole
    moves    which of them have a row for each step, the others being the same in each
    one      the arguments of one step; its tensors have a type and no value
    count    how many steps
    """

    tensors: list[Tensor]
    moves: list[bool]
    one: list[Any]
    count: int

    def arguments(self, step: int) -> Any:
        """The arguments of a step, with the values of its tensors."""
        values = [
            eager.row(x, step) if moves else x
            for x, moves in zip(self.tensors, self.moves, strict=True)
        ]
        return with_tensors(self.one, {}, values)[0]


def refuse_tape(name: str, steps: StepArguments) -> None:
    """Raises where an argument is on the tape."""
    if dispatch.taped(steps.tensors):
        raise InvalidArgumentError(
            f"{name}: an argument requires grad, and several steps are not "
            "differentiated: use nx.scan or nx.map, or detach it"
        )


def run_steps(
    name: str,
    entry: Entry,
    steps: StepArguments,
    types: Sequence[TensorType],
    guard: bool,
) -> Any:
    """Run the steps of a program whose lock is held; `types` are those of one step's
    tensors."""
    device = entry.device
    backend = discovery.backend(device.type)
    call = StepsCall(
        inputs=[
            dispatch.on_device(x.data, device) if x.device is None else x.data
            for x in steps.tensors
        ],
        moving=steps.moves,
        types=types,
        out_types=entry.out_types,
        count=steps.count,
        guarded=guard,
        stateful=bool(entry.state.cells),
    )
    entry.bind()
    running = begin_steps(backend, device.index, entry.executable, call)

    def results() -> Any:
        outputs = [
            Tensor(buffer, stacked(type, running.done), device)
            for buffer, type in zip(running.outputs(), call.out_types, strict=True)
        ]
        if guard:
            return tree.unflatten(entry.out_structure, outputs[:-1]), outputs[-1]
        return tree.unflatten(entry.out_structure, outputs)

    try:
        while running.done < steps.count and not running.stopped:
            entry.bind()  # between two crossings others may have taken hold of state
            running.go_on()
    except Exception as error:  # noqa: BLE001  a plugin's code
        entry.count(steps.count)  # at most
        entry.failed(error)
    except KeyboardInterrupt as cause:
        entry.count(running.done)
        if not running.done:
            raise
        message = f"{name}: after {running.done} of {steps.count} steps"
        raise StepsInterrupted(message, running.done, results()) from cause
    entry.count(running.done)
    return results()


def split(name: str, args: Sequence[Any], in_axes: Any) -> StepArguments:
    """Divides arguments into steps, along the leading axis where `in_axes` says so."""
    if dispatch.state.recorders:
        function = name.removesuffix(".run_steps")
        raise CaptureError(
            f"{name} runs now, and a program is being captured: use nx.scan with "
            f"{function} within it"
        )
    axes = in_axes if isinstance(in_axes, (tuple, list)) else [in_axes] * len(args)
    if len(axes) != len(args):
        raise InvalidArgumentError(
            f"{name}: in_axes has {len(axes)} entries for {len(args)} arguments"
        )
    whole: list[Tensor] = []
    moving: list[bool] = []
    rows = []
    for axis, argument in zip(axes, args, strict=True):
        if axis is not None and (axis != 0 or isinstance(axis, bool)):
            raise InvalidArgumentError(
                f"{name}: in_axes entry {axis!r}; expected 0, a leading axis with a "
                "row for each step, or None, the same in each step"
            )
        leaves, structure = tree.flatten(argument)
        for i, x in enumerate(leaves):
            if not isinstance(x, (Tensor, np.ndarray)):
                continue
            value = x.value() if isinstance(x, Tensor) else tensor(x)
            if axis == 0 and not value.shape:
                raise ShapeError(
                    f"{name}: a scalar {value.dtype.name} has no leading axis of "
                    "steps; in_axes=None says that it is the same in each step"
                )
            whole.append(value)
            moving.append(axis == 0)
            shape = value.shape[1:] if axis == 0 else value.shape
            type = TensorType(shape, value.dtype)
            leaves[i] = Tensor(None, type, value.device)
        rows.append(tree.unflatten(structure, leaves))
    counts = {x.shape[0] for x, moves in zip(whole, moving, strict=True) if moves}
    if len(counts) != 1 or 0 in counts:
        shapes = [x.shape for x, moves in zip(whole, moving, strict=True) if moves]
        listed = ", ".join(map(str, shapes)) or "none"
        raise ShapeError(
            f"{name}: the leading axes must have one size, the number of steps, of at "
            f"least 1; the shapes are {listed}"
        )
    return StepArguments(tensors=whole, moves=moving, one=rows, count=counts.pop())
