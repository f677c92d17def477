"""Shares of a batch are branches of the map's tree, and their sums make its bits."""

import itertools

import numpy as np
import pytest

from neurenix.meta.distributed.shares import Block, blocks_of, divided
from neurenix.meta.distributed.tree import TreeSum
from neurenix.primitives.control_map import fixed_tree_sum


def terms(count: int) -> list[np.ndarray]:
    """Numbers whose sum depends on the order in which they are added."""
    rng = np.random.default_rng(count)
    return [np.float32(10.0 ** rng.uniform(-4, 4, 3)) for _ in range(count)]


def sum_of(each: list[np.ndarray], block: Block) -> np.ndarray:
    """In memory of its own, which the tree may add in."""
    return np.array(fixed_tree_sum(each[block.first : block.stop]))


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 5, 8, 40])
@pytest.mark.parametrize("total", [1, 2, 3, 5, 6, 7, 8, 12, 25, 32, 33])
def test_shares_are_even_and_have_each_task_once(total: int, workers: int) -> None:
    shares = divided(total, workers)
    assert 1 <= len(shares) <= workers
    covered = [n for share in shares for b in share for n in range(b.first, b.stop)]
    assert covered == list(range(total))
    most = -(-total // workers)
    assert max(sum(block.tasks for block in share) for share in shares) <= most


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 5, 8, 40])
@pytest.mark.parametrize("total", [1, 2, 3, 5, 6, 7, 8, 12, 25, 32, 33])
def test_sums_of_blocks_make_the_sum_of_all_in_any_order(
    total: int, workers: int
) -> None:
    each = terms(total)
    blocks = [block for share in divided(total, workers) for block in share]
    for order in (blocks, blocks[::-1], blocks[1::2] + blocks[::2]):
        tree = TreeSum(total)
        for block in order:
            tree.add(block, [sum_of(each, block)])
        assert tree.is_complete
        np.testing.assert_array_equal(tree.result()[0], fixed_tree_sum(each))


def test_order_does_matter_for_these_numbers() -> None:
    each = terms(33)
    assert fixed_tree_sum(each).tobytes() != np.sum(each, axis=0).tobytes()


@pytest.mark.parametrize("total", [7, 12, 33])
def test_every_range_is_made_of_branches(total: int) -> None:
    each = terms(total)
    for first, stop in itertools.combinations(range(total + 1), 2):
        tree = TreeSum(total)
        for part in ((0, first), (first, stop), (stop, total)):
            for block in blocks_of(*part, total):
                tree.add(block, [sum_of(each, block)])
        np.testing.assert_array_equal(tree.result()[0], fixed_tree_sum(each))


def test_a_block_that_comes_twice_counts_once() -> None:
    each = terms(4)
    tree = TreeSum(4)
    for block in (Block(2, 2), Block(0, 2), Block(0, 2), Block(2, 2)):
        tree.add(block, [sum_of(each, block)])
    np.testing.assert_array_equal(tree.result()[0], fixed_tree_sum(each))


def test_even_workers_of_a_power_of_two_have_a_block_each() -> None:
    assert [len(share) for share in divided(32, 8)] == [1] * 8
    assert divided(6, 1) == [(Block(0, 6),)]
    assert divided(3, 8) == [(Block(0, 1),), (Block(1, 1),), (Block(2, 1),)]


def test_sums_that_may_not_be_written_to_stay_as_they_are() -> None:
    """As arrays in the memory of Ray's object store."""
    each = terms(3)
    for x in each:
        x.flags.writeable = False
    before = [x.copy() for x in each]
    tree = TreeSum(3)
    for number, x in enumerate(each):
        tree.add(Block(number, 1), [x])
    np.testing.assert_array_equal(tree.result()[0], fixed_tree_sum(each))
    for now, then in zip(each, before):
        np.testing.assert_array_equal(now, then)
