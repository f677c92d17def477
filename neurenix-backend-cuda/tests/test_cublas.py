"""Large products of a rounded precision by cuBLAS, on the emulated CUDA engine over a
fake one, which counts its calls; all else is left to the engine's own kernels."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cuda_emulated import folder, register
from emulated_engine import CUDA, run
from fake_library import ILLEGAL_ADDRESS, fake_driver
from large_products import FORMS, drawn, factors, train

import neurenix as nx
from neurenix.errors import BackendError
from neurenix.nn import functional as F

DEVICE = f"{register()}:5"  # an engine of its own, which other tests do not use
FAKE = folder() / "libphynexus_fake_cublas.so"
GEMM = b"cublasGemmStridedBatchedEx"

# dtype of the tensors, precision, how far a result may be off for its size
WAYS = [
    ("float32", "tf32", 2e-5),
    ("float32", "bfloat16", 2e-5),
    ("float16", "float32", 1e-3),
    ("bfloat16", "float32", 8e-3),
]


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[ctypes.CDLL]:
    before = nx.current_device()
    monkeypatch.setenv("NEURENIX_CUBLAS", str(FAKE))
    with fake_driver() as library:
        library.phynexus_fake_set(b"devices", 6)
        yield library
        nx.init({"device": before})
        gc.collect()  # nothing of these engines is given back in other tests


def use(precision: str) -> None:
    nx.init({"device": DEVICE, "precision": precision})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("dtype", "precision", "apart"), WAYS)
def test_values(
    driver: ctypes.CDLL, form: str, dtype: str, precision: str, apart: float
) -> None:
    use(precision)
    function, *shapes = FORMS[form]
    a, b = (drawn(*shape, dtype=dtype) for shape in shapes)
    found = nx.compile(function)(a, b)
    assert driver.phynexus_fake_calls(GEMM) == 1
    expected = function(*(factors(x, dtype, precision) for x in (a, b)))
    size = np.abs(expected).max()
    off = np.abs(found.astype(nx.float32).numpy() - expected).max()
    assert off < apart * size, off
    again = nx.compile(function)(a, b)
    np.testing.assert_array_equal(
        found.astype(nx.float32).numpy(), again.astype(nx.float32).numpy()
    )


def test_what_is_exact_or_small_or_no_product_is_left_to_kernels(
    driver: ctypes.CDLL,
) -> None:
    use("float32")
    large = drawn(130, 96), drawn(96, 70)
    (large[0] @ large[1]).numpy()
    whole = (nx.arange(130 * 96).reshape(130, 96) % 7).astype(nx.int32)
    (whole @ whole.T).numpy()
    use("tf32")
    (drawn(5, 40) @ drawn(40, 5)).numpy()
    x, w = drawn(4, 32, 12, 12), drawn(64, 32, 3, 3)
    F.conv2d(x, w, padding=1).numpy()
    double = large[0].astype(nx.float64), large[1].astype(nx.float64)
    (double[0] @ double[1]).numpy()
    assert driver.phynexus_fake_calls(GEMM) == 0


def test_a_task_keeps_its_products(driver: ctypes.CDLL) -> None:
    """Small ones of many tasks, which all together would be large."""
    use("tf32")
    weights = nx.constant(drawn(20, 20).numpy())

    @nx.compile
    def step(xs: nx.Tensor) -> nx.Tensor:
        return nx.map(lambda x: nx.tanh(x @ weights).sum())(xs)

    step(drawn(64, 20, 20)).numpy()
    assert driver.phynexus_fake_calls(GEMM) == 0


def test_steps_of_training_with_graphs_between(driver: ctypes.CDLL) -> None:
    use("tf32")
    one = train(6, False)
    calls = driver.phynexus_fake_calls(GEMM)
    assert calls >= 4 * 5, "two forward, three backward, of which one may be small"
    several = train(6, True)
    assert driver.phynexus_fake_calls(GEMM) >= 2 * calls
    for single, together in zip(one, several, strict=True):
        np.testing.assert_array_equal(single, together)
    use("float32")
    exact = train(6, False)
    assert np.isfinite(one[2]).all()
    np.testing.assert_allclose(one[0][:-1], exact[0][:-1], rtol=1e-2)
    assert np.abs(one[2] - exact[2]).max() > 0


def test_a_profile_has_its_time(driver: ctypes.CDLL) -> None:
    use("tf32")
    a, b = drawn(130, 96), drawn(96, 70)
    product = nx.compile(lambda a, b: nx.exp(a) @ b)
    product(a, b).numpy()
    with nx.profile() as profile:
        product(a, b)
    rows = {row["primitive"]: row for row in profile.rows}
    assert rows["dot_general"]["count"] == 2  # and the copy to the result
    assert driver.phynexus_fake_calls(GEMM) == 2


def test_a_fault_in_it_names_the_line(driver: ctypes.CDLL) -> None:
    use("tf32")
    a, b = drawn(130, 96), drawn(96, 70)
    product = nx.compile(lambda a, b: nx.exp(a) @ b)
    product(a, b).numpy()
    driver.phynexus_fake_fault(4, ILLEGAL_ADDRESS)  # a step's, exp, its mark, itself
    with pytest.raises(BackendError, match=r"was lost.*dot_general, test_cublas\.py:"):
        product(a, b).numpy()
    use("tf32")
    assert np.isfinite(product(drawn(130, 96), drawn(96, 70)).numpy()).all()


@pytest.mark.parametrize("code", [201, 709])
def test_what_another_library_has_reset_is_not_touched(
    driver: ctypes.CDLL, code: int
) -> None:
    use("tf32")
    product = nx.compile(lambda a, b: a @ b)
    a, b = drawn(130, 96), drawn(96, 70)
    product(a, b).numpy()
    nx.synchronize()
    destroyed = driver.phynexus_fake_calls(b"cublasDestroy_v2")
    driver.phynexus_fake_fail(b"cuLaunchKernel", 1, code)
    with pytest.raises(BackendError, match="was lost"):
        product(a, b).numpy()
    use("tf32")
    found = product(drawn(130, 96), drawn(96, 70)).numpy()
    assert np.isfinite(found).all()
    assert driver.phynexus_fake_calls(b"cublasDestroy_v2") == destroyed
    assert driver.phynexus_fake_calls(GEMM) == 2


@pytest.mark.parametrize("given", [str(FAKE), "0"])
def test_who_computes_is_said_and_decides_bits(tmp_path: Path, given: str) -> None:
    told = (
        "import neurenix as nx\n"
        "from neurenix.backends import discovery\n"
        "from neurenix.settings import bits_depend_on\n"
        "print(bits_depend_on(nx.Device('cuda'))['large products'])\n"
        "print(discovery.backend('cuda').notes(0)[-1])\n"
    )
    done = run(["-c", told], tmp_path, CUDA, NEURENIX_CUBLAS=given)
    assert done.returncode == 0, done.stderr
    by, note = done.stdout.splitlines()
    if given == "0":
        assert by == "Neurenix's own kernels"
        assert note.endswith(f"by {by}: NEURENIX_CUBLAS=0")
    else:
        assert by == "cuBLAS 13.1.2"
        assert note.endswith(f"by {by} ({given})")


def test_a_value_that_is_none_is_refused(tmp_path: Path) -> None:
    program = "import neurenix as nx; nx.ones(2, device='cuda')"
    done = run(["-c", program], tmp_path, CUDA, NEURENIX_CUBLAS="yes")
    assert done.returncode == 1
    assert "NEURENIX_CUBLAS=yes: it is 0, the path of a library" in done.stderr
