"""What Neurenix adds around the arithmetic: python benchmarks/bench_overhead.py

Medians over many repeats, in microseconds unless said otherwise.
"""

import os
import statistics
import subprocess
import sys
import time

import neurenix as nx
from neurenix import backends


def median_us(call, repeats=2000):
    """The median time of one call, after a few to warm up."""
    for _ in range(20):
        call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def seconds_of_import(module):
    """The best of several fresh interpreters, with compiled bytecode at hand."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    times = []
    for _ in range(7):
        start = time.perf_counter()
        command = [sys.executable, "-c", f"import {module}"]
        subprocess.run(command, check=True, env=environment)
        times.append(time.perf_counter() - start)
    return min(times)


def compiled_call():
    """A compiled function that changes twenty state tensors of four elements."""
    cells = [nx.Cell(nx.zeros(4), name=f"state{i}") for i in range(20)]

    def step(x):
        for cell in cells:
            cell.assign(cell + x)
        return x

    step = nx.compile(step, state=cells)
    x = nx.ones(4)
    return median_us(lambda: step(x))


def capture_per_instruction():
    """Capture, passes, plan and engine, of a chain that neither merges nor folds."""
    count = 300

    def chain(x):
        for _ in range(count // 2):
            x = nx.tanh(x @ x)
        return x

    times = []
    for size in range(8, 15):
        x = nx.ones(size, size)
        start = time.perf_counter()
        nx.compile(chain)(x)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6 / count


def main():
    device = nx.init()
    x, y = nx.ones(10), nx.ones(10)
    start = time.perf_counter()
    backends.Discovery().names()
    discovery = (time.perf_counter() - start) * 1e6
    rows = {
        "an eager operation on ten elements": median_us(lambda: x + y),
        "a compiled call with 20 state tensors": compiled_call(),
        "capture to engine, an instruction": capture_per_instruction(),
        "reading the entry points": discovery,
    }
    print(f"on {device}")
    for name, value in rows.items():
        print(f"  {name:40} {value:10.1f} us")
    added = 1e3 * (seconds_of_import("neurenix") - seconds_of_import("numpy"))
    print(f"  {'import neurenix, beyond NumPy':40} {added:10.1f} ms")


if __name__ == "__main__":
    main()
