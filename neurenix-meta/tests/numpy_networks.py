"""The recipes' networks in NumPy, with derivatives by hand: float64, plain loops."""

from __future__ import annotations

import numpy as np

EPS = 1e-5  # of batch norm


def convolve(x, w, stride):
    """3×3, padded by one: [n, c, h, w] and [o, c, 3, 3] to [n, o, h', w']."""
    return np.einsum("nchwij,ocij->nohw", windows(x, stride), w, optimize=True)


def windows(x, stride):
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    view = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return view[:, :, ::stride, ::stride]


def convolve_back(x, w, stride, dy):
    """The cotangents of x and w."""
    dw = np.einsum("nchwij,nohw->ocij", windows(x, stride), dy, optimize=True)
    n, c, height, width = x.shape
    padded = np.zeros((n, c, height + 2, width + 2))
    rows, columns = dy.shape[2:]
    for i in range(3):
        for j in range(3):
            part = np.einsum("nohw,oc->nchw", dy, w[:, :, i, j], optimize=True)
            padded[
                :, :, i : i + stride * rows : stride, j : j + stride * columns : stride
            ] += part
    return padded[:, :, 1:-1, 1:-1], dw


def normalize(x, weight, bias):
    """By the batch's own statistics; and what the way back needs."""
    mean, var = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    deviation = np.sqrt(var + EPS)
    unit = (x - mean) / deviation
    return unit * channels(weight) + channels(bias), (unit, deviation)


def normalize_back(kept, weight, dy):
    unit, deviation = kept
    axes = (0, 2, 3)
    dunit = dy * channels(weight)
    dx = dunit - dunit.mean(axes, keepdims=True)
    dx = (dx - unit * (dunit * unit).mean(axes, keepdims=True)) / deviation
    return dx, (dy * unit).sum(axes), dy.sum(axes)


def channels(v):
    return v[None, :, None, None]


def pool(x):
    n, c, height, width = x.shape
    even = x[:, :, : height // 2 * 2, : width // 2 * 2]
    return even.reshape(n, c, height // 2, 2, width // 2, 2).max((3, 5))


def embed(p, x, prefix="model."):
    """Conv-4 with max-pools, flattened; training's batch statistics."""
    for block in range(4):
        name = f"{prefix}blocks.{block}"
        x = convolve(x, p[f"{name}.0.weight"], 1)
        x, _ = normalize(x, p[f"{name}.1.weight"], p[f"{name}.1.bias"])
        x = pool(np.maximum(x, 0))
    return x.reshape(len(x), -1)


def strided(p, x, body="model.", head="model.head.1", mean=True):
    """Logits of Conv-4 with strides of 2 and a linear layer, on the last map's mean or
    on all of it; and what `strided_back` needs."""
    kept = []
    for block in range(4):
        name = f"{body}blocks.{block}"
        y = convolve(x, p[f"{name}.0.weight"], 2)
        z, norm = normalize(y, p[f"{name}.1.weight"], p[f"{name}.1.bias"])
        kept.append((name, x, norm, z > 0))
        x = np.maximum(z, 0)
    features = x.mean((2, 3)) if mean else x.reshape(len(x), -1)
    logits = features @ p[f"{head}.weight"].T + p[f"{head}.bias"]
    return logits, (kept, x.shape, features, head, mean)


def strided_back(p, kept, dlogits):
    """The cotangent of every parameter."""
    blocks, shape, features, head, mean = kept
    found = {
        f"{head}.weight": dlogits.T @ features,
        f"{head}.bias": dlogits.sum(0),
    }
    dx = dlogits @ p[f"{head}.weight"]
    if mean:
        area = shape[2] * shape[3]
        dx = np.broadcast_to(dx[:, :, None, None] / area, shape)
    else:
        dx = dx.reshape(shape)
    for name, x, norm, positive in reversed(blocks):
        dz = dx * positive
        weight = p[f"{name}.1.weight"]
        dy, found[f"{name}.1.weight"], found[f"{name}.1.bias"] = normalize_back(
            norm, weight, dz
        )
        dx, found[f"{name}.0.weight"] = convolve_back(x, p[f"{name}.0.weight"], 2, dy)
    return found


def perceptron(p, x, prefix):
    """Linear layers 0, 2, 4, … with ReLU between; each layer's input."""
    numbers = sorted({int(n[len(prefix) :].split(".")[0]) for n in p if prefix in n})
    inputs = []
    for number in numbers:
        inputs.append(x if number == numbers[0] else np.maximum(x, 0))
        x = inputs[-1] @ p[f"{prefix}{number}.weight"].T + p[f"{prefix}{number}.bias"]
    return x, inputs


def perceptron_back(p, inputs, prefix, dy):
    found = {}
    for place, x in reversed(list(enumerate(inputs))):
        name = f"{prefix}{2 * place}"
        found[f"{name}.weight"], found[f"{name}.bias"] = dy.T @ x, dy.sum(0)
        dy = (dy @ p[f"{name}.weight"]) * (x > 0)
    return found


def cross_entropy(logits, y):
    """The mean over examples, and the cotangent of the logits."""
    shifted = logits - logits.max(1, keepdims=True)
    probability = np.exp(shifted)
    probability /= probability.sum(1, keepdims=True)
    rows = np.arange(len(y))
    loss = -np.log(probability[rows, y]).mean()
    probability[rows, y] -= 1
    return loss, probability / len(y)
