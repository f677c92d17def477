"""Writes what peers and the GPU are given: each case's weights, batches, and the losses
that the CPU's engine finds.

    python benchmarks/gpu/prepare.py FOLDER [--small] [--only w1,w4]
        [--warm] [--python jax=PATH]

With --warm it then runs each peer once on each case, several at a time, so that what
they compile lies in the caches that JAX_COMPILATION_CACHE_DIR and
TORCHINDUCTOR_CACHE_DIR name.
"""

import argparse
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from asked import FORMS, Peer, applies, interpreters
from cases import CASES, STEPS, case

import neurenix as nx

WARM_LIMIT = 240  # seconds of one peer on one case


def write(name, folder, small):
    """FOLDER/NAME.npz, whole or not at all."""
    nx.init({"device": "cpu"})
    workload = case(name, small)
    w = workload.w
    weights = [parameter.numpy() for parameter in workload.learner.parameters()]
    batches = [workload.batch() for _ in range(STEPS)]
    told = {
        "method": w["method"].__name__,
        "weights": len(weights),
        "batches": STEPS,
        "channels": w.get("channels", 0),
        "adapts": w["method"].__name__ == "MAML",
        "ways": w.get("ways", 0),
        "inner": w.get("inner", 0),
        "inner_lr": w.get("inner_lr", 0.0),
        "first_order": w.get("first_order", False),
        "losses": case(name, small).losses(STEPS),
    }
    arrays = {f"weight{i}": weight for i, weight in enumerate(weights)}
    for i, batch in enumerate(batches):
        arrays |= {f"batch{i}_{part}": array for part, array in enumerate(batch)}
    file, made = folder / f"{name}.npz", folder / f"{name}.part.npz"
    np.savez(made, case=json.dumps(told), **arrays)
    made.replace(file)
    return file


def expected(file):
    """The CPU's losses."""
    with np.load(file) as held:
        return json.loads(str(held["case"]))["losses"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--only", help="cases, such as w1,w4")
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--python", action="append", default=[])
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    names = given.only.split(",") if given.only else CASES
    files = [write(name, given.folder, given.small) for name in names]
    print(f"{len(files)} cases are in {given.folder}", flush=True)
    if not given.warm:
        return
    pythons = interpreters(FORMS, given.python)

    def warmed(form, file):
        with Peer(pythons[form], form) as peer:
            told = peer.ask(file, 0, WARM_LIMIT)
        print(form, file.stem, told, flush=True)

    # the longest first
    order = sorted(
        ((f, x) for f in FORMS for x in files if applies(f, x.stem)),
        key=lambda p: p[0].startswith("jax"),
    )
    with ThreadPoolExecutor(max(1, (os.cpu_count() or 2) // 3)) as pool:
        list(pool.map(lambda pair: warmed(*pair), order))


if __name__ == "__main__":
    main()
