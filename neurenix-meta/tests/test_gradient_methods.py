"""FOMAML, ANIL, BOIL and Meta-SGD against NumPy: a network, its gradient and the inner
loop written out, and finite differences of the loss after it."""

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError, NonFiniteError
from neurenix.meta import (
    ANIL,
    BOIL,
    FOMAML,
    MAML,
    MLP,
    Conv4,
    MetaSGD,
    generate_regression_tasks,
)

INNER_LR, STEPS = 0.1, 3
NAMES = ["model.0.weight", "model.0.bias", "model.2.weight", "model.2.bias"]
BODY, HEAD = NAMES[:2], NAMES[2:]


def network():
    return MLP([2, 5, 2], activation=nn.Tanh).to(nx.float64)


def error(w, x, y):
    """Linear-Tanh-Linear: the hidden layer, and the output's error."""
    hidden = np.tanh(x @ w[NAMES[0]].T + w[NAMES[1]])
    return hidden, hidden @ w[NAMES[2]].T + w[NAMES[3]] - y


def loss(w, x, y):
    return (error(w, x, y)[1] ** 2).mean()


def gradient(w, x, y):
    hidden, e = error(w, x, y)
    d_output = 2 * e / e.size
    d_hidden = (d_output @ w[NAMES[2]]) * (1 - hidden**2)
    found = [d_hidden.T @ x, d_hidden.sum(0), d_output.T @ hidden, d_output.sum(0)]
    return dict(zip(NAMES, found))


def adapted(w, x, y, names=NAMES, rates=None, limit=None):
    for _ in range(STEPS):
        g = gradient(w, x, y)
        if limit is not None:
            norm = np.sqrt(sum((g[n] ** 2).sum() for n in names))
            g = {n: a * min(1.0, limit / (norm + 1e-6)) for n, a in g.items()}
        rate = {n: INNER_LR if rates is None else rates[n] for n in names}
        w = {**w, **{n: w[n] - rate[n] * g[n] for n in names}}
    return w


def some_tasks(count=2):
    rng = np.random.default_rng(0)
    return [tuple(rng.normal(size=(4, 2)) for _ in range(4)) for _ in range(count)]


def values_of(learner):
    return {n: p.numpy().copy() for n, p in learner.named_parameters()}


def meta_gradient(learner, tasks):
    """What one step of gradient descent at learning rate 1 takes away."""
    before = values_of(learner)
    sgd = optim.SGD(learner.parameters(), lr=1.0)
    learner.meta_learn(tasks, sgd, tasks_per_batch=len(tasks), progress=False)
    return {n: before[n] - after for n, after in values_of(learner).items()}


def hold_to_differences(learner, meta_loss):
    """The learner's meta-gradient against central differences of a NumPy function of
    all its parameters and a task, along random directions."""
    tasks = some_tasks()
    start = values_of(learner)
    found = meta_gradient(learner, tasks)
    rng = np.random.default_rng(1)
    for only in (None, *start):  # each parameter alone, too
        direction = {
            n: rng.normal(size=a.shape) * (only in (None, n)) for n, a in start.items()
        }
        slope = sum((found[n] * d).sum() for n, d in direction.items())
        ends = [
            np.mean([meta_loss({n: a + h * direction[n] for n, a in start.items()}, t)
                     for t in tasks])
            for h in (1e-5, -1e-5)
        ]  # fmt: skip
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6, abs=1e-9)


def test_fomaml_is_the_query_gradient_at_the_adapted_weights(device):
    nx.manual_seed(0)
    learner = FOMAML(network(), INNER_LR, inner_steps=STEPS)
    tasks, start = some_tasks(), values_of(learner)
    wanted = [gradient(adapted(start, x, y), q, z) for x, y, q, z in tasks]
    found = meta_gradient(learner, tasks)
    for name in NAMES:
        mean = np.mean([g[name] for g in wanted], axis=0)
        assert np.allclose(found[name], mean, rtol=1e-10, atol=1e-12)
    nx.manual_seed(0)
    same = MAML(network(), INNER_LR, first_order=True, inner_steps=STEPS)
    for name, g in meta_gradient(same, tasks).items():
        assert np.array_equal(g, found[name])


@pytest.mark.parametrize(("method", "names"), [(ANIL, HEAD), (BOIL, BODY)])
def test_anil_moves_the_head_and_boil_the_body(device, method, names):
    nx.manual_seed(0)
    learner = method(network(), INNER_LR, inner_steps=STEPS)
    start, (x, y, *_) = values_of(learner), some_tasks()[0]
    wanted = adapted(start, x, y, names)
    for name, value in learner.adapt_to_task(x, y).named_parameters():
        assert np.allclose(value.numpy(), wanted[f"model.{name}"], rtol=1e-10)
        stays = np.array_equal(value.numpy(), start[f"model.{name}"])
        assert stays == (f"model.{name}" not in names)


@pytest.mark.parametrize(("method", "names"), [(ANIL, HEAD), (BOIL, BODY)])
def test_meta_gradients_of_anil_and_boil_are_finite_differences(device, method, names):
    nx.manual_seed(0)
    learner = method(network(), INNER_LR, inner_steps=STEPS)
    hold_to_differences(
        learner, lambda w, t: loss(adapted(w, t[0], t[1], names), t[2], t[3])
    )


def test_meta_sgds_meta_gradients_are_finite_differences(device):
    """Those of the rates, too."""
    nx.manual_seed(0)
    learner = MetaSGD(network(), INNER_LR, inner_steps=STEPS)
    rng = np.random.default_rng(2)
    for rate in learner.rates.values():
        rate.assign(rng.uniform(-0.05, 0.2, rate.shape))

    def meta_loss(w, task):
        rates = {n: w[n.replace("model", "rates")] for n in NAMES}
        return loss(adapted(w, task[0], task[1], NAMES, rates), task[2], task[3])

    hold_to_differences(learner, meta_loss)


@pytest.mark.parametrize("limit", [0.3, 0.8, 1e3])  # in all, in some, in no steps
def test_meta_gradients_through_clipping_are_finite_differences(device, limit):
    nx.manual_seed(0)
    learner = MAML(network(), INNER_LR, inner_steps=STEPS, inner_clip_norm=limit)
    start, (x, y, *_) = values_of(learner), some_tasks()[0]
    wanted = adapted(start, x, y, limit=limit)
    for name, value in learner.adapt_to_task(x, y).named_parameters():
        assert np.allclose(value.numpy(), wanted[f"model.{name}"], rtol=1e-10)
    hold_to_differences(
        learner, lambda w, t: loss(adapted(w, *t[:2], limit=limit), *t[2:])
    )


def test_the_norm_that_is_clipped_is_of_what_the_inner_steps_change(device):
    nx.manual_seed(0)
    learner = ANIL(network(), INNER_LR, inner_steps=STEPS, inner_clip_norm=0.3)
    start, (x, y, *_) = values_of(learner), some_tasks()[0]
    wanted = adapted(start, x, y, HEAD, limit=0.3)
    for name, value in learner.adapt_to_task(x, y).named_parameters():
        assert np.allclose(value.numpy(), wanted[f"model.{name}"], rtol=1e-10)


def test_clipping_keeps_a_task_from_diverging(device):
    """For f(x) = w x and x = 20 the curvature is 800: at rate 0.01 each plain step
    multiplies the error by −7, and a clipped one leads at most 0.01 · 5 further."""
    tasks = [tuple(np.full((2, 1), v) for v in (20.0, 20.0, 20.0, 20.0))]
    learner = MAML(nn.Linear(1, 1, bias=False), 0.01, inner_steps=64)
    learner.model.weight.assign(nx.tensor([[0.0]]))
    assert learner.evaluate(tasks).diverged == 1
    learner.inner_clip_norm = 5.0  # a setting: evaluation alone may have it
    assert learner.evaluate(tasks).scores["loss"][0, -1] < (20 * 0.05) ** 2
    learner.meta_learn(tasks, tasks_per_batch=1, progress=False)


def test_a_head_is_found_or_named(device):
    assert ANIL(Conv4(ways=5)).head == "head"
    assert ANIL(network(), head="0").head == "0"

    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.classifier, self.body = nn.Linear(3, 2), nn.Conv2d(1, 3, 3)

    with pytest.raises(InvalidArgumentError, match=r"found no head.*ends?.*Conv2d"):
        ANIL(Named())
    assert ANIL(Named(), head="classifier").head == "classifier"


@pytest.mark.parametrize(
    ("model", "head", "message"),
    [
        (Conv4(), None, r"ANIL: found no head in this Conv4.*BatchNorm2d.*head='...'"),
        (MLP([1, 2, 1]), "last", r"head='last' is no module.*'0', '2'"),
        (nn.ReLU(), None, "found no head in this ReLU"),
        (nn.Sequential(nn.Linear(1, 1)), None, "'0' has all parameters.*no body"),
    ],
)
def test_no_head_is_an_error(model, head, message):
    with pytest.raises(InvalidArgumentError, match=message):
        ANIL(model, head=head)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("member", ["support_x", "support_y", "query_x", "query_y"])
def test_what_is_not_finite_in_the_data_is_named(device, member, value):
    tasks = generate_regression_tasks(3, 4, seed=0)
    bad = getattr(tasks[1], member).numpy().copy()
    bad[2, 0] = value
    tasks[1] = tasks[1]._replace(**{member: bad})
    learner = MAML(MLP([1, 8, 1]), inner_steps=2)
    evaluation = learner.evaluate(tasks)
    assert evaluation.diverged == 1 and np.isfinite(evaluation.mean("loss"))
    place = rf"task 1: {member} has {value} at \[2, 0\]\. .* leave out"
    with pytest.raises(NonFiniteError, match=place):
        learner.meta_learn(tasks, epochs=1, tasks_per_batch=3, progress=False)


@pytest.mark.parametrize("steps_per_call", [1, 2])
def test_an_inner_step_that_diverges_is_named(device, steps_per_call):
    """For x = 1e15 the first step leads to weights of 1e15, whose error is 1e30: the
    second loss is beyond float32."""
    learner = MAML(nn.Linear(1, 1), inner_lr=1.0, inner_steps=6)
    calm = np.ones((2, 1))
    tasks = [(calm * x, calm, calm, calm) for x in (0.1, 0.1, 1e15, 0.1)]
    with pytest.raises(
        NonFiniteError, match=r"task 2 diverges in inner step 2 of 6\. Parameters"
    ):
        learner.meta_learn(
            tasks,
            tasks_per_batch=2,
            epochs=2,
            steps_per_call=steps_per_call,
            progress=False,
        )
