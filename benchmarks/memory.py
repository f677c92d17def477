"""What the inner steps of each method take: make memory, or

    python benchmarks/memory.py [--steps 1,32] [--methods MAML,IMAML] [--document]

Bytes of the program of a meta-step for one task at a time, beside data, parameters and
the optimizer's state, with what the inner steps compute kept, and computed again
(remat=True). Programs are planned and not run: tests/test_benchmarks.py and
neurenix-meta/tests/test_max_memory.py hold plans to what the engine takes.
"""

import argparse
from pathlib import Path

import numpy as np
from harness import report

import neurenix as nx
from neurenix import meta, optim
from neurenix.meta.memory import largest_calls
from neurenix.meta.tasks.sources import source_of
from neurenix.meta.training.step import meta_step
from neurenix.nn.modes import mode

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "memory.md"
METHODS = ("MAML", "FOMAML", "ANIL", "MetaSGD", "MAMLPlusPlus", "IMAML", "Reptile")
STEPS = (1, 2, 4, 8, 16, 32)
WAYS, QUERIES, CHANNELS = 5, 15, 32


def tasks(count=4, size=28):
    """5-way 1-shot, 15 queries a class: noise, for programs that do not run."""
    rng = np.random.default_rng(0)
    labels = np.arange(WAYS), np.arange(WAYS).repeat(QUERIES)
    return [
        tuple(
            part
            for y in labels
            for part in (rng.normal(size=(len(y), 1, size, size)), y)
        )
        for _ in range(count)
    ]


def planned(method, steps, remat, channels=CHANNELS, size=28):
    """Bytes of one meta-step."""
    nx.manual_seed(0)
    network = meta.Conv4(ways=WAYS, hidden=channels)
    options = {} if method == "MAMLPlusPlus" else {"batch_norm": "transductive"}
    learner = getattr(meta, method)(network, inner_steps=steps, remat=remat, **options)
    optimizer = optim.Adam(learner.parameters())
    source = source_of(learner, tasks(size=size), learner.kinds)
    with mode(learner, training=True):
        step = meta_step(learner, optimizer, 0)
        (call,) = largest_calls(source, 4)
        return step.memory_bytes(*call)


def rows(methods=METHODS, steps=STEPS, **sizes):
    return [
        {
            "method": method,
            "remat": remat,
            **{n: planned(method, n, remat, **sizes) for n in steps},
        }
        for method in methods
        for remat in (False, True)
    ]


def table(found, steps=STEPS):
    columns = [
        ("method", lambda row: row["method"]),
        ("", lambda row: "remat" if row["remat"] else "kept"),
        *((str(n), lambda row, n=n: f"{row[n] / 1e6:.1f}") for n in steps),
    ]
    return report.table(columns, found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", default=",".join(map(str, STEPS)))
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--document", action="store_true", help="write the table")
    given = parser.parse_args()
    nx.init({"device": "cpu", "threads": 1})
    steps = tuple(int(n) for n in given.steps.split(","))
    text = table(rows(given.methods.split(","), steps), steps)
    print(text)
    if given.document:
        report.put_between(DOCUMENT, "inner steps", text)


if __name__ == "__main__":
    main()
