"""JAX: one jit of the whole meta-step. The variant is words joined by '-':

vmap      vmap over tasks inside the gradient (default)
map       lax.map over tasks, each differentiated alone
unrollN   lax.scan with unroll=N (20: no loop is left)
python    a Python loop over the steps in place of lax.scan
sync      the caller's thread runs the step
"""

import re

import common
import jax
import jax.numpy as jnp
from jax import lax


def lstm(state, given, v):
    h, c = state
    i, f, g, o = jnp.split(given + h @ v, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru(state, given, v, b):
    (h,) = state
    rx, zx, nx = jnp.split(given, 3, axis=-1)
    rh, zh, nh = jnp.split(h @ v + b, 3, axis=-1)
    z = jax.nn.sigmoid(zx + zh)
    n = jnp.tanh(nx + jax.nn.sigmoid(rx + rh) * nh)
    return (n + z * (h - n),)


class Peer:
    def __init__(self, w, weights, variant=None):
        self.w, words = w, (variant or "vmap").split("-")
        if "sync" in words:
            jax.config.update("jax_cpu_enable_async_dispatch", False)
        self.map = "map" in words
        self.python = "python" in words
        self.unroll = next((int(x[6:]) for x in words if re.match("unroll", x)), 1)
        p = [jnp.asarray(a) for a in weights]
        zeros = [jnp.zeros_like(a) for a in p]
        self.state = (p, zeros, [z.copy() for z in zeros], jnp.zeros(()))
        self.run = jax.jit(self.adam, donate_argnums=0)

    def over_time(self, step, state, given):
        if self.python:
            for t in range(common.LENGTH):
                state = step(state, None if given is None else given[t])
            return state
        once = lambda s, g: (step(s, g), None)  # noqa: E731
        return lax.scan(once, state, given, common.LENGTH, unroll=self.unroll)[0]

    def network(self, p, x):
        kind, head, bias = self.w["kind"], p[-2], p[-1]
        if kind == "loop":
            step = lambda h, _: h + jnp.tanh(h @ p[1] + p[2]) / common.LENGTH  # noqa: E731
            return self.over_time(step, x @ p[0], None) @ head + bias
        given = jnp.moveaxis(x, 1, 0) @ p[0]
        h = jnp.zeros((x.shape[0], common.HIDDEN))
        if kind == "lstm":
            cell = lambda s, g: lstm(s, g, p[1])  # noqa: E731
            h, _ = self.over_time(cell, (h, h), given + (p[2] + p[3]))
        elif kind == "gru":
            cell = lambda s, g: gru(s, g, p[1], p[3])  # noqa: E731
            (h,) = self.over_time(cell, (h,), given + p[2])
        else:
            cell = lambda h, g: jnp.tanh(g + h @ p[1])  # noqa: E731
            h = self.over_time(cell, h, given + p[2])
        return h @ head + bias

    def loss_of(self, p, x, y):
        return jnp.square(self.network(p, x) - y).mean()

    def task(self, p, xs, ys, xq, yq):
        for _ in range(self.w["steps"]):
            gradient = jax.grad(self.loss_of)(p, xs, ys)
            p = [a - self.w["ilr"] * g for a, g in zip(p, gradient)]
        return self.loss_of(p, xq, yq)

    def gradient(self, p, batch):
        if self.map:
            each = lax.map(lambda b: jax.value_and_grad(self.task)(p, *b), batch)
            return jax.tree.map(lambda a: a.mean(0), each)
        mean = lambda p: jax.vmap(lambda *b: self.task(p, *b))(*batch).mean()  # noqa: E731
        return jax.value_and_grad(mean)(p)

    def adam(self, state, batch):
        p, m, v, t = state
        loss, gradient = self.gradient(p, batch)
        a, t = common.ADAM, t + 1
        m = [a["b1"] * x + (1 - a["b1"]) * g for x, g in zip(m, gradient)]
        v = [a["b2"] * x + (1 - a["b2"]) * g * g for x, g in zip(v, gradient)]
        c1, c2 = 1 - a["b1"] ** t, jnp.sqrt(1 - a["b2"] ** t)
        p = [
            x - self.w["mlr"] / c1 * y / (jnp.sqrt(z) / c2 + a["eps"])
            for x, y, z in zip(p, m, v)
        ]
        return (p, m, v, t), loss

    def load(self, batch):
        return jax.block_until_ready(tuple(map(jnp.asarray, batch)))

    def step(self, batch):
        self.state, loss = self.run(self.state, batch)
        jax.block_until_ready((self.state, loss))
        return loss

    def loss(self, value):
        return float(value)
