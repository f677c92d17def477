"""Meta-train on drawings and on sine waves, print the figures, draw a picture.

    python examples/demo.py

Prototypical Networks learn 5-way 1-shot recognition of Omniglot's characters (found by
`NEURENIX_DATA`, see the README; generated characters stand in where there are none),
and MAML learns sine waves. The test characters are looked at once, after everything has
been chosen on the validation characters.
"""

import time
from itertools import pairwise

import numpy as np
from tqdm import tqdm

import neurenix as nx
from neurenix.errors import DatasetError
from neurenix.meta import Callback, plot, recipes
from neurenix.meta.datasets import Glyphs, Omniglot

SEED = 0
WAYS, SHOTS = 5, 1
TEST_TASKS = 600

# Chosen on the validation characters. Many classes and few queries of each teach more
# than the reverse, at the same number of drawings.
TRAIN_WAYS, TRAIN_QUERIES = 40, 2
STEPS_PER_EPOCH, EPOCHS = 300, 8
# Training is cut short on a machine too slow for all epochs.
TIME_LIMIT_S = 240

# Five inner steps in training (the paper: one), so that little training shows much.
SINE_STEPS, SINE_TASKS, SINE_SHOTS, SINE_INNER_STEPS = 15_000, 15_000, 5, 5


class Anneal(Callback):
    """Lowers the learning rate along half a cosine, to zero at the end of training: by
    steps, or by the clock where that is sooner; and tells how it goes."""

    def __init__(self, optimizer):
        self.optimizer, self.rate = optimizer, optimizer.lr
        self.start = time.perf_counter()

    def on_step_end(self, learner, event):
        if event.step % 10:
            return
        done = (event.epoch - 1) * event.steps + event.step
        elapsed = time.perf_counter() - self.start
        share = max(done / (event.epochs * event.steps), elapsed / TIME_LIMIT_S)
        if share < 1:
            self.optimizer.lr = self.rate * (1 + np.cos(np.pi * share)) / 2
        elif done < event.epochs * event.steps:
            tqdm.write(f"time is up after {done} steps")
            event.stop()

    def on_epoch_end(self, learner, event):
        shown = ", ".join(
            f"{name} {value:.4f}" for name, value in event.metrics.items()
        )
        elapsed = time.perf_counter() - self.start
        tqdm.write(f"epoch {event.epoch}/{event.epochs}, {elapsed:.0f} s: {shown}")


def characters():
    """Training, validation and test characters, and what they are called."""
    try:
        return {
            "train": Omniglot(split="train", rotations=True, download=True),
            "validation": Omniglot(split="validation"),
            "test": Omniglot(split="test"),
        }, "Omniglot"
    except DatasetError as error:
        print(
            f"Omniglot is not at hand, so generated characters stand in.\n  {error}\n"
        )
        return {
            "train": Glyphs(classes=1000, seed=SEED),
            "validation": Glyphs(classes=172, seed=SEED + 1),
            "test": Glyphs(classes=423, seed=SEED + 2),
        }, "Glyphs (generated)"


def learn_drawings():
    """A meta-trained embedding, and the tasks that it was tested on."""
    start = time.perf_counter()
    data, name = characters()
    train, validation, test = data.values()
    print(
        f"{name}: {len(train.classes)} classes to train ({len(train):,} drawings), "
        f"{len(validation.classes)} to validate, {len(test.classes)} to test; "
        f"read in {time.perf_counter() - start:.0f} s"
    )
    recipe = recipes.prototypical_networks_omniglot(
        WAYS,
        SHOTS,
        train_ways=TRAIN_WAYS,
        train_queries=TRAIN_QUERIES,
        meta_steps=EPOCHS * STEPS_PER_EPOCH,
        decay="none",
        test_tasks=TEST_TASKS,
        seed=SEED,
        data=data,
    )
    recipe.train(
        epochs=EPOCHS,
        steps_per_epoch=STEPS_PER_EPOCH,
        callbacks=[Anneal(recipe.optimizer)],
    )
    result = recipe.test()
    low = 100 * (result.accuracy - result.interval("accuracy"))
    print(
        f"{name}, {WAYS}-way {SHOTS}-shot, {len(test.classes)} unseen characters, "
        f"Prototypical Networks (Conv-4):\n  {result}, 95 % interval from {low:.2f} %\n"
    )
    return recipe.learner, recipe.test_tasks, name


def learn_sine_waves():
    """A meta-trained regressor, and tasks that it was tested on."""
    recipe = recipes.maml_sine(
        inner_steps=SINE_INNER_STEPS,
        shots=SINE_SHOTS,
        meta_steps=SINE_STEPS,
        pool=SINE_TASKS,
        test_tasks=TEST_TASKS,
        seed=SEED,
    )
    untrained = recipe.test()
    start = time.perf_counter()
    recipe.train()
    seconds = time.perf_counter() - start
    trained = recipe.test()
    batch = recipe.tasks_per_batch
    print(
        f"Sine waves, MAML: {SINE_STEPS} meta-steps of {batch} tasks in "
        f"{seconds:.0f} s.\nMean squared error after n gradient steps on "
        f"{SINE_SHOTS} examples ({TEST_TASKS} test tasks):"
    )
    print("  n                     " + "".join(f"{step:6}" for step in range(11)))
    for label, curve in (
        ("meta-trained", trained.curve()),
        ("not meta-trained", untrained.curve()),
    ):
        print(f"  {label:22}" + "".join(f"{value:6.2f}" for value in curve))
    figures = [recipe.published.get(f"loss after {step}", "") for step in range(11)]
    paper = "".join(f"{figure:>6}" for figure in figures)
    print(f"  MAML paper, 70k steps {paper}")
    share = trained.mean() / untrained.mean()
    print(
        f"  after 10 steps {trained.mean():.3f}, against {untrained.mean():.3f} of the "
        f"same network without meta-training: {share:.0%} "
        f"({'at most' if share <= 0.5 else 'more than'} half)"
    )
    falls = all(a > b for a, b in pairwise(trained.curve()[:6]))
    print(f"  falls with each of the first five steps: {'yes' if falls else 'no'}\n")
    return recipe.learner, recipe.test_tasks


def draw(path, drawings, sines):
    """One picture: two tasks of drawings with predictions, three sine waves."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    learner, tasks, name = drawings
    figure = plt.figure(figsize=(13, 8.5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1.5, 1], squeeze=False)[0]
    left.suptitle(f"{name}: unseen characters, recognised from one example")
    for number, part in enumerate(left.subfigures(2, 1)):
        task = tasks[number]
        logits = learner.adapt_to_task(task.support_x, task.support_y)(task.query_x)
        plot.task_grid(task, logits, figure=part)
    regressor, test = sines
    right.suptitle("Sine waves: before and after 10 gradient steps on the points")
    grid = np.linspace(-5, 5, 200, dtype=np.float32)[:, None]
    panels = right.subplots(3, 1)
    for axis, task in zip(panels, test[:3]):
        x, y = task.support_x.numpy(), task.support_y.numpy()
        order = np.argsort(task.query_x.numpy()[:, 0])
        for steps, style in ((0, "--"), (1, ":"), (10, "-")):
            fitted = regressor.adapt_to_task(x, y, steps=steps)(nx.tensor(grid)).numpy()
            plural = "" if steps == 1 else "s"
            axis.plot(
                grid, fitted, style, color="tab:blue", label=f"{steps} step{plural}"
            )
        axis.plot(
            task.query_x.numpy()[order], task.query_y.numpy()[order],
            "x", color="tab:gray", label="queries",
        )  # fmt: skip
        axis.plot(x, y, "o", color="tab:orange", label="support")
        axis.set_xlim(-5, 5)
    panels[-1].legend(loc="lower right", fontsize="small", ncols=2)
    figure.savefig(path, dpi=110)


def main():
    start = time.perf_counter()
    nx.init()
    nx.manual_seed(SEED)
    print(f"Neurenix {nx.__version__} on {nx.current_device()}")
    drawings = learn_drawings()
    sines = learn_sine_waves()
    draw("demo.png", drawings, sines)
    print(f"wrote demo.png; {time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
