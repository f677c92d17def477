"""Search for hyper-parameters with Ray Tune: many short runs, the best go on.

    pip install "ray[tune]"
    python examples/ray_tune.py [--trials 16] [--epochs 20] [--storage folder]

Each trial is a process with one core that meta-trains on sines and reports its
validation after each epoch. ASHA ends what is behind the others. A trial whose process
is lost goes on from its checkpoint, with the same bits.
"""

import argparse
from pathlib import Path

from ray import tune
from ray.tune.schedulers import ASHAScheduler

import neurenix as nx
from neurenix.meta import MAML, MLP, Callback, generate_regression_tasks


class Report(Callback):
    """Tells Tune the numbers of each epoch."""

    def on_epoch_end(self, learner, event):
        tune.report({"epoch": event.epoch, **event.metrics})


def learner_of(config):
    """What is searched for."""
    nx.manual_seed(0)
    return MAML(
        MLP([1, 40, 40, 1]),
        inner_lr=config["inner_lr"],
        inner_steps=config["inner_steps"],
        meta_lr=config["meta_lr"],
    )


def trial(config):
    """One run with these settings."""
    nx.init({"threads": 1})  # the core that Tune gives it
    learner_of(config).meta_learn(
        generate_regression_tasks(100, 10, seed=0),
        epochs=config["epochs"],
        tasks_per_batch=25,
        validation=generate_regression_tasks(50, 10, seed=1),
        callbacks=[Report()],
        checkpoint=Path(tune.get_context().get_trial_dir()) / "checkpoints",
        progress=False,
    )


def search(trials, epochs, storage=None):
    """The results of so many trials."""
    space = {
        "inner_lr": tune.loguniform(0.001, 0.3),
        "inner_steps": tune.choice([1, 3, 5]),
        "meta_lr": tune.loguniform(0.0003, 0.01),
        "epochs": epochs,
    }
    how = tune.TuneConfig(
        metric="validation_loss",
        mode="min",
        num_samples=trials,
        scheduler=ASHAScheduler(time_attr="epoch", max_t=epochs),
    )
    where = tune.RunConfig(
        name="sine",
        storage_path=None if storage is None else str(Path(storage).resolve()),
        failure_config=tune.FailureConfig(max_failures=3),
        verbose=0,
    )
    run = tune.with_resources(trial, {"cpu": 1})
    return tune.Tuner(run, param_space=space, tune_config=how, run_config=where).fit()


def main():
    parser = argparse.ArgumentParser(description="Search with Ray Tune")
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--storage", help="a folder; on a cluster one that all share")
    options = parser.parse_args()
    results = search(options.trials, options.epochs, options.storage)
    best = results.get_best_result()
    print(f"{len(results)} trials, {results.num_errors} of them failed")
    print(f"best: {best.config}\n{best.path}")
    learner = learner_of(best.config)
    learner.load(Path(best.path) / "checkpoints")
    print(learner.evaluate(generate_regression_tasks(200, 10, seed=2)))


if __name__ == "__main__":
    main()
