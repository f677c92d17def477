"""Draws the pictures of docs/gallery.md, on white and on black: `make gallery`.

Trains Prototypical Networks and MAML on drawn characters for a minute; the numbers that
the pictures show are of so little training.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure, SubFigure

import neurenix as nx
from neurenix.meta import (
    MAML,
    Classifier,
    Conv4,
    PrototypicalNetworks,
    TaskSampler,
    plot,
)
from neurenix.meta.datasets import Glyphs

PICTURES = Path(__file__).parent / "pictures"
TRAIN, TEST, OTHERS = range(200), range(200, 250), range(250, 258)
Drawing = tuple[str, Callable[[], Figure | SubFigure]]


def embedding() -> Iterator[Drawing]:
    """Pictures of Prototypical Networks, of a task and of a classifier."""
    train = TaskSampler(Glyphs(TRAIN), 10, 5, 5, seed=0)
    test = TaskSampler(Glyphs(TEST), 5, 1, 8, seed=1, tasks=200)
    runs = []
    for seed in range(3):
        nx.manual_seed(seed)
        learner = PrototypicalNetworks(Conv4(hidden=8), meta_lr=0.003)
        history = learner.meta_learn(
            train, epochs=6, steps_per_epoch=8, tasks_per_batch=1,
            validation=test, progress=False,
        )  # fmt: skip
        runs.append(history)
    result = learner.evaluate(test)
    names = list("ABCDE")
    yield "learning", runs[0].plot
    yield (
        "seeds",
        lambda: plot.learning_curves(
            {"Conv-4": runs}, ["validation_loss", "validation_accuracy"]
        ),
    )
    yield "evaluation", result.plot
    yield "reliability", lambda: plot.reliability_diagram(result)

    task = TaskSampler(Glyphs(TEST), 5, 3, 8, seed=2)[0]
    adapted = learner.adapt_to_task(task.support_x, task.support_y)
    logits = adapted(task.query_x)
    yield "grid", lambda: plot.task_grid(task, logits, names=names)
    features = nx.flatten(adapted.learner.model(task.query_x), 1)
    prototypes = adapted.fitted["prototypes"].value()
    yield (
        "embeddings",
        lambda: plot.embeddings(features, task.query_y, prototypes, names=names),
    )

    data = Glyphs(OTHERS, 30)
    labels = np.repeat(data.classes, 30)
    shown = np.arange(len(labels)) % 30 < 5  # to the classifier
    images = data.examples.astype(np.float32) * data.scale
    classifier = Classifier(learner).fit(images[shown], labels[shown].tolist())
    classifier.calibrate(rate=0.1)
    predicted = classifier.predict(images[~shown])
    yield "confusion", lambda: plot.confusion_matrix(labels[~shown], predicted)


def adaptation() -> Iterator[Drawing]:
    """MAML before and after training, by gradient step."""
    train = TaskSampler(Glyphs(TRAIN), 5, 1, 5, seed=0)
    test = TaskSampler(Glyphs(TEST), 5, 1, 5, seed=1, tasks=100)
    nx.manual_seed(0)
    learner = MAML(
        Conv4(hidden=16, ways=5, batch_norm="transductive"), 0.4, inner_steps=3
    )
    before = learner.evaluate(test, steps=8)
    learner.meta_learn(
        train, epochs=1, steps_per_epoch=150, tasks_per_batch=4, progress=False
    )
    after = learner.evaluate(test, steps=8)
    shown = {"meta-trained": after, "not meta-trained": before}
    yield "adaptation", lambda: plot.adaptation_curves(shown)


def tutorial() -> Iterator[Drawing]:
    """The pictures of tutorials/maml.md, by its own program."""
    page = (PICTURES.parent / "tutorials/maml.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    names: dict[str, object] = {}
    for block in blocks[:-2]:
        exec(block, names)

    def drawn(block: str) -> Figure:
        exec(block.replace("figure.savefig(", "str("), names)  # main saves it
        figure = names["figure"]
        assert isinstance(figure, Figure)
        return figure

    yield "maml-steps", lambda: drawn(blocks[-2])
    yield "maml-wave", lambda: drawn(blocks[-1])


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    for title, draw in (*embedding(), *adaptation(), *tutorial()):
        for style, name in (("default", "light"), ("dark_background", "dark")):
            path = PICTURES / f"{title}-{name}.png"
            with matplotlib.style.context(style):
                draw().savefig(path, dpi=96, pil_kwargs={"optimize": True})
            print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
