"""Matrix products as contractions."""

from __future__ import annotations

from collections.abc import Sequence

from neurenix.phynexus.plan.instructions import Dot
from neurenix.phynexus.plan.plan import Step

from .contraction_kernels import contracted
from .contractions import Contraction, Names, Read, Reader, offset
from .indices import joined
from .kernel import Kernel, Row


def dot_general(step: Step, p: Dot) -> list[Kernel]:
    x, y = step.inputs
    (out,) = step.outputs
    assert out is not None
    b, m, k = p.batch, p.m, p.k
    batch = joined(
        x.shape[:b], range(b), [x.strides[:b], y.strides[:b], out.strides[:b]]
    )
    rows = joined(
        x.shape[b : b + m], range(m), [x.strides[b : b + m], out.strides[b : b + m]]
    )
    columns = joined(
        y.shape[b + k :], range(p.n), [y.strides[b + k :], out.strides[b + m :]]
    )
    terms = joined(
        x.shape[b + m :], range(k), [x.strides[b + m :], y.strides[b : b + k]]
    )
    left, right, whole = batch.strides
    c = Contraction(
        batch=batch.sizes,
        rows=rows.sizes,
        columns=columns.sizes,
        terms=terms.sizes,
        left=x,
        right=y,
        out=out,
        read_left=_plain("left", rows.strides[0], terms.strides[0]),
        read_right=_plain("right", columns.strides[0], terms.strides[1]),
        batches=(left, right, whole),
        out_rows=rows.strides[1],
        out_columns=columns.strides[1],
        by_terms=(terms.strides[0][-1:] == (1,), terms.strides[1][-1:] == (1,)),
    )
    return contracted(c)


def _plain(side: str, outer: Sequence[int], inner: Sequence[int]) -> Reader:
    def read(row: Row, names: Names, terms: Names) -> Read:
        return Read(offset(row, side, [*names, *terms], [*outer, *inner]))

    return read
