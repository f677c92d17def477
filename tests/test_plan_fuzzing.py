"""The engine for CPUs refuses plans that are wrong, with a message, and never runs
them; C++ tests of its own do the same at random, under sanitizers."""

from __future__ import annotations

import copy
import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import neurenix as nx
from neurenix.backends import discovery
from neurenix.errors import InvalidArgumentError
from neurenix.phynexus import NativeBackend
from neurenix.phynexus.executable import compile_plan
from neurenix.phynexus.plan.encode import Encoded
from neurenix.primitives import ops

SCRIPT = Path(__file__).with_name("fuzz_plans.py")
_spec = importlib.util.spec_from_file_location("fuzz_plans", SCRIPT)
assert _spec is not None and _spec.loader is not None
fuzz_plans = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fuzz_plans)

pytestmark = pytest.mark.skipif(
    nx.get_device_count("cpu") == 0, reason="the engine for CPUs is not installed"
)


def backend() -> NativeBackend:
    found = discovery.backend("cpu")
    assert isinstance(found, NativeBackend)
    return found


def of(plan: Encoded, opcode: int) -> Any:
    return next(i for i in plan.instructions if i["opcode"] == opcode)


def whole_map(plan: Encoded) -> Any:
    return of(plan, ops.map.opcode)


def _overflow(plan: Encoded) -> None:
    plan.values[0]["rank"] = 2
    plan.values[0]["shape"][:2] = 2**40


def _self(plan: Encoded) -> None:
    whole_map(plan)["region"] = len(plan.regions) - 1


def _iterations(plan: Encoded) -> None:
    plan.params[whole_map(plan)["first_param"]] = 4


WRONG: dict[str, tuple[Callable[[Encoded], Any], str]] = {
    "an index outside its array": (
        lambda p: p.operands.__setitem__(3, 10**6),
        r"operand 3 names value 1000000 of \d+",
    ),
    "an instruction's operands outside": (
        lambda p: p.instructions[1].__setitem__("first_operand", 2**31 - 1),
        "instruction 1: operands outside the plan",
    ),
    "a wrong size": (_iterations, r"\(map, [^()]*:\d+\): .* leading size 4"),
    "a param too few": (
        lambda p: p.instructions[0].__setitem__(
            "params", p.instructions[0]["params"] - 1
        ),
        r"has \d+ params, which are too few",
    ),
    "memory that is too small": (
        lambda p: p.output_bytes.__setitem__(1, p.output_bytes[1] - 1),
        r"touches bytes 0 to \d+ of output 1, which has \d+",
    ),
    "an unknown opcode": (
        lambda p: p.instructions[0].__setitem__("opcode", 99),
        "opcode 99 is no instruction that this engine runs",
    ),
    "an unknown dtype": (
        lambda p: p.values[0].__setitem__("dtype", 33),
        "value 0 has the unknown dtype 33",
    ),
    "a region within itself": (_self, r"its region (\d) must come before region \1"),
    "an overflow": (_overflow, "overflows 64 bits"),
}


@pytest.mark.parametrize("what", WRONG)
def test_refused_with_a_message(what: str) -> None:
    change, message = WRONG[what]
    good = fuzz_plans.plan_of(SCRIPT.parent / "golden/sine_maml_step.json")
    engine = backend().engine(0)
    compile_plan(engine, good)
    plan = copy.deepcopy(good)
    change(plan)
    before = engine.memory_stats()
    with pytest.raises(InvalidArgumentError, match=message):
        compile_plan(engine, plan)
    assert engine.memory_stats() == before


@pytest.mark.parametrize("threads", [1, 3])
def test_every_number_altered_and_every_array_cut_off(threads: int) -> None:
    """Some of them; `python tests/fuzz_plans.py` does all. In a process of its own,
    which a mistake of the engine would end."""
    chosen = ("--library", backend().library, "--every", "37")
    done = subprocess.run(
        [sys.executable, SCRIPT, *chosen, "--threads", str(threads)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = re.findall(r": (\d+) refused, (\d+) ran", done.stdout)
    assert len(counts) == len(fuzz_plans.GOLDEN) >= 3
    assert all(int(refused) > 100 and int(ran) > 20 for refused, ran in counts)
