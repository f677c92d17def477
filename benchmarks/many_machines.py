"""What a meta-step by Ray's workers costs beside one of a single process:

    python benchmarks/many_machines.py [--workers 1 2] [--steps 30]

MAML on sine tasks, by the number of parameters: what is sent grows with them, and
nothing else does. A turn of each in rounds; of all steps the one that a tenth of them
beat counts, for the machine may be shared. A worker has one thread. The table stands in
docs/many-machines.md.
"""

import argparse
import statistics
import time

import ray
from harness import machine, report

import neurenix as nx
from neurenix.meta import MAML, MLP, Callback, generate_regression_tasks
from neurenix.meta.distributed import RayStrategy

# Width of the two hidden layers: from 10³ to 10⁶ parameters.
WIDTHS = (28, 98, 314, 998)
TASKS = 8


class Clock(Callback):
    """Takes the time between one step's end and the next one's."""

    def __init__(self):
        self.taken, self.last = [], None

    def on_step_end(self, learner, event):
        now = time.perf_counter()
        if self.last is not None:
            self.taken.append(now - self.last)
        self.last = now


class Running:
    """A learner that goes on training, with what its steps took."""

    def __init__(self, width, tasks, strategy):
        nx.manual_seed(0)
        self.learner = MAML(MLP([1, width, width, 1]), inner_steps=1)
        self.optimizer = nx.optim.Adam(self.learner.parameters(), lr=0.001)
        self.tasks, self.strategy = tasks, strategy
        self.taken = []
        self.turn(3, keep=False)

    def turn(self, steps, keep=True):
        clock = Clock()
        self.learner.meta_learn(
            self.tasks,
            self.optimizer,
            epochs=steps,
            tasks_per_batch=TASKS,
            progress=False,
            callbacks=[clock],
            strategy=self.strategy,
        )
        if keep:
            self.taken += clock.taken

    @property
    def milliseconds(self):
        # inclusive: of few steps the other kind goes below the least
        return statistics.quantiles(self.taken, n=10, method="inclusive")[0] * 1e3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=30, help="of a turn")
    parser.add_argument("--turns", type=int, default=3)
    return parser.parse_args()


def main():
    options = arguments()
    nx.init({"threads": 1})
    ray.init(
        "local",
        num_cpus=max(options.workers) + sum(options.workers),
        include_dashboard=False,
        log_to_driver=False,
    )
    tasks = generate_regression_tasks(TASKS, 10, seed=0)
    strategies = {count: RayStrategy(count) for count in options.workers}
    before = machine.load()
    print("| parameters | bytes a step and worker | one process |", end="")
    print("".join(f" {n} worker{'s' * (n > 1)}: beside it |" for n in strategies))
    print("|---:" * (3 + len(strategies)) + "|")
    for width in WIDTHS:
        alone = Running(width, tasks, None)
        shared = {n: Running(width, tasks, s) for n, s in strategies.items()}
        for _ in range(options.turns):
            for running in (alone, *shared.values()):
                running.turn(options.steps)
        count = sum(p.size for p in alone.learner.parameters())
        row = [f"{count:,}", f"{2 * 4 * count:,}", f"{alone.milliseconds:.2f} ms"]
        for running in shared.values():
            more = running.milliseconds - alone.milliseconds
            row.append(f"{running.milliseconds:.2f} ms: {more:+.2f}")
        print("| " + " | ".join(row) + " |", flush=True)
    print(*report.machine_lines(machine.describe(None, before), None), sep="\n")


if __name__ == "__main__":
    main()
