"""What compute-sanitizer is given beside whole steps: benchmarks/gpu/products.py meets
each kind of tile. Its results are right on the emulated engine too."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cuda_emulated import ROOT, require_built
from emulated_engine import CUDA, run

import neurenix as nx

require_built()
PROGRAM = ROOT / "benchmarks" / "gpu" / "products.py"
sys.path.insert(0, str(PROGRAM.parent))
import products  # type: ignore[import-not-found]  # noqa: E402
from cost import H100  # type: ignore[import-not-found]  # noqa: E402
from launches import listed_on  # type: ignore[import-not-found]  # noqa: E402


def kernels(function: Any, shapes: Sequence[tuple[int, ...]], dtype: str) -> set[str]:
    listing = listed_on(H100)
    nx.init({"device": listing.device})
    inputs = [products.signs(shape, dtype) for shape in shapes]
    launches = listing.of(function, inputs).launches
    nx.init({"device": "cpu"})
    return {launch.kernel.removeprefix("phynexus_level_") for launch in launches}


@pytest.mark.parametrize("tile", products.SIZES)
def test_each_tile_is_met(tile: str) -> None:
    dtype = "float16" if tile == "product_tensor" else "float32"
    assert tile in kernels(products.product, products.factors(tile), dtype)


def test_convolutions_and_gradients_take_tiles() -> None:
    found = kernels(products.convolution, products.CONVOLVED, "float32")
    assert any(name.startswith("product_") for name in found), found


def test_the_results(tmp_path: Path) -> None:
    done = run([str(PROGRAM)], tmp_path, CUDA, NEURENIX_GPU_CODE="0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(": as the reference device has them\n")
