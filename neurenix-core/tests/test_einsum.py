"""einsum and its relatives, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.testing.derivatives import check_function

EQUATIONS: tuple[tuple[str, tuple[tuple[int, ...], ...]], ...] = (
    ("ij,jk->ik", ((2, 3), (3, 4))),
    ("ij,jk", ((2, 3), (3, 4))),
    ("ij,kj->ki", ((2, 3), (4, 3))),
    ("bij,bjk->bik", ((5, 2, 3), (5, 3, 4))),
    ("ibj,bjk->kbi", ((2, 5, 3), (5, 3, 4))),
    ("i,j->ij", ((3,), (4,))),
    ("i,i", ((3,), (3,))),
    ("i,i->i", ((3,), (3,))),
    ("ij->ji", ((2, 3),)),
    ("ij->", ((2, 3),)),
    ("ij->j", ((2, 3),)),
    ("ba", ((2, 3),)),
    ("ii", ((3, 3),)),
    ("ii->i", ((3, 3),)),
    ("iji->j", ((3, 2, 3),)),
    ("iii->i", ((3, 3, 3),)),
    ("ii,ij->j", ((3, 3), (3, 4))),
    ("ij,kl->", ((2, 3), (4, 5))),
    ("...ij,...jk->...ik", ((5, 2, 3), (3, 4))),
    ("...ij,...jk->...ik", ((5, 1, 2, 3), (6, 3, 4))),
    ("...i->...", ((2, 3, 4),)),
    ("i...", ((2, 3, 4),)),
    ("ij,jk,kl->il", ((2, 3), (3, 4), (4, 5))),
    (" i j , j -> i ", ((0, 3), (3,))),
)


@pytest.mark.parametrize(("equation", "shapes"), EQUATIONS)
def test_einsum(device: str, equation: str, shapes: Any) -> None:
    check_function(
        lambda *xs: nx.einsum(equation, *xs),
        lambda *xs: np.einsum(equation, *xs),
        shapes,
    )


def test_einsum_of_integers(device: str) -> None:
    a, b = np.arange(6).reshape(2, 3), np.arange(12).reshape(3, 4)
    found = nx.einsum("ij,jk->ik", nx.tensor(a), nx.tensor(b))
    assert found.dtype is nx.int32 and np.array_equal(found.numpy(), a @ b)


def test_einsum_within_a_program(device: str) -> None:
    x = nx.tensor(np.random.default_rng(0).normal(0, 1, (4, 4)))
    compiled = nx.compile(lambda x: nx.einsum("ii,ij->j", x, x))
    assert nx.allclose(compiled(x), nx.einsum("ii,ij->j", x, x), 1e-5, 1e-6)


@pytest.mark.parametrize(
    ("equation", "shapes", "error", "text"),
    [
        ("ij,jk", ((2, 3),), nx.errors.InvalidArgumentError, "names 2 operands"),
        ("ijk", ((2, 3),), nx.errors.InvalidArgumentError, "rank 2"),
        ("i", ((2, 3),), nx.errors.InvalidArgumentError, "rank 2"),
        ("i2", ((2, 3),), nx.errors.InvalidArgumentError, "letters"),
        ("ij->ii", ((2, 3),), nx.errors.InvalidArgumentError, "once"),
        ("ij->k", ((2, 3),), nx.errors.InvalidArgumentError, "once"),
        ("ij->i->", ((2, 3),), nx.errors.InvalidArgumentError, "letters"),
        ("ii", ((2, 3),), nx.errors.ShapeError, "'i' is 2 and 3"),
        ("ij,jk", ((2, 3), (4, 2)), nx.errors.ShapeError, "'j' is 3 and 4"),
        ("", (), nx.errors.InvalidArgumentError, "einsum"),
    ],
)
def test_einsum_refuses(equation: str, shapes: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        nx.einsum(equation, *[nx.ones(s) for s in shapes])


@pytest.mark.parametrize(
    ("a", "b", "axes"),
    [
        ((2, 3, 4), (3, 4, 5), 2),
        ((2, 3), (4, 5), 0),
        ((2, 3, 4), (4, 3, 5), ([1, 2], [1, 0])),
        ((2, 3), (3, 2), (-1, 0)),
    ],
)
def test_tensordot(device: str, a: Any, b: Any, axes: Any) -> None:
    check_function(
        lambda x, y: nx.tensordot(x, y, axes),
        lambda x, y: np.tensordot(x, y, axes),
        (a, b),
    )


@pytest.mark.parametrize("axes", [3, -1, ([0, 0], [1, 2]), ([0], [0, 1]), "x"])
def test_tensordot_refuses(axes: Any) -> None:
    with pytest.raises(nx.errors.InvalidArgumentError, match="tensordot"):
        nx.tensordot(nx.ones(2, 2), nx.ones(2, 2), axes)
