"""Fills the table of docs/devices.md from the capabilities of the devices here.

    python docs/make_devices.py

What a device says of itself is kept in docs/devices.json: a machine fills in the
columns of its own devices, and leaves those of others as they are.
"""

import json
from pathlib import Path
from typing import Any

import neurenix as nx
from neurenix.backends import Available, discovery
from neurenix.dtypes import ALL
from neurenix.primitives import all_primitives

PAGE = Path(__file__).with_name("devices.md")
NAMES = [p.name for p in all_primitives()]
KEPT = Path(__file__).with_name("devices.json")
MARKS = ("<!-- docs/make_devices.py writes this -->", "<!-- until here -->")


def described(device_type: str) -> dict[str, Any]:
    """What the first device of a type can do, of its own saying."""
    backend = discovery.backend(device_type)
    has = backend.capabilities(0)
    there = set(NAMES) & set(has.primitives)
    distribution, version = discovery.origin(device_type)
    return {
        "package": f"{distribution} {version}",
        "runs": has.engine or has.name,
        "dtypes": [d.name for d in ALL if d in has.dtypes],
        "native": len(there),
        "of": len(NAMES),
        "decomposed": sorted(set(NAMES) - there),
        "features": sorted(has.features),
        "host_visible": has.host_visible,
        "fused": has.limits.fused_operations,
    }


def here() -> dict[str, dict[str, Any]]:
    return {
        device_type: described(device_type)
        for device_type in dict.fromkeys([*discovery.names(), "reference"])
        if isinstance(discovery.state(device_type), Available)
    }


def table(devices: dict[str, dict[str, Any]]) -> str:
    """A row a capability, a column a device type."""
    columns = list(devices.values())
    dtypes = [d.name for d in ALL]
    rows = [
        ["package", *(c["package"] for c in columns)],
        ["programs run on", *(c["runs"] for c in columns)],
        *[
            [f"`{name}`", *("yes" if name in c["dtypes"] else "–" for c in columns)]
            for name in dtypes
        ],
        [
            "primitives with a kernel",
            *(f"{c['native']} of {c['of']}" for c in columns),
        ],
        [
            "made of others",
            *(", ".join(f"`{x}`" for x in c["decomposed"]) or "–" for c in columns),
        ],
        ["operations fused at most", *(str(c["fused"]) for c in columns)],
        [
            "shares the host's memory",
            *("yes" if c["host_visible"] else "–" for c in columns),
        ],
        ["further features", *(", ".join(c["features"]) or "–" for c in columns)],
    ]
    head = ["", *(f"`{name}`" for name in devices)]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(devices: dict[str, dict[str, Any]]) -> str:
    """The page as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    return f"{before}{MARKS[0]}\n\n{table(devices)}\n\n{MARKS[1]}{after}"


def kept() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(KEPT.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    known = {**(kept() if KEPT.exists() else {}), **here()}
    KEPT.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(known), encoding="utf-8")
    print(f"neurenix {nx.__version__}: {', '.join(known)}")
