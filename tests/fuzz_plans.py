"""Plans of real programs, each number of them altered and each array cut off: an engine
refuses them with a message, or runs them within their memory.

    python tests/fuzz_plans.py --library libphynexus_cpu.so --every 1

An engine that is wrong here crashes the process, or is stopped by a sanitizer (load it
with LD_PRELOAD=libasan.so, from a build with PHYNEXUS_SANITIZE).
"""

from __future__ import annotations

import argparse
import copy
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from neurenix.errors import NeurenixError
from neurenix.passes.pipeline import prepare
from neurenix.phynexus.executable import compile_plan
from neurenix.phynexus.library import Engine, ffi
from neurenix.phynexus.plan.encode import Encoded, encode
from neurenix.phynexus.plan.lowering import make_plan
from neurenix.primitives import ops
from neurenix.program.to_json import from_json

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
CUT = ("values", "instructions", "operands", "params", "regions", "constants")
NUMBERS = (-1, 0, 1, 2, 8, 64, 2**20, 2**31 - 1, -(2**31), 2**62, 2**63 - 1, -(2**63))
MOST_BYTES, MOST_ITERATIONS = 1 << 22, 2000


def plan_of(file: Path) -> Encoded:
    program = from_json(json.loads(file.read_text("utf-8"))["program"])
    return encode(make_plan(prepare(program)))


def altered(plan: Encoded) -> Iterator[Encoded]:
    """One number changed in each."""
    for field in fields(Encoded):
        array = getattr(plan, field.name)
        if field.name in ("lines", "constants"):
            continue
        for place in np.ndindex(array.shape):
            for name in array.dtype.names or (None,):
                yield from _changed(plan, field.name, place, name)


def _changed(plan: Encoded, array: str, place: Any, name: str | None) -> Any:
    record = getattr(plan, array)[place]
    old = record if name is None else record[name]
    kind = np.iinfo(old.dtype)
    # beyond the rank nobody reads
    parts = range(min(int(record["rank"]) + 1, old.size)) if old.ndim else (None,)
    for part in parts:
        before = int(old if part is None else old[part])
        for number in {before - 1, before + 1, 2 * before, *NUMBERS} - {before}:
            if not kind.min <= number <= kind.max:
                continue
            other = copy.copy(plan)
            copied = getattr(plan, array).copy()
            if name is None:
                copied[place] = number
            elif part is None:
                copied[name][place] = number
            else:
                copied[name][(*place, part)] = number
            setattr(other, array, copied)
            yield other


def cut(plan: Encoded) -> Iterator[Encoded]:
    """Each array at each length that is too short."""
    for name in CUT:
        whole = getattr(plan, name)
        for length in range(len(whole)):
            other = copy.copy(plan)
            setattr(other, name, whole[:length].copy())
            yield other


def too_large(plan: Encoded) -> bool:
    if any((plan.regions["scratch_bytes"] > MOST_BYTES).tolist()):
        return True
    for i in plan.instructions:
        if i["opcode"] in (ops.map.opcode, ops.scan.opcode):
            counts = plan.params[i["first_param"] :][:2]
            if any((counts > MOST_ITERATIONS).tolist()):
                return True
    sizes = (*plan.input_bytes, *plan.output_bytes)
    return any(not 0 <= n <= MOST_BYTES for n in sizes)


def run(engine: Engine, plan: Encoded, handle: Any) -> list[bytes]:
    """On memory of exactly the bytes that the plan says, zeros."""
    memory = [
        [np.zeros(max(int(n), 1), np.uint8) for n in sizes]
        for sizes in (plan.input_bytes, plan.output_bytes)
    ]
    inputs, outputs = (
        ffi.new("void *[]", [ffi.cast("void *", a.ctypes.data) for a in arrays])
        for arrays in memory
    )
    engine.check(engine.api.run(handle, inputs, outputs))
    return [a.tobytes() for a in memory[1]]


def attempt(engine: Engine, plan: Encoded, count: Counter[str]) -> None:
    whole = plan.regions[-1] if len(plan.regions) else None
    if whole is not None and (
        whole["inputs"] > len(plan.input_bytes)
        or whole["outputs"] > len(plan.output_bytes)
    ):
        return  # that input_bytes are too few, no engine can know
    try:
        handle = compile_plan(engine, plan)
    except NeurenixError as refusal:
        assert str(refusal).strip(), "a refusal without a word"
        count["refused"] += 1
        return
    if too_large(plan):
        count["too large to run here"] += 1
        return
    try:
        run(engine, plan, handle)
    except NeurenixError as refusal:
        assert str(refusal).strip(), "a refusal without a word"
    count["ran"] += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="only each n-th")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    engine = Engine(chosen.library, 0, chosen.threads)
    for file in GOLDEN:
        good, count = plan_of(file), Counter[str]()
        before = run(engine, good, compile_plan(engine, good))
        for produce in (altered, cut):
            for k, plan in enumerate(produce(good)):
                if k % chosen.every == 0:
                    attempt(engine, plan, count)
        after = run(engine, good, compile_plan(engine, good))
        assert before == after, "the engine is not what it was"
        told = ", ".join(f"{n} {what}" for what, n in count.most_common())
        print(f"{file.stem}: {told}", flush=True)


if __name__ == "__main__":
    main()
