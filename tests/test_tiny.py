"""Neurenix in twenty lines: read this first. It never breaks."""

import neurenix as nx
from neurenix.meta import MAML, generate_regression_tasks
from neurenix.nn import Linear, ReLU, Sequential


def test_tensors_and_derivatives() -> None:
    x = nx.tensor([1.0, 2.0, 3.0])
    assert (x * x).sum().item() == 14.0
    slope = nx.grad(lambda v: (v * v).sum())
    assert slope(x).tolist() == [2.0, 4.0, 6.0]
    assert nx.compile(slope)(x).tolist() == nx.vmap(slope)(x[None])[0].tolist()


def test_a_model_learns_to_adapt() -> None:
    nx.manual_seed(0)
    model = Sequential(Linear(1, 32), ReLU(), Linear(32, 1))
    tasks = generate_regression_tasks(num_tasks=32, num_samples_per_task=10)
    learner = MAML(model, inner_lr=0.05, inner_steps=1)
    history = learner.meta_learn(tasks, epochs=30, tasks_per_batch=8)
    assert history["loss"][-1] < history["loss"][0]
    adapted = learner.adapt_to_task(tasks[0].support_x, tasks[0].support_y)
    assert adapted(tasks[0].query_x).shape == tasks[0].query_y.shape
