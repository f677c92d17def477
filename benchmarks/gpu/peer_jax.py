"""JAX: `jit` of a whole meta-step, vmap over the tasks, in float32 as we have it; in
the form `im2col` convolutions are products."""

import math
import os

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")

import jax
import jax.numpy as jnp
from jax import lax

jax.config.update("jax_default_matmul_precision", "highest")


def convolve(x, kernel, stride):
    return lax.conv_general_dilated(
        *(x, kernel, (stride, stride), ((1, 1), (1, 1))),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def convolve_as_product(x, kernel, stride):
    """Under vmap a batched product, where `convolve` is a convolution in groups."""
    h, w, c = x.shape[1:]
    x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [
        x[:, i : i + h : stride, j : j + w : stride] for i in range(3) for j in range(3)
    ]
    return jnp.concatenate(shifted, -1) @ kernel.reshape(9 * c, -1)


def network(case, p, x):
    if not case["channels"]:
        for i in range(0, len(p) - 2, 2):
            x = jax.nn.relu(x @ p[i] + p[i + 1])
        return x @ p[-2] + p[-1]
    for i in range(4):
        kernel, scale, shift = p[3 * i : 3 * i + 3]
        x = case["convolve"](x, kernel, 2 if case["adapts"] else 1)
        mean = x.mean((0, 1, 2))
        variance = jnp.square(x - mean).mean((0, 1, 2))
        x = jax.nn.relu((x - mean) * (lax.rsqrt(variance + 1e-5) * scale) + shift)
        if not case["adapts"]:
            n, h, w, c = x.shape
            x = x[:, : h // 2 * 2, : w // 2 * 2]
            x = x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))
    if case["adapts"]:
        return x.mean((1, 2)) @ p[-2] + p[-1]
    return x.reshape(len(x), -1)


def cross_entropy(logits, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1).mean()


class Peer:
    device = str(jax.devices()[0])

    def __init__(self, case, weights, mode):
        chosen = convolve_as_product if mode == "im2col" else convolve
        self.case = {**case, "convolve": chosen}
        turned = {2: lambda a: a.T, 4: lambda a: a.transpose(2, 3, 1, 0)}
        p = [jnp.asarray(turned.get(a.ndim, lambda a: a)(a)) for a in weights]
        zeros = [jnp.zeros_like(a) for a in p]
        self.state = (p, zeros, [jnp.copy(a) for a in zeros], jnp.zeros(()))
        step = self.reptile if case["method"] == "Reptile" else self.adam
        self.function = jax.jit(step, donate_argnums=0)

    def load(self, batch):
        images = [a.transpose(0, 1, 3, 4, 2) if a.ndim == 5 else a for a in batch]
        return [jnp.asarray(a) for a in images]

    def step(self, batch):
        self.state, loss = self.function(self.state, batch)
        jax.block_until_ready(self.state)
        return float(loss)

    def loss(self, p, x, y):
        out = network(self.case, p, x)
        return (
            cross_entropy(out, y) if self.case["ways"] else jnp.square(out - y).mean()
        )

    def maml(self, p, xs, ys, xq, yq):
        for _ in range(self.case["inner"]):
            g = jax.grad(self.loss)(p, xs, ys)
            if self.case["first_order"]:
                g = lax.stop_gradient(g)
            p = [a - self.case["inner_lr"] * b for a, b in zip(p, g)]
        return self.loss(p, xq, yq)

    def prototypes(self, p, xs, ys, xq, yq):
        z = network(self.case, p, jnp.concatenate([xs, xq]))
        support, query = z[: len(xs)], z[len(xs) :]
        centres = support.reshape(self.case["ways"], -1, z.shape[-1]).mean(1)
        return cross_entropy(-jnp.square(query[:, None] - centres).sum(-1), yq)

    def adam(self, state, batch):
        p, m, v, t = state
        prototypical = self.case["method"] == "PrototypicalNetworks"
        task = self.prototypes if prototypical else self.maml

        def objective(p):
            return jax.vmap(lambda *one: task(p, *one))(*batch).mean()

        loss, g = jax.value_and_grad(objective)(p)
        t = t + 1
        m = [0.9 * a + 0.1 * b for a, b in zip(m, g)]
        v = [0.999 * a + 0.001 * b * b for a, b in zip(v, g)]
        # in float32, 1 - b**t would lose half of its digits
        c1, c2 = (-jnp.expm1(t * math.log(b)) for b in (0.9, 0.999))
        moved = zip(p, m, v)
        p = [a - 1e-3 / c1 * b / (jnp.sqrt(c / c2) + 1e-8) for a, b, c in moved]
        return (p, m, v, t), loss

    def reptile(self, state, batch):
        p, m, v, t = state

        def one(xs, ys):
            q = p
            for _ in range(self.case["inner"]):
                loss, g = jax.value_and_grad(self.loss)(q, xs, ys)
                q = [a - self.case["inner_lr"] * b for a, b in zip(q, g)]
            return q, loss

        q, loss = jax.vmap(one)(*batch[:2])
        p = [a + 0.1 * (b.mean(0) - a) for a, b in zip(p, q)]
        return (p, m, v, t), loss.mean()
