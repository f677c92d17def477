"""Time to accuracy on real work, one core each: make races, or

    python benchmarks/time_to_accuracy.py --peers FOLDER [--only prototypical,sine]

Three races. The contenders are processes on the same core that take turns; each turn
trains so many steps and evaluates with the clock stopped. The first call, which
compiles, counts as training. A level is reached at the first evaluation above it.

prototypical   Prototypical Networks, Conv-4, 20-way 1-shot 5-query episodes of the
               Vinyals training characters with rotations; 5-way 1-shot accuracy on the
               test characters with rotations, non-transductive. Beside PyTorch.
maml           second-order MAML, 1 inner step of 0.4, 32 tasks a step; 5-way 1-shot,
               transductive batch norm. On its own.
sine           70,000 updates of MAML on sine waves. Beside JAX's lax.scan.

When a level is first reached is a matter of luck too: --seeds runs the prototypical
race on so many seeds (of weights and training episodes), and the median counts.

Drawings are read from NEURENIX_DATA. Each evaluation is a line of JSON.
"""

import argparse
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import numpy as np
from harness import machine, report
from harness.forms import Form
from harness.peers import Peers
from harness.process import Failed, Process

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent / "docs" / "performance.md"
LEVELS = {"prototypical": (95, 96, 97), "maml": (90,)}
EVALUATION, EVALUATION_TASKS = (5, 1, 5), 300  # ways, shots, queries
SINE_UPDATES = 70_000
# glibc's allocator keeps what it freed, instead of asking the kernel for zeroed pages
# again and again: PyTorch then takes half the time.
ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "67108864",
}
TORCH = Form("torch", "torch", "")
JAX = Form("jax", "jax", "peer_jax_batches")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peers", help="the folder of the peers' scripts")
    parser.add_argument("--only", default="prototypical,maml,sine")
    parser.add_argument("--alone", action="store_true", help="without the peers")
    parser.add_argument("--core", type=int, help="the last one without it")
    parser.add_argument("--seeds", type=int, default=1, help="runs of prototypical")
    parser.add_argument("--level", type=float, help="stop at this accuracy, in %%")
    parser.add_argument("--seconds", type=float, default=900, help="of training, each")
    parser.add_argument("--updates", type=int, default=SINE_UPDATES, help="of sine")
    parser.add_argument("--steps", type=int, default=1000, help="a call of sine, ours")
    parser.add_argument("--limit", type=float, default=300, help="s, of one turn")
    parser.add_argument("--output", default="races.jsonl", help="lines are added to it")
    parser.add_argument("--document", action="store_true", help="write the table")
    return parser.parse_args()


def drawings(folder):
    """The training characters with rotations, and the tasks that both are judged on
    (support, then queries, class after class), for who does not know us."""
    from neurenix.meta import TaskSampler
    from neurenix.meta.datasets import Omniglot

    path = Path(folder) / "drawings.npz"
    train, test = (Omniglot(split=split, rotations=True) for split in ("train", "test"))
    side = train.examples.shape[-1]
    classes = train.examples.reshape(len(train.classes), -1, side, side)
    tasks = TaskSampler(test, *EVALUATION, seed=0, tasks=EVALUATION_TASKS)
    images = [np.concatenate([t.support_x.numpy(), t.query_x.numpy()]) for t in tasks]
    np.savez(path, train=classes, tasks=np.rint(np.stack(images) * 255).astype("u1"))
    return str(path)


def contenders(race, options, peers, folder):
    """(name, form or None, arguments of the script, further environment)."""
    if race == "sine":
        # a turn must be whole calls of both
        module = "peer_neurenix_batches" if options.steps > 1 else "peer_neurenix"
        variant = f"steps{options.steps}" if options.steps > 1 else ""
        ours = [str(peers.scripts), module, variant, "2000"]
        theirs = [str(peers.scripts), JAX.module, "scan1000", "2000"]
        yield "neurenix", None, ["sine.py", *ours], {}
        yield "jax lax.scan", JAX, ["sine.py", *theirs], {}
        return
    steps = {"prototypical": "25", "maml": "10"}[race]
    yield "neurenix", None, ["drawings_neurenix.py", race, steps], {}
    if race == "prototypical":
        path = drawings(folder)
        yield "torch", TORCH, ["drawings_torch.py", path, steps], ALLOCATOR


def run(race, options, peers, seed=0):
    """Lines of a race: a row for each turn of each contender."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        running = {}
        core = max(os.sched_getaffinity(0)) if options.core is None else options.core
        for name, form, command, more in contenders(race, options, peers, folder):
            if form is not None and (options.alone or not peers.installed(form)):
                continue
            python = peers.python(form) if form is not None else sys.executable
            own = stack.enter_context(tempfile.TemporaryDirectory())
            environment = {
                **os.environ, **more, "NEURENIX_RACE_CORE": str(core),
                "NEURENIX_RACE_SEED": str(seed), "TMPDIR": own,
            }  # fmt: skip
            if form is not None:
                environment.pop("PYTHONPATH", None)
            command = [python, str(HERE / "races" / command[0]), *command[1:]]
            process = Process(command, environment, options.limit, own)
            stack.callback(process.close)
            running[name] = process
            process.answer()  # ready
        while running:
            for name, process in list(running.items()):
                try:
                    row = process.ask("go")
                except Failed as failed:
                    row = {"error": str(failed)}
                yield {"race": race, "contender": name, "seed": seed, **row}
                if "error" in row or over(race, options, row):
                    del running[name]
                    process.close()


def over(race, options, row):
    if row["seconds"] >= options.seconds:
        return True
    if race == "sine":
        return row["steps"] >= options.updates
    return row["score"] >= (options.level or max(LEVELS[race]))


def reached(rows):
    """The first row at each level, by race, contender and level, one for each seed."""
    found = {}
    for row in rows:
        if "error" in row:
            continue
        race, contender, seed = row["race"], row["contender"], row.get("seed", 0)
        if race == "sine":
            found["sine", contender, "all"] = {seed: row}
            continue
        for level in LEVELS[race]:
            if row["score"] >= level:
                key = race, contender, f"{level} %"
                found.setdefault(key, {}).setdefault(seed, row)
    return found


def summary(rows):
    columns = [
        (name, lambda row, name=name: row[name])
        for name in ("race", "contender", "level", "seconds of training", "after")
    ]
    lines = []
    for (race, contender, level), by_seed in reached(rows).items():
        every = list(by_seed.values())
        seconds = [f"{row['seconds']:.1f}" for row in every]
        steps = ", ".join(str(row["steps"]) for row in every)
        if race == "sine":
            what = f"{steps} updates, error {every[0]['score']:.3f}"
        else:
            what = f"{steps} steps"
        if len(every) > 1:
            middle = f"{median(row['seconds'] for row in every):.1f}"
            seconds = [f"{middle} ({', '.join(seconds)})"]
        lines.append(
            {
                "race": race,
                "contender": contender,
                "level": level,
                "seconds of training": seconds[0],
                "after": what,
            }
        )
    lines.sort(key=lambda row: (row["race"], row["level"], row["contender"]))
    return report.table(columns, lines)


def main():
    options = arguments()
    peers = Peers(options.peers)
    before, rows = machine.load(), []
    with open(options.output, "a") as output:
        races = [
            (race, seed)
            for race in options.only.split(",")
            for seed in range(options.seeds if race == "prototypical" else 1)
        ]
        for race, seed in races:
            for row in run(race, options, peers, seed):
                row = {**row, "load": machine.load()}
                rows.append(row)
                print(json.dumps(row), flush=True)
                output.write(json.dumps(row) + "\n")
                output.flush()
        facts = machine.describe(peers, before)
        output.write(json.dumps(facts) + "\n")
    text = "\n".join(report.machine_lines(facts, None)) + "\n\n" + summary(rows)
    print("\n" + text)
    if options.document:
        report.put_between(DOCUMENT, "races", text)


if __name__ == "__main__":
    main()
