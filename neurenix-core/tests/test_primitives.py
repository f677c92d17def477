"""Every primitive states every rule, or says why it has none."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from neurenix.primitives import (
    BASIS,
    InBasis,
    NotBatchable,
    NotDifferentiable,
    Primitive,
    all_primitives,
    ops,
)
from neurenix.primitives.elementwise import elementwise

# A rule, and what may stand in its place.
RULES = {
    "infer": None,
    "reference": None,
    "vjp": NotDifferentiable,
    "batch": NotBatchable,
    "decomposition": InBasis,
}


def missing_rules(primitive: Primitive) -> list[str]:
    missing = []
    for name, marker in RULES.items():
        rule = getattr(primitive, name)
        marked = marker is not None and isinstance(rule, marker) and rule.reason
        if not (callable(rule) or marked):
            missing.append(name)
    return missing


@pytest.mark.parametrize("primitive", all_primitives(), ids=str)
def test_every_rule_is_there_or_marked(primitive: Primitive) -> None:
    assert missing_rules(primitive) == []


@pytest.mark.parametrize("rule", RULES)
def test_a_missing_rule_is_found(rule: str) -> None:
    assert missing_rules(replace(ops.exp, **{rule: None})) == [rule]
    marker = RULES[rule]
    if marker is not None:
        assert missing_rules(replace(ops.exp, **{rule: marker("")})) == [rule]


def test_no_rule_has_a_default() -> None:
    given = {f.name: f for f in fields(Primitive)}
    complete = {n: getattr(ops.exp, n) for n in ("name", "opcode", "family", *RULES)}
    for rule in RULES:
        assert rule in given
        rest: dict[str, Any] = {k: v for k, v in complete.items() if k != rule}
        with pytest.raises(TypeError, match=rule):
            Primitive(**rest)


def test_an_elementwise_primitive_states_its_partials() -> None:
    with pytest.raises(ValueError, match="sinh: give each input a partial"):
        elementwise("sinh", 1, np.sinh, decomposition=InBasis("a test"))
    with pytest.raises(TypeError, match="decomposition"):
        elementwise("sinh", 1, np.sinh, None)  # type: ignore[call-arg]


def test_the_basis_is_small() -> None:
    assert len(BASIS) == len(set(BASIS)) <= 27
    marked = [p.name for p in all_primitives() if isinstance(p.decomposition, InBasis)]
    assert sorted(BASIS) == sorted(marked)


def test_opcodes_are_those_of_the_header() -> None:
    """And none has a number that the header gives to something else."""
    header = files("neurenix.phynexus").joinpath("phynexus.h").read_text("utf-8")
    (enum,) = re.findall(r"typedef enum phx_opcode \{(.*?)\} phx_opcode;", header, re.S)
    pairs = re.findall(r"PHX_(\w+) = (\d+)", enum)
    theirs = {int(number): name.lower() for name, number in pairs}
    count = next(n for n, name in theirs.items() if name == "opcode_count")
    for primitive in all_primitives():
        assert primitive.opcode < count, primitive.name
        assert theirs.get(primitive.opcode, primitive.name) == primitive.name
