"""Calls and scans: turns of a region, whose operands are found anew in each."""

from __future__ import annotations

from dataclasses import replace

from neurenix import uint32
from neurenix.phynexus.plan.instructions import Call, Scan, Turns
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import Block, View, contiguous

from .whole_words import copied
from .work import Spot, Track, Turn, Work, fixed, row_of, words_of


def scratch_view(block: Block, words: int) -> View:
    """A region's scratch as a value, for which its block makes room."""
    block.nbytes = 4 * max(words, 1)
    return View(block, uint32, (max(words, 1),), (1,))


def call(step: Step, p: Call, scratch_words: int) -> list[Work]:
    assert isinstance(p.scratch, Block)
    outputs = [v for v in step.outputs if v is not None]
    scratch = scratch_view(p.scratch, scratch_words)
    tracks = tuple(fixed(v) for v in (*step.inputs, *outputs, scratch))
    reads, writes = tuple(step.inputs), (*outputs, scratch)
    return [Turn(step.region, 1, tracks, reads, writes)]


def scan(step: Step, p: Scan, scratch_words: int) -> list[Work]:
    """A carry that is kept is written where it is kept, the last one where it goes; one
    that is not, in two places in turn."""
    assert isinstance(p.scratch, Block)
    carries = len(p.carries)
    starts = step.inputs[p.consts : p.consts + carries]
    ends = [v for v in step.outputs[:carries] if v is not None]
    assert len(ends) == carries
    ys = [v for v in step.outputs[carries : carries + p.ys] if v is not None]
    kept = step.outputs[carries + p.ys :] or [None] * carries
    if not p.length:
        return [k for s, e in zip(starts, ends, strict=True) for k in copied(s, e)]
    out: list[Work] = []
    ins: list[Track] = []
    outs: list[Track] = []
    turns: list[View] = []
    for start, end, keep, pair in zip(starts, ends, kept, p.carries, strict=True):
        if keep is None:
            even, odd = _two_places(start, pair)
            ins.append(Track(Spot(odd), Spot(even), first=Spot(start)))
            outs.append(Track(Spot(even), Spot(odd), last=Spot(end)))
            turns += [even, odd]
            continue
        here = _moving(keep, p)
        out += copied(start, here.view)
        step_by = -keep.strides[0] if p.reverse else keep.strides[0]
        ahead = replace(here.view, offset=here.view.offset + step_by)
        there = Spot(ahead, here.stride)
        ins.append(Track(here, here, first=Spot(start)))
        outs.append(Track(there, there, last=Spot(end)))
    scratch = scratch_view(p.scratch, scratch_words)
    tracks = (
        *map(fixed, step.inputs[: p.consts]),
        *ins,
        *(_along(v, p) for v in step.inputs[p.consts + carries :]),
        *outs,
        *(_along(v, p) for v in ys),
        fixed(scratch),
    )
    all_kept = [v for v in kept if v is not None]
    writes = (*ends, *ys, *all_kept, *turns, scratch)
    out.append(Turn(step.region, p.length, tracks, tuple(step.inputs), writes))
    return out


def _two_places(start: View, pair: Turns) -> tuple[View, View]:
    """The two values, like the first one, in which a carry goes on."""
    assert isinstance(pair.even, Block) and isinstance(pair.odd, Block)
    even, odd = (
        View(block, start.dtype, start.shape, contiguous(start.shape))
        for block in (pair.even, pair.odd)
    )
    return even, odd


def _moving(view: View, p: Scan) -> Spot:
    """What the iterations take of a view with an axis of them."""
    stride = words_of(view, view.strides[0] if p.length > 1 else 0)
    first = row_of(view, p.length - 1 if p.reverse else 0)
    return Spot(first, -stride if p.reverse else stride)


def _along(view: View, p: Scan) -> Track:
    spot = _moving(view, p)
    return Track(spot, spot)
