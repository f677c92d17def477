"""Train a published setting and print its row: make reproduce ROW=…, or

    python benchmarks/reproduce.py prototypical-5way-1shot [--folder build/reproduce]

Without a row, lists them; "all" makes all that are not there yet. Training goes on from
its last checkpoint if it was stopped, and is not done again if it is finished. The row
is added to benchmarks/results.jsonl; --document writes docs/results.md from that file.
The weights are those of the epoch that did best on the validation classes; the test
classes are looked at once. Needs Omniglot in NEURENIX_DATA, but for sine waves.
"""

import argparse
import datetime
import json
import time
from pathlib import Path

from harness import machine
from reproduction import rows, table

import neurenix as nx
from neurenix.meta import Callback, KeepBest

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.jsonl"
DOCUMENT = HERE.parent / "docs" / "results.md"


class Log(Callback):
    """An epoch a line, in a file: its seconds and its numbers."""

    def __init__(self, path):
        self.path = path
        self.start = time.perf_counter()

    def on_epoch_start(self, learner, event):
        self.start = time.perf_counter()

    def on_epoch_end(self, learner, event):
        line = {
            "epoch": event.epoch,
            "of": event.epochs,
            "seconds": round(time.perf_counter() - self.start, 2),
            **{name: round(value, 5) for name, value in event.metrics.items()},
        }
        with open(self.path, "a") as file:
            file.write(json.dumps(line) + "\n")

    def seconds(self):
        """Of all epochs, validation included; one that was done twice counts once."""
        lines = [json.loads(line) for line in self.path.read_text().splitlines()]
        return sum({line["epoch"]: line["seconds"] for line in lines}.values())


def trained(training, seed, folder):
    """The recipe with its selected weights, and the facts of its training."""
    folder.mkdir(parents=True, exist_ok=True)
    nx.manual_seed(seed)
    recipe = training.recipe(seed)
    weights, finished = folder / "weights.safetensors", folder / "finished.json"
    if finished.exists():
        recipe.learner.load(weights)
        return recipe, json.loads(finished.read_text())
    log = Log(folder / "epochs.jsonl")
    callbacks = [log]
    best = None
    if recipe.validation_tasks is not None:
        best = KeepBest(folder / "best.safetensors")
        callbacks.append(best)
    recipe.train(
        checkpoint=folder / "checkpoints",
        callbacks=callbacks,
        steps_per_call=training.steps_per_call,
    )
    facts = {
        "meta_steps": training.meta_steps,
        "tasks_per_batch": recipe.tasks_per_batch,
        "training_seconds": round(log.seconds(), 1),
        "seed": seed,
    }
    if best is not None:
        recipe.learner.load(best.path)
        chosen = json.loads(Path(f"{best.path}.json").read_text())
        facts["selected"] = f"epoch {chosen['epoch']} of {recipe.epochs}"
        facts["validation_accuracy"] = round(100 * chosen["validation_accuracy"], 2)
    recipe.learner.save(weights)
    finished.write_text(json.dumps(facts))
    return recipe, facts


def make(row, folder, threads):
    """The row's JSON: what was measured, and under which conditions."""
    found, seeds = [], []
    for seed in row.seeds:
        recipe, facts = trained(
            row.training, seed, Path(folder) / f"{row.training.name}-seed{seed}"
        )
        seeds.append(facts)
        found.append(row.scores(recipe, seed))
    seconds = sum(facts.pop("training_seconds") for facts in seeds)
    return {
        "row": row.name,
        "recipe": row.title or recipe.name,
        "source": recipe.source,
        "published": row.published(recipe),
        **row.together(found),
        **seeds[0],
        "seeds": list(row.seeds),
        "training_seconds": round(seconds, 1),
        "threads": threads,
        "command": f"python benchmarks/reproduce.py {row.name}",
        "neurenix": nx.__version__,
        "machine": machine.cpu_model(),
        "date": datetime.date.today().isoformat(),
        "differences": list(recipe.differences),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", help='their names, or "all"')
    parser.add_argument("--folder", default="build/reproduce", help="of checkpoints")
    parser.add_argument("--results", default=str(RESULTS), help="rows are added to it")
    parser.add_argument("--threads", type=int, help="of the engine")
    parser.add_argument("--document", action="store_true", help="write docs/results.md")
    options = parser.parse_args()
    if options.threads:
        nx.init({"threads": options.threads})
    results = Path(options.results)
    done = table.read(results)
    wanted = list(options.rows)
    if wanted == ["all"]:
        wanted = [name for name in rows.ROWS if name not in done]
    unknown = [name for name in wanted if name not in rows.ROWS]
    if unknown or not (wanted or options.document):
        wrong = f"; not {', '.join(unknown)}" if unknown else ""
        parser.error(f"the rows are {', '.join(rows.ROWS)}{wrong}")
    for name in wanted:
        line = make(rows.ROWS[name], options.folder, options.threads)
        with results.open("a") as file:
            file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        print(json.dumps(line, ensure_ascii=False, indent=1))
    if options.document:
        table.document(DOCUMENT, table.read(results))


if __name__ == "__main__":
    main()
