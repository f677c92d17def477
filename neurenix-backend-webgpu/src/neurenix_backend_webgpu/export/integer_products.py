"""Products of integers as multiplications and sums: the runner multiplies floats."""

from __future__ import annotations

from neurenix.phynexus.plan.instructions import OPCODES, Dot, End, Fused, Op
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import View


def as_sums(steps: list[Step]) -> list[Step]:
    """The steps without products of integers."""
    return [
        _sum(step, step.params)
        if isinstance(step.params, Dot) and not step.inputs[0].dtype.is_floating
        else step
        for step in steps
    ]


def _sum(step: Step, p: Dot) -> Step:
    """Over batches, rows, columns and the depth, which is summed."""
    x, y = step.inputs
    (out,) = step.outputs
    assert out is not None
    b, m, k = p.batch, p.m, p.k
    shape = (*out.shape, *y.shape[b : b + k])
    none = (0,) * p.n
    left = (*x.strides[: b + m], *none, *x.strides[b + m :])
    right = (*y.strides[:b], *(0,) * m, *y.strides[b + k :], *y.strides[b : b + k])
    views = [
        View(v.root, v.dtype, shape, strides, v.offset)
        for v, strides in ((x, left), (y, right))
    ]
    ones = (*out.shape, *(1,) * k)
    result = View(out.root, out.dtype, ones, (*out.strides, *(0,) * k), out.offset)
    reduced = sum(1 << axis for axis in range(len(out.shape), len(shape)))
    times = Op(OPCODES["mul"], x.dtype.code, 0, 1, -1)
    params = Fused(reduced, shape, (times,), (End(2, OPCODES["sum"]),))
    return Step(OPCODES["fused"], views, [result], params, source=step.source)
