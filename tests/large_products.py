"""Products that a vendor's library may compute, as it is put to it, and steps of
training that have some."""

from __future__ import annotations

from typing import Any

import numpy as np
from rounded_factors import ROUNDED

import neurenix as nx

RNG = np.random.default_rng(8)


def drawn(*shape: int, dtype: str = "float32") -> nx.Tensor:
    values = RNG.normal(size=shape).astype(np.float32)
    return nx.tensor(values, dtype=getattr(nx, dtype))


def factors(x: nx.Tensor, dtype: str, precision: str) -> np.ndarray:
    """In float64, as they are multiplied."""
    values = x.astype(nx.float32).numpy()
    rounded = ROUNDED[precision](values) if dtype == "float32" else values
    return rounded.astype(np.float64)


# Of tensors, and of arrays for what is expected.
FORMS: dict[str, tuple[Any, tuple[int, ...], tuple[int, ...]]] = {
    "plain": (lambda a, b: a @ b, (130, 96), (96, 70)),
    "first turned": (lambda a, b: a.T @ b, (96, 130), (96, 70)),
    "second turned": (lambda a, b: a @ b.T, (130, 96), (70, 96)),
    "both turned": (lambda a, b: a.T @ b.T, (96, 130), (70, 96)),
    "result turned": (lambda a, b: (a @ b).T, (130, 96), (96, 70)),
    "batch": (lambda a, b: a @ b, (3, 130, 96), (3, 96, 70)),
    "rows of a batch": (lambda a, b: a @ b, (3, 130, 96), (96, 70)),
    "odd lines": (lambda a, b: a[:, 2:99] @ b[:, :67], (131, 101), (97, 71)),
    "a few rows": (lambda a, b: a @ b, (3, 1100), (1100, 131)),
}


def loss(w: nx.Tensor, v: nx.Tensor, x: nx.Tensor) -> nx.Tensor:
    return ((nx.tanh(x @ w) @ v) ** 2).mean()


def train(steps: int, at_once: bool) -> list[np.ndarray]:
    """Guarded steps of two layers, the last but one of which is refused."""
    rng = np.random.default_rng(3)
    w, v = (
        nx.nn.Parameter(nx.tensor(rng.normal(0, 0.1, (96, 96)).astype(np.float32)))
        for _ in range(2)
    )

    def step(x: nx.Tensor) -> nx.Tensor:
        value, (to_w, to_v) = nx.value_and_grad(loss, argnums=(0, 1))(
            w.value(), v.value(), x
        )
        w.assign(w - 0.1 * to_w)
        v.assign(v - 0.1 * to_v)
        return value

    compiled = nx.compile(step, state=[w, v], guard=True)
    xs = rng.normal(size=(steps, 64, 96)).astype(np.float32)
    xs[-2] = np.inf
    if at_once:
        losses, ok = compiled.run_steps(nx.tensor(xs))
        return [losses.numpy(), ok.numpy(), w.numpy(), v.numpy()]
    each = []
    for x in xs:
        each.append([t.numpy() for t in compiled(nx.tensor(x))])
        if not each[-1][1]:
            break
    losses, oks = (np.stack(column) for column in zip(*each, strict=True))
    return [losses, oks, w.numpy(), v.numpy()]
