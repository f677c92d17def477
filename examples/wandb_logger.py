"""Log a run to Weights & Biases: a callback of a few lines, and a run that uses it.

    pip install wandb
    python examples/wandb_logger.py

Without an account nothing is sent: WANDB_MODE=offline writes the run to ./wandb, and
`wandb sync` sends it later.
"""

import wandb  # pyright: ignore[reportMissingImports]  an extra of this file alone

from neurenix.meta import MAML, MLP, Callback, generate_regression_tasks


class WandbLogger(Callback):
    """The numbers of each epoch, at the number of meta-steps that were done.

    run      what `wandb.init` gave; a run that goes on from a checkpoint takes
             wandb.init(id=..., resume="allow")
    """

    def __init__(self, run):
        self.run = run

    def on_epoch_end(self, learner, event):
        self.run.log({"epoch": event.epoch, **event.metrics}, step=event.total)

    def on_train_end(self, learner, event):
        self.run.finish()


def main():
    settings = {"inner_lr": 0.01, "inner_steps": 1, "seed": 0}
    run = wandb.init(project="neurenix-sine", config=settings)
    learner = MAML(MLP([1, 40, 40, 1]), inner_lr=0.01, inner_steps=1)
    tasks = generate_regression_tasks(100, 10, seed=settings["seed"])
    learner.meta_learn(
        tasks, epochs=5, tasks_per_batch=25, callbacks=[WandbLogger(run)]
    )


if __name__ == "__main__":
    main()
