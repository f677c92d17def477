"""What a method is to training and evaluation, and the parts that ours are made of."""

from __future__ import annotations

import numpy as np
import pytest

import neurenix as nx
from neurenix import meta, nn
from neurenix.meta.method import Method
from neurenix.meta.methods import EmbeddingBased, InnerLoop
from neurenix.meta.methods.adapting import Body, Head, Listed, WholeModel
from neurenix.meta.methods.inner_loop import InnerStep, Support
from neurenix.meta.methods.moves import Descent, ProximalDescent
from neurenix.meta.tasks.batches import Episode, EpisodeOfApartQueries


@pytest.mark.parametrize("kind", [Method, EmbeddingBased])
def test_what_states_no_function_of_a_task_is_no_method(kind: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        kind(nn.Linear(1, 1))


@pytest.mark.parametrize(
    ("missing", "call"),
    [
        ("task_loss", lambda learner, tasks: learner.meta_learn(tasks, progress=False)),
        ("task_scores", lambda learner, tasks: learner.evaluate(tasks)),
        ("adapt_to_task", lambda learner, tasks: learner.adapt_to_task(*tasks[0][:2])),
    ],
)
def test_what_a_learner_does_not_state_is_named(missing, call) -> None:
    learner = meta.MetaLearner(nn.Linear(1, 1))
    with pytest.raises(NotImplementedError, match=rf"defines no {missing}\(\)"):
        call(learner, meta.generate_regression_tasks(4, 5, seed=0))


@pytest.mark.parametrize(
    ("part", "adapted"),
    [
        (WholeModel(), ["model.body.weight", "model.head.weight"]),
        (Head("head"), ["model.head.weight"]),
        (Body(Head("head")), ["model.body.weight"]),
        (Listed(frozenset({"rates.body"}), frozenset()), ["rates.body"]),
    ],
)
def test_what_adapts(part, adapted) -> None:
    names = ["rates.body", "model.body.weight", "model.head.weight"]
    assert [name for name in names if part(name)] == adapted
    part.check("Method", names)


def test_an_inner_loop_is_a_function_of_values() -> None:
    """θ ← θ − α ∇(mean (θ x − y)²), with no learner behind it."""
    x, y = np.array([1.0, 2.0]), np.array([3.0, 1.0])

    def network(values, x):
        return values["model.theta"] * x, {}

    loop = InnerLoop(
        owner=nn.Identity(),
        network=network,
        criterion=nn.functional.mse_loss,
        start=lambda parameters, x, y, ways: (dict(parameters), {}),
        moves=Descent(0.1),
        batch=lambda x, y, number: (x, y),
    )
    theta = 0.5
    start = {"model.theta": nx.tensor(theta, dtype=nx.float64)}
    support = Support(nx.tensor(x), nx.tensor(y))
    stages = loop.stages(start, support, 3)
    for values in stages:
        assert values["model.theta"].item() == pytest.approx(theta, rel=1e-6)
        theta -= 0.1 * (2 * (theta * x - y) * x).mean()


def test_a_proximal_step_is_drawn_to_the_start() -> None:
    one, two = ({"w": nx.tensor(value)} for value in (1.0, 2.0))
    step = InnerStep(one, {}, nx.tensor(0))
    values, buffers = ProximalDescent(0.1, 3.0)(two, {"w": nx.tensor(5.0)}, step)
    assert values["w"].item() == pytest.approx(2.0 - 0.1 * (5.0 + 3.0 * (2.0 - 1.0)))
    assert buffers == {}


def test_queries_that_are_apart_are_the_tasks_own_matter() -> None:
    """One learner gives both outputs, by the task that it is given."""
    nx.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, mode="transductive"))
    learner = meta.MAML(model)
    rng = np.random.default_rng(0)
    x, y, query_x, query_y = (nx.tensor(rng.normal(size=(4, 2))) for _ in range(4))
    task = Episode(x, y, query_x, query_y, None)
    apart = EpisodeOfApartQueries(*task)
    assert (task.queries_apart, apart.queries_apart) == (False, True)
    assert apart._replace(ways=3).queries_apart
    together, _ = learner.run_queries(learner.learned(), task)
    alone, _ = learner.run_queries(learner.learned(), apart)
    for number in range(4):
        both = nx.concat([x, query_x[number : number + 1]])
        wanted = learner.run(learner.learned(), both)[0][-1]
        assert nx.allclose(alone[number], wanted, atol=1e-5)
    assert not nx.allclose(alone, together, atol=1e-3)
