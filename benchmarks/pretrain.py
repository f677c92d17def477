"""Train weights that neurenix.meta ships, test them, and write file and card:

    python benchmarks/pretrain.py conv4-omniglot-protonet [--folder build/pretrained]
    python benchmarks/pretrain.py --document    # docs/own-images.md, from the cards

Without a name, lists them. Training goes on from its last checkpoint if it was stopped,
and is not done again if it is finished. The weights are those of the epoch that did
best on the validation classes; the test classes are looked at once. Needs Omniglot in
NEURENIX_DATA: weights trained on glyphs are tested on Omniglot's characters, too.
"""

import argparse
import datetime
import hashlib
import json
from pathlib import Path

from reproduce import trained
from reproduction.shipped import SHIPPED

import neurenix as nx
from neurenix.meta.models.batch_norm import mode_of
from neurenix.meta.weights.card import Card
from neurenix.meta.weights.pretrained import FOLDER, LEARNERS

SEED = 0
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "own-images.md"
START, END = (
    "<!-- benchmarks/pretrain.py writes this -->",
    "<!-- end of pretrained -->",
)


def document():
    """The table of the cards' figures."""
    columns = ["Omniglot's test characters", "Glyphs(range(2200, 2600))"]
    lines = [
        "| | batch norm | ways, shots | Omniglot's test characters, % "
        "| `Glyphs(range(2200, 2600))`, % | meta-steps |",
        "|---|---|---|---|---|---|",
    ]
    for name in SHIPPED:
        card = Card.of_json(json.loads((FOLDER / f"{name}.json").read_text("utf-8")))
        for setting in dict.fromkeys((s.ways, s.shots) for s in card.scores):
            cells = [
                "; ".join(
                    f"{s.accuracy:.2f} ± {s.interval:.2f}"
                    for s in card.scores
                    if s.data == data and (s.ways, s.shots) == setting
                )
                for data in columns
            ]
            training = f"{card.meta_steps:,} × {card.tasks_per_batch}"
            ways, shots = setting
            lines.append(
                f"| `{name}` | {card.batch_norm} | {ways}, {shots} "
                f"| {cells[0]} | {cells[1]} | {training} |"
            )
    before, rest = DOCUMENT.read_text("utf-8").split(START)
    after = rest.split(END)[1]
    table = "\n".join([START, "", *lines, "", END])
    DOCUMENT.write_text(f"{before}{table}{after}", "utf-8")


def make(name, folder, into):
    """Write the weights and the card of this name; return the card."""
    shipped = SHIPPED[name]
    recipe, facts = trained(shipped.training, SEED, Path(folder) / name)
    learner = recipe.learner
    if recipe.evaluation_steps is not None:
        learner.inner_steps = recipe.evaluation_steps  # as it is tested, so it is used
    scores = shipped.scores(recipe)
    weights = into / f"{name}.safetensors"
    learner.save(weights)
    LEARNERS[name]().load(weights)  # what `pretrained` makes is this learner
    card = Card(
        name=name,
        recipe=recipe.name,
        source=recipe.source,
        differences=recipe.differences,
        network=shipped.network,
        parameters=sum(p.value().size for p in learner.parameters()),
        data=shipped.data,
        scores=tuple(scores),
        batch_norm=str(mode_of(learner)),
        meta_steps=facts["meta_steps"],
        tasks_per_batch=facts["tasks_per_batch"],
        seed=SEED,
        selected=facts["selected"],
        validation_accuracy=facts["validation_accuracy"],
        licence=shipped.licence,
        command=f"python benchmarks/pretrain.py {name}",
        neurenix=nx.__version__,
        date=datetime.date.today().isoformat(),
        sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
    )
    text = json.dumps(card.to_json(), ensure_ascii=False, indent=1)
    (into / f"{name}.json").write_text(f"{text}\n", "utf-8")
    return card


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help='which, or "all"')
    parser.add_argument("--folder", default="build/pretrained", help="of checkpoints")
    parser.add_argument("--into", type=Path, default=FOLDER, help="files go there")
    parser.add_argument("--threads", type=int, help="of the engine")
    parser.add_argument("--document", action="store_true", help="write the table")
    options = parser.parse_args()
    if options.document:
        document()
        return
    if options.threads:
        nx.init({"threads": options.threads})
    names = list(SHIPPED) if options.names == ["all"] else options.names
    unknown = [name for name in names if name not in SHIPPED]
    if unknown or not names:
        wrong = f"; not {', '.join(unknown)}" if unknown else ""
        parser.error(f"the names are {', '.join(SHIPPED)}{wrong}")
    for name in names:
        print(make(name, options.folder, options.into), flush=True)


if __name__ == "__main__":
    main()
