"""Attention, LSTM, GRU, Embedding, GELU and average pooling: against NumPy loops, and
to second order against finite differences in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import DtypeError, InvalidArgumentError, ShapeError
from neurenix.nn import functional
from neurenix.testing import numeric_gradient

pytestmark = pytest.mark.usefixtures("device")
Array = np.ndarray[Any, Any]


def rows(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def t(x: Any) -> nx.Tensor:
    return nx.tensor(x, dtype=nx.float64)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def weights(module: nn.Module) -> dict[str, Array]:
    return {name: value.numpy() for name, value in module.state_dict().items()}


def numpy_lstm(w: dict[str, Array], x: Array, h: Array, c: Array, layers: int) -> Any:
    ends = []
    for k in range(layers):
        out, hk, ck = [], h[k], c[k]
        for step in x:
            total = step @ w[f"weight_ih_l{k}"].T + w[f"bias_ih_l{k}"]
            total = total + hk @ w[f"weight_hh_l{k}"].T + w[f"bias_hh_l{k}"]
            i, f, g, o = np.split(total, 4, -1)
            ck = sigmoid(f) * ck + sigmoid(i) * np.tanh(g)
            hk = sigmoid(o) * np.tanh(ck)
            out.append(hk)
        x = np.stack(out)
        ends.append((hk, ck))
    return x, np.stack([e[0] for e in ends]), np.stack([e[1] for e in ends])


def numpy_gru(w: dict[str, Array], x: Array, h: Array, layers: int) -> Any:
    ends = []
    for k in range(layers):
        out, hk = [], h[k]
        for step in x:
            ri, zi, ni = np.split(
                step @ w[f"weight_ih_l{k}"].T + w[f"bias_ih_l{k}"], 3, -1
            )
            rh, zh, nh = np.split(
                hk @ w[f"weight_hh_l{k}"].T + w[f"bias_hh_l{k}"], 3, -1
            )
            z, n = sigmoid(zi + zh), np.tanh(ni + sigmoid(ri + rh) * nh)
            hk = (1 - z) * n + z * hk
            out.append(hk)
        x = np.stack(out)
        ends.append(hk)
    return x, np.stack(ends)


@pytest.mark.parametrize("layers", [1, 2])
def test_lstm_and_gru_are_their_loops(layers: int) -> None:
    nx.manual_seed(0)
    x, h, c = rows(5, 2, 3), rows(layers, 2, 4, seed=1), rows(layers, 2, 4, seed=2)
    lstm = nn.LSTM(3, 4, layers).to(nx.float64)
    expected = numpy_lstm(weights(lstm), x, h, c, layers)
    y, (last_h, last_c) = lstm(t(x), (t(h), t(c)))
    for a, b in zip((y, last_h, last_c), expected, strict=True):
        assert np.allclose(a.numpy(), b, rtol=1e-12, atol=1e-14)
    gru = nn.GRU(3, 4, layers).to(nx.float64)
    y, last = gru(t(x), t(h))
    for a, b in zip((y, last), numpy_gru(weights(gru), x, h, layers), strict=True):
        assert np.allclose(a.numpy(), b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_orders_of_axes_and_a_state_handed_on(kind: Any) -> None:
    nx.manual_seed(0)
    layer = kind(3, 4, batch_first=True)
    x = nx.tensor(rows(2, 6, 3))
    whole, end = layer(x)
    first, state = layer(x[:, :4])
    second, again = layer(x[:, 4:], state)
    joined = nx.concat([first, second], axis=1)
    assert np.allclose(joined.numpy(), whole.numpy(), rtol=1e-5, atol=1e-6)
    for a, b in zip(nx.tree.flatten(end)[0], nx.tree.flatten(again)[0], strict=True):
        assert np.allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)
    assert np.allclose(layer(x[0])[0].numpy(), whole.numpy()[0], rtol=1e-5, atol=1e-6)
    compiled = nx.compile(lambda x: layer(x)[0], state=[layer])
    assert np.allclose(compiled(x).numpy(), whole.numpy(), rtol=1e-5, atol=1e-6)
    (entry,) = compiled.entries.values()
    assert "scan(" in str(entry.program)


def numpy_attention(q: Array, k: Array, v: Array, seen: Any, added: Any = 0.0) -> Array:
    scores = q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1]) + added
    e = np.exp(scores - scores.max(-1, keepdims=True)) * seen
    total = e.sum(-1, keepdims=True)
    weight = np.divide(e, total, out=np.zeros_like(e), where=total > 0)
    return weight @ v


def test_attention_with_masks() -> None:
    q, k, v = rows(2, 4, 3), rows(2, 5, 3, seed=1), rows(2, 5, 6, seed=2)
    f = functional.scaled_dot_product_attention
    causal = np.tril(np.ones((4, 5), bool))
    hidden = rows(2, 4, 5, seed=3) > 0
    hidden[1, 2] = False  # this one may read nothing
    added = rows(4, 5, seed=4)
    for found, expected in (
        (f(t(q), t(k), t(v)), numpy_attention(q, k, v, 1.0)),
        (f(t(q), t(k), t(v), causal=True), numpy_attention(q, k, v, causal)),
        (f(t(q), t(k), t(v), hidden), numpy_attention(q, k, v, hidden)),
        (f(t(q), t(k), t(v), t(added)), numpy_attention(q, k, v, 1.0, added)),
        (
            f(t(q), t(k), t(v), hidden, causal=True),
            numpy_attention(q, k, v, hidden & causal),
        ),
    ):
        assert np.allclose(found.numpy(), expected, rtol=1e-12, atol=1e-14)
    g = nx.grad(lambda q: (f(q, t(k), t(v), hidden) ** 2).sum())(t(q))
    assert np.isfinite(g.numpy()).all() and (g.numpy()[1, 2] == 0).all()


def test_heads_are_slices_of_the_projections() -> None:
    nx.manual_seed(0)
    layer = nn.MultiHeadAttention(6, 2).to(nx.float64)
    w, x, y = weights(layer), rows(2, 3, 6), rows(2, 4, 6, seed=1)
    mask = rows(2, 3, 4, seed=2) > -1
    q, k, v = (
        a @ w[f"{n}.weight"].T + w[f"{n}.bias"]
        for a, n in ((x, "query"), (y, "key"), (y, "value"))
    )
    heads = [
        numpy_attention(q[..., s], k[..., s], v[..., s], mask)
        for s in (slice(0, 3), slice(3, 6))
    ]
    expected = np.concatenate(heads, -1) @ w["out.weight"].T + w["out.bias"]
    found = layer(t(x), t(y), mask=mask)
    assert np.allclose(found.numpy(), expected, rtol=1e-12)
    early = layer(t(x), causal=True).numpy()[:, 0]  # the first sees only itself
    assert np.allclose(early, layer(t(x[:, :1])).numpy()[:, 0], rtol=1e-12)


def test_gelu_embedding_and_means_of_windows() -> None:
    x = rows(3, 5)
    phi = np.vectorize(lambda z: z * 0.5 * (1 + math.erf(z / math.sqrt(2))))
    assert np.allclose(nn.GELU()(t(x)).numpy(), phi(x), rtol=1e-13)
    table = nn.Embedding(7, 3)
    index = nx.tensor([[1, 6], [1, 0]])
    assert (table(index).numpy() == table.weight.numpy()[index.numpy()]).all()
    table.zero_grad()
    table(index).sum().backward()
    assert table.weight.grad is not None
    assert table.weight.grad.numpy()[:, 0].tolist() == [1, 2, 0, 0, 0, 0, 1]
    image = rows(1, 2, 7, 8)
    for kernel, stride, padding in ((2, None, 0), (3, 2, 1), ((3, 2), (1, 3), (1, 0))):
        (kh, kw), (ph, pw) = np.broadcast_to(kernel, 2), np.broadcast_to(padding, 2)
        sh, sw = np.broadcast_to(kernel if stride is None else stride, 2)
        padded = np.pad(image, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
        r, s = (7 + 2 * ph - kh) // sh + 1, (8 + 2 * pw - kw) // sw + 1
        expected = np.empty((1, 2, r, s))
        for i, j in np.ndindex(r, s):
            window = padded[..., i * sh : i * sh + kh, j * sw : j * sw + kw]
            expected[..., i, j] = window.mean((-1, -2))
        found = nn.AvgPool2d(kernel, stride, padding)(t(image))
        assert np.allclose(found.numpy(), expected, rtol=1e-13)


LEARNERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "LSTM": (lambda: nn.LSTM(2, 2), (3, 2, 2)),
    "GRU": (lambda: nn.GRU(2, 2, 2, batch_first=True), (2, 3, 2)),
    "MultiHeadAttention": (lambda: nn.MultiHeadAttention(4, 2), (2, 3, 4)),
    "GELU": (lambda: nn.Sequential(nn.Linear(3, 3), nn.GELU()), (4, 3)),
    "AvgPool2d": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.AvgPool2d(3, 2, 1)),
        (1, 1, 6, 6),
    ),
    "Embedding": (lambda: nn.Embedding(5, 2), ()),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_the_gradient_through_an_inner_step(name: str) -> None:
    """MAML's: the loss after one step down its own gradient, eager, mapped and
    compiled, against finite differences."""
    make, shape = LEARNERS[name]
    nx.manual_seed(0)
    module = make().to(nx.float64)
    params = {n: p.value().detach() for n, p in module.named_parameters()}
    if shape:
        support, query = t(rows(2, *shape)), t(rows(2, *shape, seed=1))
    else:
        support = nx.tensor([[1, 4, 1], [0, 2, 2]])
        query = nx.tensor([[1, 3, 1], [2, 2, 0]])

    def loss(params: Any, x: Any) -> Any:
        out, _ = nn.functional_call(module, params, x)
        y = out[0] if isinstance(out, tuple) else out
        return nx.sin(y * 1.3).square().mean() + (y**3).mean()

    def task(params: Any, support: Any, query: Any) -> Any:
        gradient = nx.grad(loss)(params, support)
        adapted = {n: p - gradient[n] * 0.3 for n, p in params.items()}
        return loss(adapted, query)

    def mapped(params: Any, support: Any, query: Any) -> Any:
        return nx.map(task, in_axes=(None, 0, 0), reduce="mean")(params, support, query)

    found = nx.grad(mapped)(params, support, query)
    compiled = nx.compile(nx.grad(mapped), state=[module])(params, support, query)
    for n, g in compiled.items():
        assert np.allclose(g.numpy(), found[n].numpy(), rtol=1e-8, atol=1e-10)
    names = list(params)
    directions = [rows(*params[n].shape, seed=3 + i) for i, n in enumerate(names)]
    point = [params[n].numpy() for n in names]

    def value(arrays: Any) -> float:
        given = {n: t(a) for n, a in zip(names, arrays, strict=True)}
        values = [task(given, support[i], query[i]).item() for i in range(2)]
        return sum(values) / 2

    along = sum(
        float((found[n].numpy() * d).sum())
        for n, d in zip(names, directions, strict=True)
    )
    expected = numeric_gradient(value, point, directions, 1e-4)
    assert abs(along - expected) < 1e-7 * max(1, abs(expected))


ERRORS: list[tuple[Any, type[Exception], str]] = [
    (lambda: nn.LSTM(0, 2), InvalidArgumentError, "LSTM: input_size=0"),
    (lambda: nn.GRU(2, 2)(nx.ones(3, 2, 5)), ShapeError, r"\(3, 2, 5\).*\[L, N, 2\]"),
    (
        lambda: nn.GRU(2, 2)(nx.ones(3, 2, 2), nx.ones(2, 2, 2)),
        ShapeError,
        r"h has shape \(2, 2, 2\)",
    ),
    (
        lambda: nn.LSTM(2, 2)(nx.ones(3, 2, 2), nx.ones(1, 2, 2)),
        InvalidArgumentError,
        r"tuple, \(h, c\)",
    ),
    (lambda: nn.MultiHeadAttention(5, 2), InvalidArgumentError, "does not divide"),
    (
        lambda: functional.scaled_dot_product_attention(
            nx.ones(2, 3), nx.ones(2, 4), nx.ones(2, 4)
        ),
        ShapeError,
        r"query \(2, 3\), key \(2, 4\)",
    ),
    (
        lambda: functional.scaled_dot_product_attention(
            nx.ones(2, 3), nx.ones(2, 3), nx.ones(2, 3), nx.tensor([[1, 0]])
        ),
        DtypeError,
        "a mask is bool or floating, not int32",
    ),
    (lambda: nn.Embedding(3, 2)(nx.ones(2)), DtypeError, "integers"),
    (lambda: nn.Embedding(3, 2)(nx.tensor([3])), InvalidArgumentError, "index 3"),
    (lambda: nn.AvgPool2d(3)(nx.ones(2, 2)), ShapeError, "window of 3x3"),
]


@pytest.mark.parametrize(
    ("call", "error", "words"), ERRORS, ids=[words for _, _, words in ERRORS]
)
def test_bad_input(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
