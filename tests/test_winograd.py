"""Convolutions so big that the engine for CPUs takes Winograd's algorithm: values and
derivatives to second order, what is not finite, and the setting that forbids it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import neurenix as nx
from neurenix.nn import functional

pytestmark = pytest.mark.skipif(
    nx.get_device_count("cpu") == 0, reason="the engine for CPUs is not installed"
)


@pytest.fixture(autouse=True)
def on_the_engine():
    nx.init({"device": "cpu"})


def operands(size: tuple[int, int] = (9, 12)) -> tuple[nx.Tensor, nx.Tensor]:
    numbers = np.random.default_rng(0)
    x = numbers.normal(size=(10, 40, *size)).astype(np.float32)
    w = numbers.normal(size=(36, 40, 3, 3)).astype(np.float32) / 20
    return nx.tensor(x), nx.tensor(w)


def loss(x, w, padding):
    return nx.tanh(functional.conv2d(x, w, padding=padding)).sum()


def second(x, w, padding):
    gx, gw = nx.grad(loss, argnums=(0, 1))(x, w, padding)
    return (gx * gx * gx).sum() + (gw * gw).sum()


FUNCTIONS = {
    "values": lambda x, w, padding: functional.conv2d(x, w, padding=padding),
    "gradients": nx.grad(loss, argnums=(0, 1)),
    "second": nx.grad(second, argnums=(0, 1)),
}


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_against_the_reference(name: str, padding: int) -> None:
    def f(x, w):
        return FUNCTIONS[name](x, w, padding)

    x, w = operands()
    found = nx.compile(f)(x, w)
    expected = nx.capture(f, x, w).evaluate([x.numpy(), w.numpy()])
    found = [found] if isinstance(found, nx.Tensor) else found
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine.numpy(), other, rtol=0, atol=2e-5 * other.std())


def bits() -> str:
    """A digest for each function: what a subprocess of the test below prints."""
    import hashlib

    digests = []
    for f in FUNCTIONS.values():
        found = f(*operands(), 1)
        found = [found] if isinstance(found, nx.Tensor) else found
        joined = b"".join(y.numpy().tobytes() for y in found)
        digests.append(hashlib.sha256(joined).hexdigest())
    return " ".join(digests)


def test_the_setting_and_the_threads() -> None:
    """Other bits without it, so it was used; the same bits from any threads."""

    def run(**settings: str) -> list[str]:
        asked = "from test_winograd import *; nx.init({'device': 'cpu'}); print(bits())"
        return subprocess.run(
            [sys.executable, "-c", asked],
            cwd=Path(__file__).parent,
            env={**os.environ, **settings},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()

    one = run(NEURENIX_NUM_THREADS="1")
    assert one == run(NEURENIX_NUM_THREADS="3")
    plain = run(NEURENIX_NUM_THREADS="1", NEURENIX_CPU_WINOGRAD="0")
    assert all(mine != other for mine, other in zip(one, plain, strict=True))


@pytest.mark.parametrize("special", [np.nan, np.inf])
def test_what_is_not_finite_reaches_all_that_reads_it(special: float) -> None:
    x, w = operands()
    array = x.numpy().copy()
    array[2, 5, 4, 7] = special
    found = functional.conv2d(nx.tensor(array), w, padding=1).numpy()
    spoilt = ~np.isfinite(found)
    assert spoilt[2, :, 3:6, 6:9].all()
    # the tiles of 2 by 2 results that read the pixel, and no others
    assert not spoilt[[0, 1, *range(3, 10)]].any()
    assert not spoilt[2, :, :2].any() and not spoilt[2, :, 6:].any()
