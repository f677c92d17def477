"""A product with each kind of tile, and a convolution with its gradients, against the
reference device: for compute-sanitizer, which takes minutes for the larger cases.

    python benchmarks/gpu/products.py [--device cuda:0]

The factors are -1, 0 and 1, so that every sum is exact in every dtype and the results
are equal. tests/test_gpu_benchmarks.py holds that these sizes take these tiles.
"""

import argparse

import numpy as np

import neurenix as nx
from neurenix.nn import functional as F

# Rows, terms, columns: none is a multiple of a tile's.
SIZES = {
    "product_large": (1300, 20, 740),
    "product_medium": (700, 20, 740),
    "product_small": (350, 20, 370),
    "product_tensor": (130, 300, 70),
}
CONVOLVED = ((4, 32, 11, 13), (40, 32, 3, 3))
# Their dtypes, and how float32 factors are rounded for tensor cores.
EXACT = [("float32", "float32")]
ROUNDED = [("float32", "tf32"), ("float32", "bfloat16")]
HALVES = [("float16", "float32"), ("bfloat16", "float32")]


def factors(tile):
    rows, terms, columns = SIZES[tile]
    return (rows, terms), (terms, columns)


def signs(shape, dtype):
    drawn = np.random.default_rng(sum(shape)).integers(-1, 2, shape)
    return nx.tensor(drawn.astype(np.float32), dtype=getattr(nx, dtype))


@nx.compile
def product(a, b):
    return a @ b


@nx.compile
def convolution(x, w):
    """Also its gradients, with itself as what comes from above."""
    y, back = nx.vjp(lambda x, w: F.conv2d(x, w, padding=1), x, w)
    return y, *back(nx.sign(y))


def programs():
    """Name, function, shapes, and the ways to compute it."""
    for tile in SIZES:
        ways = HALVES + ROUNDED if tile == "product_tensor" else EXACT
        yield tile, product, factors(tile), ways
    yield "convolution", convolution, CONVOLVED, EXACT + ROUNDED


def results(function, shapes, device, dtype="float32", precision="float32"):
    nx.init({"device": device, "precision": precision})
    found = function(*(signs(shape, dtype) for shape in shapes))
    found = found if isinstance(found, tuple) else (found,)
    return [each.astype(nx.float32).numpy() for each in found]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda:0")
    device = parser.parse_args().device
    wrong = []
    for name, function, shapes, ways in programs():
        wanted = results(function, shapes, "reference")
        for way in ways:
            found = results(function, shapes, device, *way)
            if not all(map(np.array_equal, found, wanted)):
                wrong.append(f"{name} {'/'.join(way)}")
    told = f"wrong: {', '.join(wrong)}" if wrong else "as the reference device has them"
    print(f"products with tiles, and convolutions: {told}")
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
