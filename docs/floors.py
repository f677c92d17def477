"""The floors of core, from the ground up: the one map of the house.

`tests/test_layers.py` holds every import to it; `python docs/floors.py` writes it into
CONTRIBUTING.md and docs/architecture.md after a change.
"""

import re
from pathlib import Path

# Rooms on one floor may know each other, as long as no circle comes of it. A new room
# is given its floor here.
FLOORS: list[dict[str, str]] = [
    {
        "errors": "every error that is raised on purpose, by name",
        "callers": "the public function that an error names",
        "dtypes": "the dtypes, and what two of them give",
        "tree": "nested dicts, lists and tuples",
        "user_lines": "the line of the user's code that is running",
        "arguments": "plain Python values: as they should be, or refused by name",
        "installing": "how a package of ours is installed, for errors",
        "keywords": "keywords that a function lacks: what it has instead",
        "sizes": "how many elements there may be",
        "attributes": "notes that attributes of modules and optimizers are set",
    },
    {"primitives": "the closed set of operations, each with its whole contract"},
    {"program": "Program: instructions in static single assignment; text and JSON"},
    {"devices": "device types and devices"},
    {"passes": "from a captured program to one that a backend runs"},
    {"backends": "protocol, hooks, discovery, NumPy reference <- packages attach here"},
    {"phynexus": "what native engines share: C header, plan, native backend, engine/"},
    {"foreign_names": "what other libraries call things, and what to use here"},
    {"missing": "names that do not exist: the error says what was meant"},
    {
        "dispatch": "what calling a primitive does now: run it, or record it",
        "settings": "nx.init",
        "profiling": "nx.profile",
        "memory": "nx.memory_stats",
        "waiting": "nx.synchronize",
    },
    {"tape": "leaves and nodes: what the tape is made of"},
    {
        "tensor": "Tensor, the value that a user holds",
        "methods": "the types of its methods",
        "interpreter": "what primitives do with tensors",
    },
    {
        "state": "cells, the store of their buffers, locks, what a program depends on",
        "autograd": "the walk over the tape, the context of a derivative, grad and kin",
    },
    {
        "transforms": "capture, vmap, map, scan, compile, remat",
        "functions": "the public functions of arrays, and Tensor's operators",
        "random": "keys and generators",
        "linalg": "QR, eigenvalues, singular values",
        "array_api": "the namespace of the array API standard",
        "debug": "programs as ordinary Python",
    },
    {
        "nn": "modules, layers, losses, initialisers",
        "optim": "optimizers and schedules",
        "io": "files of tensors",
    },
    {"exporting": "nx.export: programs that leave Python; ONNX"},
    {
        "testing": "the conformance suite that every backend runs",
        "cli": "the command `neurenix`",
    },
    {"__main__": "`python -m neurenix`"},
]

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "CONTRIBUTING.md", ROOT / "docs/architecture.md")
_MAP = re.compile(
    r"(<!-- docs/floors\.py writes this -->\n\n```text\n).*?(```\n)", re.S
)


def floor_map() -> str:
    """One line a room, from the top floor down; a blank line between floors."""
    widest = max(len(room) for rooms in FLOORS for room in rooms)
    floors = [
        "\n".join(f"{room:<{widest}}  {what}" for room, what in rooms.items())
        for rooms in reversed(FLOORS)
    ]
    return "\n\n".join(floors) + "\n"


def with_map(page: str) -> str:
    """The page as it should be."""
    text, count = _MAP.subn(lambda m: m[1] + floor_map() + m[2], page)
    assert count == 1, "a page of the map has one place for it"
    return text


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(with_map(path.read_text(encoding="utf-8")), encoding="utf-8")
