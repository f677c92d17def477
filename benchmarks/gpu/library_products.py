"""Large products of a rounded precision, by the vendor's library and by our kernels.

    python benchmarks/gpu/library_products.py [--device cuda:0] [--small]

Each way runs in a process of its own, as the device finds the library, and with
NEURENIX_CUBLAS=0, or on AMD's cards NEURENIX_ROCBLAS=0. Results are held against
float64's products of the factors as they are, within what the precision allows, and
must have the same bits twice. It prints what a product takes with either, or why the
check is not run; the status is 1 where values are wrong, or bits differ between runs.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np

import neurenix as nx
from neurenix.backends import discovery

# dtype, precision, and what one factor or a result of it may be off, for its size: as
# hardware cuts where others round to the nearest, a whole step
WAYS = {
    "cuda": [
        ("float32", "tf32", 2.0**-10),
        ("float32", "bfloat16", 2.0**-7),
        ("float16", "float32", 2.0**-11),
        ("bfloat16", "float32", 2.0**-8),
    ],
    "rocm": [
        ("float32", "bfloat16", 2.0**-7),
        ("float16", "bfloat16", 2.0**-11),
        ("bfloat16", "bfloat16", 2.0**-8),
    ],
}
SWITCHES = {"cuda": "NEURENIX_CUBLAS", "rocm": "NEURENIX_ROCBLAS"}
SIZES = [(4096, 4096, 4096), (16384, 1024, 1024)]
SMALL = [(130, 96, 70), (97, 300, 131)]
BY = "large products of rounded precision by "


def measure(sizes, dtype, precision, device, seconds):
    """How far off it is, for what the precision allows; whether it has the same bits
    twice; milliseconds."""
    rows, terms, columns = sizes
    rng = np.random.default_rng(sum(sizes))
    nx.init({"device": device, "precision": precision})
    a, b = (
        nx.tensor(rng.standard_normal(shape, np.float32), dtype=getattr(nx, dtype))
        for shape in ((rows, terms), (terms, columns))
    )
    product = nx.compile(lambda a, b: a @ b)
    twice = [product(a, b).astype(nx.float32).numpy() for _ in range(2)]
    # of some rows: all would take a processor minutes
    some = np.linspace(0, rows - 1, min(rows, 64)).astype(int)
    x, y = (t.astype(nx.float32).numpy().astype(np.float64) for t in (a, b))
    wanted = x[some] @ y
    off = np.abs(twice[0][some] - wanted) / (np.abs(x[some]) @ np.abs(y))
    product(a, b)
    nx.synchronize()
    runs, start = 0, time.perf_counter()
    while runs < 3 or time.perf_counter() - start < seconds:
        for _ in range(3):
            product(a, b)
        nx.synchronize()
        runs += 3
    milliseconds = (time.perf_counter() - start) / runs * 1e3
    return float(off.max()), bool(np.array_equal(*twice)), milliseconds


def alone(given):
    """In this process; the last line has it as JSON."""
    kind, _, index = given.device.partition(":")
    nx.init({"device": given.device})
    notes = discovery.backend(kind).notes(int(index or 0))
    by = next((n.removeprefix(BY) for n in notes if n.startswith(BY)), "")
    found = []
    for sizes in (SMALL if given.small else SIZES) if by else ():
        for dtype, precision, _ in WAYS[kind]:
            found.append(measure(sizes, dtype, precision, given.device, given.seconds))
    print(json.dumps({"by": by, "found": found}))


def asked(given, **settings):
    command = [sys.executable, __file__, "--alone", "--device", given.device]
    command += ["--seconds", str(given.seconds), *(["--small"] if given.small else [])]
    env = {**os.environ, **settings}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{settings}: {done.stderr[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--small", action="store_true", help="to try whether it runs")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        return alone(given)
    library = asked(given)
    if not library["by"] or library["by"].startswith("Neurenix"):
        print(f"not run: {library['by'] or 'float32 is the only precision here'}")
        return 0
    kind = given.device.partition(":")[0]
    ours = asked(given, **{SWITCHES[kind]: "0"})
    cases = [
        (sizes, *way)
        for sizes in (SMALL if given.small else SIZES)
        for way in WAYS[kind]
    ]
    wrong, words = [], []
    for case, *both in zip(cases, ours["found"], library["found"], strict=True):
        sizes, dtype, precision, step = case
        name = f"{'x'.join(map(str, sizes))} {dtype}/{precision}"
        for who, (off, same, _) in zip(("kernels", "library"), both, strict=True):
            # both factors, or the result; sums of float32 beside it
            if not off <= 2 * step + 2.0**-14:
                wrong.append(f"{name} by {who}: off by {off:.1e} of its terms")
            if not same:
                wrong.append(f"{name} by {who}: other bits the second time")
        words.append(f"{name} {both[0][2]:.3f} -> {both[1][2]:.3f} ms")
    print("\n".join(words))
    told = "; ".join(wrong) if wrong else "right, the same bits twice"
    print(f"{told}; kernels -> {library['by']}: {words[0]}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
