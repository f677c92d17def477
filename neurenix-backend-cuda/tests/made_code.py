"""Runs a program on an emulated device and prints, as JSON, the bits of its results in
each run, whether made code ran, and the device's notes:
`python made_code.py cuda_emulated|rocm_emulated [wait]`.

"wait": it goes on until made code has taken over. A process of its own: what makes code
is chosen by environment variables.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
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


digests = set()
runs = 0
while runs < 3 or (sys.argv[2:] == ["wait"] and not is_made()):
    digests.add(program(x, y).numpy().tobytes().hex())
    runs += 1
    if runs > 20:
        time.sleep(0.1)  # it is asked for by now: the compiler may have this core
digests.add(program(x, y).numpy().tobytes().hex())
notes = discovery.backend(device).notes(0)
print(json.dumps({"digests": sorted(digests), "made": is_made(), "notes": notes}))
