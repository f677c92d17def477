"""Rewrites element-wise work around a reduction over windows in the shape of the
windows.

Pooling gives [..., H, W] the shape [..., H/k, k, W/k, k], reduces, and its derivative
comes back in that shape. What is computed element by element before and behind it is
rewritten for the same shape (movement costs nothing), so that all of it can be fused:
the reduction with what it reduces, its derivative with what that is multiplied by.
"""

from __future__ import annotations

from ..primitives import ops
from ..program.ir import Instruction, Program, Symbol
from .limits import Limits
from .prune import without_dead_code
from .simplify import Rewriter

Shape = tuple[int, ...]
Parts = tuple[Shape, ...]  # of each axis: the sizes that it is cut into


def in_windows(program: Program, limits: Limits) -> Program:
    """The program with the element-wise work of images that are cut into windows."""
    cuts = _cuts(program, limits)
    if not cuts:
        return program
    rewriter = Rewriter()
    for i in program.instructions:
        space = _space(i)
        parts = None if space is None else cuts.get(space)
        if parts is None:
            rewriter.add(i)
        else:
            _rewrite(rewriter, i, parts)
    outputs = [rewriter.read(s) for s in program.outputs]
    return without_dead_code(program.made_of(rewriter.instructions, outputs))


def _space(i: Instruction) -> Shape | None:
    if i.primitive.family == "elementwise":
        return i.outputs[0].type.shape
    return i.inputs[0].type.shape if i.primitive.family == "reduction" else None


def _cuts(program: Program, limits: Limits) -> dict[Shape, Parts]:
    """For each shape of images the sizes into which the windows of a reduction cut its
    axes."""
    reduced = {
        (i.inputs[0].type.shape, i.params["axes"])
        for i in program.instructions
        if i.primitive.family == "reduction"
    }
    found: dict[Shape, Parts] = {}
    for i in program.instructions:
        if i.primitive is not ops.reshape:
            continue
        a, b = i.inputs[0].type.shape, i.outputs[0].type.shape
        coarse, fine = (a, b) if len(a) < len(b) else (b, a)
        parts = _parts(coarse, fine) if len(fine) <= limits.axes else None
        if parts and any(
            s == fine and _cuts_an_axis(axes, parts) for s, axes in reduced
        ):
            found.setdefault(coarse, parts)
    fine_shapes = {sum(parts, ()) for parts in found.values()}
    return {s: parts for s, parts in found.items() if s not in fine_shapes}


def _parts(coarse: Shape, fine: Shape) -> Parts | None:
    """For each axis of `coarse` the axes of `fine` that it is cut into; None where it
    is not."""
    if 0 in coarse:
        return None
    parts, k = [], 0
    for n in coarse:
        start, size = k, 1
        while k < len(fine) and (k == start or size < n):
            size *= fine[k]
            k += 1
        if size != n or k == start:
            return None
        parts.append(fine[start:k])
    return tuple(parts) if k == len(fine) else None


def _axes(parts: Parts, axes: Shape) -> Shape:
    """The axes of the fine shape that these axes of the whole are cut into."""
    first = [sum(len(p) for p in parts[:a]) for a in range(len(parts))]
    return tuple(first[a] + k for a in axes for k in range(len(parts[a])))


def _cuts_an_axis(axes: Shape, parts: Parts) -> bool:
    for a in range(len(parts)):
        mine = set(_axes(parts, (a,)))
        if mine & set(axes) and mine - set(axes):
            return True
    return False


def _rewrite(r: Rewriter, i: Instruction, parts: Parts) -> None:
    inputs = tuple(_cut(r, r.read(s), parts) for s in i.inputs)
    params, out = i.params, i.outputs[0]
    if i.primitive.family == "reduction":
        params = {**params, "axes": _axes(parts, params["axes"])}
    made = r.emit(i.primitive, inputs, params, i.source)
    r.bind(out, r.emit(ops.reshape, (made,), {"shape": out.type.shape}, i.source))


def _cut(r: Rewriter, s: Symbol, parts: Parts) -> Symbol:
    """An operand, which may lack leading axes and have ones in place of others."""
    shape = s.type.shape
    fine: Shape = ()
    for n, p in zip(shape, parts[len(parts) - len(shape) :], strict=True):
        fine += p if n != 1 else (1,) * len(p)
    return s if fine == shape else r.emit(ops.reshape, (s,), {"shape": fine}, None)
