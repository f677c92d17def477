"""What waits for what, and kernels that share a dispatch."""

from __future__ import annotations

import pytest

from neurenix.dtypes import Dtype, bool_, float32, uint8
from neurenix.phynexus.plan.views import Block, View, contiguous
from neurenix_backend_webgpu.lowering.dispatch import MAX_GROUPS
from neurenix_backend_webgpu.lowering.hazards import use_of, waits
from neurenix_backend_webgpu.lowering.kernel import ROW_ROOM, Kernel
from neurenix_backend_webgpu.lowering.levels import turns
from neurenix_backend_webgpu.lowering.merged import merged
from neurenix_backend_webgpu.lowering.replay import Spot, Track


def value(root: object, *shape: int, dtype: Dtype = float32, at: int = 0) -> View:
    return View(root, dtype, shape, contiguous(shape), at)


def test_reads_wait_for_writes_and_writes_for_reads() -> None:
    block = Block(32)
    first, second = (value(block, 4, at=at) for at in (0, 4))
    uses = [
        use_of([], [first]),
        use_of([], [second]),  # beside it
        use_of([first], []),
        use_of([], [value(block, 2, at=3)]),  # over the end of one, the start of other
        use_of([], [value(block, 0)]),  # nothing
    ]
    assert waits(uses) == [[], [], [0], [0, 1, 2], []]


def test_values_smaller_than_a_word_wait_for_all_of_their_memory() -> None:
    block = Block(8)
    uses = [use_of([], [value(block, 4, dtype=uint8, at=at)]) for at in (0, 4)]
    assert waits(uses) == [[], [0]]
    uses = [use_of([], [value(block, 4, dtype=bool_, at=at)]) for at in (0, 4)]
    assert waits(uses) == [[], []]


def test_state_lies_where_it_lay() -> None:
    old, new = value(("input", 0), 4), value(("output", 0), 4)
    uses = [use_of([old], [], 1), use_of([], [new], 1)]
    assert waits(uses) == [[], [0]]
    assert waits([use_of([old], []), use_of([], [new])]) == [[], []]


def test_all_that_is_ready_is_one_turn() -> None:
    assert turns([[], [], [0, 1], [1], [3]], [False] * 5) == [[0, 1], [2, 3], [4]]
    assert turns([], []) == []


def kernel(n: int, words: int = 3, groups: int = 2) -> Kernel:
    """It has two views of its own and numbers."""
    views = value(("input", n), 4), value(("output", n), 4)
    numbers = tuple(range(100 * n, 100 * n + words - 2))
    body = "\n".join(f"store($1, $0 + ${k});" for k in range(words))
    return Kernel(body, (*views, *numbers), (views[1],), groups)


def test_equal_bodies_are_one_function() -> None:
    (one,) = merged([kernel(0), kernel(1), kernel(2)])
    assert len(one.functions) == 1 and one.groups == 6
    assert len(one.reads) == len(one.writes) == 3
    assert [one.row[k] for k in range(6)] == [
        v for n in range(3) for v in kernel(n).row[:2]
    ]
    assert merged([kernel(0)]) == [kernel(0)]


def test_numbers_without_room_are_part_of_the_text() -> None:
    """And addresses without room are another dispatch."""
    (one,) = merged([kernel(n, words=40) for n in range(5)])
    assert len(one.row) == ROW_ROOM
    assert "437u" in one.body
    kernels = [kernel(n) for n in range(ROW_ROOM // 2 + 1)]
    assert [k.groups for k in merged(kernels)] == [ROW_ROOM, 2]


def test_a_dispatch_has_so_many_groups() -> None:
    many = merged([kernel(0, groups=MAX_GROUPS), kernel(1)])
    assert [k.groups for k in many] == [MAX_GROUPS, 2]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_last_iteration_writes_where_the_result_goes(count: int) -> None:
    track = Track(Spot(3, 0), Spot(4, 8), first=None, last=Spot(2, 16))
    places = [track.at(n, count) for n in range(count)]
    assert places[-1] == (2, 16)
    assert places[:-1] == [(3, 0), (4, 8), (3, 0), (4, 8)][: count - 1]
