"""Meta-trains the page's networks, and makes the page: a folder for any file server.

    python examples/draw/make_draw.py    # or: make draw-demo
    python -m http.server -d build/draw

Prototypical Networks and MAML learn on Omniglot's training characters (found by
`NEURENIX_DATA`, see the README; generated characters stand in where there are none).
Their accuracies are of test characters.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from network import Classifier, Embedding
from programs import maml, prototypical
from tracing import strokes_of

import neurenix as nx
from neurenix.errors import DatasetError
from neurenix.meta import MAML, MetaLearner, PrototypicalNetworks, TaskSampler
from neurenix.meta.datasets import ClassDataset, Glyphs, Omniglot

HERE = Path(__file__).parent
SEED, WAYS = 0, 5
INNER_LR = 0.05
SHOWN, DRAWN = 40, 8  # characters that the page may surprise with, drawings of each
CANVAS = 105  # pixels of Omniglot's own drawings
OMNIGLOT = "Omniglot (Lake, Salakhutdinov and Tenenbaum 2015), MIT License"

Sets = dict[str, ClassDataset]


def characters(quick: bool) -> Sets:
    """Training and test characters."""
    try:
        return {
            "train": Omniglot(split="train", rotations=True, download=not quick),
            "test": Omniglot(split="test"),
        }
    except DatasetError as error:
        print("Omniglot is not at hand, so generated characters stand in.")
        print(f"  {error}")
        many = 60 if quick else 1000
        return {
            "train": Glyphs(classes=many, seed=SEED),
            "test": Glyphs(classes=many // 2, seed=SEED + 2),
        }


def shown(count: int) -> tuple[ClassDataset, str]:
    """So many test characters as large as they were drawn, and whose they are."""
    try:
        test = Omniglot(split="test", size=CANVAS)
    except DatasetError:
        made = Glyphs(classes=count, seed=SEED + 2, size=CANVAS)
        return made, "generated characters"
    chosen = np.random.default_rng(SEED).permutation(len(test.classes))[:count]
    return test.subset([int(k) for k in sorted(chosen)]), OMNIGLOT


def sampler(
    data: ClassDataset, ways: int, queries: int, seed: int, tasks: int | None = None
) -> TaskSampler:
    return TaskSampler(
        data, ways=ways, shots=1, queries=queries, seed=seed, tasks=tasks
    )


class Plan(NamedTuple):
    """How to meta-train: tasks of so many ways and queries, of one shot; steps of so
    many tasks each; Adam's first rate."""

    ways: int
    queries: int
    steps: int
    batch: int
    rate: float


def trained(learner: MetaLearner, tasks: TaskSampler, plan: Plan, quick: bool) -> None:
    """Meta-trains by Adam, whose rate goes down to 0 along half a cosine."""
    optimizer = nx.optim.Adam(learner.parameters(), lr=plan.rate)
    epochs = 2 if quick else 20
    learner.meta_learn(
        tasks,
        optimizer,
        epochs=epochs,
        steps_per_epoch=10 if quick else plan.steps // epochs,
        tasks_per_batch=plan.batch,
        schedule=nx.optim.CosineAnnealingLR(optimizer, epochs),
        progress=sys.stderr.isatty(),
    )


def learners(data: Sets, quick: bool) -> tuple[PrototypicalNetworks, MAML]:
    """Both, meta-trained; prints their accuracies on test characters. MAML starts from
    the embedding that Prototypical Networks have learned, which saves most of its
    time, and a head of zeros, to which all classes are alike."""
    test = sampler(data["test"], WAYS, 5, SEED + 1, tasks=20 if quick else 600)
    nx.manual_seed(SEED)
    embedding, classifier = Embedding(), Classifier()
    proto = PrototypicalNetworks(embedding)
    gradient = MAML(classifier, inner_lr=INNER_LR, inner_steps=5)

    def learn(name: str, learner: MetaLearner, plan: Plan) -> None:
        start = time.perf_counter()
        tasks = sampler(data["train"], plan.ways, plan.queries, SEED)
        trained(learner, tasks, plan, quick)
        result = learner.evaluate(test)
        spent = time.perf_counter() - start
        print(f"{name}, 5-way 1-shot, {spent:.0f} s: {result}", flush=True)

    learn("Prototypical Networks", proto, Plan(40, 2, 3000, 1, 2e-3))
    classifier.body.load_state_dict(embedding.state_dict())
    for parameter in classifier.head.parameters():
        parameter.assign(nx.zeros_like(parameter))
    learn("MAML", gradient, Plan(WAYS, 5, 600, 4, 5e-4))
    return proto, gradient


def drawings(count: int) -> dict[str, Any]:
    """Test characters as strokes, of each as many drawers; x and y in thousandths."""
    data, source = shown(count)
    found = []
    for number, name in enumerate(data.classes):
        images = data.class_examples(number)[:DRAWN, 0]
        made = [strokes_of(image > 127) for image in images]
        name = name.replace("/", " ").replace("_", " ")
        found.append({"name": name, "drawings": [_flat(strokes) for strokes in made]})
    return {"source": source, "characters": found}


def _flat(strokes: Sequence[Any]) -> list[list[int]]:
    return [[round(1000 * v) for point in stroke for v in point] for stroke in strokes]


def page(folder: Path, proto: PrototypicalNetworks, gradient: MAML, drawn: Any) -> None:
    """The folder, made anew: the page, both artefacts, the drawings."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in (HERE / "page").iterdir():
        shutil.copy2(file, folder / file.name)
    text = json.dumps(drawn, separators=(",", ":"))
    (folder / "drawings.json").write_text(text, encoding="utf-8")
    for name, (functions, examples) in {
        "prototypes": prototypical(proto),
        "maml": maml(gradient),
    }.items():
        nx.export(functions, examples, folder / name, target="web")
    files = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("files.json", "README.md")
    )
    (folder / "files.json").write_text(json.dumps(files), encoding="utf-8")
    total = sum((folder / name).stat().st_size for name in files)
    print(f"{folder}: {len(files)} files, {total / 1e6:.2f} MB; to look at it:")
    print(f"  python3 -m http.server -d {folder}    # http://localhost:8000")


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the page of drawn symbols.")
    parser.add_argument("--output", type=Path, default=Path("build/draw"))
    parser.add_argument("--quick", action="store_true", help="hardly any training")
    options = parser.parse_args()
    data = characters(options.quick)
    print(f"{data['train'].name}: {len(data['train'].classes)} classes to train")
    proto, gradient = learners(data, options.quick)
    page(options.output, proto, gradient, drawings(8 if options.quick else SHOWN))


if __name__ == "__main__":
    main()
