"""A map in parts, elsewhere perhaps: the same draws, and sums that are branches."""

import itertools

import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import InvalidArgumentError, ShapeError


def noisy_sum(x, first):
    def one(a):
        return a * nx.uniform(a.shape) + nx.randn(a.shape)

    return nx.map(one, reduce="sum", first=first)(x)


def number(n):
    return nx.tensor(np.asarray(n, np.uint32), dtype=nx.uint32)


@pytest.mark.parametrize("eager", [False, True])
def test_branches_of_a_sum_over_draws(eager):
    x = nx.tensor(np.random.default_rng(0).normal(size=(8, 3)) * 1e3, dtype=nx.float32)
    compiled = nx.compile(noisy_sum, state=[nx.random.default_generator])

    def of(first, stop):
        nx.manual_seed(5)
        if not eager:
            return compiled(x[first:stop], number(first))
        with nx.debug.eager():
            return compiled(x[first:stop], number(first))

    whole = of(0, 8)
    for cuts in ([0, 4, 8], [0, 2, 4, 8], [0, 4, 6, 8]):
        parts = [of(a, b) for a, b in itertools.pairwise(cuts)]
        while len(parts) > 2:  # the last two of one size merge first
            at = 0 if cuts[1] == 2 else 1
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        total = parts[0] + parts[1]
        np.testing.assert_array_equal(total.numpy(), whole.numpy())
    assert not np.array_equal(of(0, 4).numpy(), of(4, 8).numpy())


def test_one_program_for_all_first_numbers():
    compiled = nx.compile(noisy_sum, state=[nx.random.default_generator])
    for n in (0, 2, 4):
        compiled(nx.ones(2, 3), number(n))
    assert len(compiled.entries) == 1


def test_a_plain_number_is_the_tensor_s():
    def stacked(x, first):
        return nx.map(lambda a: a * nx.uniform(()), first=first)(x)

    compiled = nx.compile(stacked, state=[nx.random.default_generator])
    found = []
    for first in (3, number(3)):
        nx.manual_seed(1)
        found.append(compiled(nx.ones(2), first).tolist())
    assert found[0] == found[1]


@pytest.mark.parametrize("first", [-1, 1.5, True, "a"])
def test_what_is_no_number(first):
    with pytest.raises(InvalidArgumentError, match="map: first="):
        nx.map(lambda a: a, first=first)


def test_a_tensor_of_another_kind():
    with pytest.raises(ShapeError, match="first is a float32 tensor of shape"):
        nx.map(lambda a: a, first=nx.ones(()))
