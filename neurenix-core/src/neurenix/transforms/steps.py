"""Several steps of a compiled function by one call: what `Compiled.run_steps` does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dispatch, tree
from ..backends import discovery
from ..backends.protocol import StepsCall
from ..backends.steps import begin_steps, stacked
from ..errors import CaptureError, InvalidArgumentError, ShapeError, StepsInterrupted
from ..primitives import TensorType
from ..state.cell import touched
from ..tensor import Tensor, tensor
from . import eager
from .statics import with_tensors

if TYPE_CHECKING:
    from .compiled import Compiled
    from .entry import Entry


def run_steps(compiled: Compiled, args: Sequence[Any], in_axes: Any) -> Any:
    name = f"{compiled.__name__}.run_steps"
    if dispatch.state.recorders:
        raise CaptureError(
            f"{name} runs now, and a program is being captured: use nx.scan with "
            f"{compiled.__name__} within it"
        )
    whole, rows, moving, count = _split(name, args, in_axes)
    if dispatch.eagerly():

        def of_step(i: int) -> Any:
            values = [
                eager.row(x, i) if m else x for x, m in zip(whole, moving, strict=True)
            ]
            return with_tensors(rows, {}, values)[0]

        return eager.steps(compiled, of_step, count)
    if dispatch.state.grad_enabled and any(x.node is not None for x in whole):
        raise InvalidArgumentError(
            f"{name}: an argument requires grad, and several steps are not "
            "differentiated: use nx.scan or nx.map, or detach it"
        )
    one: list[Tensor] = []
    key = compiled._key(rows, {}, one)
    with compiled._held(key):
        entry = compiled._entry(one, key, rows, {})
        call = StepsCall(
            [
                dispatch.on_device(x.data, entry.device) if x.device is None else x.data
                for x in whole
            ],
            moving,
            [x.type for x in one],
            entry.out_types,
            count,
            compiled.guard,
            bool(entry.cells),
        )
        return _run(compiled, entry, call)


def _run(compiled: Compiled, entry: Entry, call: StepsCall) -> Any:
    device = entry.device
    backend = discovery.backend(device.type)
    _bind(entry)
    steps = begin_steps(backend, device.index, entry.executable, call)

    def results() -> Any:
        outputs = [
            Tensor(buffer, stacked(type, steps.done), device)
            for buffer, type in zip(steps.outputs(), call.out_types, strict=True)
        ]
        if call.guarded:
            return tree.unflatten(entry.out_structure, outputs[:-1]), outputs[-1]
        return tree.unflatten(entry.out_structure, outputs)

    try:
        while steps.done < call.count and not steps.stopped:
            _bind(entry)
            steps.go_on()
    except Exception as error:  # noqa: BLE001  a plugin's code
        entry.failed(error)
    except KeyboardInterrupt as cause:
        if not steps.done:
            raise
        message = f"{compiled.__name__}: after {steps.done} of {call.count} steps"
        raise StepsInterrupted(message, steps.done, results()) from cause
    return results()


def _bind(entry: Entry) -> None:
    """Each time: between two crossings others may have taken hold of the state."""
    if entry.cells and entry.seen is not touched[0]:
        entry._look()


def _split(
    name: str, args: Sequence[Any], in_axes: Any
) -> tuple[list[Tensor], list[Any], list[bool], int]:
    """The tensors; the arguments of one step, with tensors that have a type and no
    value; which of the tensors move on; how many steps."""
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
    return whole, rows, moving, counts.pop()
