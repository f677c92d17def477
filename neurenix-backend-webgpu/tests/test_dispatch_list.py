"""The dispatch list as data: its JSON form, and what is wrong with a wrong one."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import neurenix as nx
from neurenix.passes.pipeline import prepare
from neurenix_backend_webgpu.lowering import DispatchList, lower
from neurenix_backend_webgpu.lowering.dispatch_list import Address, Rows, grid


@pytest.fixture
def made() -> DispatchList:
    nx.init({"device": "reference"})
    table = np.arange(6, dtype=np.float32).reshape(2, 3)
    program = nx.capture(lambda x: nx.exp(x @ nx.constant(table)).sum(0), nx.ones(4, 2))
    return lower(prepare(program))


def test_there_and_back(made: DispatchList) -> None:
    made.validate()
    again = DispatchList.from_json(json.loads(json.dumps(made.to_json())))
    assert again.dispatches == made.dispatches and again.modules == made.modules
    np.testing.assert_array_equal(again.constants, made.constants)
    assert (again.inputs, again.outputs) == ((8,), (3,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"module": 99}, "there is no module 99"),
        ({"groups": (0, 1, 1)}, "workgroups"),
        ({"groups": (65536, 1, 1)}, "workgroups"),
        ({"row": (0,) * 63}, "a row of 63 words"),
        ({"row": (-1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)}, "none of 32 bits"),
        ({"addresses": (Address(0, 77),)}, "refers to nothing"),
        ({"addresses": (Address(60, 0),)}, "refers to nothing"),
    ],
)
def test_a_wrong_list_is_refused(
    made: DispatchList, change: dict[str, object], message: str
) -> None:
    made.entries[0] = replace(made.entries[0], **change)  # type: ignore[type-var]
    with pytest.raises(ValueError, match=message):
        made.validate()


def test_rows_have_the_addresses_of_a_run(made: DispatchList) -> None:
    rows = Rows(made.dispatches)
    bases = np.arange(made.spaces, dtype=np.uint32) * 1000
    filled = rows.filled(bases)
    for row, dispatch in zip(filled, made.dispatches):
        for address in dispatch.addresses:
            expected = dispatch.row[address.word] + 1000 * address.space
            assert row[address.word] == expected
        assert not row[62:].any()


def test_many_groups_take_two_axes() -> None:
    assert grid(1, 256) == (1, 1, 1)
    x, y, z = grid(256 * 70_000, 256)
    assert x <= 65535 and y <= 65535 and z == 1 and x * y >= 70_000
