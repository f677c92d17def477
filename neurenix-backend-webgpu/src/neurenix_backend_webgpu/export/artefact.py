"""The artefact: a folder with a program, its weights, the runner and its types, which
is written as a whole."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any
from zlib import crc32

from safetensors.numpy import save

from neurenix.errors import StorageError
from neurenix.exporting import Exported
from neurenix.exporting.folder import check_nothing_else, write_folder

from .declarations import declarations, read_me
from .layout import Array
from .program_json import FORMAT, program_json

PROGRAM, WEIGHTS, CHECK = "program.json", "weights.safetensors", "check.safetensors"
# What an artefact has, of any release; all else in its folder is somebody's own.
_OURS = re.compile(
    r"(program|package)\.json|(weights|check)\.safetensors|README\.md"
    r"|neurenix\.(js|d\.ts)"
    r"|neurenix/\w+\.js"
)


def write(exported: Exported, path: Path) -> None:
    """Write the artefact; what was there goes once the new one is whole.

    Raises ExportError or BackendError for what the web has no way to do, and
    StorageError for a path that holds something else, or cannot be written.
    """
    _check_target(path)  # before the long work
    contents = {**_data(exported), **_runner(), **_texts(exported)}
    write_folder(path, contents)


def _check_target(path: Path) -> None:
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    program = path / PROGRAM
    if not program.is_file() or FORMAT.encode() not in program.read_bytes()[:100]:
        raise StorageError(
            f"export: {str(path)!r} is there and is no artefact for the web; "
            "remove it, or choose another path"
        )
    check_nothing_else(path, lambda name: bool(_OURS.fullmatch(name)))


def _data(exported: Exported) -> dict[str, bytes]:
    program, constants = program_json(exported)
    weights = save({**exported.weights, **constants})
    check = save(_examples(exported))
    places = _places(weights)
    for port in program["weights"]:
        port["from"] = places[port["name"]]
    places = _places(check)
    for name, entry in program["entries"].items():
        entry["example"] = [
            places[f"{name}/{kind}/{port['name']}"]
            for kind in ("inputs", "outputs", "state")
            for port in entry[kind]
        ]
    whole = {**program, "checks": [_checksum(weights), _checksum(check)]}
    # The program's own checksum is that of all that follows it.
    text = _json(whole)[1:].encode()
    first = f'{{"check":{_checksum(text):10},'.encode()
    return {PROGRAM: first + text, WEIGHTS: weights, CHECK: check}


def _places(content: bytes) -> dict[str, int]:
    """Where the tensors of a safetensors file begin in it."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    return {name: start + entry["data_offsets"][0] for name, entry in header.items()}


def _checksum(content: bytes) -> int:
    """CRC-32: it finds damage, and takes the runner eight lines."""
    return crc32(content)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _examples(exported: Exported) -> dict[str, Array]:
    """The example inputs of each entry point, and what the device here made of them."""
    found: dict[str, Array] = {}
    for entry in exported.entry_points:
        for port, array in zip(entry.inputs, entry.example_inputs, strict=True):
            found[f"{entry.name}/inputs/{port.name}"] = array
        for port, array in zip(entry.outputs, entry.example_outputs, strict=True):
            found[f"{entry.name}/outputs/{port.name}"] = array
        for name, array in zip(entry.state, entry.example_state, strict=True):
            found[f"{entry.name}/state/{name}"] = array
    return found


def _runner() -> dict[str, bytes]:
    """The runner's modules."""
    web = files("neurenix_backend_webgpu") / "web"
    inner = web / "neurenix"
    parts = {f"neurenix/{x.name}": x for x in inner.iterdir() if x.name[-3:] == ".js"}
    whole = {"neurenix.js": web / "neurenix.js", **parts}
    return {name: file.read_bytes() for name, file in whole.items()}


def _texts(exported: Exported) -> dict[str, bytes]:
    return {
        "neurenix.d.ts": declarations(exported.entry_points).encode(),
        # Node takes .js for CommonJS where a folder above says so, or is silent.
        "package.json": b'{"type":"module"}\n',
        "README.md": read_me(exported).encode(),
    }
