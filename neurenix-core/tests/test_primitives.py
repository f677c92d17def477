"""Every primitive states every rule, or says why it has none."""

from __future__ import annotations

import ast
import re
from dataclasses import fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurenix import passes
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
    stated = ("name", "opcode", "family", "traits", *RULES)
    complete = {n: getattr(ops.exp, n) for n in stated}
    for rule in ("traits", *RULES):
        assert rule in given
        rest: dict[str, Any] = {k: v for k, v in complete.items() if k != rule}
        with pytest.raises(TypeError, match=rule):
            Primitive(**rest)


@pytest.mark.parametrize("primitive", all_primitives(), ids=str)
def test_traits_suit_the_family(primitive: Primitive) -> None:
    t, family = primitive.traits, primitive.family
    assert (t.cost is not None) == (family == "elementwise")
    assert family == "movement" or not t.view
    assert t.free or not t.view
    assert family == "elementwise" or not t.mask
    assert family == "reduction" or not t.associative


def listed(node: ast.AST) -> list[str]:
    """The primitives that a literal collection names."""
    if isinstance(node, ast.Dict):
        items = [k for k in node.keys if k is not None]
    elif isinstance(node, ast.Set | ast.List | ast.Tuple):
        items = node.elts
    else:
        return []
    names = [
        x.value if isinstance(x, ast.Constant) else x.attr
        for x in items
        if isinstance(x, ast.Constant)
        or (isinstance(x, ast.Attribute) and ast.unparse(x.value) == "ops")
    ]
    return [n for n in names if isinstance(n, str) and n in ops.table]


def test_a_list_of_primitives_is_found() -> None:
    for text in ('{"add", "mul", "sub"}', "(ops.add, ops.mul, ops.sub)"):
        assert len(listed(ast.parse(text, mode="eval").body)) == 3
    assert listed(ast.parse('("reduction", "movement")', mode="eval").body) == []


@pytest.mark.parametrize(
    "path", sorted(Path(passes.__path__[0]).glob("*.py")), ids=lambda p: p.stem
)
def test_passes_ask_for_traits(path: Path) -> None:
    """A pass may treat one primitive or two in a way of their own, by matching them;
    what several have in common is a trait, so that a new one is not forgotten."""
    tree = ast.parse(path.read_text("utf-8"))
    lists = {
        getattr(n, "lineno", 0): names for n in ast.walk(tree) if (names := listed(n))
    }
    assert not {line: names for line, names in lists.items() if len(names) > 2}


def test_an_elementwise_primitive_states_its_partials() -> None:
    with pytest.raises(ValueError, match="sinh: give each input a partial"):
        elementwise("sinh", 1, np.sinh, decomposition=InBasis("a test"), cost=12)
    with pytest.raises(TypeError, match="decomposition"):
        elementwise("sinh", 1, np.sinh, None, cost=12)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="cost"):
        elementwise(  # type: ignore[call-arg]
            "sinh", 1, np.sinh, None, decomposition=InBasis("a test")
        )


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
