"""The store of state: loans, replacements, and what a bound program may overwrite."""

from collections.abc import Sequence
from typing import Any

import neurenix as nx
from neurenix.state.locks import lock_of, lock_of_one
from neurenix.state.store import Binding, store


class Bound:
    """A program that keeps what it was bound to, as addresses: it holds no buffer."""

    def __init__(self) -> None:
        self.bound: list[list[int]] = []

    def bind_state(self, buffers: Sequence[Any]) -> None:
        self.bound.append([id(b) for b in buffers])

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        raise AssertionError("it is not run here")

    step = __call__


def test_a_loan_and_a_replacement_are_seen(device: str) -> None:
    cell = nx.Cell(nx.tensor([1.0], device=device))
    seen = store.now
    assert store.exclusive(cell) and store.now is seen
    value = cell.value()
    assert store.now is not seen and not store.exclusive(cell)
    del value
    assert store.exclusive(cell)
    seen = store.now
    cell.assign([2.0])
    assert store.now is not seen and store.exclusive(cell)


def test_a_binding_copies_what_others_hold_and_is_asked_again(device: str) -> None:
    written, read = (nx.Cell(nx.tensor([x], device=device)) for x in (1.0, 2.0))
    executable = Bound()
    binding = Binding([written, read], 1, executable, written.device)
    binding.renew()
    if binding.seen is not store.now:  # a buffer that its backend does not own
        binding.renew()
    assert binding.seen is store.now
    kept, kept_too = written.value(), read.value()
    binding.renew()  # what is written moves, what is read may be shared
    assert binding.seen is not store.now and written.data is not kept.data
    assert read.data is kept_too.data and written.tolist() == kept.tolist() == [1.0]
    first, last = executable.bound[0], executable.bound[-1]
    assert first[0] != last[0] and first[1] == last[1]


def test_cells_that_were_state_together_share_a_lock() -> None:
    a, b, c, d = (nx.Cell(nx.tensor(0.0)) for _ in range(4))
    assert lock_of([a, b]) is lock_of_one(a) is lock_of_one(b)
    assert lock_of([b, c]) is lock_of_one(c) is lock_of_one(a)
    assert lock_of_one(d) is not lock_of_one(a)
    both = lock_of([d, a])
    with both, both, lock_of([a, d]):  # in one order, and again in one thread
        pass
