"""The table: for each primitive, inputs and parameters that show what it must do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import bool_, float32, float64, int32, uint8, uint32
from ..primitives.windows import output_size
from .case import FLOATS, INTEGERS, Case, distinct, positive
from .matrix_cases import along_axis, linear_algebra, products

_SHAPES: tuple[tuple[int, ...], ...] = (
    (),
    (1,),
    (7,),
    (3, 5),
    (0, 4),
    (2, 1, 3),
    (33, 17),
    (1, 2, 1, 3, 1, 2, 1, 2),
)
_PAIRS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((), ()),
    ((4,), ()),
    ((3, 4), (4,)),
    ((3, 1), (1, 4)),
    ((2, 3, 4), (3, 1)),
    ((0, 3), (3,)),
    ((5, 70), (70,)),
)


def _far_from_poles(r: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Keeps arguments of tan away from its poles."""
    return r.uniform(-1.2, 1.2, shape)


def _far_from_whole(r: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Quotients, of an array by the number that rank 0 gets."""
    return r.uniform(1.5, 2.6, shape) if shape else np.float64(1.37)


def _unary() -> list[Case]:
    plain = (
        "neg",
        "abs",
        "sign",
        "floor",
        "round",
        "exp",
        "sin",
        "cos",
        "tanh",
        "atan",
        "erf",
    )
    cases = [Case(n, (s,), {}, make=distinct) for n in plain for s in _SHAPES]
    cases += [
        Case(n, (s,), {}, make=positive)
        for n in ("log", "log1p", "sqrt", "rsqrt")
        for s in _SHAPES
    ]
    cases += [
        Case("tan", ((5, 9),), {}, make=_far_from_poles),
        Case("is_finite", ((5, 9),), {}, differentiable=False),
    ]
    cases += [
        Case(
            n, ((33,),), {}, INTEGERS if n != "neg" else (int32,), differentiable=False
        )
        for n in ("neg", "abs", "sign")
    ]
    cases += [Case("logical_not", ((9,),), {}, (bool_,), differentiable=False)]
    cases += [
        Case("integer_pow", ((4, 5),), {"exponent": e}, make=positive)
        for e in (-2, -1, 0, 1, 2, 3, 7)
    ]
    cases += [
        Case("integer_pow", ((40,),), {"exponent": 3}, (int32,), differentiable=False)
    ]
    return cases


def _binary() -> list[Case]:
    cases = [
        Case(n, p, {}, make=distinct) for n in ("add", "sub", "mul") for p in _PAIRS
    ]
    cases += [
        Case(n, p, {}, make=positive) for n in ("div", "pow", "atan2") for p in _PAIRS
    ]
    cases += [
        Case("remainder", p, {}, (*FLOATS, int32), make=positive, differentiable=False)
        for p in _PAIRS[1:]
    ]
    cases += [Case("remainder", ((4,), ()), {}, make=_far_from_whole)]
    cases += [Case(n, p, {}) for n in ("maximum", "minimum") for p in _PAIRS]
    cases += [
        Case(n, p, {}, INTEGERS, differentiable=False)
        for n in ("add", "sub", "mul", "maximum")
        for p in _PAIRS[:4]
    ]
    compare = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
    cases += [
        Case(n, p, {}, (*FLOATS, int32, uint8), differentiable=False)
        for n in compare
        for p in _PAIRS[1:4]
    ]
    bits = ("bitwise_and", "bitwise_or", "bitwise_xor")
    cases += [
        Case(n, p, {}, (int32, uint8, uint32, bool_), differentiable=False)
        for n in bits
        for p in _PAIRS[1:4]
    ]
    shifts = ("shift_left", "shift_right")
    cases += [
        Case(
            n,
            ((50,), (50,)),
            {},
            (uint32,),
            fixed=((1, "uint32", 40),),
            differentiable=False,
        )
        for n in shifts
    ]
    cases += [
        Case(
            "where",
            s,
            {},
            (*FLOATS, int32),
            fixed=((0, "bool", 2),),
            differentiable=True,
        )
        for s in (((4,), (4,), (4,)), ((3, 1), (4,), ()), ((2, 3), (2, 3), (3,)))
    ]
    return cases


def _casts() -> list[Case]:
    kinds = (float32, float64, int32, uint8, uint32, bool_)
    cases = []
    for source in kinds:
        for target in kinds:
            make = positive if target.kind == "uint" else None
            cases.append(
                Case(
                    "cast",
                    ((3, 7),),
                    {"dtype": target},
                    (source,),
                    make=make,
                    differentiable=source.is_floating and target.is_floating,
                )
            )
    cases.append(
        Case(
            "bitcast",
            ((9,),),
            {"dtype": uint32},
            (float32, int32),
            differentiable=False,
        )
    )
    return cases


def _reductions() -> list[Case]:
    shapes: Sequence[tuple[tuple[int, ...], tuple[int, ...]]] = (
        ((), ()),
        ((5,), (0,)),
        ((3, 4), (0,)),
        ((3, 4), (1,)),
        ((3, 4), (0, 1)),
        ((2, 3, 4), (0, 2)),
        ((2, 3, 4, 5), (0, 2, 3)),
        ((300, 40), (0,)),
        ((40, 300), (1,)),
        ((2, 3, 4), (1,)),
        ((1, 1), (0,)),
    )
    nothing = (((0, 3), (1,)), ((3, 0), (0,)), ((2, 0, 3), (0, 2)))  # for no result
    cases = [
        Case("sum", (s,), {"axes": a})
        for s, a in (*shapes, *nothing, ((0, 3), (0,)), ((3, 0), (1,)))
    ]
    cases += [
        Case(n, (s,), {"axes": a}, make=distinct)
        for n in ("max", "min")
        for s, a in (*shapes, *nothing)
    ]
    cases += [
        Case(
            "argmax",
            (s,),
            {"axes": a},
            (*FLOATS, int32),
            make=distinct,
            differentiable=False,
        )
        for s, a in (*shapes, *nothing)
        if a
    ]
    cases += [
        Case(n, (s,), {"axes": a}, (bool_,), differentiable=False)
        for n in ("any", "all")
        for s, a in shapes
    ]
    cases += [
        Case(n, ((6, 7),), {"axes": (0,)}, INTEGERS, differentiable=False)
        for n in ("sum", "max", "min")
    ]
    return cases


def _contractions() -> list[Case]:
    def dot(a: Any, b: Any, lc: Any, rc: Any, lb: Any = (), rb: Any = ()) -> Case:
        params = {
            "lhs_contract": lc,
            "rhs_contract": rc,
            "lhs_batch": lb,
            "rhs_batch": rb,
        }
        return Case("dot_general", (a, b), params, tolerance=2e-5)

    cases = [
        dot((3, 4), (4, 5), (1,), (0,)),
        dot((4, 3), (4, 5), (0,), (0,)),
        dot((3, 4), (5, 4), (1,), (1,)),
        dot((4, 3), (5, 4), (0,), (1,)),
        dot((4,), (4,), (0,), (0,)),
        dot((3, 4), (4,), (1,), (0,)),
        dot((2, 3, 4), (2, 4, 5), (2,), (1,), (0,), (0,)),
        dot((3, 2, 4), (4, 5, 2), (2,), (0,), (1,), (2,)),
        dot((2, 3, 4), (3, 4, 5), (1, 2), (0, 1)),
        dot((10, 40), (40, 40), (1,), (0,)),
        dot((3,), (5,), (), ()),
        dot((65, 33), (33, 70), (1,), (0,)),
        dot((0, 4), (4, 5), (1,), (0,)),
        dot((3, 0), (0, 5), (1,), (0,)),
        dot((2, 3, 4, 5), (5, 3), (3, 1), (0, 1)),
    ]
    geometry = [
        ((1, 1), ((1, 1), (1, 1)), (1, 1)),
        ((2, 2), ((1, 1), (1, 1)), (1, 1)),
        ((2, 1), ((0, 1), (2, 0)), (1, 2)),
    ]
    for stride, padding, dilation in geometry:
        g: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
        out = output_size((6, 5), (3, 3), stride, padding, dilation)
        for batch in (0, 1):
            lead = (2,) * batch
            x, w, y = (*lead, 2, 3, 6, 5), (*lead, 4, 3, 3, 3), (*lead, 2, 4, *out)
            cases.append(
                Case("conv_general", (x, w), {"batch": batch, **g}, tolerance=2e-5)
            )
            cases.append(
                Case(
                    "conv_input_gradient",
                    (y, w),
                    {"batch": batch, "size": (6, 5), **g},
                    tolerance=2e-5,
                )
            )
            cases.append(
                Case(
                    "conv_weight_gradient",
                    (x, y),
                    {"batch": batch, "size": (3, 3), **g},
                    tolerance=2e-5,
                )
            )
    none = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1)}
    empty, weight = (0, 2, 4, 4), (3, 2, 3, 3)
    cases += [
        Case("conv_general", (empty, weight), {"batch": 0, **none}),
        Case(
            "conv_input_gradient",
            ((0, 3, 4, 4), weight),
            {"batch": 0, "size": (4, 4), **none},
        ),
        Case(
            "conv_weight_gradient",
            (empty, (0, 3, 4, 4)),
            {"batch": 0, "size": (3, 3), **none},
        ),
    ]
    return cases


def _movement() -> list[Case]:
    all_kinds = (float32, float64, int32, uint8, bool_)
    cases = [
        Case("reshape", ((2, 6),), {"shape": (3, 4)}, all_kinds),
        Case("reshape", ((),), {"shape": (1, 1)}),
        Case("reshape", ((0, 3),), {"shape": (3, 0, 2)}),
        Case("transpose", ((2, 3, 4),), {"permutation": (2, 0, 1)}, all_kinds),
        Case("transpose", ((40, 70),), {"permutation": (1, 0)}),
        Case("broadcast", ((3, 1),), {"shape": (2, 3, 4)}, all_kinds),
        Case("broadcast", ((),), {"shape": (0, 3)}),
        Case(
            "pad",
            ((2, 3),),
            {"low": (1, 0), "high": (0, 2), "interior": (1, 0), "value": 0.0},
            all_kinds,
        ),
        Case(
            "pad",
            ((2, 3),),
            {"low": (1, 0), "high": (0, 2), "interior": (0, 2), "value": -1.5},
        ),
        Case(
            "slice",
            ((5, 7),),
            {"start": (1, 0), "stop": (4, 7), "step": (2, 3)},
            all_kinds,
        ),
        Case("flip", ((2, 3, 4),), {"axes": (0, 2)}, all_kinds),
        Case("concat", ((2, 3), (2, 1), (2, 0)), {"axis": 1}, all_kinds),
        Case("concat", ((3,), (4,)), {"axis": 0}),
    ]
    return [
        c if c.dtypes == FLOATS else Case(c.primitive, c.shapes, c.params, FLOATS)
        for c in cases
    ] + [
        Case(
            c.primitive, c.shapes, c.params, (int32, uint8, bool_), differentiable=False
        )
        for c in cases
        if c.dtypes is all_kinds
    ]


def _indexing() -> list[Case]:
    def gather(x: Any, i: Any, axis: int, batch: int, n: int) -> Case:
        return Case(
            "gather",
            (x, i),
            {"axis": axis, "batch": batch},
            (*FLOATS, uint8),
            fixed=((1, "int32", n),),
        )

    cases = [
        gather((6, 3), (4,), 0, 0, 6),
        gather((2, 6, 3), (4, 2), 1, 0, 6),
        gather((2, 6, 3), (2, 4), 1, 1, 6),
        gather((2, 3, 6), (2, 5), 2, 1, 6),
        gather((7,), (), 0, 0, 7),
        gather((3, 5), (3,), 1, 1, 5),
    ]
    for name in ("scatter", "scatter_add"):
        for x, i, u, axis, batch in (
            ((6, 3), (4,), (4, 3), 0, 0),
            ((2, 6, 3), (2, 4), (2, 4, 3), 1, 1),
            ((2, 6), (2, 2), (2, 2, 2), 1, 0),
        ):
            cases.append(
                Case(
                    name,
                    (x, i, u),
                    {"axis": axis, "batch": batch},
                    FLOATS,
                    fixed=((1, "int32", 6),),
                )
            )
    return cases


def _sources() -> list[Case]:
    cases = [
        Case(
            "iota",
            (),
            {"shape": (3, 4), "axis": a, "dtype": d},
            (float32,),
            differentiable=False,
        )
        for a in (0, 1)
        for d in (int32, float32, uint32)
    ]
    shapes = ((), (7,), (3, 5), (1000,), (0,))
    cases += [
        Case("random_bits", ((2,),), {"shape": s}, (uint32,), differentiable=False)
        for s in shapes
    ]
    return cases


CASES: tuple[Case, ...] = (
    *_unary(),
    *_binary(),
    *_casts(),
    *_reductions(),
    *_contractions(),
    *_movement(),
    *_indexing(),
    *_sources(),
    *products(),
    *along_axis(),
    *linear_algebra(),
)
