"""Settles a program: drops what only a derivative asks for, once no derivative will be
taken.

Every other pass keeps it: how a call is differentiated (`remat`, `vjp`), and where a
gradient stops. A call that states one of these is left as it is until then.
"""

from __future__ import annotations

import weakref

from ..primitives import ops
from ..primitives.control import says_how_to_differentiate
from ..program.ir import Instruction, Program, ReverseOf, Symbol
from ..program.memo import derived


def settled(program: Program) -> Program:
    """The program with its regions, to be run and no longer differentiated."""
    return _changed(program) or program


def _region(body: Program) -> Program:
    return derived(body, "settled", _changed) or body


def _changed(program: Program) -> Program | None:
    """The changed instruction; None where nothing changes."""
    same: dict[Symbol, Symbol] = {}
    out = []
    for i in program.instructions:
        if i.primitive is ops.stop_gradient:
            same[i.outputs[0]] = same.get(i.inputs[0], i.inputs[0])
            continue
        params = _settled_params(i)
        if same or params is not i.params:
            inputs = [same.get(s, s) for s in i.inputs]
            i = Instruction(i.primitive, inputs, params, i.outputs, i.source)
        out.append(i)
    origin = _settled_origin(program)
    if tuple(out) == program.instructions and origin is program.reverse_of:
        return None
    outputs = [same.get(s, s) for s in program.outputs]
    return Program(program.inputs, out, outputs, origin)


def _settled_params(i: Instruction) -> dict[str, object]:
    body = i.params.get("body")
    if body is None:
        return i.params
    if i.primitive is ops.call and says_how_to_differentiate(i.params):
        return {"body": _region(body)}
    short = _region(body)
    return i.params if short is body else {**i.params, "body": short}


def _settled_origin(program: Program) -> ReverseOf | None:
    """A pullback remains the pullback of its forward program, as that has been
    settled."""
    origin = program.reverse_of
    forward = None if origin is None else origin.forward()
    if origin is None or forward is None or _region(forward) is forward:
        return origin
    return ReverseOf(weakref.ref(_region(forward)), origin.inputs)


__all__ = ["settled"]
