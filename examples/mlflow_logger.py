"""Log a run to MLflow: a callback of a few lines, and a run that uses it.

    pip install mlflow
    python examples/mlflow_logger.py

MLFLOW_TRACKING_URI says where to: a server, or sqlite:///mlflow.db for a file.
"""

import mlflow  # pyright: ignore[reportMissingImports]  an extra of this file alone

from neurenix.meta import MAML, MLP, Callback, generate_regression_tasks


class MLflowLogger(Callback):
    """The numbers of each epoch, at the number of meta-steps that were done, in the run
    that is active."""

    def on_epoch_end(self, learner, event):
        metrics = {name: float(value) for name, value in event.metrics.items()}
        mlflow.log_metrics(metrics, step=event.total)


def main():
    settings = {"inner_lr": 0.01, "inner_steps": 1, "seed": 0}
    mlflow.set_experiment("neurenix-sine")
    with mlflow.start_run():
        mlflow.log_params(settings)
        learner = MAML(MLP([1, 40, 40, 1]), inner_lr=0.01, inner_steps=1)
        tasks = generate_regression_tasks(100, 10, seed=settings["seed"])
        learner.meta_learn(
            tasks, epochs=5, tasks_per_batch=25, callbacks=[MLflowLogger()]
        )


if __name__ == "__main__":
    main()
