"""nx.capture: the program of a function, closed."""

from __future__ import annotations

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import CaptureError, FileFormatError
from neurenix.program import Program
from neurenix.program.to_json import from_json, to_json


def names(program: Program) -> list[str]:
    return [i.primitive.name for i in program.instructions]


def test_trees_of_tensors_and_arrays_are_inputs_in_order() -> None:
    def f(p: dict[str, nx.Tensor], x: nx.Tensor, power: int) -> dict[str, nx.Tensor]:
        return {"y": p["w"] * x**power, "b": p["b"]}

    args = {"w": nx.zeros(3), "b": nx.zeros(2)}, np.zeros((4, 3), np.float32), 3
    program = nx.capture(f, *args)
    assert [t.shape for t in program.input_types] == [(2,), (3,), (4, 3)]
    assert [t.shape for t in program.output_types] == [(2,), (4, 3)]
    assert names(program) == ["integer_pow", "mul"]


def test_the_program_is_simplified_and_has_no_dead_code() -> None:
    def f(x: nx.Tensor) -> nx.Tensor:
        x.exp()
        return (x * 1.0).reshape(3, 2).reshape(6) + x

    assert names(nx.capture(f, nx.zeros(6))) == ["add"]


def test_derivatives_and_maps_are_part_of_it() -> None:
    def loss(x: nx.Tensor) -> nx.Tensor:
        return nx.map(lambda row: (row * row).sum())(x).sum()

    program = nx.capture(nx.grad(loss), nx.zeros(5, 2))
    assert "map" in names(program)
    assert program.output_types == program.input_types


def test_a_function_of_constants_has_no_inputs() -> None:
    program = nx.capture(lambda: nx.constant([1.0, 2.0]) + 1)
    assert program.inputs == ()
    assert names(program) == ["constant"]


def test_a_tensor_from_outside_is_named() -> None:
    weight, layer = nx.ones(3), nn.Linear(3, 2)
    with pytest.raises(
        CaptureError, match=r"'weight' \(float32\[3\]\) at test_capture"
    ):
        nx.capture(lambda x: x * weight, nx.zeros(3))
    with pytest.raises(CaptureError, match=r"'layer\.weight'"):
        nx.capture(lambda x: layer(x), nx.zeros(1, 3))
    parameters = dict(layer.named_parameters())
    program = nx.capture(
        lambda p, x: nn.functional_call(layer, p, x), parameters, nx.zeros(1, 3)
    )
    assert len(program.inputs) == 3


def test_a_symbol_of_a_program_around_it_is_from_outside() -> None:
    def f(x: nx.Tensor) -> nx.Tensor:
        nx.capture(lambda y: x + y, nx.zeros(3))
        return x

    with pytest.raises(CaptureError, match="from outside"):
        nx.compile(f)(nx.zeros(3))


def test_a_write_is_refused_and_leaves_the_cell_alone() -> None:
    cell = nx.Cell(nx.zeros(3), name="count")

    def f(x: nx.Tensor) -> nx.Tensor:
        cell.assign(x)
        return x

    with pytest.raises(CaptureError, match="count is given a new value"):
        nx.capture(f, nx.ones(3))
    assert cell.tolist() == [0.0, 0.0, 0.0]


def test_values_may_not_be_asked_for() -> None:
    with pytest.raises(CaptureError, match="cannot depend on it"):
        nx.capture(lambda x: x if x.sum() > 0 else -x, nx.ones(3))


def test_json_keeps_which_region_is_the_reverse_of_which() -> None:
    body = nx.compile(lambda x: nx.tanh(x * x).sum())
    program = nx.capture(nx.value_and_grad(body), nx.ones(3))
    for p in (program, from_json(to_json(program))):
        reverse, forward = p.regions()
        assert reverse.reverse_of is not None
        assert reverse.reverse_of.forward() is forward


def test_an_unknown_primitive_is_named() -> None:
    written = to_json(nx.capture(lambda x: x * 2, nx.zeros(2)))
    for name in ("mulberry", "__class__"):
        written["regions"][0]["instructions"][0]["primitive"] = name
        with pytest.raises(FileFormatError, match=f"primitive '{name}'"):
            from_json(written)
