"""What Neurenix adds around the arithmetic: python benchmarks/overhead.py

The least and the median over many short repeats; "engine" is what the foreign calls
themselves take of it (the rest is Python's). `taskset -c 1` steadies the figures.
"""

import os
import statistics
import subprocess
import sys
import time

import neurenix as nx
from neurenix import backends, dispatch
from neurenix.phynexus._bindings import ffi

REPEATS, CALLS = 200, 50


def microseconds(call):
    """The least and the median time of one call."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for _ in range(CALLS):
            call()
        times.append((time.perf_counter() - start) / CALLS * 1e6)
    return min(times), statistics.median(times)


def engine_microseconds(executable, inputs, fresh):
    """Of one call: taking and releasing the fresh outputs, and running. None where the
    device has no native engine."""
    engine = getattr(executable, "engine", None)
    if engine is None:
        return None
    outputs = executable(inputs)  # keeps the memory that is written
    slots, targets = executable._slots()
    for place, buffers in ((slots, inputs), (targets, outputs)):
        for i, buffer in enumerate(buffers):
            place[i] = buffer.pointer
    run, handle = executable.run, executable.handle
    least = microseconds(lambda: run(handle, slots, targets))[0]
    place = ffi.new("void **")

    def memory():
        engine.allocate(engine.handle, 64, place)
        engine.release(engine.handle, place[0])

    return least + fresh * microseconds(memory)[0]


def eager():
    """Operations on few elements: name, least, median, of that the engine."""
    x, y, scalar = nx.ones(10), nx.ones(10), nx.ones()
    square = nx.ones(4, 4)
    followed = nx.tensor([1.0] * 10, requires_grad=True)
    operations = {
        "x + y": (lambda: x + y, [x, y]),
        "x * 2.0": (lambda: x * 2.0, [x, scalar]),
        "exp(x)": (lambda: nx.exp(x), [x]),
        "x @ y, 4 by 4": (lambda: square @ square, [square, square]),
        "x.sum()": (lambda: x.sum(), [x]),
        "w * w, on the tape": (lambda: followed * followed, [followed, followed]),
    }
    for name, (call, inputs) in operations.items():
        call()
        executable = next(reversed(dispatch._EAGER.values()))[0]
        engine = engine_microseconds(executable, [i.data for i in inputs], 1)
        yield name, *microseconds(call), engine


def compiled_call(batch):
    """A compiled function that changes twenty state tensors of four elements."""
    cells = [nx.Cell(nx.zeros(4), name=f"state{i}") for i in range(20)]

    def step(*xs):
        for cell in cells:
            cell.assign(cell + xs[0])
        return xs[0] * 2.0

    step = nx.compile(step, state=cells)
    xs = [nx.ones(4) for _ in range(batch)]
    step(*xs)
    (entry,) = step.entries.values()
    buffers = [x.data for x in (*cells, *xs)]
    engine = engine_microseconds(entry.executable, buffers, 1)
    return f"20 state tensors, {batch} inputs", *microseconds(lambda: step(*xs)), engine


def capture_per_instruction():
    """Capture, passes, plan and engine, of a chain that neither merges nor folds; least
    and median."""
    count = 300

    def chain(x):
        for _ in range(count // 2):
            x = nx.tanh(x @ x)
        return x

    times = []
    for size in range(8, 19):
        x = nx.ones(size, size)
        start = time.perf_counter()
        nx.compile(chain)(x)
        times.append((time.perf_counter() - start) * 1e6 / count)
    return "capture to engine, an instruction", min(times), statistics.median(times)


def discovery():
    """Reading the entry points of what is installed."""
    times = []
    for _ in range(11):
        start = time.perf_counter()
        backends.Discovery().names()
        times.append((time.perf_counter() - start) * 1e6)
    return "reading the entry points", min(times), statistics.median(times)


def imports(repeats=11):
    """Fresh interpreters, with compiled bytecode at hand, in milliseconds."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    times = {"numpy": [], "neurenix": []}
    for _ in range(repeats + 1):  # the first one writes the bytecode
        for module, seen in times.items():
            start = time.perf_counter()
            command = [sys.executable, "-c", f"import {module}"]
            subprocess.run(command, check=True, env=environment)
            seen.append((time.perf_counter() - start) * 1e3)
    ours, numpys = times["neurenix"][1:], times["numpy"][1:]
    return (
        min(ours) - min(numpys),
        statistics.median(ours) - statistics.median(numpys),
    )


def line(name, least, median, engine=None):
    print(f"  {name:36}{least:10.2f}{median:10.2f}{engine or '':>10.3}")


def main():
    device = nx.init()
    print(f"on {device}; microseconds: {'least':>13}{'median':>10}{'engine':>10}")
    print("an eager operation (aim: 5)")
    for row in eager():
        line(*row)
    print("a compiled call (aim: 8 of Python)")
    for batch in (1, 4):
        line(*compiled_call(batch))
    print("once")
    line(*capture_per_instruction())
    line(*discovery())
    print("milliseconds")
    line("import neurenix, beyond NumPy", *imports())


if __name__ == "__main__":
    main()
