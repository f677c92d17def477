"""x[key] and x[key] = v against NumPy: drawn keys of every kind, eager and inside
programs, with derivatives to the second order; and every index that is out of range."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import CaptureError, DtypeError, IndexOutOfRangeError, ShapeError

Array = Any
INDICES = ("int", "npint", "array", "list", "uint8", "int8", "range")
KINDS = (*INDICES, "slice", "none", "dots", "mask", "flag")


def drawn_key(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """A key for that shape, most of the time."""
    parts: list[Any] = []
    axis, count = 0, int(rng.integers(0, len(shape) + 1))
    together = tuple(rng.integers(1, 4, rng.integers(0, 3)).tolist())
    least = min(shape, default=0)
    while axis < count or rng.random() < 0.15:
        kind = str(rng.choice(KINDS))
        if kind == "none" and len(parts) < 6:
            parts.append(None)
        elif kind == "flag" and rng.random() < 0.3:
            parts.append(rng.choice([True, False]) if rng.random() < 0.5 else True)
        elif kind == "dots" and not any(p is Ellipsis for p in parts):
            parts.append(Ellipsis)
        elif axis >= count:
            break
        elif kind == "slice":
            bounds = [int(rng.integers(-6, 7)), int(rng.integers(-6, 7))]
            bounds.append(int(rng.choice([-3, -2, -1, 1, 2])))
            parts.append(slice(*(None if rng.random() < 0.4 else b for b in bounds)))
            axis += 1
        elif kind == "mask" and not any(p is Ellipsis for p in parts):
            axes = int(rng.integers(1, min(2, count - axis) + 1))
            mask = rng.random(shape[axis : axis + axes]) < 0.5
            parts.append(mask.tolist() if rng.random() < 0.5 else mask)
            axis += axes
        elif least and kind in INDICES:
            parts.append(drawn_indices(rng, kind, least, together))
            axis += 1
        elif not least and kind == "list":
            parts.append([])
            axis += 1
    return parts[0] if len(parts) == 1 and rng.random() < 0.5 else tuple(parts)


def drawn_indices(
    rng: np.random.Generator, kind: str, size: int, together: tuple[int, ...]
) -> Any:
    if kind in ("int", "npint"):
        value = int(rng.integers(-size, size))
        return value if kind == "int" else np.int64(value)
    if kind == "range":
        return range(int(rng.integers(0, size + 1)))
    shape = tuple(n if rng.random() < 0.8 else 1 for n in together)
    shape = shape[int(rng.integers(0, len(shape) + 1)) :]
    values = rng.integers(0 if kind == "uint8" else -size, size, shape)
    if kind == "list":
        return values.tolist()
    return values.astype({"array": np.int64}.get(kind, kind))


def with_tensors(key: Any) -> Any:
    """The same key, its arrays being tensors."""
    if isinstance(key, tuple):
        return tuple(with_tensors(k) for k in key)
    if isinstance(key, np.ndarray) and key.dtype != np.int8:
        return nx.tensor(key)
    return key


def cases(count: int, seed: int) -> Any:
    """(array, key, what NumPy reads; None where it refuses)."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        shape = tuple(int(n) for n in rng.integers(1, 5, rng.integers(0, 5)))
        if shape and rng.random() < 0.05:
            shape = (0, *shape[1:])
        array = rng.normal(size=shape).astype(np.float32)
        key = drawn_key(rng, shape)
        try:
            part = array[key]
        except IndexError:
            part = None
        if part is None or part.ndim <= 6:
            yield rng, array, key, part


@pytest.mark.parametrize(
    "convert", [lambda key: key, with_tensors], ids=["arrays", "tensors"]
)
def test_reading_and_writing_by_drawn_keys(device: str, convert: Any) -> None:
    refused = 0
    for rng, array, key, part in cases(800, 1):
        if part is None:
            refused += 1
            with pytest.raises((IndexOutOfRangeError, ShapeError)):
                nx.tensor(array)[convert(key)]
            with pytest.raises((IndexOutOfRangeError, ShapeError)):
                nx.tensor(array)[convert(key)] = 0.0
            continue
        found = nx.tensor(array)[convert(key)].numpy()
        np.testing.assert_array_equal(found, part, err_msg=f"{array.shape}[{key}]")
        # a value that broadcasts; of elements that are named twice the last stays
        shape = tuple(n if rng.random() < 0.7 else 1 for n in part.shape)
        value = rng.normal(size=shape[int(rng.integers(0, part.ndim + 1)) :])
        x, expected = nx.tensor(array), array.copy()
        expected[key] = value.astype(np.float32)
        x[convert(key)] = convert(value.astype(np.float32))
        np.testing.assert_array_equal(
            x.numpy(), expected, err_msg=f"{array.shape}[{key}] = {value.shape}"
        )
    assert refused


def as_arguments(key: Any, rng: np.random.Generator) -> tuple[list[Array], Any]:
    """The indices of a key as arrays, and the function that makes a key of them."""
    arguments: list[Array] = []
    parts: list[Any] = []
    for part in key if isinstance(key, tuple) else (key,):
        array = np.asarray(part) if isinstance(part, (int, list, np.ndarray)) else None
        if array is None or array.dtype.kind not in "iu" or not array.size:
            parts.append(lambda given, part=part: part)
        elif array.ndim or rng.random() < 0.5:
            at = len(arguments)
            parts.append(lambda given, at=at: given[at])
            arguments.append(array.astype(np.int32))
        else:
            parts.append(lambda given, part=part: part)
    return arguments, lambda given: tuple(part(given) for part in parts)


def test_programs_and_derivatives_by_drawn_keys(device: str) -> None:
    """Indices that are arguments: nothing is known of them when a program is made."""
    done = 0
    for rng, array, key, part in cases(90, 2):
        if part is None:
            continue
        done += 1
        arguments, key_of = as_arguments(key, rng)
        indices = [nx.tensor(a) for a in arguments]
        value = rng.normal(size=part.shape).astype(np.float32)
        weights = rng.normal(size=array.shape).astype(np.float32)
        check_program(array, key, part, value, weights, indices, key_of)
    assert done > 60


def check_program(
    array: Array,
    key: Any,
    part: Array,
    value: Array,
    weights: Array,
    indices: list[nx.Tensor],
    key_of: Callable[[Any], Any],
) -> None:
    x, v = nx.tensor(array), nx.tensor(value)
    written = array.copy()
    written[key] = value

    def get(x: nx.Tensor, *given: nx.Tensor) -> nx.Tensor:
        return x[key_of(given)]

    def put(x: nx.Tensor, v: nx.Tensor, *given: nx.Tensor) -> nx.Tensor:
        y = x * 1.0
        y[key_of(given)] = v
        return y

    def same(found: nx.Tensor, expected: Array) -> None:
        np.testing.assert_allclose(
            found.numpy(), expected, rtol=1e-4, atol=1e-5, err_msg=f"{x.shape}[{key}]"
        )

    shared = [None] * len(indices)
    twice = nx.stack([x, x * 2.0])
    same(nx.compile(get)(x, *indices), part)
    same(nx.compile(put)(x, v, *indices), written)
    same(nx.vmap(get, (0, *shared))(twice, *indices), np.stack([part, part * 2]))
    same(
        nx.vmap(put, (0, 0, *shared))(twice, nx.stack([v, v * 2.0]), *indices),
        np.stack([written, written * 2]),
    )
    if indices:
        both = [nx.stack([i, i]) for i in indices]
        mapped = nx.vmap(get, (None, *[0] * len(both)))(x, *both)
        same(mapped, np.stack([part, part]))

    def cubed(x: nx.Tensor) -> nx.Tensor:
        return ((get(x, *indices) ** 3) * v).sum()

    first, second = np.zeros_like(array), np.zeros_like(array)
    np.add.at(first, key, 3 * part**2 * value)
    np.add.at(second, key, 6 * part * value)
    gradient = nx.grad(cubed)
    same(gradient(x), first)
    same(nx.grad(lambda x: gradient(x).sum())(x), second)

    def loss(x: nx.Tensor, v: nx.Tensor) -> nx.Tensor:
        return ((put(x, v, *indices) ** 3) * nx.tensor(weights)).sum()

    kept, winner = np.ones_like(array), np.full(array.shape, -1)
    kept[key] = 0
    numbers = np.arange(value.size).reshape(value.shape)
    winner[key] = numbers
    stayed = np.isin(numbers, winner)
    first, second = 3 * written**2 * weights, 6 * written * weights
    by_x, by_v = nx.grad(loss, (0, 1))(x, v)
    same(by_x, first * kept)
    same(by_v, first[key] * stayed)
    same(nx.grad(lambda x: nx.grad(loss)(x, v).sum())(x), second * kept)
    same(nx.grad(lambda v: nx.grad(loss, 1)(x, v).sum())(v), second[key] * stayed)


MASKED: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "all axes": ((3, 4, 2), lambda m: m),
    "the first": ((3,), lambda m: m),
    "two axes": ((3, 4), lambda m: m),
    "the second": ((4,), lambda m: (slice(None), m)),
    "reversed": ((4,), lambda m: (slice(None, None, -1), m)),
    "the last": ((2,), lambda m: (..., m)),
    "an int beside": ((4,), lambda m: (0, m)),
    "an int apart": ((2,), lambda m: (0, slice(None), m)),
    "a new axis": ((3,), lambda m: (m, None, 1)),
}


@pytest.mark.parametrize("name", MASKED)
def test_one_value_for_all_that_a_mask_names(name: str, device: str) -> None:
    """In a program nothing is known of the mask, and it works all the same."""
    shape, key_of = MASKED[name]
    array = np.arange(-24.0, 0.0, dtype=np.float32).reshape(3, 4, 2)
    mask = np.arange(math.prod(shape)).reshape(shape) % 3 != 2
    part = array[key_of(mask)]

    def put(x: nx.Tensor, m: nx.Tensor, v: nx.Tensor) -> nx.Tensor:
        y = x * 1.0
        y[key_of(m)] = v
        return y

    for value in (np.float32(5.0), np.full((1,) * part.ndim, 2.0, np.float32)):
        expected = array.copy()
        expected[key_of(mask)] = value if part.ndim > 1 else value.reshape(-1)
        given = nx.tensor(array), nx.tensor(mask), nx.tensor(value)
        np.testing.assert_array_equal(put(*given).numpy(), expected)
        np.testing.assert_array_equal(nx.compile(put)(*given).numpy(), expected)
        gradient = nx.compile(nx.grad(lambda *a: put(*a).sum(), (0, 2)))
        by_x, by_v = gradient(*given)
        np.testing.assert_array_equal(by_x.numpy(), np.float32(expected == array))
        assert by_v.numpy().sum() == part.size
    several = np.arange(part.size, dtype=np.float32).reshape(part.shape)
    with pytest.raises(CaptureError, match=r"x\[mask\] = v.*nx.where"):
        nx.compile(put)(nx.tensor(array), nx.tensor(mask), nx.tensor(several))
    expected[key_of(mask)] = several
    found = put(nx.tensor(array), nx.tensor(mask), nx.tensor(several))
    np.testing.assert_array_equal(found.numpy(), expected)


def test_what_was_read_may_be_written_back(device: str) -> None:
    x = nx.arange(48.0).reshape(4, 2, 6)
    y = nx.tensor(x.numpy())
    y[0, :, [1, 2]] = y[0, :, [1, 2]]
    assert (x == y).all()
    y[0, :, [1, 2]] += 1.0
    assert (y - x).sum().item() == 4.0


LENGTHS = (1, 4096, 4097, 100_000)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("place", [0, -1])
@pytest.mark.parametrize("bad", [10, -11, 99, -(2**31)])
def test_every_index_is_checked(device: str, length: int, place: int, bad: int) -> None:
    x, table = nx.arange(10.0), nx.nn.Embedding(10, 2)
    index = np.zeros(length, np.int64)
    index[place] = bad
    reads: list[Callable[[Any], Any]] = [
        lambda i: nx.take(x, i),
        lambda i: x[i],
        lambda i: x[None, i],
        lambda i: nx.take_along_axis(x, i, 0),
        lambda i: x.__setitem__(i, 0.0),
        lambda i: nx.grad(lambda x: x[i].sum())(x),
        lambda i: table(nx.tensor(i)),
    ]
    for given in (index, index.tolist(), nx.tensor(index)):
        for read in reads:
            with pytest.raises(IndexOutOfRangeError, match=f"index {bad} is out of"):
                read(given)


@pytest.mark.parametrize("length", LENGTHS)
def test_every_index_in_range_is_read(device: str, length: int) -> None:
    array = np.arange(10.0, dtype=np.float32)
    index = np.random.default_rng(0).integers(-10, 10, length)
    for given in (index, nx.tensor(index), nx.tensor(index % 10)):
        np.testing.assert_array_equal(nx.tensor(array)[given].numpy(), array[index])


def test_inside_a_program_the_nearest_element_is_taken(device: str) -> None:
    """As documented: it has no errors. An axis does not spill into another."""
    x = nx.arange(6.0).reshape(2, 3)
    index = nx.tensor([-9, -1, 0, 2, 9])
    assert nx.compile(lambda x, i: x[0, i])(x, index).tolist() == [0, 2, 0, 2, 2]
    zeros = nx.zeros(5).int()
    found = nx.compile(lambda x, i, j: x[i, j])(x, zeros, index)
    assert found.tolist() == [0, 2, 0, 2, 2]


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (1.0, DtypeError, r"index 1\.0: expected an int, a slice"),
        ("a", DtypeError, "index 'a'"),
        ({1}, DtypeError, r"index \{1\}"),
        ([0.5], DtypeError, r"index \[0\.5\].*not float64"),
        (np.zeros(0), DtypeError, "not float64"),
        (np.array(1.0), DtypeError, "not float64"),
        ((0, None, "b"), DtypeError, "index 'b'"),
        ((..., ...), IndexOutOfRangeError, r"more than one '\.\.\.'"),
        ((0, 0, 0, 0), IndexOutOfRangeError, "more axes"),
        ((slice(None), 4), IndexOutOfRangeError, r"index 4 .* axis 1 of shape \(3, 4,"),
        ([[1, 2], [3]], ShapeError, "ragged"),
        (slice(None, None, 0), ValueError, "a step of 0"),
        (slice(None, 1.5), DtypeError, r"1\.5 is no integer"),
        (([0, 1], [0, 1, 2]), ShapeError, r"\(2,\).*\(3,\)"),
        ([True, False], IndexOutOfRangeError, r"mask of shape \(2,\).*have \(3,\)"),
        (np.ones((3, 3), bool), IndexOutOfRangeError, r"mask of shape \(3, 3\)"),
        (np.array([2**40]), IndexOutOfRangeError, f"index {2**40}"),
    ],
    ids=str,
)
def test_bad_keys(key: Any, error: type[Exception], message: str, device: str) -> None:
    x = nx.zeros(3, 4, 2)
    with pytest.raises(error, match=message):
        x[key]
    with pytest.raises(error, match=message):
        x[key] = 0.0
    assert not x.any()


def test_a_tensor_as_a_bad_key(device: str) -> None:
    x = nx.zeros(3)
    with pytest.raises(DtypeError, match="not float32"):
        x[nx.tensor([0.0])]
    with pytest.raises(DtypeError, match="no integer"):
        x[: nx.tensor(1.0)]
    with pytest.raises(ShapeError, match=r"shape \(2,\) for a part of shape \(3,\)"):
        x[:] = nx.ones(2)


@pytest.mark.parametrize(
    "key",
    [
        ((0, 2), slice(None)),
        ([(0, 1), (2, 0)],),
        ([[True, False, True]],),
        ([True, False, True], 1),
        (np.True_,),
        (False, ..., 0),
        ([], ()),
        ([[]],),
        (),
        (range(2), [1, 0]),
        (0, ..., [1, 2]),
        (0, [1, 2], ...),
        (..., 0, [1, 1]),
        (None, 0, None, [1]),
    ],
    ids=str,
)
def test_keys_of_every_form(key: Any, device: str) -> None:
    array = np.arange(24.0, dtype=np.float32).reshape(3, 4, 2)
    try:
        expected = array[key]
    except IndexError:
        with pytest.raises(IndexOutOfRangeError):
            nx.tensor(array)[key]
        return
    np.testing.assert_array_equal(nx.tensor(array)[key].numpy(), expected)
    x = nx.tensor(array)
    x[key] = -1.0
    array[key] = -1.0
    np.testing.assert_array_equal(x.numpy(), array)


def test_numbers_in_tensors(device: str) -> None:
    x = nx.arange(12.0).reshape(3, 4)
    one = nx.tensor(1)
    assert x[one, one].item() == 5.0
    assert x[one:, : nx.tensor(2)].shape == (2, 2)
    assert x[[one, nx.tensor(2)]].shape == (2, 4)
    assert nx.compile(lambda x, i: x[[i, i + 1]])(x, one).shape == (2, 4)
    assert x[nx.tensor([1, 0], dtype=nx.uint8)].shape == (2, 4)
    assert x[nx.tensor(True)].shape == (1, 3, 4)


def test_values_that_decide_a_shape_are_asked_for_by_name(device: str) -> None:
    x, mask, two = nx.zeros(3), nx.tensor([True, False, True]), nx.tensor(2)
    with pytest.raises(CaptureError, match=r"a mask at test_indexing.*nx\.where"):
        nx.compile(lambda x, m: x[m])(x, mask)
    with pytest.raises(CaptureError, match="a tensor in a mask at test_indexing"):
        nx.compile(lambda x: x[mask])(x)
    with pytest.raises(CaptureError, match="a slice at test_indexing"):
        nx.compile(lambda x, n: x[:n])(x, two)
    with pytest.raises(CaptureError, match="uses 'two'"):
        nx.compile(lambda x: x[two])(x)
    assert nx.compile(lambda x: x[nx.constant(mask)])(x).shape == (2,)
    host = mask.numpy()
    assert nx.compile(lambda x: x[host])(x).shape == (2,)
    assert nx.vmap(lambda row: row[two])(nx.zeros(4, 3)).shape == (4,)


def test_on_a_device_that_is_not_the_current_one() -> None:
    array = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    x = nx.tensor(array, device="reference")
    nx.init({"device": "cpu" if nx.get_device_count("cpu") else "reference"})
    for key, value in (
        ([0, -1], 5.0),
        (([0, 1], [1, 2]), [1.0, 2.0]),
        (array > 6, 0.0),
        (array > 3, np.arange(8.0)),
        ((1, 2), 9.0),
        (slice(1), np.ones(4)),
    ):
        np.testing.assert_array_equal(x[key].numpy(), x.numpy()[key])
        expected = x.numpy().copy()
        expected[key] = value
        x[key] = value
        np.testing.assert_array_equal(x.numpy(), expected)
        assert str(x.device) == str(x[key].device) == "reference:0"
    picked = nx.take_along_axis(x, [[0], [1], [-1]], 1)
    assert str(nx.take(x, [0]).device) == str(picked.device) == "reference:0"
