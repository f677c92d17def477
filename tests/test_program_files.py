"""Programs as JSON: files of old ones still mean what they did, and what is altered is
refused by name before there is a program."""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import dispatch
from neurenix.backends import discovery
from neurenix.errors import FileFormatError, NeurenixError
from neurenix.program import Program
from neurenix.program.to_json import from_json, to_json

_spec = importlib.util.spec_from_file_location(
    "golden_make", Path(__file__).parent / "golden/make.py"
)
assert _spec is not None and _spec.loader is not None
golden = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(golden)

DEVICES = [d for d in ("reference", "cpu") if nx.get_device_count(d)]
NAMES = tuple(golden.PROGRAMS)


def read(name: str) -> Any:
    return json.loads((golden.FOLDER / f"{name}.json").read_text("utf-8"))


def run_on(device: str, program: Program, arrays: list[Any]) -> list[Any]:
    """After all passes, fused, as one program of the device's."""
    where = nx.init({"device": device})
    backend = discovery.backend(where.type)
    executable = dispatch.compile_for(dispatch.prepare_for(program, where), where)
    inputs = [
        backend.upload(a, t, where.index)
        for a, t in zip(arrays, program.input_types, strict=True)
    ]
    outputs = executable(inputs)
    return [
        np.array(backend.download(y, t))
        for y, t in zip(outputs, program.output_types, strict=True)
    ]


# ---- golden files --------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_written_as_it_was_read(name: str) -> None:
    """A change of the form is seen: it takes another version, which still reads this
    one, and `python tests/golden/make.py`."""
    written = read(name)["program"]
    assert json.loads(json.dumps(to_json(from_json(written)))) == written


@pytest.mark.parametrize("name", NAMES)
def test_a_file_means_what_is_captured_now(name: str) -> None:
    file = read(name)
    program, today = from_json(file["program"]), golden.PROGRAMS[name]()
    assert program.input_types == today.input_types
    assert program.output_types == today.output_types
    found = golden.results_of(program)
    for a, b, c in zip(found, golden.results_of(today), file["results"], strict=True):
        assert np.allclose(a, b, rtol=1e-5, atol=1e-6)
        assert np.allclose(a, c, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", NAMES)
def test_a_file_runs_on_devices(name: str, device: str) -> None:
    file = read(name)
    program = from_json(file["program"])
    found = run_on(device, program, golden.inputs_of(program))
    for a, b in zip(found, file["results"], strict=True):
        assert np.allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_what_passes_make_survives_json(name: str) -> None:
    """Fused, with regions planned: the form that goes to a device."""
    program = from_json(read(name)["program"])
    prepared = dispatch.prepare_for(program, nx.init({"device": "reference"}))
    programs = (prepared, *prepared.regions())
    assert "fused" in {i.primitive.name for p in programs for i in p.instructions}
    again = from_json(json.loads(json.dumps(to_json(prepared))))
    assert str(again) == str(prepared)
    arrays = golden.inputs_of(program)
    for a, b in zip(again.evaluate(arrays), prepared.evaluate(arrays), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"remat": "yes"}, "its remat is 'yes'"),
        ({"vjp": "clipped"}, "a vjp is Python code"),
        ({"body": 3}, "its body is 3"),
        ({"later": 1}, "TypeError: .*later"),
    ],
)
def test_what_a_call_cannot_state_is_refused(stated: Any, message: str) -> None:
    data = read("sine_maml_step")["program"]
    instruction(data["regions"], "call")["params"].update(stated)
    with pytest.raises(FileFormatError, match=rf"\(call\): .*{message}"):
        from_json(data)


def test_a_later_version_is_refused_by_its_number() -> None:
    data = {**read("sine_maml_step")["program"], "version": 3}
    with pytest.raises(FileFormatError, match=r"of version 1 to 2: .*3\)"):
        from_json(data)


# ---- altered ones --------------------------------------------------------------------

Change = Callable[[Any], Any]


def instruction(regions: Any, primitive: str) -> Any:
    found = (
        i for r in regions for i in r["instructions"] if i["primitive"] == primitive
    )
    return next(found)


def _cyclic(regions: Any) -> None:
    for number, region in enumerate(regions):
        for i in region["instructions"]:
            if "body" in i["params"]:
                i["params"]["body"] = {"region": number}
                return


def _wrong_constant(regions: Any) -> None:
    instruction(regions, "constant")["params"]["value"]["constant"] = "AAAA"


ALTERED: dict[str, tuple[Change, str]] = {
    "no value": (
        lambda r: instruction(r, "mul").update(inputs=[0, 999]),
        r"instruction \d+ \(mul\): IndexError: value 999, and there are \d+ before it",
    ),
    "a later value": (
        lambda r: r[0]["instructions"][0].update(inputs=[0, len(r[0]["inputs"])]),
        r"region 0, instruction 0 \(\w+\): IndexError: value \d+",
    ),
    "a negative index": (
        lambda r: r[-1].update(outputs=[-1]),
        r"region \d: IndexError: value -1",
    ),
    "a wrong size": (
        lambda r: instruction(r, "tanh")["outputs"][0].__setitem__(1, [7]),
        r"\(tanh\): ValueError: its outputs are float32\[7\], and should be float",
    ),
    "a size that overflows": (
        lambda r: r[0]["inputs"][0].__setitem__(1, [2**40, 2**40]),
        r"region 0: ShapeError: .*2\*\*63",
    ),
    "a negative size": (
        lambda r: r[0]["inputs"][0].__setitem__(1, [-2]),
        r"region 0: ValueError: the shape \[-2\]",
    ),
    "an unknown dtype": (
        lambda r: r[0]["inputs"][0].__setitem__(0, "float33"),
        "region 0: .*float33",
    ),
    "an unknown primitive": (
        lambda r: r[0]["instructions"][0].update(primitive="frobnicate"),
        r"\(frobnicate\): the program has a primitive 'frobnicate', which is not known",
    ),
    "a region within itself": (_cyclic, r"IndexError: region \d, and there are \d"),
    "a missing parameter": (
        lambda r: instruction(r, "scan")["params"].pop("length"),
        r"\(scan\): TypeError: .*length",
    ),
    "another count": (
        lambda r: instruction(r, "scan")["params"].update(length=6),
        r"\(scan\): ShapeError: .*must be 6",
    ),
    "half a constant": (_wrong_constant, r"\(constant\): ValueError"),
    "no instructions": (lambda r: r[0].pop("instructions"), "region 0: KeyError"),
}


@pytest.mark.parametrize("what", ALTERED)
def test_altered_programs_are_refused(what: str) -> None:
    change, message = ALTERED[what]
    data = read("scan_with_derivative")["program"]
    change(data["regions"])
    with pytest.raises(FileFormatError, match=message):
        from_json(data)


@pytest.mark.parametrize("data", [None, [], {}, {"format": "neurenix-program"}, "x"])
def test_what_is_no_program_at_all(data: Any) -> None:
    with pytest.raises(FileFormatError, match="not a Neurenix program of version 1"):
        from_json(data)


def leaves(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of everything in a tree of lists and dicts."""
    yield path
    items = data.items() if isinstance(data, dict) else ()
    for key, value in items or (enumerate(data) if isinstance(data, list) else ()):
        yield from leaves(value, (*path, key))


STRANGE = (-1, 0, 1, 3, 2**63, 1.5, "", "tanh", None, True, [], {}, [[]])


def test_every_place_altered() -> None:
    """Each is refused; or gives a program that runs, with results of its types, or
    fails there by name."""
    whole = read("scan_with_derivative")["program"]
    refused = run = failed = 0
    rng = np.random.default_rng(0)
    for path in leaves(whole["regions"]):
        if not path or "source" in path:
            continue
        data = copy.deepcopy(whole)
        *outer, last = path
        place = data["regions"]
        for key in outer:
            place = place[key]
        place[last] = STRANGE[rng.integers(len(STRANGE))]
        try:
            program = from_json(data)
        except FileFormatError:
            refused += 1
            continue
        arrays = [np.zeros(t.shape, t.dtype.numpy) for t in program.input_types]
        try:
            results = run_on(DEVICES[-1], program, arrays)
        except NeurenixError:
            failed += 1
            continue
        run += 1
        assert [r.shape for r in results] == [t.shape for t in program.output_types]
    assert refused > 400 and run > failed, (refused, run, failed)


def test_every_length() -> None:
    """A file that is cut off is no JSON; lists that are cut off are refused, or what is
    gone was not needed."""
    whole = read("scan_with_derivative")["program"]
    refused = 0
    for r, region in enumerate(whole["regions"]):
        for key in ("inputs", "instructions", "outputs"):
            for length in range(len(region[key])):
                data = copy.deepcopy(whole)
                del data["regions"][r][key][length:]
                try:
                    program = from_json(data)
                except FileFormatError:
                    refused += 1
                    continue
                str(program)
    assert refused > 30
