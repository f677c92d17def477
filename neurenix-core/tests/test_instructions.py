"""Parameters of a plan's instructions: records, the numbers that cross, and back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

import neurenix as nx
from neurenix.phynexus import HEADER
from neurenix.phynexus.plan.instructions import (
    OPCODES,
    RECORD_OF,
    RECORDS,
    Call,
    Convolution,
    End,
    Fused,
    Map,
    Op,
    Record,
    Scan,
    Turns,
)
from neurenix.phynexus.plan.params import decoded, encoded
from neurenix.phynexus.plan.views import Block
from neurenix.testing import plan_of

# As phynexus.h writes the numbers down.
CASES: list[tuple[str, Record, list[int]]] = [
    (
        "fused",
        Fused(
            reduced=2,
            shape=(4, 5),
            ops=(Op(30, 0, 0, 1, -1), Op(21, 0, 2, -1, -1, immediate=3)),
            ends=(End(3, OPCODES["sum"]), End(2, 0)),
        ),
        [2, 2, 2, 2, 4, 5, 30, 0, 0, 1, -1, 0, 21, 0, 2, -1, -1, 3, 3, 70, 2, 0],
    ),
    (
        "conv_input_gradient",
        Convolution(1, stride=(2, 3), padding=((4, 5), (6, 7)), dilation=(8, 9)),
        [1, 2, 3, 4, 5, 6, 7, 8, 9],
    ),
    ("call", Call(scratch=64), [64]),
    (
        "scan",
        Scan(
            scratch=0,
            length=7,
            consts=1,
            xs=1,
            ys=0,
            reverse=True,
            carries=(Turns(64, 128), Turns(192, 256)),
        ),
        [0, 7, 1, 2, 1, 0, 1, 64, 128, 192, 256],
    ),
    ("map", Map(3, 0, mapped=(True, False), summed=(True,)), [3, 0, 1, 0, 1]),
]


@pytest.mark.parametrize(("name", "record", "numbers"), CASES, ids=lambda c: str(c)[:9])
def test_records_and_their_numbers(
    name: str, record: Record, numbers: list[int]
) -> None:
    assert encoded(record) == numbers
    assert decoded(OPCODES[name], numbers, inputs=2, outputs=1) == record
    with pytest.raises(AssertionError, match="too many params"):
        decoded(OPCODES[name], [*numbers, 0], inputs=2, outputs=1)


def test_blocks_are_known_by_their_record_and_cross_as_offsets() -> None:
    scratch, even, odd = Block(8), Block(8), Block(8)
    scan = Scan(scratch, 2, 0, 0, 0, reverse=False, carries=(Turns(even, odd),))
    assert list(scan.blocks()) == [scratch, even, odd]
    assert list(Call(scratch).blocks()) == [scratch]
    even.offset, odd.offset = 64, 128
    assert encoded(scan) == [0, 2, 0, 1, 0, 0, 0, 64, 128]


def test_the_header_documents_every_record() -> None:
    text = HEADER.read_text("utf-8")
    documented = set(re.findall(r"^ \* (PHX_[A-Z_, ]+):", text, re.M))
    names = {n.strip() for group in documented for n in group.split(",")}
    assert names == {f"PHX_{n.upper()}" for r in RECORDS for n in r.names.split()}


FUNCTIONS: dict[str, Callable[[nx.Tensor], nx.Tensor]] = {
    "fused": lambda x: nx.exp(x).sum(0),
    "argmax": lambda x: nx.argmax(x, 1),
    "cumsum": lambda x: nx.cumsum(x, 1),
    "dot_general": lambda x: x @ x,
    "copy": lambda x: x.T,
    "gather": lambda x: x[nx.tensor([2, 0])],
    "sort": lambda x: nx.sort(x)[0],
    "cholesky": nx.linalg.cholesky,
    "triangular_solve": lambda x: nx.linalg.solve(x + nx.eye(3), x),
    "scan": lambda x: nx.scan(lambda c, r: (nx.sin(c) * r, c), x[0], x)[0],
    "map": lambda x: nx.map(lambda r: nx.sort(r)[0].sum(), reduce="sum")(x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_plans_are_read_as_they_were_written(name: str) -> None:
    plan = plan_of(FUNCTIONS[name], nx.ones(3, 3))
    seen = set()
    for i in plan.instructions:
        first, opcode = i["first_param"], int(i["opcode"])
        numbers = plan.params[first : first + i["params"]].tolist()
        record = decoded(opcode, numbers, i["inputs"], i["outputs"])
        assert type(record) is RECORD_OF[opcode]
        assert encoded(record) == numbers
        seen.add(opcode)
    assert OPCODES[name] in seen
