"""Tensors and the rest of the world: DLPack, `__array__`, pickling, deepcopy."""

from __future__ import annotations

import copy
import gc
import pickle
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.dtypes import ALL
from neurenix.errors import DtypeError, ExchangeError, InvalidArgumentError

VERSIONED = np.lib.NumpyVersion(np.__version__) >= "2.1.0"
needs_versions = pytest.mark.skipif(
    not VERSIONED, reason="NumPy before 2.1 knows no read-only memory in DLPack"
)


def address(x: nx.Tensor) -> int:
    return int(x.numpy().ctypes.data)


def aligned(shape: tuple[int, ...], dtype: Any = np.float32) -> Any:
    """Zeros at an address that every device accepts."""
    nbytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + nbytes].view(dtype).reshape(shape)


# ---- out -----------------------------------------------------------------------------


@needs_versions
def test_numpy_reads_a_tensor_without_a_copy(device: str) -> None:
    x = nx.tensor([[1.0, 2.0], [3.0, 4.0]])
    array = np.from_dlpack(x)
    assert array.ctypes.data == address(x)
    assert not array.flags.writeable
    del x
    gc.collect()
    assert array.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("dtype", ALL, ids=lambda d: d.name)
def test_every_dtype_goes_out_and_comes_back(device: str, dtype: Any) -> None:
    if dtype not in nx.backends.discovery.backend(device).capabilities(0).dtypes:
        pytest.skip(f"{device} has no {dtype.name}")
    x = nx.tensor([0, 1, 1], dtype=dtype)
    back = nx.from_dlpack(np.from_dlpack(x))
    assert back.dtype is dtype
    assert back.tolist() == x.tolist()
    empty = nx.zeros(0, 3, dtype=dtype)
    assert nx.from_dlpack(np.from_dlpack(empty)).shape == (0, 3)
    assert np.from_dlpack(nx.tensor(1, dtype=dtype)).shape == ()


def test_a_consumer_that_knows_no_read_only_memory_gets_a_copy(device: str) -> None:
    class Old:
        def __init__(self, x: Any) -> None:
            self.x = x

        def __dlpack__(self, **_: Any) -> Any:
            return self.x.__dlpack__()

        def __dlpack_device__(self) -> tuple[int, int]:
            return tuple(self.x.__dlpack_device__())  # type: ignore[return-value]

    x = nx.tensor([1.0, 2.0])
    array = np.from_dlpack(Old(x))  # type: ignore[arg-type]
    assert array.ctypes.data != address(x)
    assert array.tolist() == [1, 2]


@needs_versions
def test_what_was_exported_is_not_written(device: str) -> None:
    cell = nx.Cell(nx.tensor([1.0, 2.0]), name="c")

    def double() -> None:
        cell.assign(cell.value() * 2)

    step = nx.compile(double, state=[cell])
    step()
    held = np.from_dlpack(cell.value())
    assert held.tolist() == [2, 4]
    for _ in range(3):
        step()
    assert held.tolist() == [2, 4]
    assert cell.value().tolist() == [16, 32]


def test_what_cannot_be_exported(device: str) -> None:
    x = nx.ones(3)
    with pytest.raises(ExchangeError, match=r"stream=3; the host has no streams"):
        x.__dlpack__(stream=3)
    with pytest.raises(ExchangeError, match=r"dl_device=\(2, 0\)"):
        x.__dlpack__(dl_device=(2, 0))
    with pytest.raises(BufferError, match="copy=False, but the consumer knows no"):
        x.__dlpack__(copy=False)
    with pytest.raises(nx.errors.CaptureError):
        nx.compile(lambda x: np.from_dlpack(x))(x)
    assert x.__dlpack_device__() == (1, 0)


@needs_versions
def test_a_copy_on_request_may_be_written(device: str) -> None:
    x = nx.ones(3)
    array = np.from_dlpack(x, copy=True)
    array[0] = 5
    assert x.tolist() == [1, 1, 1]


# ---- in ------------------------------------------------------------------------------


def test_aligned_memory_is_shared(device: str) -> None:
    array = aligned((4, 5))
    x = nx.from_dlpack(array, copy=False)
    assert address(x) == array.ctypes.data
    array[0, 0] = 7  # which one should not do, and which shows that it is shared
    assert x[0, 0].item() == 7
    assert (x + 1).tolist() == (array + 1).tolist()
    owned = nx.from_dlpack(array, copy=True)
    assert address(owned) != array.ctypes.data
    memory = array.copy()
    del array, owned
    gc.collect()
    assert x.tolist() == memory.tolist()


def test_other_layouts_are_copied(device: str) -> None:
    array = aligned((4, 5))
    array[...] = np.arange(20).reshape(4, 5)
    for other in (
        array.T,
        array[:, ::2],
        array[::-1],
        np.broadcast_to(array[0], (2, 5)),
    ):
        if not VERSIONED and not other.flags.writeable:
            continue  # NumPy before 2.1 exports none of these
        x = nx.from_dlpack(other)
        assert x.tolist() == other.tolist()
        assert address(x) != other.ctypes.data
        with pytest.raises(ExchangeError, match="cannot use the memory of this array"):
            nx.from_dlpack(other, copy=False)


def test_read_only_memory_is_read(device: str) -> None:
    if not VERSIONED:
        pytest.skip("NumPy before 2.1 exports no read-only array")
    array = aligned((3,))
    array.setflags(write=False)
    assert nx.from_dlpack(array).tolist() == [0, 0, 0]


def test_imported_memory_is_never_written(device: str) -> None:
    array = aligned((2,))
    cell = nx.Cell(nx.from_dlpack(array, copy=False), name="c")

    def more() -> None:
        cell.assign(cell.value() + 1)

    step = nx.compile(more, state=[cell])
    for _ in range(3):
        step()
    assert array.tolist() == [0, 0]
    assert cell.value().tolist() == [3, 3]

    parameter = nn.Parameter(nx.from_dlpack(array))
    optimizer = nx.optim.SGD([parameter], lr=0.5)

    def train() -> nx.Tensor:
        loss, gradient = nx.value_and_grad(lambda p: (p * p + p).sum())(parameter)
        optimizer.step([gradient])
        return loss

    nx.compile(train, state=[[parameter], optimizer])()
    assert array.tolist() == [0, 0]
    assert parameter.tolist() == [-0.5, -0.5]


def test_bad_imports(device: str) -> None:
    with pytest.raises(InvalidArgumentError, match="a list has no __dlpack__"):
        nx.from_dlpack([1.0])
    with pytest.raises(DtypeError, match="complex64"):
        nx.from_dlpack(np.zeros(3, np.complex64))

    class Elsewhere:
        def __dlpack__(self, **_: Any) -> Any:
            raise BufferError("on another planet")

        def __dlpack_device__(self) -> tuple[int, int]:
            return (2, 0)

    with pytest.raises(InvalidArgumentError, match="cannot read the Elsewhere"):
        nx.from_dlpack(Elsewhere())


def test_a_tensor_stays_itself(device: str) -> None:
    x = nx.ones(3)
    assert nx.from_dlpack(x) is x
    assert address(nx.from_dlpack(x, copy=True)) != address(x)


def test_with_torch(device: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    source = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    x = nx.from_dlpack(source)
    assert x.tolist() == source.tolist()
    if source.data_ptr() % 64 == 0:
        assert address(x) == source.data_ptr()
    assert nx.from_dlpack(source.T).tolist() == source.T.tolist()
    y = x * 2
    back = torch.from_dlpack(y)
    assert back.tolist() == y.tolist()
    del y  # what PyTorch holds stays
    gc.collect()
    assert back.tolist() == (source * 2).tolist()
    with pytest.raises(InvalidArgumentError, match="grad"):
        nx.from_dlpack(torch.ones(2, requires_grad=True))


def test_with_jax(device: str) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    source = jax.numpy.arange(6.0).reshape(2, 3)
    x = nx.from_dlpack(source)
    assert x.tolist() == source.tolist()
    if source.unsafe_buffer_pointer() % 64 == 0:
        assert address(x) == source.unsafe_buffer_pointer()
    back = jax.dlpack.from_dlpack(x * 2)
    assert back.tolist() == (source * 2).tolist()


# ---- NumPy's protocol, pickling, deepcopy --------------------------------------------


def test_array_protocol(device: str) -> None:
    x = nx.tensor([1.0, 2.0])
    assert np.asarray(x).ctypes.data == address(x)
    assert not np.asarray(x).flags.writeable
    assert np.array(x).flags.writeable
    assert np.asarray(x, np.float64).dtype == np.float64
    assert np.allclose(x, [1, 2])


def test_pickle(device: str) -> None:
    for dtype in (nx.float32, nx.int32, nx.bool):
        x = nx.tensor([[0, 1], [1, 0]], dtype=dtype)
        y = pickle.loads(pickle.dumps(x))
        assert y.dtype is dtype and y.tolist() == x.tolist()
        assert y.device == nx.current_device()
    leaf = nx.tensor([1.0], requires_grad=True)
    assert pickle.loads(pickle.dumps(leaf)).is_leaf
    assert pickle.loads(pickle.dumps(leaf)).requires_grad
    assert not pickle.loads(pickle.dumps(leaf * 2)).requires_grad
    assert pickle.loads(pickle.dumps(nx.float32)) is nx.float32
    device_ = nx.current_device()
    assert pickle.loads(pickle.dumps(device_)) == device_


def test_deepcopy(device: str) -> None:
    x = nx.tensor([1.0, 2.0])
    leaf = nx.tensor([1.0, 2.0], requires_grad=True)
    twice, other = copy.deepcopy([leaf, leaf]), copy.deepcopy(leaf * 2)
    assert twice[0] is twice[1] and twice[0] is not leaf
    assert twice[0].requires_grad and twice[0].tolist() == [1, 2]
    assert not other.requires_grad, "what is computed is copied without its tape"
    assert copy.deepcopy(x).tolist() == [1, 2]
    here = nx.tensor([1.0], device="reference", requires_grad=True)
    assert copy.deepcopy(here).device == here.device


def test_modules_are_copied_and_pickled(device: str) -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    x = nx.tensor(np.random.default_rng(0).normal(0, 1, (5, 3)))
    expected = net(x).tolist()
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert set(map(id, twin.parameters())).isdisjoint(map(id, net.parameters()))
        assert twin(x).tolist() == expected
        first = next(iter(twin.parameters()))
        first.assign(first.value() * 0)
    assert net(x).tolist() == expected
