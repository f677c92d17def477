"""Meta-train on the workers of a Ray cluster: on a laptop, or as a job of one.

    python examples/many_machines/train.py --workers 2
    ray job submit -- python train.py --workers 8 --checkpoint /shared/sine

On a cluster, --checkpoint is a folder that outlives the head: a run that is started
again goes on from there, with the same bits. It prints a digest of the weights, which
is the same for any number of workers.
"""

import argparse
import hashlib

import neurenix as nx
from neurenix.meta import MAML, MLP, Callback, generate_regression_tasks
from neurenix.meta.distributed import RayStrategy


class Changes(Callback):
    """Says who came and went."""

    def __init__(self, strategy):
        self.strategy, self.said = strategy, 0

    def on_step_end(self, learner, event):
        for change in self.strategy.changes[self.said :]:
            where = f"worker {change.worker} {change.node}"
            print(f"step {event.total}: {change.kind} {where} {change.cause}")
        self.said = len(self.strategy.changes)


def digest(learner):
    """SHA-256 of the weights' bits."""
    found = hashlib.sha256()
    for parameter in learner.parameters():
        found.update(parameter.numpy().tobytes())
    return found.hexdigest()[:16]


def main():
    parser = argparse.ArgumentParser(description="Meta-train on Ray")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--at-least", type=int, help="begin with so many")
    parser.add_argument("--device", help="of each worker, such as cuda")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--checkpoint", help="a folder")
    options = parser.parse_args()
    nx.manual_seed(0)
    learner = MAML(MLP([1, 40, 40, 1]), inner_steps=5)
    strategy = RayStrategy(
        options.workers, options.device, at_least=options.at_least, deadline=120
    )
    with strategy:
        history = learner.meta_learn(
            generate_regression_tasks(256, 10, seed=0),
            epochs=options.epochs,
            tasks_per_batch=32,
            validation=generate_regression_tasks(64, 10, seed=1),
            callbacks=[Changes(strategy)],
            checkpoint=options.checkpoint,
            strategy=strategy,
        )
    print(f"validation loss {history['validation_loss'][-1]:.4f}")
    print(f"weights {digest(learner)}")


if __name__ == "__main__":
    main()
