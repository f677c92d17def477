"""The runner's CPU executor in Node: each primitive, by the conformance suite's cases,
against the NumPy reference, in a program and within a map."""

from __future__ import annotations

import base64
from collections import defaultdict
from functools import cache
from typing import Any

import numpy as np
import pytest
from web_runner import WEB, run_node

import neurenix as nx
from neurenix.dtypes import Dtype, as_dtype, bool_, int32, uint8, uint32
from neurenix.primitives import TensorType, all_primitives, ops
from neurenix.testing.case import Case
from neurenix.testing.cases import CASES
from neurenix.testing.checks import relative_error, seeded
from neurenix_backend_webgpu.export.layout import DTYPES, Constants, Heap
from neurenix_backend_webgpu.export.steps import flat
from neurenix_backend_webgpu.export.steps_of import PRIMITIVES, steps_of
from neurenix_backend_webgpu.lowering.storage import from_words, to_words, word_count

SCRIPT = """
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const words = (text) => new Uint32Array(bytes(text).buffer);
const text = (words) => Buffer.from(words.buffer, words.byteOffset, words.byteLength)
  .toString("base64");
async function main(web, jobs) {
  const { Executor } = await import("file://" + web + "/neurenix/interpreter.js");
  const results = [];
  for (const { size, entry, pieces, ports } of jobs) {
    const run = new Executor();
    await run.start({ memory: { cpu: size }, entries: { run: entry }, initial: [] });
    run.as.u.fill(0xABABABAB); // nothing may rely on zeros
    const given = pieces.map(([at, content]) => [at, words(content)]);
    results.push((await run.execute(entry, given, ports)).map(text));
  }
  return results;
}
"""
Array = np.ndarray[Any, Any]


def _text(words: Array) -> str:
    return base64.b64encode(words.astype("<u4").tobytes()).decode()


class Job:
    """A function on arrays, for the executor; and what it should give."""

    def __init__(self, f: Any, arrays: list[Array], wanted: list[Array]) -> None:
        tensors = [nx.tensor(a, dtype=as_dtype(a.dtype)) for a in arrays]
        program = nx.capture(f, *tensors)
        heap, constants = Heap(), Constants()
        given = [heap.take(word_count(t)) for t in program.input_types]
        made = [heap.take(word_count(t)) for t in program.output_types]
        steps = steps_of(program, 0, constants)
        fixed = constants.words()
        places = [heap.take(len(fixed)), heap.take(steps.scratch), *given, *made]
        pieces = [
            *(
                (at, to_words(a, t.dtype))
                for at, a, t in zip(given, arrays, program.input_types, strict=True)
            ),
            (places[0], fixed),
        ]
        self.types: list[TensorType] = program.output_types
        self.regions = steps.regions
        self.wanted = wanted
        self.json = {
            "size": heap.words,
            "entry": {"steps": flat(steps.regions, [4 * at for at in places])},
            "pieces": [[at, _text(words)] for at, words in pieces],
            "ports": [
                {"at": at, "letter": "f", "shape": [word_count(t)]}
                for at, t in zip(made, self.types, strict=True)
            ],
        }


def results_of(jobs: list[Job]) -> list[list[Array]]:
    found = run_node(SCRIPT, WEB, [job.json for job in jobs])
    return [
        [
            from_words(np.frombuffer(base64.b64decode(words), "<u4"), type)
            for words, type in zip(result, job.types, strict=True)
        ]
        for job, result in zip(jobs, found, strict=True)
    ]


def _jobs_of(case: Case, dtype: Dtype) -> list[tuple[str, Job]]:
    primitive = getattr(ops, case.primitive)
    name = f"{case} {dtype.name}"

    def call(*xs: Any) -> Any:
        return primitive(*xs, **case.params)

    arrays = case.inputs(seeded(case), dtype)
    jobs = [(name, Job(call, arrays, primitive.reference(*arrays, **case.params)))]
    if case.shapes and max(map(len, case.shapes)) < 8:
        rng = seeded(case)
        rows = [case.inputs(rng, dtype) for _ in range(3)]
        stacked = [np.stack(column) for column in zip(*rows, strict=True)]
        each = [primitive.reference(*row, **case.params) for row in rows]
        wanted = [np.stack(column) for column in zip(*each, strict=True)]
        jobs.append((f"{name} in a map", Job(nx.map(call), stacked, wanted)))
    return jobs


@cache
def _cases() -> dict[str, list[tuple[str, Case, Job]]]:
    """The jobs of every case whose dtypes the web has, by primitive."""
    found: dict[str, list[tuple[str, Case, Job]]] = defaultdict(list)
    for case in CASES:
        for dtype in case.dtypes:
            names = {dtype.name, *(kind for _, kind, _ in case.fixed)}
            if "dtype" in case.params:
                names.add(case.params["dtype"].name)
            if names <= set(DTYPES):
                for name, job in _jobs_of(case, dtype):
                    found[case.primitive].append((name, case, job))
    return found


@cache
def _results() -> dict[str, list[list[Array]]]:
    """One run of Node for all of them."""
    jobs = [(name, job) for name, rows in _cases().items() for _, _, job in rows]
    results: dict[str, list[list[Array]]] = defaultdict(list)
    for (name, _), result in zip(jobs, results_of([j for _, j in jobs]), strict=True):
        results[name].append(result)
    return results


@pytest.mark.parametrize("primitive", sorted({case.primitive for case in CASES}))
def test_conformance(primitive: str) -> None:
    rows = _cases()[primitive]
    assert rows, f"{primitive} was never run"
    exact_family = getattr(ops, primitive).family in ("movement", "source")
    for (name, case, job), found in zip(rows, _results()[primitive], strict=True):
        for result, wanted in zip(found, job.wanted, strict=True):
            exact = exact_family or result.dtype.kind != "f"
            bound = 0.0 if exact else max(4e-6, case.tolerance)
            error = relative_error(result, wanted)
            assert error <= bound, f"{name}: relative error {error:.3g}"


SPECIAL = np.array(
    [
        *(np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -2.5, 3.0),
        *(1e-45, -1e-45, 1e-38, 3e38, -3e38, 60.0, -90.0, 2147483648.0, -3e9, 5e9),
        255.5,
    ],
    np.float32,
)
ELEMENTWISE = [p.name for p in all_primitives() if p.family == "elementwise"]
_WHOLE = {"logical_not", "bitwise_and", "bitwise_or", "bitwise_xor"}
_OTHER = {"where", "cast", "bitcast", "integer_pow", "shift_left", "shift_right"}
_OPERANDS = {case.primitive: len(case.shapes) for case in CASES}
OF_FLOATS = sorted(set(ELEMENTWISE) - _WHOLE - _OTHER)


@cache
def _special_results() -> dict[str, tuple[Array, Array]]:
    a, b = (x.reshape(-1) for x in np.meshgrid(SPECIAL, SPECIAL))
    jobs = {}
    for name in OF_FLOATS:
        primitive = getattr(ops, name)
        arrays = [a, b][: _OPERANDS[name]]
        with np.errstate(all="ignore"):
            wanted = primitive.reference(*arrays)
        jobs[name] = Job(primitive, arrays, wanted)
    for target in (int32, uint32, uint8, bool_):

        def cast(x: Any, dtype: Dtype = target) -> Any:
            return ops.cast(x, dtype=dtype)

        limits = None if target is bool_ else np.iinfo(target.numpy)
        whole = (
            (SPECIAL != 0)
            if limits is None
            else np.nan_to_num(
                np.clip(np.trunc(SPECIAL.astype(np.float64)), limits.min, limits.max)
            ).astype(target.numpy)
        )
        jobs[f"cast to {target.name}"] = Job(cast, [SPECIAL], [whole])
    found = results_of(list(jobs.values()))
    return {
        name: (result[0], np.asarray(job.wanted[0]))
        for (name, job), result in zip(jobs.items(), found, strict=True)
    }


@pytest.mark.parametrize(
    "name",
    [*OF_FLOATS, *(f"cast to {d}" for d in ("int32", "uint32", "uint8", "bool"))],
)
def test_special_values(name: str) -> None:
    """NaN, infinities, zeros of both signs, denormals, and what no integer holds."""
    found, wanted = _special_results()[name]
    with np.errstate(all="ignore"):
        near = np.abs(found.astype("f8") - wanted) <= 4e-6 * np.maximum(
            1, np.abs(wanted.astype("f8"))
        )
    same = (found == wanted) | ((found != found) & (wanted != wanted))
    wrong = np.flatnonzero(~(near | same))
    assert not wrong.size, f"{name}: {found[wrong]} in place of {wanted[wrong]}"


def test_a_call_kept_apart_runs_its_region() -> None:
    """A compiled function that is called often is a region, put in place each time."""
    step = nx.compile(lambda w, x: w - 0.1 * nx.grad(_loss)(w, x))

    def adapt(w: nx.Tensor, x: nx.Tensor) -> nx.Tensor:
        for _ in range(4):
            w = step(w, x[:, ::-1])
        return w

    rng = np.random.default_rng(0)
    arrays = [rng.normal(0, 1, s).astype(np.float32) for s in ((5, 3), (7, 5))]
    job = Job(adapt, arrays, [adapt(*map(nx.tensor, arrays)).numpy()])
    assert len(job.regions) == 2
    assert [s["op"] for s in job.regions[-1]].count("call") == 4
    (found,) = results_of([job])
    assert relative_error(found[0], job.wanted[0]) < 4e-6


@pytest.mark.parametrize("dtype", [int32, uint32, uint8])
def test_products_of_integers_wrap(dtype: Dtype) -> None:
    rng = np.random.default_rng(0)
    top = np.iinfo(dtype.numpy).max
    arrays = [rng.integers(0, top, s).astype(dtype.numpy) for s in ((3, 5), (5, 4))]
    with np.errstate(over="ignore"):
        wanted = (arrays[0][:, :, None] * arrays[1][None]).sum(1, dtype=dtype.numpy)
    (found,) = results_of([Job(lambda a, b: a @ b, arrays, [wanted])])
    assert (found[0] == wanted).all()


def _loss(w: nx.Tensor, x: nx.Tensor) -> nx.Tensor:
    return (nx.tanh(x @ w) ** 2).mean()


def test_the_steps_are_few() -> None:
    """What a step is not written with, core writes with other primitives."""
    assert {"sort", "argmax", "map", "random_bits"} & PRIMITIVES == set()
