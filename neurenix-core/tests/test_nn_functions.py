"""Layers and losses by PyTorch's names and formulas, which NumPy computes: values,
derivatives to the second order, and vmap."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.nn import functional as F
from neurenix.testing.derivatives import check_function

Array = Any
Shapes = tuple[tuple[int, ...], ...]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.normal(0, 1, shape)


def unit(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(0.1, 0.9, shape)


# ---- convolutions --------------------------------------------------------------------


def convolved(
    x: Array,
    w: Array,
    b: Array,
    stride: Any = (1, 1),
    padding: Any = ((0, 0), (0, 0)),
    dilation: Any = (1, 1),
    groups: int = 1,
) -> Array:
    x = np.pad(x, ((0, 0), (0, 0), *padding))
    (kh, kw), (dh, dw) = w.shape[2:], dilation
    rows = (x.shape[2] - dh * (kh - 1) - 1) // stride[0] + 1
    columns = (x.shape[3] - dw * (kw - 1) - 1) // stride[1] + 1
    out = np.zeros((x.shape[0], w.shape[0], rows, columns))
    ins, outs = x.shape[1] // groups, w.shape[0] // groups
    for o in range(w.shape[0]):
        first = o // outs * ins
        for i in range(rows):
            for j in range(columns):
                at_i = i * stride[0] + dh * np.arange(kh)
                at_j = j * stride[1] + dw * np.arange(kw)
                window = x[:, first : first + ins][:, :, at_i][:, :, :, at_j]
                out[:, o, i, j] = (window * w[o]).sum((1, 2, 3)) + b[o]
    return out


def transposed(
    x: Array, w: Array, b: Array, stride: int, around: int, more: int
) -> Array:
    """Each element of the image spreads the weight."""
    n, _, h, wide = x.shape
    kh, kw = w.shape[2:]
    full = np.zeros(
        (n, w.shape[1], (h - 1) * stride + kh + more, (wide - 1) * stride + kw + more)
    )
    for i in range(h):
        for j in range(wide):
            part = np.einsum("nc,cokl->nokl", x[:, :, i, j], w)
            full[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw] += (
                part
            )
    end = [s - around for s in full.shape[2:]]
    return full[:, :, around : end[0], around : end[1]] + b[:, None, None]


IMAGES: Shapes = ((2, 4, 5, 4), (6, 2, 3, 2), (6,))


def grouped_transpose(x: Array, w: Array, b: Array) -> Array:
    parts = [
        transposed(
            x[:, 2 * g : 2 * g + 2], w[2 * g : 2 * g + 2], b[3 * g : 3 * g + 3], 2, 1, 1
        )
        for g in range(2)
    ]
    return np.concatenate(parts, 1)


CONVOLUTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any], Shapes]] = {
    "groups": (
        lambda x, w, b: F.conv2d(x, w, b, groups=2),
        lambda x, w, b: convolved(x, w, b, groups=2),
        IMAGES,
    ),
    "depthwise": (
        lambda x, w, b: F.conv2d(x, w, b, (2, 1), (1, 0), 1, groups=4),
        lambda x, w, b: convolved(x, w, b, (2, 1), ((1, 1), (0, 0)), groups=4),
        ((2, 4, 5, 4), (4, 1, 3, 2), (4,)),
    ),
    "same": (
        lambda x, w, b: F.conv2d(x, w, b, padding="same", dilation=(1, 2), groups=2),
        lambda x, w, b: convolved(x, w, b, (1, 1), ((1, 1), (1, 1)), (1, 2), groups=2),
        IMAGES,
    ),
    "same, even": (
        lambda x, w, b: F.conv2d(x, w, b, padding="same"),
        lambda x, w, b: convolved(x, w, b, padding=((0, 1), (1, 2))),
        ((1, 2, 4, 4), (3, 2, 2, 4), (3,)),
    ),
    "valid": (
        lambda x, w, b: F.conv2d(x, w, b, padding="valid"),
        convolved,
        ((1, 2, 4, 4), (3, 2, 2, 3), (3,)),
    ),
    "1d": (
        lambda x, w, b: F.conv1d(x, w, b, 2, 1, 2, groups=2),
        lambda x, w, b: convolved(
            x[:, :, None], w[:, :, None], b, (1, 2), ((0, 0), (1, 1)), (1, 2), 2
        )[:, :, 0],
        ((2, 4, 9), (6, 2, 3), (6,)),
    ),
    "1d, same": (
        lambda x, w, b: F.conv1d(x, w, b, padding="same"),
        lambda x, w, b: convolved(
            x[:, :, None], w[:, :, None], b, padding=((0, 0), (1, 2))
        )[:, :, 0],
        ((2, 3, 7), (2, 3, 4), (2,)),
    ),
    "transpose": (
        lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 1),
        lambda x, w, b: transposed(x, w, b, 2, 1, 1),
        ((2, 3, 3, 4), (3, 2, 3, 3), (2,)),
    ),
    "transpose, groups": (
        lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 1, groups=2),
        grouped_transpose,
        ((2, 4, 3, 3), (4, 3, 3, 3), (6,)),
    ),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions(device: str, name: str) -> None:
    check_function(*CONVOLUTIONS[name])


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (
            lambda: nn.Conv2d(4, 6, 3, padding="same", groups=2),
            (2, 4, 8, 8),
            (2, 6, 8, 8),
        ),
        (lambda: nn.Conv1d(4, 6, 3, 2, groups=2), (2, 4, 9), (2, 6, 4)),
        (lambda: nn.ConvTranspose2d(4, 6, 4, 2, 1), (2, 4, 7, 7), (2, 6, 14, 14)),
    ],
)
def test_layers_of_convolution(
    device: str, layer: Callable[[], nn.Module], shape: Any, expected: Any
) -> None:
    made = layer()
    x = nx.ones(shape)
    assert made(x).shape == expected
    compiled = nx.compile(lambda v: made(v), state=[made])
    assert np.allclose(compiled(x).numpy(), made(x).numpy(), rtol=1e-4, atol=1e-5)
    assert "groups" in repr(made) or made.groups == 1
    bound = 1 / math.sqrt(math.prod(made.weight.shape[1:]))
    for p in made.parameters():
        assert p.abs().max().item() <= bound


# ---- norms and pools -----------------------------------------------------------------


def normalized(x: Array, groups: int, eps: float = 1e-5) -> Array:
    rows = x.reshape(x.shape[0], groups, -1)
    centred = rows - rows.mean(2, keepdims=True)
    return (centred / np.sqrt(rows.var(2, keepdims=True) + eps)).reshape(x.shape)


def adaptive(x: Array, rows: int, columns: int) -> Array:
    def window(i: int, n: int, k: int) -> slice:
        return slice(i * n // k, -(-(i + 1) * n // k))

    h, w = x.shape[-2:]
    cells = [
        [
            x[..., window(i, h, rows), window(j, w, columns)].mean((-2, -1))
            for j in range(columns)
        ]
        for i in range(rows)
    ]
    return np.moveaxis(np.array(cells), (0, 1), (-2, -1))


def windows(x: Array, kernel: int, step: int) -> Array:
    return np.stack(
        [x[..., i : i + kernel] for i in range(0, x.shape[-1] - kernel + 1, step)], -2
    )


def cosine(x: Array, y: Array) -> Array:
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=-1)
    return (x * y).sum(1) / lengths


def looked_up(w: Array) -> Array:
    return w[[0, 2, 2]]


FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any], Shapes]] = {
    "group_norm": (
        lambda x, w, b: F.group_norm(x, 2, w, b),
        lambda x, w, b: normalized(x, 2) * w[:, None] + b[:, None],
        ((3, 4, 5), (4,), (4,)),
    ),
    "instance_norm": (
        F.instance_norm,
        lambda x: normalized(x, 3),
        ((2, 3, 4, 2),),
    ),
    "adaptive_avg_pool2d": (
        lambda x: F.adaptive_avg_pool2d(x, (2, 3)),
        lambda x: adaptive(x, 2, 3),
        ((2, 3, 5, 7),),
    ),
    "adaptive_avg_pool2d, whole": (
        lambda x: F.adaptive_avg_pool2d(x, 2),
        lambda x: adaptive(x, 2, 2),
        ((2, 4, 6),),
    ),
    "adaptive_avg_pool2d, larger": (
        lambda x: F.adaptive_avg_pool2d(x, (3, 2)),
        lambda x: adaptive(x, 3, 2),
        ((2, 2),),
    ),
    "max_pool1d": (
        lambda x: F.max_pool1d(x, 3, 2),
        lambda x: windows(x, 3, 2).max(-1),
        ((2, 2, 8),),
    ),
    "avg_pool1d": (
        lambda x: F.avg_pool1d(x, 2, padding=1),
        lambda x: windows(np.pad(x, ((0, 0), (1, 1))), 2, 2).mean(-1),
        ((2, 6),),
    ),
    "normalize": (
        F.normalize,
        lambda x: x / np.linalg.norm(x, axis=1, keepdims=True),
        ((2, 3, 2),),
    ),
    "normalize-1": (
        lambda x: F.normalize(x, 1, dim=-1),
        lambda x: x / np.abs(x).sum(-1, keepdims=True),
        ((2, 3),),
    ),
    "normalize-max": (
        lambda x: F.normalize(x, math.inf, dim=0),
        lambda x: x / np.abs(x).max(0),
        ((3, 2),),
    ),
    "cosine_similarity": (F.cosine_similarity, cosine, ((2, 3), (3,))),
    "pairwise_distance": (
        lambda x, y: F.pairwise_distance(x, y, keepdim=True),
        lambda x, y: np.linalg.norm(x - y + 1e-6, axis=-1, keepdims=True),
        ((2, 3), (2, 3)),
    ),
    "cdist": (
        F.cdist,
        lambda x, y: np.linalg.norm(x[:, :, None] - y[:, None], axis=-1),
        ((2, 3, 2), (2, 4, 2)),
    ),
    "cdist-1": (
        lambda x, y: F.cdist(x, y, 1),
        lambda x, y: np.abs(x[:, None] - y).sum(-1),
        ((3, 2), (4, 2)),
    ),
    "pad": (
        lambda x: F.pad(x, (1, 0, 0, 2), value=3.0),
        lambda x: np.pad(x, ((0, 0), (0, 2), (1, 0)), constant_values=3.0),
        ((2, 2, 3),),
    ),
    "embedding": (
        lambda w: F.embedding(nx.tensor([0, 2, 2]), w),
        looked_up,
        ((4, 3),),
    ),
    "unflatten": (
        lambda x: nn.Unflatten(1, (2, -1))(x),
        lambda x: x.reshape(2, 2, 3),
        ((2, 6),),
    ),
    # ---- activations
    "relu6": (lambda x: F.relu6(x * 5), lambda x: np.clip(x * 5, 0, 6), ((3, 4),)),
    "hardtanh": (F.hardtanh, lambda x: np.clip(x, -1, 1), ((3, 4),)),
    "hardsigmoid": (
        lambda x: F.hardsigmoid(x * 4),
        lambda x: np.clip(x * 4 + 3, 0, 6) / 6,
        ((3, 4),),
    ),
    "hardswish": (
        lambda x: F.hardswish(x * 4),
        lambda x: x * 4 * np.clip(x * 4 + 3, 0, 6) / 6,
        ((3, 4),),
    ),
    "mish": (F.mish, lambda x: x * np.tanh(np.log1p(np.exp(x))), ((3, 4),)),
    "selu": (
        F.selu,
        lambda x: (
            1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))
        ),
        ((3, 4),),
    ),
    "softsign": (F.softsign, lambda x: x / (1 + np.abs(x)), ((3, 4),)),
    "prelu": (F.prelu, lambda x, w: np.where(x > 0, x, w * x), ((3, 4), (1,))),
    "prelu-channels": (
        F.prelu,
        lambda x, w: np.where(x > 0, x, w[:, None] * x),
        ((2, 3, 4), (3,)),
    ),
    "glu": (
        lambda x: F.glu(x, dim=1),
        lambda x: x[:, :2] / (1 + np.exp(-x[:, 2:])),
        ((2, 4, 3),),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_against_numpy(device: str, name: str) -> None:
    check_function(*FUNCTIONS[name])


ACTIVATIONS = {
    name: getattr(nn, name)
    for name in nn.__all__
    if getattr(getattr(nn, name), "__module__", "") == "neurenix.nn.activation"
    and name != "ReLU"
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_let_nan_through(device: str, name: str) -> None:
    assert len(ACTIVATIONS) >= 19
    y = ACTIVATIONS[name]()(nx.tensor([[math.nan, 1.0], [1.0, 1.0]])).numpy()
    assert np.isnan(y[0]).any() and np.isfinite(y[1]).all()


def test_a_padding_row_gets_no_derivative(device: str) -> None:
    layer = nn.Embedding(4, 2, padding_idx=-1)
    assert layer.padding_idx == 3 and layer.weight[3].tolist() == [0, 0]
    layer(nx.tensor([[3, 1], [1, -1]])).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == [[0, 0], [2, 2], [0, 0], [0, 0]]


def test_dropout_of_channels(device: str) -> None:
    layer = nn.Dropout2d(0.5, nx.Generator(0))
    y = layer(nx.ones(40, 50, 2, 3)).numpy()
    flat = y.reshape(2000, 6)
    assert (flat == flat[:, :1]).all() and set(np.unique(flat)) == {0.0, 2.0}
    assert abs(y.mean() - 1) < 0.1
    assert layer.eval()(nx.ones(2, 2, 2)).tolist() == nx.ones(2, 2, 2).tolist()
