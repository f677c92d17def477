"""Second-order meta-gradients through batch norm and layer norm, in float64: a plain
loop over tasks, `nx.map` and `nx.vmap` agree, where others' vmap does not."""

import numpy as np
import pytest

import neurenix as nx
from neurenix.nn.functional import batch_norm, conv2d, layer_norm

TASKS, SHAPE = 4, (8, 3, 6, 6)


def batch(x, weight, bias):
    return batch_norm(x, weight=weight, bias=bias, eps=1e-5)


def layer(x, weight, bias):
    scale, shift = weight.reshape(3, 1, 1), bias.reshape(3, 1, 1)
    return layer_norm(x, SHAPE[1:], eps=1e-5) * scale + shift


def loss(norm, p, x, wanted):
    for i in (0, 3):
        x = nx.tanh(norm(conv2d(x, p[i], padding=1), p[i + 1], p[i + 2]))
    difference = x - wanted
    return (difference * difference).mean()


def task_loss(norm, steps, p, x, wanted):
    for _ in range(steps):
        gradient = nx.grad(lambda q: loss(norm, q, x, wanted))(p)
        p = [a - 0.4 * g for a, g in zip(p, gradient, strict=True)]
    return loss(norm, p, x, wanted)


@pytest.mark.parametrize("norm", [batch, layer])
@pytest.mark.parametrize("steps", [0, 1])
def test_loop_map_and_vmap_agree(device, norm, steps):
    rng = np.random.default_rng(0)

    def normal(*shape):
        return nx.tensor(rng.normal(size=shape), dtype=nx.float64)

    x, wanted = (nx.constant(normal(TASKS, *SHAPE)) for _ in range(2))
    start = [
        a for _ in range(2) for a in (0.3 * normal(3, 3, 3, 3), normal(3), normal(3))
    ]

    def looped(p):
        losses = [task_loss(norm, steps, p, x[i], wanted[i]) for i in range(TASKS)]
        return sum(losses) / TASKS

    def mapped(p):
        one = lambda x, y: task_loss(norm, steps, p, x, y)  # noqa: E731
        return nx.map(one, reduce="mean")(x, wanted)

    def vmapped(p):
        one = lambda x, y: task_loss(norm, steps, p, x, y)  # noqa: E731
        return nx.vmap(one)(x, wanted).mean()

    reference = nx.grad(looped)(start)
    for way in (mapped, vmapped):
        for found in (nx.grad(way)(start), nx.compile(nx.grad(way))(start)):
            for a, b in zip(found, reference, strict=True):
                error = np.linalg.norm(a.numpy() - b.numpy())
                assert error < 1e-8 * np.linalg.norm(b.numpy())
