"""Kernels as text and rows of numbers: nothing here asks for an adapter."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

import neurenix as nx
from neurenix.dtypes import float16, float32, uint8
from neurenix.passes.pipeline import prepare
from neurenix.phynexus.plan.instructions import OPCODES, End, Fused, Op
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import Block, View, contiguous
from neurenix_backend_webgpu.lowering import DispatchList, lower
from neurenix_backend_webgpu.lowering.dispatch_list import USABLE_WORDS
from neurenix_backend_webgpu.lowering.indices import joined
from neurenix_backend_webgpu.lowering.library import declarations
from neurenix_backend_webgpu.lowering.steps import kernels_of


@pytest.fixture(autouse=True)
def _reference() -> None:
    nx.init({"device": "reference"})


def lowered(function: object, *inputs: nx.Tensor) -> DispatchList:
    made = lower(prepare(nx.capture(function, *inputs)))  # type: ignore[arg-type]
    made.validate()
    return made


def texts(function: object, shapes: list[tuple[int, ...]]) -> set[str]:
    found: set[str] = set()
    for shape in shapes:
        found.update(lowered(function, nx.ones(*shape), nx.ones(*shape)).modules)
    return found


def test_the_lowering_asks_for_no_gpu_library() -> None:
    code = (
        "import sys, neurenix_backend_webgpu.lowering; "
        "sys.exit(any(m.split('.')[0] == 'wgpu' for m in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


SHAPES = [(n,) for n in range(1, 11)] + [(n, n + 1) for n in range(1, 11)]


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x + y,
        lambda x, y: nx.exp(x) * y,
        lambda x, y: (x * y).sum(),
        lambda x, y: nx.where(x > y, x, 0.5),
    ],
)
def test_one_text_for_twenty_shapes(function: object) -> None:
    assert len(texts(function, [s for s in SHAPES if np.prod(s) > 1])) == 1


def test_the_ways_of_products_have_a_text_each() -> None:
    product = lambda x, y: x @ y.mT  # noqa: E731
    small, tiles = [(3, 5), (7, 11), (40, 13)], [(64, 64), (100, 70), (256, 256)]
    assert len(texts(product, small)) == len(texts(product, tiles)) == 1
    parts = [(64, 5000), (70, 9001)]  # and the sum of the parts
    assert len(texts(product, parts)) == 2
    assert len(texts(product, small + tiles + parts)) == 4


def test_a_number_stands_in_the_row_and_not_in_the_text() -> None:
    one, two = (lowered(lambda x, c=c: x * c, nx.ones(5)) for c in (2.5, 3.5))
    assert one.modules == two.modules and not len(one.constants)
    word = int(np.float32(2.5).view(np.uint32))
    assert word in one.dispatches[0].row


def test_a_copy_of_a_transpose_counts_two_axes() -> None:
    made = lowered(lambda x: x.transpose(0, 1) + 0.0, nx.ones(6, 7))
    assert all("i1_up" in text and "i2" not in text for text in made.modules)


def test_axes_are_joined() -> None:
    shape = (2, 3, 4, 5)
    whole = contiguous(shape)
    assert joined(shape, range(4), [whole, whole]).sizes == (120,)
    channel = (0, 1, 0, 0)
    assert joined(shape, range(4), [whole, channel]).sizes == (2, 3, 20)
    assert joined((1, 1), range(2), [(0, 0)]).sizes == ()
    assert joined((3, 0), range(2), [(0, 1)]).count == 0


def _step(shape: tuple[int, ...], inputs: int, outputs: int) -> Step:
    strides = contiguous(shape)
    sources = [View(("input", k), float32, shape, strides) for k in range(inputs)]
    targets = [View(Block(400), float32, shape, strides) for _ in range(outputs)]
    op = Op(OPCODES["add"], float32.code, 0, inputs - 1, -1)
    ends = tuple(End(inputs, 0) for _ in range(outputs))
    return Step(OPCODES["fused"], sources, list(targets), Fused(0, shape, (op,), ends))


def test_more_results_than_a_row_has_addresses_for() -> None:
    step = _step((4, 5), 20, 50)
    home = ("input", 3)  # the first result overwrites an input
    first = step.outputs[0]
    assert first is not None
    first.root.home = home
    kernels = kernels_of(step)
    assert len(kernels) > 1
    assert all(len(k.row) <= USABLE_WORDS for k in kernels)
    written = [v for k in kernels for v in k.writes]
    assert len(written) == 50 and first in kernels[-1].writes


def test_numbers_without_room_become_literals() -> None:
    shape = (3, 4, 5)
    step = _step(shape, 30, 1)
    for k in range(30):  # strides of its own for each input, nothing can be joined
        strides = (1000 * k + 100, 10 * k + 7, k + 1)
        step.inputs[k] = View(("input", k), float32, shape, strides)
    (kernel,) = kernels_of(step)
    assert len(kernel.row) == USABLE_WORDS
    assert "29100u" in kernel.body


@pytest.mark.parametrize("dtype", [uint8, float16])
def test_what_is_smaller_than_a_word_is_merged_into_it(dtype: nx.dtypes.Dtype) -> None:
    made = lowered(lambda x: x + x, nx.ones(7, dtype=dtype))
    assert all("merge(" in text for text in made.modules)
    words = -(-7 * dtype.itemsize // 4)
    assert (made.inputs, made.outputs) == ((words,), (words,))


def test_every_function_of_the_library_names_what_it_uses() -> None:
    known = {*declarations(), "zero", "other_zero", "load", "store", "merge"}
    builtin = {
        *("abs", "array", "atomic", "bitcast", "clamp", "countLeadingZeros", "floor"),
        *("inverseSqrt", "max", "min", "round", "select", "sqrt", "workgroupBarrier"),
        *("f32", "i32", "u32", "vec2", "vec4", "if", "for", "while", "switch"),
        *("return",),
    }
    for name, declaration in declarations().items():
        called = set(re.findall(r"\b(\w+)\(", declaration.text))
        assert called <= known | builtin, name
