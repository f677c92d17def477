"""Runs a program on an emulated device and prints, as JSON, the bits of its results in
each run, whether made code ran, and the device's notes:
`python made_code.py cuda_emulated|rocm_emulated [wait|leave]`.

"wait": it goes on until made code has taken over; "leave": until it is compiled, and
ends meanwhile. A process of its own: environment variables choose what makes code.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import neurenix as nx
from neurenix.backends import discovery

device: str = importlib.import_module(sys.argv[1]).register()
nx.init({"device": device})
rng = np.random.default_rng(0)
x, y = (nx.tensor(rng.normal(0, 1, (5, 3, 7)).astype(np.float32)) for _ in range(2))


w = nx.constant(rng.normal(0, 0.5, (7, 7)).astype(np.float32))


@nx.compile
def program(x: nx.Tensor, y: nx.Tensor) -> nx.Tensor:
    def one(x: nx.Tensor, y: nx.Tensor) -> nx.Tensor:
        # so long that a task loops instead of having every step in its code
        last, _ = nx.scan(lambda z, t: (nx.tanh(z @ w + t), None), x, nx.zeros(2500))
        return nx.exp(x @ y.T + 1.0).sum(dim=1) - nx.tanh(last * y).mean(dim=1)

    return nx.map(one)(x, y)


def is_made() -> bool:
    """The fake driver has loaded what the fake compiler has made."""
    return "/made_" in Path("/proc/self/maps").read_text()


def is_compiling() -> bool:
    """The fake compiler has written what it compiles."""
    return any(Path(os.environ["PHYNEXUS_FAKE_COMPILER_FOLDER"]).glob("*.cpp"))


ends: dict[str, Callable[[], bool]] = {"wait": is_made, "leave": is_compiling}
is_over = ends[sys.argv[2]] if len(sys.argv) > 2 else lambda: True
digests = set()
runs = 0
while runs < 3 or not is_over():
    digests.add(program(x, y).numpy().tobytes().hex())
    runs += 1
    if runs > 20:
        time.sleep(0.1)  # it is asked for by now: the compiler may have this core
digests.add(program(x, y).numpy().tobytes().hex())
told = discovery.backend(device).notes(0)[1:]  # the first names the driver
notes = [note for note in told if not note.startswith("large products")]
print(json.dumps({"digests": sorted(digests), "made": is_made(), "notes": notes}))
