"""Omniglot by MAML, 5-way 1-shot, with the paper's 60,000 iterations of 32 tasks.

    python benchmarks/gpu/omniglot.py [--device cuda:0] [--iterations 60000]
        [--folder build/omniglot]

Prints the minutes of training and the accuracy of 600 test tasks beside the paper's.
Checkpoints lie in the folder; a run that was stopped goes on from its last one. Needs
Omniglot in NEURENIX_DATA, or downloads it.
"""

import argparse
from pathlib import Path
from time import perf_counter

import neurenix as nx
from neurenix.meta import KeepBest, recipes

AT_ONCE = 20  # iterations of one call


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--iterations", type=int, default=60_000)
    parser.add_argument("--folder", type=Path, default=Path("build/omniglot"))
    given = parser.parse_args()
    nx.init({"device": given.device})
    nx.manual_seed(0)
    recipe = recipes.maml_omniglot(meta_steps=given.iterations)
    given.folder.mkdir(parents=True, exist_ok=True)
    best = KeepBest(given.folder / "best.safetensors")
    start = perf_counter()
    recipe.train(
        checkpoint=given.folder / "checkpoints",
        callbacks=[best],
        steps_per_call=AT_ONCE,
    )
    minutes = (perf_counter() - start) / 60
    recipe.learner.load(best.path)
    result = recipe.test()
    paper = recipe.published["accuracy"]
    print(result)
    print(
        f"{given.iterations:,} iterations of {recipe.tasks_per_batch} tasks in "
        f"{minutes:.1f} minutes on {nx.current_device()}; "
        f"accuracy {100 * result.accuracy:.2f} %, the paper's {paper} %"
    )


if __name__ == "__main__":
    main()
