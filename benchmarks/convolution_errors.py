"""Rounding errors of float32 convolutions of 3 by 3 on the CPU, with and without
Winograd's algorithm: normal data, against float64, relative to the root mean square of
the results. `python benchmarks/convolution_errors.py` prints a table in Markdown."""

import json
import os
import subprocess
import sys

import numpy as np

import neurenix as nx
from neurenix.nn import functional

# images, channels in, height and width, channels out
SHAPES = [
    (25, 32, 28, 32),
    (120, 64, 14, 64),
    (120, 64, 7, 64),
    (50, 48, 11, 40),
    (8, 128, 28, 128),
    (8, 256, 14, 256),
]
WHICH = ["forward", "input gradient", "weight gradient"]


def results(x: np.ndarray, w: np.ndarray, g: np.ndarray) -> list[np.ndarray]:
    """Of the dtype that the operands have: the convolution and its two gradients."""
    images, weight, gradient = (nx.tensor(a, dtype=a.dtype.name) for a in (x, w, g))

    def weighted(x: nx.Tensor, w: nx.Tensor) -> nx.Tensor:
        return (functional.conv2d(x, w, padding=1) * gradient).sum()

    dx, dw = nx.grad(weighted, argnums=(0, 1))(images, weight)
    forward = functional.conv2d(images, weight, padding=1)
    return [y.numpy() for y in (forward, dx, dw)]


def errors(images: int, channels: int, size: int, out: int) -> list[list[float]]:
    """Largest and root mean square error of each result, relative."""
    numbers = np.random.default_rng(0)
    shapes = (images, channels, size, size), (out, channels, 3, 3)
    operands = [numbers.normal(size=s) for s in (*shapes, (images, out, size, size))]
    single = [a.astype(np.float32) for a in operands]
    exact = results(*[a.astype(np.float64) for a in single])
    found = []
    for mine, other in zip(results(*single), exact, strict=True):
        error, scale = np.abs(mine - other), np.sqrt((other**2).mean())
        found.append([error.max() / scale, np.sqrt((error**2).mean()) / scale])
    return found


def main() -> None:
    if sys.argv[1:]:
        nx.init({"device": "cpu"})
        print(json.dumps([errors(*shape) for shape in SHAPES]))
        return
    plain, winograd = (
        json.loads(
            subprocess.run(
                [sys.executable, __file__, "errors"],
                env={**os.environ, "NEURENIX_CPU_WINOGRAD": setting},
                check=True,
                capture_output=True,
            ).stdout
        )
        for setting in "01"
    )
    print("| images, channels, size | | plain: max | rms | Winograd: max | rms |")
    print("|---|---|---|---|---|---|")
    for shape, *rows in zip(SHAPES, plain, winograd, strict=True):
        images, channels, size, out = shape
        for name, mine, other in zip(WHICH, *rows, strict=True):
            figures = " | ".join(f"{e:.1e}" for e in (*mine, *other))
            sizes = f"{images}, {channels} to {out}, {size}x{size}"
            print(f"| {sizes} | {name} | {figures} |")


if __name__ == "__main__":
    main()
