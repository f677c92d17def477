"""Factors of matrices, and triangular systems: a workgroup for each matrix works in the
memory of the result, a column at a time."""

from __future__ import annotations

from dataclasses import replace

from neurenix.phynexus.plan.instructions import Factor, TriangularSolve
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import View

from .accumulators import Accumulator
from .indices import Offsets, joined, names, unravel
from .kernel import LANES, Kernel, Row
from .reductions import across_lanes


class _Matrices:
    """Views [.., n, m] of the same number of matrices, of which a workgroup has one;
    `at(k, i, j)` is the address of an element of view k."""

    def __init__(self, *views: View, written: int) -> None:
        row = self.row = Row()
        self.views = views
        lead = views[0].shape[:-2]
        self.batch = joined(lead, range(len(lead)), [v.strides[:-2] for v in views])
        first_written = len(views) - written
        self.bases = [
            row.view(v, write=k >= first_written) for k, v in enumerate(views)
        ]
        self.steps = [tuple(row.number(s) for s in v.strides[-2:]) for v in self.views]

    def at(self, k: int, i: str, j: str) -> str:
        down, across = self.steps[k]
        return f"start{k} + ({i}) * {down} + ({j}) * {across}"

    def kernel(self, lines: list[str]) -> Kernel:
        row, batch = self.row, self.batch
        offsets = Offsets(row, names("i", batch.sizes))
        starts = [
            f"let start{k} = {base} + {offsets.at(s)};"
            for k, (base, s) in enumerate(zip(self.bases, batch.strides, strict=True))
        ]
        first = [
            f"if (group >= {row.number(batch.count)}) {{ return; }}",
            *unravel(row, batch.sizes, "group", "i"),
            *starts,
        ]
        return row.kernel([*first, *lines], batch.count)


def _each(index: str, first: str, end: str, *lines: str) -> list[str]:
    """The lanes share these, whose number is `index`."""
    return [
        f"for (var {index} = {first} + lane; {index} < {end}; "
        f"{index} = {index} + {LANES}u) {{",
        *lines,
        "}",
    ]


def cholesky(step: Step, p: Factor) -> list[Kernel]:
    """Column by column: what is left of the matrix loses the column's product with
    itself."""
    (a,), (out,) = step.inputs, step.outputs
    assert out is not None
    if not a.shape[-1]:
        return []
    m = _Matrices(a, out, written=1)
    n = m.row.number(a.shape[-1])
    below = m.at(1, "i", "j")
    lines = [
        *_each(
            "e",
            "0u",
            f"{n} * {n}",
            f"let i = e / {n}; let j = e % {n};",
            "var word = 0u;",
            f"if (j <= i) {{ word = load({m.at(0, 'i', 'j')}); }}",
            f"store({below}, word);",
        ),
        "var good = true;",
        "storageBarrier();",
        f"for (var k = 0u; k < {n}; k = k + 1u) {{",
        f"let pivot = load({m.at(1, 'k', 'k')});",
        "good = good && lt(0u, pivot);",
        "let root = sqrt_f(pivot);",
        "storageBarrier();",
        *_each(
            "i",
            "k",
            n,
            f"let at = {m.at(1, 'i', 'k')};",
            "store(at, div_f(load(at), root));",
        ),
        "storageBarrier();",
        f"let left = {n} - k - 1u;",
        *_each(
            "e",
            "0u",
            "left * left",
            "let i = k + 1u + e / left; let j = k + 1u + e % left;",
            "if (j <= i) {",
            f"let product = mul_f(load({m.at(1, 'i', 'k')}), "
            f"load({m.at(1, 'j', 'k')}));",
            f"store({below}, sub_f(load({below}), product));",
            "}",
        ),
        "storageBarrier();",
        "}",
        "if (!good) {",
        *_each(
            "e",
            "0u",
            f"{n} * {n}",
            f"let i = e / {n}; let j = e % {n};",
            f"store({below}, 0x7fc00000u);",
        ),
        "}",
    ]
    return [m.kernel(lines)]


def triangular_solve(step: Step, p: TriangularSolve) -> list[Kernel]:
    """Each unknown is taken out of the equations that are left."""
    a, b = step.inputs
    (out,) = step.outputs
    assert out is not None
    if 0 in b.shape:
        return []
    lower = p.lower
    if p.transpose:
        order = (*range(len(a.shape) - 2), len(a.shape) - 1, len(a.shape) - 2)
        a, lower = a.transposed(order), not lower
    if not lower:  # the last unknown first
        last = len(a.shape) - 2
        a = a.flipped((last, last + 1))
        b, out = b.flipped((last,)), out.flipped((last,))
    m = _Matrices(a, b, out, written=1)
    n, width = m.row.number(b.shape[-2]), m.row.number(b.shape[-1])
    unit = m.row.number(int(p.unit_diagonal))
    x = m.at(2, "i", "j")
    lines = [
        *_each(
            "e",
            "0u",
            f"{n} * {width}",
            f"let i = e / {width}; let j = e % {width};",
            f"store({x}, load({m.at(1, 'i', 'j')}));",
        ),
        "storageBarrier();",
        f"for (var k = 0u; k < {n}; k = k + 1u) {{",
        f"if ({unit} == 0u) {{",
        *_each(
            "j",
            "0u",
            width,
            f"let at = {m.at(2, 'k', 'j')};",
            f"store(at, div_f(load(at), load({m.at(0, 'k', 'k')})));",
        ),
        "}",
        "storageBarrier();",
        *_each(
            "e",
            "0u",
            f"({n} - k - 1u) * {width}",
            f"let i = k + 1u + e / {width}; let j = e % {width};",
            f"let product = mul_f(load({m.at(0, 'i', 'k')}), "
            f"load({m.at(2, 'k', 'j')}));",
            f"store({x}, sub_f(load({x}), product));",
        ),
        "storageBarrier();",
        "}",
    ]
    return [m.kernel(lines)]


def lu(step: Step, p: Factor) -> list[Kernel]:
    """With the first of the largest as pivot, NaN before all."""
    (a,), (out, order) = step.inputs, step.outputs
    assert out is not None
    assert order is not None
    if not a.shape[-1]:
        return []
    as_columns = replace(order, shape=(*order.shape, 1), strides=(*order.strides, 0))
    m = _Matrices(a, out, as_columns, written=2)
    n = m.row.number(a.shape[-1])
    best = Accumulator("best", "argmax", a.dtype)
    swapped = [
        "let here = load({0}); store({0}, load({1})); store({1}, here);".format(
            m.at(k, "k", "j"), m.at(k, "row_of", "j")
        )
        for k in (1, 2)
    ]
    element = m.at(1, "i", "j")
    lines = [
        *_each(
            "e",
            "0u",
            f"{n} * {n}",
            f"let i = e / {n}; let j = e % {n};",
            f"store({element}, load({m.at(0, 'i', 'j')}));",
        ),
        *_each("i", "0u", n, f"store({m.at(2, 'i', '0u')}, i);"),
        "storageBarrier();",
        f"for (var k = 0u; k < {n}; k = k + 1u) {{",
        *best.declared(),
        *_each(
            "i",
            "k",
            n,
            f"let size = load({m.at(1, 'i', 'k')}) & 0x7fffffffu;",
            *best.with_term("size", "i"),
        ),
        *across_lanes(best),
        "let row_of = lane_places[0];",
        "workgroupBarrier();",
        "if (row_of != k) {",
        *_each("j", "0u", n, swapped[0]),
        f"if (lane == 0u) {{ let j = 0u; {swapped[1]} }}",
        "}",
        "storageBarrier();",
        f"let pivot = load({m.at(1, 'k', 'k')});",
        "if ((pivot << 1u) != 0u) {",
        *_each(
            "i",
            "k + 1u",
            n,
            f"let at = {m.at(1, 'i', 'k')};",
            "store(at, div_f(load(at), pivot));",
        ),
        "}",
        "storageBarrier();",
        f"let left = {n} - k - 1u;",
        "if ((pivot << 1u) != 0u) {",
        *_each(
            "e",
            "0u",
            "left * left",
            "let i = k + 1u + e / left; let j = k + 1u + e % left;",
            f"let product = mul_f(load({m.at(1, 'i', 'k')}), "
            f"load({m.at(1, 'k', 'j')}));",
            f"store({element}, sub_f(load({element}), product));",
        ),
        "}",
        "storageBarrier();",
        "}",
    ]
    return [m.kernel(lines)]
