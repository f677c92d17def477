"""Each public function, given what it cannot work with: the error is one of ours, and
names the function and what was wrong. A new function without an entry here fails."""

from __future__ import annotations

import inspect
import re

import pytest
from bad_input_cases import (
    ALONG_AXIS,
    MORE,
    NAN,
    NO_FUNCTION,
    NO_NUMBERS,
    OVER_AXES,
    RAGGED,
    TWO,
    Case,
    each,
    whole,
    x,
)

import neurenix as nx
from neurenix.errors import (
    CaptureError,
    DeviceError,
    DtypeError,
    FileFormatError,
    InvalidArgumentError,
    NeurenixError,
    NotDifferentiableError,
    ShapeError,
    StorageError,
)

NO_MATRIX: list[Case] = [
    *NO_NUMBERS,
    (lambda f: f(x(3)), ShapeError, "(3,)"),
    (lambda f: f(x(2, 3)), ShapeError, "(2, 3)"),
]
SHAPES: list[Case] = [
    (lambda f: f(2, -1), InvalidArgumentError, "-1"),
    (lambda f: f((2, 1.5)), InvalidArgumentError, "1.5"),
    (lambda f: f("ab"), InvalidArgumentError, "'ab'"),
    (lambda f: f(2, dtype="float8"), DtypeError, "'float8'"),
    (lambda f: f(10**10, 10**10), ShapeError, "(10000000000, 10000000000)"),
]
SHAPE_FIRST: list[Case] = [
    (lambda f: f((2, -1), 1), InvalidArgumentError, "-1"),
    (lambda f: f("ab", 1), InvalidArgumentError, "'ab'"),
    (lambda f: f((10**10, 10**10), 1), ShapeError, "(10000000000, 10000000000)"),
]
LIKE: list[Case] = [
    (lambda f: f("abc"), DtypeError, "'abc'"),
    (lambda f: f(x(), dtype="float8"), DtypeError, "'float8'"),
]
PARTS: list[Case] = [
    (lambda f: f([]), InvalidArgumentError, "no tensors"),
    (lambda f: f(["abc", x()]), DtypeError, "'abc'"),
    (lambda f: f([x(2, 3), x(2, 4)], axis=0), ShapeError, "(2, 4)"),
    (lambda f: f([x(), x()], axis=5), InvalidArgumentError, "axis 5"),
    (lambda f: f(5), InvalidArgumentError, "5"),
]

TABLE: dict[str, list[Case]] = {
    **each(
        "absolute atan cos erf exp floor isfinite isnan log log1p "
        "logical_not negative round rsqrt sigmoid sign sin sqrt square "
        "stop_gradient tan tanh relu silu softplus log_sigmoid nan_to_num",
        NO_NUMBERS,
    ),
    **each(
        "add atan2 divide equal floor_divide greater greater_equal isclose "
        "less less_equal maximum minimum multiply not_equal power remainder "
        "subtract allclose",
        TWO,
    ),
    **each(
        "all any count_nonzero logsumexp max mean min norm prod std sum var "
        "argmax argmin",
        OVER_AXES,
    ),
    **MORE,
    **each("cumsum sort argsort softmax log_softmax", ALONG_AXIS),
    **each(
        "logical_and logical_or",
        [
            *TWO[1:],
            (lambda f: f(x(2) > 0, x(3) > 0), ShapeError, "(2,) and (3,)"),
            (lambda f: f(x(), x()), DtypeError, "float32"),
        ],
    ),
    "where": [
        (lambda f: f(x(2) > 0, x(3), x(3)), ShapeError, "(2,)"),
        (lambda f: f("abc", x(3), x(3)), DtypeError, "'abc'"),
        (lambda f: f(True, "abc", x(3)), DtypeError, "'abc'"),
    ],
    "clip": [
        *NO_NUMBERS,
        (lambda f: f(x(), 2, 1), InvalidArgumentError, "low=2"),
        (lambda f: f(x(), "a"), DtypeError, "'a'"),
        (lambda f: f(x(2), x(3)), ShapeError, "(3,)"),
    ],
    "elu": [*NO_NUMBERS, (lambda f: f(x(), "a"), DtypeError, "'a'")],
    "leaky_relu": [*NO_NUMBERS, (lambda f: f(x(), "a"), DtypeError, "'a'")],
    "gelu": [*NO_NUMBERS, (lambda f: f(x(), "cubic"), InvalidArgumentError, "'cubic'")],
    "one_hot": [
        *[(lambda f, c=c: c[0](lambda v: f(v, 3)), *c[1:]) for c in NO_NUMBERS],
        (lambda f: f(x(), 3), InvalidArgumentError, "float32"),
        (lambda f: f(whole(), -1), InvalidArgumentError, "-1"),
        (lambda f: f(whole(), 2.5), InvalidArgumentError, "2.5"),
    ],
    # ---- from nothing
    "zeros": SHAPES,
    "ones": SHAPES,
    "full": [
        *SHAPE_FIRST,
        (lambda f: f((2,), "a"), DtypeError, "'a'"),
        (lambda f: f((2,), 1, dtype="float8"), DtypeError, "'float8'"),
        (lambda f: f((2,), 300, dtype=nx.uint8), DtypeError, "300"),
        (lambda f: f((2,), NAN, dtype=nx.int32), DtypeError, "nan"),
    ],
    "zeros_like": LIKE,
    "ones_like": LIKE,
    "full_like": [
        (lambda f: f("abc", 1), DtypeError, "'abc'"),
        (lambda f: f(x(), "a"), DtypeError, "'a'"),
    ],
    "arange": [
        (lambda f: f("a"), DtypeError, "'a'"),
        (lambda f: f(0, NAN), InvalidArgumentError, "nan"),
        (lambda f: f(0, 3, 0), InvalidArgumentError, "step=0"),
        (lambda f: f(10**19), ShapeError, "(10000000000000000000,)"),
        (lambda f: f(3, dtype="float8"), DtypeError, "'float8'"),
    ],
    "linspace": [
        (lambda f: f(0, 1, -1), InvalidArgumentError, "-1"),
        (lambda f: f(0, 1, 2.5), InvalidArgumentError, "2.5"),
        (lambda f: f("a", 1, 2), DtypeError, "'a'"),
        (lambda f: f(0, NAN, 2), InvalidArgumentError, "nan"),
    ],
    "eye": [
        (lambda f: f(-1), InvalidArgumentError, "-1"),
        (lambda f: f(2, 1.5), InvalidArgumentError, "1.5"),
        (lambda f: f(10**10), ShapeError, "10000000000"),
    ],
    "tensor": [
        *NO_NUMBERS,
        (lambda f: f([1], dtype="float8"), DtypeError, "'float8'"),
        (lambda f: f([1], requires_grad=True), DtypeError, "int32"),
        (lambda f: f([1], device="Nowhere!"), InvalidArgumentError, "'Nowhere!'"),
        (lambda f: f([1], device="no_such"), DeviceError, "'no_such'"),
        (lambda f: f([1], device="reference:7"), DeviceError, "reference:7"),
        (lambda f: f([2**40], dtype=nx.int32), DtypeError, "1099511627776"),
    ],
    # ---- shapes
    "reshape": [
        *NO_NUMBERS,
        (lambda f: f(x(), 4), ShapeError, "(2, 3)"),
        (lambda f: f(x(), -1, -1), ShapeError, "(-1, -1)"),
        (lambda f: f(x(), (4, -1)), ShapeError, "(4, -1)"),
        (lambda f: f(x(), "ab"), InvalidArgumentError, "'ab'"),
        (lambda f: f(x(), 2.0, 3), InvalidArgumentError, "2.0"),
        (lambda f: f(x(), -2, 3), InvalidArgumentError, "-2"),
    ],
    "flatten": [
        *NO_NUMBERS,
        (lambda f: f(x(), 2), InvalidArgumentError, "axis 2"),
        (lambda f: f(x(), 1, 0), InvalidArgumentError, "start_dim=1"),
    ],
    "transpose": [
        *NO_NUMBERS,
        (lambda f: f(x(), 0, 5), InvalidArgumentError, "axis 5"),
        (lambda f: f(x(2, 3, 4), 0, 1, 1), ShapeError, "(0, 1, 1)"),
    ],
    "permute": [
        *NO_NUMBERS,
        (lambda f: f(x(), 0, 5), InvalidArgumentError, "axis 5"),
        (lambda f: f(x(), 0, 0), ShapeError, "(0, 0)"),
        (lambda f: f(x(), 0), ShapeError, "(0,)"),
    ],
    "swapaxes": [(lambda f: f(x(), 0, 5), InvalidArgumentError, "axis 5")],
    "moveaxis": [
        (lambda f: f(x(), 0, 5), InvalidArgumentError, "axis 5"),
        (lambda f: f("abc", 0, 1), DtypeError, "'abc'"),
    ],
    "expand_dims": [*NO_NUMBERS, (lambda f: f(x(), 4), InvalidArgumentError, "axis 4")],
    "squeeze": [
        *NO_NUMBERS,
        (lambda f: f(x(), 0), ShapeError, "(2, 3)"),
        (lambda f: f(x(), 2), InvalidArgumentError, "axis 2"),
    ],
    "broadcast_to": [
        (lambda f: f(x(), 2, 4), ShapeError, "(2, 4)"),
        (lambda f: f(x(), 2, -3), InvalidArgumentError, "-3"),
        (lambda f: f(x(1, 1), 10**10, 10**10), ShapeError, "10000000000)"),
    ],
    "concat": PARTS,
    "stack": PARTS,
    "split": [
        (lambda f: f(x(), 0), InvalidArgumentError, "0"),
        (lambda f: f(x(), 1.5), InvalidArgumentError, "1.5"),
        (lambda f: f(x(), 1, 5), InvalidArgumentError, "axis 5"),
        (lambda f: f("abc", 1), DtypeError, "'abc'"),
    ],
    "unstack": [*NO_NUMBERS, (lambda f: f(x(), 5), InvalidArgumentError, "axis 5")],
    "flip": [
        *NO_NUMBERS,
        (lambda f: f(x(), 5), InvalidArgumentError, "axis 5"),
        (lambda f: f(x(), (0, 0)), InvalidArgumentError, "(0, 0)"),
    ],
    "pad": [
        (lambda f: f(x(), [(1, 1)]), ShapeError, "rank 2"),
        (lambda f: f(x(), [(1, 1), (-1, 0)]), InvalidArgumentError, "-1"),
        (lambda f: f(x(), [(1, 1), 2]), InvalidArgumentError, "2"),
        (lambda f: f(x(), 1), InvalidArgumentError, "1"),
        (lambda f: f(x(), [(0, 1.5), (0, 0)]), InvalidArgumentError, "1.5"),
        (lambda f: f(x(), [(0, 0)] * 2, "a"), DtypeError, "'a'"),
        (lambda f: f(x(), [(2**62, 2**62)] * 2), ShapeError, "(9223372036854775810"),
    ],
    "roll": [
        (lambda f: f(x(), 1, 5), InvalidArgumentError, "axis 5"),
        (lambda f: f(x(), (1, 2), 0), InvalidArgumentError, "2 shifts"),
        (lambda f: f(x(), 1.5, 0), InvalidArgumentError, "1.5"),
        (lambda f: f("abc", 1), DtypeError, "'abc'"),
    ],
    "repeat": [
        (lambda f: f(x(), -1), InvalidArgumentError, "-1"),
        (lambda f: f(x(), 1.5), InvalidArgumentError, "1.5"),
        (lambda f: f(x(), [1, 2, 3], 0), ShapeError, "(2, 3)"),
        (lambda f: f(x(), 2**62), ShapeError, "4611686018427387904"),
        (lambda f: f(x(), 2, 5), InvalidArgumentError, "axis 5"),
    ],
    "tile": [
        (lambda f: f(x(), -1), InvalidArgumentError, "-1"),
        (lambda f: f(x(), 1.5), InvalidArgumentError, "1.5"),
        (lambda f: f(x(), 2**40, 2**40), ShapeError, "(2199023255552, 3298534883328)"),
        (lambda f: f("abc", 2), DtypeError, "'abc'"),
    ],
    "meshgrid": [
        (lambda f: f(x()), ShapeError, "(2, 3)"),
        (lambda f: f(x(2), indexing="ab"), InvalidArgumentError, "'ab'"),
        (lambda f: f("abc"), DtypeError, "'abc'"),
    ],
    "diagonal": [
        (lambda f: f(x(3)), ShapeError, "(3,)"),
        (lambda f: f(x(), 0, 1, 1), InvalidArgumentError, "axis1=1"),
        (lambda f: f(x(), 0, 0, 5), InvalidArgumentError, "axis 5"),
        (lambda f: f(x(), 1.5), InvalidArgumentError, "1.5"),
    ],
    "trace": [(lambda f: f(x(3)), ShapeError, "(3,)")],
    "tril": [
        (lambda f: f(x(3)), ShapeError, "(3,)"),
        (lambda f: f(x(), 1.5), InvalidArgumentError, "1.5"),
    ],
    "triu": [
        (lambda f: f(x(3)), ShapeError, "(3,)"),
        (lambda f: f(x(), "a"), InvalidArgumentError, "'a'"),
    ],
    "take": [
        (lambda f: f(x(), 2), InvalidArgumentError, "index 2"),
        (lambda f: f(x(), [0, -3]), InvalidArgumentError, "index -3"),
        (lambda f: f(x(), 0.5), DtypeError, "float"),
        (lambda f: f(x(), nx.tensor([5])), InvalidArgumentError, "index 5"),
        (lambda f: f(x(), 0, 5), InvalidArgumentError, "axis 5"),
        (lambda f: f(x(), RAGGED), ShapeError, "[[1.0], [1.0, 2.0]]"),
        (lambda f: f("abc", 0), DtypeError, "'abc'"),
    ],
    "take_along_axis": [
        (lambda f: f(x(), whole(2)), ShapeError, "(2,)"),
        (lambda f: f(x(), whole(3, 1)), ShapeError, "(3, 1)"),
        (lambda f: f(x(), x(2, 1)), DtypeError, "float32"),
        (lambda f: f(x(), whole(2, 1) + 3), InvalidArgumentError, "index 3"),
    ],
    "topk": [
        (lambda f: f(x(), 4), InvalidArgumentError, "k=4"),
        (lambda f: f(x(), -1), InvalidArgumentError, "k=-1"),
        (lambda f: f(x(), 1, 5), InvalidArgumentError, "axis 5"),
        (lambda f: f("abc", 1), DtypeError, "'abc'"),
    ],
    # ---- products and linear algebra
    "matmul": [
        (lambda f: f(x(2, 3), x(2, 3)), ShapeError, "(2, 3) and (2, 3)"),
        (lambda f: f(x(), 2.0), ShapeError, "()"),
        (lambda f: f(x(2, 2, 3), x(3, 3, 2)), ShapeError, "(2,) and (3,)"),
        (lambda f: f(x(), "abc"), DtypeError, "'abc'"),
    ],
    "dot": [
        (lambda f: f(x(2), x(3)), ShapeError, "(2,) and (3,)"),
        (lambda f: f(x(2), "abc"), DtypeError, "'abc'"),
    ],
    "outer": [(lambda f: f(x(2), "abc"), DtypeError, "'abc'")],
    "tensordot": [
        (lambda f: f(x(), x(), 1), ShapeError, "(2, 3)"),
        (lambda f: f(x(), x(), 3), InvalidArgumentError, "axes=3"),
        (lambda f: f(x(), x(), "ab"), InvalidArgumentError, "'a'"),
        (lambda f: f(x(), x(), ([0, 0], [0, 0])), InvalidArgumentError, "[0, 0]"),
    ],
    "einsum": [
        (lambda f: f("ij,jk", x()), InvalidArgumentError, "'ij,jk'"),
        (lambda f: f("ij,jk", x(), x()), ShapeError, "'j' is 3 and 2"),
        (lambda f: f("i1", x()), InvalidArgumentError, "'i1'"),
        (lambda f: f("ij->k", x()), InvalidArgumentError, "'ij->k'"),
        (lambda f: f(5, x()), InvalidArgumentError, "5"),
        (lambda f: f("i...,j...->...", x(2, 3), x(2, 4)), ShapeError, "4"),
    ],
    **each("cholesky det inv slogdet", NO_MATRIX),
    "solve": [
        (lambda f: f(x(2, 3), x(2)), ShapeError, "(2, 3)"),
        (lambda f: f(x(2, 2), x(3)), ShapeError, "(3,)"),
        (lambda f: f(x(2, 2, 2), x(3, 2, 1)), ShapeError, "(2,) and (3,)"),
        (lambda f: f("abc", x(3)), DtypeError, "'abc'"),
    ],
    "triangular_solve": [
        (lambda f: f(x(2, 3), x(2)), ShapeError, "(2, 3)"),
        (lambda f: f(x(2, 2), x(3)), ShapeError, "(3,)"),
    ],
    # ---- random numbers
    "rand": SHAPES,
    "randn": SHAPES,
    "uniform": [
        *SHAPE_FIRST,
        (lambda f: f(2, NAN, 1.0), InvalidArgumentError, "nan"),
        (lambda f: f(2, 1.0, 0.0), InvalidArgumentError, "1.0"),
        (lambda f: f(2, dtype=nx.int32), DtypeError, "int32"),
        (lambda f: f(2, "a"), DtypeError, "'a'"),
        (lambda f: f(2, generator=5), InvalidArgumentError, "5"),
    ],
    "normal": [
        *SHAPE_FIRST,
        (lambda f: f(2, NAN), InvalidArgumentError, "nan"),
        (lambda f: f(2, 0.0, -1.0), InvalidArgumentError, "-1.0"),
        (lambda f: f(2, dtype=nx.int32), DtypeError, "int32"),
        (lambda f: f(2, generator=5), InvalidArgumentError, "5"),
    ],
    "manual_seed": [
        (lambda f: f(-1), InvalidArgumentError, "-1"),
        (lambda f: f(1.5), InvalidArgumentError, "1.5"),
        (lambda f: f("a"), InvalidArgumentError, "'a'"),
    ],
    "Generator": [
        (lambda f: f(-1), InvalidArgumentError, "-1"),
        (lambda f: f("a"), InvalidArgumentError, "'a'"),
    ],
    # ---- transforms
    "grad": [
        *NO_FUNCTION,
        (lambda f: f(lambda v: v * v)(x()), ShapeError, "float32[2, 3]"),
        (lambda f: f(lambda v: v.sum())(whole()), NotDifferentiableError, "int32"),
        (lambda f: f(lambda v: 5)(x()), NeurenixError, "5"),
    ],
    "value_and_grad": [
        *NO_FUNCTION,
        (lambda f: f(lambda v: v * v)(x()), ShapeError, "float32[2, 3]"),
    ],
    "vjp": [
        (lambda f: f(5, x()), InvalidArgumentError, "5"),
        (lambda f: f(lambda v: v * v, x())[1](x(4)), ShapeError, "float32[4]"),
    ],
    "jvp": [
        (lambda f: f(5, (x(),), (x(),)), InvalidArgumentError, "5"),
        (lambda f: f(lambda v: v, (x(),), (x(4),)), ShapeError, "float32[4]"),
    ],
    "jacobian": [
        *NO_FUNCTION,
        (lambda f: f(lambda v: v)(whole()), NotDifferentiableError, "int32"),
    ],
    "hvp": [(lambda f: f(5, (x(),), (x(),)), InvalidArgumentError, "5")],
    "vmap": [
        *NO_FUNCTION,
        (lambda f: f(lambda v: v, in_axes=5)(x()), InvalidArgumentError, "5"),
        (lambda f: f(lambda a, b: a + b)(x(2), x(3)), ShapeError, "3"),
    ],
    "map": [
        *NO_FUNCTION,
        (lambda f: f(lambda a, b: a + b)(x(2), x(3)), ShapeError, "3"),
        (lambda f: f(lambda v: v, reduce="max"), InvalidArgumentError, "'max'"),
        (lambda f: f(lambda v: v, chunk=-1), InvalidArgumentError, "-1"),
    ],
    "scan": [
        (lambda f: f(5, x(), x()), InvalidArgumentError, "5"),
        (lambda f: f(lambda c, v: (c[0], v), x(2), x()), ShapeError, "float32[]"),
    ],
    "remat": NO_FUNCTION,
    "custom_vjp": NO_FUNCTION,
    "compile": [
        *NO_FUNCTION,
        (lambda f: f(lambda v: v, state=[5]), InvalidArgumentError, "5"),
        (lambda f: f(lambda v: v.item())(x(1)), CaptureError, "nx.where"),
    ],
    "Compiled": [(lambda f: f(5, (), False), InvalidArgumentError, "5")],
    "capture": [(lambda f: f(5, x()), InvalidArgumentError, "5")],
    "constant": NO_NUMBERS,
    # ---- the rest
    "Cell": [
        (lambda f: f("abc"), DtypeError, "'abc'"),
        (lambda f: f(x()).assign(x(4)), ShapeError, "float32[4]"),
    ],
    "Tensor": [(lambda f: f.item(x()), InvalidArgumentError, "(2, 3)")],
    "init": [
        (lambda f: f("cpu"), InvalidArgumentError, "str"),
        (lambda f: f({"devise": "cpu"}), InvalidArgumentError, "'devise'"),
        (lambda f: f({"threads": 0}), InvalidArgumentError, "threads=0"),
        (lambda f: f({"device": "no_such"}), DeviceError, "'no_such'"),
        (lambda f: f({"device": "reference:7"}), DeviceError, "reference:7"),
    ],
    "get_device_count": [(lambda f: f(5), InvalidArgumentError, "5")],
    "from_dlpack": [(lambda f: f("abc"), InvalidArgumentError, "'abc'")],
    "export": [  # more in test_export.py
        (lambda f: f(nx.exp, (x(),), 5, "onnx"), InvalidArgumentError, "5"),
        (lambda f: f(nx.exp, (x(),), "a", "stone"), InvalidArgumentError, "'stone'"),
        (lambda f: f(nx.exp, (x(),), "/no/such/a", "onnx"), StorageError, "/no/such"),
    ],
    "save": [
        (lambda f: f({5: x()}, "a_file"), InvalidArgumentError, "5"),
        (lambda f: f({"a": x()}, "/no/such/folder/a"), StorageError, "/no/such/folder"),
    ],
    "load": [
        (lambda f: f("/no/such/file"), StorageError, "/no/such/file"),
        (lambda f: f(__file__), FileFormatError, "test_bad_input.py"),
    ],
}

# What takes nothing that can be wrong.
NOTHING = {"compile_stats", "current_device", "no_grad", "Device", "DeviceType"}
NOTHING |= {"profile", "Profile"}
# One function by a second name, such as `cat`, says its first.
SECOND_NAMES = {
    n
    for n in nx.__all__
    if inspect.isfunction(found := getattr(nx, n))
    and found.__name__ != n
    and found.__name__ in nx.__all__
}
NO_CALL = {n for n in nx.__all__ if inspect.ismodule(getattr(nx, n))} | {
    n
    for n in nx.__all__
    if isinstance(getattr(nx, n), nx.dtypes.Dtype | str | float | None)
}


def test_every_public_name_has_an_entry() -> None:
    public = set(nx.__all__) - NO_CALL - SECOND_NAMES
    bare = sorted(public - TABLE.keys() - NOTHING)
    assert not bare, f"say in TABLE what {bare} refuse, or add them to NOTHING"
    assert not (TABLE.keys() | NOTHING) - public, "they are gone"


CASES = [(name, k) for name, cases in TABLE.items() for k in range(len(cases))]


@pytest.mark.parametrize(("name", "number"), CASES)
def test_bad_input_is_named(name: str, number: int, device: str) -> None:
    call, error, text = TABLE[name][number]
    before = nx.current_device()
    with pytest.raises(error) as caught:
        call(getattr(nx, name))
    message = str(caught.value)
    assert re.search(rf"\b{name}\b", message), f"it does not name {name}: {message}"
    assert text in message, f"it lacks {text!r}: {message}"
    assert nx.current_device() == before


def test_operators_name_what_they_do(device: str) -> None:
    for call, name in (
        (lambda: x() - x(4), "subtract"),
        (lambda: x() @ x(), "matmul"),
        (lambda: x() / "abc", ""),
        (lambda: x()[5], "index 5"),
        (lambda: x()["a"], "index 'a'"),
        (lambda: x()[0.5], "0.5"),
    ):
        with pytest.raises((NeurenixError, TypeError)) as caught:
            call()
        assert name in str(caught.value)


def test_an_error_names_the_innermost_call_of_the_users_code() -> None:
    """What went wrong in a user's function that we call is its own call."""
    with pytest.raises(ShapeError, match=r"\(in trace\)$"):
        nx.grad(lambda v: nx.trace(v))(x(3))


def test_what_is_inner_is_not_named() -> None:
    """Public is what a door has, not what lies in the package."""
    inner: dict[str, object] = {"__name__": "neurenix.functions.inner", "nx": nx}
    exec("def inner(x):\n    return nx.trace(x)", inner)
    with pytest.raises(ShapeError, match=r"\(in trace\)$"):
        eval("inner(5.0)", inner)
    exec("def inner(x):\n    raise nx.errors.ShapeError('no')", inner)
    with pytest.raises(ShapeError, match=r"^no$"):
        eval("inner(5.0)", inner)


def test_a_call_is_named_by_its_class() -> None:
    with pytest.raises(ShapeError, match=r"\(in Linear\)$"):
        nx.nn.Linear(3, 2)(x(5))
