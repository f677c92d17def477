"""Large products by rocBLAS, on the emulated ROCm engine over a fake one: where the
card has matrix cores and precision="bfloat16" allows it, and nowhere else."""

from __future__ import annotations

import ctypes
import gc
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from emulated_engine import ROCM, run
from fake_library import ILLEGAL_ADDRESS, fake_runtime
from large_products import FORMS, drawn, factors, train
from rocm_emulated import DEVICE, folder, register

import neurenix as nx
from neurenix.backends import discovery
from neurenix.errors import BackendError, InvalidArgumentError

register()
FAKE = folder() / "libphynexus_fake_rocblas.so"
GEMM = b"rocblas_gemm_strided_batched_ex"
# Of engines that other tests do not use; each is made once, with what is set then.
USUAL, UNUSED = 3, itertools.count(4)

WAYS = [("float32", 2e-5), ("float16", 1e-3), ("bfloat16", 8e-3)]


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[ctypes.CDLL]:
    before = nx.current_device()
    monkeypatch.setenv("NEURENIX_ROCBLAS", str(FAKE))
    with fake_runtime() as library:
        library.phynexus_fake_set(b"devices", 8)
        yield library
        nx.init({"device": before})
        gc.collect()  # nothing of these engines is given back in other tests


def use(precision: str = "bfloat16", index: int = USUAL) -> None:
    nx.init({"device": f"{DEVICE}:{index}", "precision": precision})


def opened(runtime: ctypes.CDLL) -> int:
    """How many products it has computed, once it is open."""
    use()
    (drawn(130, 96) @ drawn(96, 70)).numpy()
    return int(runtime.phynexus_fake_calls(GEMM))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("dtype", "apart"), WAYS)
def test_values(runtime: ctypes.CDLL, form: str, dtype: str, apart: float) -> None:
    calls = opened(runtime)
    function, *shapes = FORMS[form]
    a, b = (drawn(*shape, dtype=dtype) for shape in shapes)
    found = [nx.compile(function)(a, b).astype(nx.float32).numpy() for _ in range(2)]
    assert runtime.phynexus_fake_calls(GEMM) == calls + 2
    expected = function(*(factors(x, dtype, "bfloat16") for x in (a, b)))
    off = np.abs(found[0] - expected).max()
    assert off < apart * np.abs(expected).max(), off
    np.testing.assert_array_equal(*found)


def test_what_may_not_be_rounded_is_left_to_kernels(runtime: ctypes.CDLL) -> None:
    calls = opened(runtime)
    use("float32")
    for dtype in ("float32", "float16", "bfloat16"):
        (drawn(130, 96, dtype=dtype) @ drawn(96, 70, dtype=dtype)).numpy()
    use()
    (drawn(5, 40) @ drawn(40, 5)).numpy()
    double = drawn(130, 96).astype(nx.float64)
    (double @ double.T).numpy()
    assert runtime.phynexus_fake_calls(GEMM) == calls


def test_a_permission_without_a_library_changes_no_bits(
    runtime: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = drawn(130, 96).numpy(), drawn(96, 70).numpy()
    monkeypatch.setenv("NEURENIX_ROCBLAS", "0")
    index = next(UNUSED)
    found = []
    for precision in ("float32", "bfloat16"):
        use(precision, index)
        found.append((nx.tensor(a) @ nx.tensor(b)).numpy())
    np.testing.assert_array_equal(*found)
    assert (
        "own kernels: NEURENIX_ROCBLAS=0" in discovery.backend(DEVICE).notes(index)[-1]
    )


def test_steps_of_training(runtime: ctypes.CDLL) -> None:
    calls = opened(runtime)
    one = train(6, False)
    assert runtime.phynexus_fake_calls(GEMM) > calls + 4 * 5
    for single, together in zip(one, train(6, True), strict=True):
        np.testing.assert_array_equal(single, together)
    use("float32")
    np.testing.assert_allclose(one[0][:-1], train(6, False)[0][:-1], rtol=5e-2)


def test_one_that_lacks_a_product_is_not_used(runtime: ctypes.CDLL) -> None:
    """Found out when it is opened, by a try."""
    index = next(UNUSED)
    runtime.phynexus_fake_fail(GEMM, 2, 2)
    use(index=index)
    a, b = drawn(130, 96), drawn(96, 70)
    found = (a @ b).numpy()
    wanted = a.numpy().astype(np.float64) @ b.numpy()
    assert np.abs(found - wanted).max() < 1e-4, "exact, as kernels of our own are"
    told = discovery.backend(DEVICE).notes(index)[-1]
    assert "does not open: rocblas_gemm_strided_batched_ex failed" in told
    assert "not_implemented (2)" in told
    assert runtime.phynexus_fake_calls(b"rocblas_destroy_handle") == 1
    assert runtime.phynexus_fake_calls(GEMM) == 2


def test_a_call_that_fails_is_named(runtime: ctypes.CDLL) -> None:
    opened(runtime)
    runtime.phynexus_fake_fail(GEMM, 1, 6)
    with pytest.raises(BackendError, match=r"internal_error \(6\); NEURENIX_ROCBLAS=0"):
        (drawn(130, 96) @ drawn(96, 70)).numpy()
    runtime.phynexus_fake_fail(GEMM, 1, 7)  # computed, in less memory
    assert np.isfinite((drawn(130, 96) @ drawn(96, 70)).numpy()).all()


def test_a_lost_device_has_another_handle(runtime: ctypes.CDLL) -> None:
    opened(runtime)
    before = runtime.phynexus_fake_calls(b"rocblas_create_handle")
    runtime.phynexus_fake_fault(1, ILLEGAL_ADDRESS)
    with pytest.raises(BackendError, match="was lost"):
        (drawn(130, 96) @ drawn(96, 70)).numpy()
    opened(runtime)
    assert runtime.phynexus_fake_calls(b"rocblas_create_handle") == before + 1
    assert runtime.phynexus_fake_calls(b"rocblas_destroy_handle") == 0


def test_a_card_without_matrix_cores_has_no_such_precision(
    runtime: ctypes.CDLL,
) -> None:
    runtime.phynexus_fake_set(b"architecture", 0x1030)
    index = next(UNUSED)
    with pytest.raises(InvalidArgumentError, match="precision='bfloat16'"):
        use(index=index)


def test_who_computes_decides_bits(tmp_path: Path) -> None:
    told = "import neurenix as nx; from neurenix.settings import bits_depend_on; "
    told += "print(bits_depend_on(nx.Device('rocm'))['large products'])"
    for given, by in (
        (str(FAKE), "rocBLAS 4.3.0.fake"),
        ("0", "Neurenix's own kernels"),
    ):
        done = run(["-c", told], tmp_path, ROCM, NEURENIX_ROCBLAS=given)
        assert done.stdout == f"{by}\n", done.stderr
    done = run(["-c", told], tmp_path, ROCM, NEURENIX_ROCBLAS="yes")
    assert "NEURENIX_ROCBLAS=yes: it is 0, the path of a library" in done.stderr
