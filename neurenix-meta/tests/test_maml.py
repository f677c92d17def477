"""MAML: its meta-gradient against a plain loop and finite differences, and its cost."""

import gc
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.backends import discovery
from neurenix.errors import ShapeError
from neurenix.meta import MAML, MLP, Callback, generate_regression_tasks
from neurenix.nn.batch_norm import MODES
from neurenix.nn.functional import batch_norm, conv2d, cross_entropy, linear
from neurenix.transforms.capture import Capture

WAYS = 3
INNER_LR = 0.3


def network():
    """Two tanh convolutions with batch norm, a linear head; float64."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4, mode="transductive"),
        nn.Tanh(),
        nn.Conv2d(4, 4, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(4, mode="transductive"),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(4 * 9, WAYS),
    ).to(nx.float64)


def by_hand(p, x):
    """The same network as a function of its list of parameters."""
    for weight, scale, shift, stride in ((0, 1, 2, 1), (3, 4, 5, 2)):
        x = conv2d(x, p[weight], stride=stride, padding=1)
        x = nx.tanh(batch_norm(x, weight=p[scale], bias=p[shift], eps=1e-5))
    return linear(nx.flatten(x, 1), p[6], p[7])


def plain_loss(p, task, steps, first_order=False):
    """MAML's loss of one task by a plain loop, eager."""
    support_x, support_y, query_x, query_y = task
    for _ in range(steps):
        loss = cross_entropy(by_hand(p, support_x), support_y)
        grads = nx.autograd.grad(loss, p, create_graph=not first_order)
        p = [a - INNER_LR * g for a, g in zip(p, grads, strict=True)]
    return cross_entropy(by_hand(p, query_x), query_y)


def drawing_tasks(count, seed=0):
    rng = np.random.default_rng(seed)

    def examples(each):
        labels = np.arange(WAYS).repeat(each)
        x = rng.normal(size=(len(labels), 1, 6, 6)) + 0.5 * labels[:, None, None, None]
        return x, labels

    return [(*examples(2), *examples(3)) for _ in range(count)]


def tensors(task):
    x, y, query_x, query_y = task
    return (
        nx.tensor(x, dtype=nx.float64),
        nx.tensor(y),
        nx.tensor(query_x, dtype=nx.float64),
        nx.tensor(query_y),
    )


def meta_gradient(learner, tasks):
    """What one step of gradient descent at learning rate 1 takes away."""
    before = [p.numpy().copy() for p in learner.parameters()]
    sgd = optim.SGD(learner.parameters(), lr=1.0)
    learner.meta_learn(tasks, sgd, tasks_per_batch=len(tasks), progress=False)
    return [b - p.numpy() for b, p in zip(before, learner.parameters(), strict=True)]


def plain_gradient(model, tasks, steps, first_order=False):
    total = None
    for task in map(tensors, tasks):
        p = [nx.tensor(q.numpy(), nx.float64, requires_grad=True) for q in model]
        loss = plain_loss(p, task, steps, first_order)
        loss.backward()
        found = [q.grad.numpy() for q in p]
        total = found if total is None else [a + b for a, b in zip(total, found)]
    return [t / len(tasks) for t in total]


def relative_error(a, b):
    return max(np.linalg.norm(x - y) / np.linalg.norm(y) for x, y in zip(a, b))


@pytest.mark.parametrize("steps", [1, 3])
def test_second_order_gradient_is_a_plain_loops(device, steps):
    nx.manual_seed(1)
    tasks = drawing_tasks(3)
    learner = MAML(network(), inner_lr=INNER_LR, inner_steps=steps)
    wanted = plain_gradient(list(learner.parameters()), tasks, steps)
    found = meta_gradient(learner, tasks)
    assert relative_error(found, wanted) < 1e-8


def test_second_order_gradient_is_the_finite_difference(compiled_device):
    nx.manual_seed(2)
    tasks = drawing_tasks(2)
    learner = MAML(network(), inner_lr=INNER_LR, inner_steps=2)
    start = [p.numpy().copy() for p in learner.parameters()]
    gradient = meta_gradient(learner, tasks)

    def loss(point):
        values = [nx.tensor(a, nx.float64, requires_grad=True) for a in point]
        return sum(plain_loss(values, t, 2).item() for t in map(tensors, tasks)) / 2

    rng = np.random.default_rng(3)
    for _ in range(4):
        direction = [rng.normal(size=a.shape) for a in start]
        slope = sum((g * d).sum() for g, d in zip(gradient, direction, strict=True))
        ends = [
            loss([a + h * d for a, d in zip(start, direction, strict=True)])
            for h in (1e-5, -1e-5)
        ]
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6)


def test_first_order_is_the_query_gradient_at_the_adapted_weights(device):
    nx.manual_seed(4)
    tasks = drawing_tasks(2)
    learner = MAML(network(), inner_lr=INNER_LR, inner_steps=3, first_order=True)
    model = list(learner.parameters())
    wanted = []
    for task in map(tensors, tasks):
        p = [q.detach() for q in model]
        for _ in range(3):
            step = nx.grad(
                lambda p, task=task: cross_entropy(by_hand(p, task[0]), task[1])
            )(p)
            p = [a - INNER_LR * g for a, g in zip(p, step, strict=True)]
        wanted.append(
            nx.grad(lambda p, task=task: cross_entropy(by_hand(p, task[2]), task[3]))(p)
        )
    mean = [(a.numpy() + b.numpy()) / 2 for a, b in zip(*wanted, strict=True)]
    second = plain_gradient(model, tasks, 3)
    found = meta_gradient(learner, tasks)
    assert relative_error(found, mean) < 1e-8
    assert relative_error(found, second) > 1e-2


def test_sine_waves_are_learned(compiled_device):
    nx.manual_seed(0)
    learner = MAML(MLP([1, 40, 40, 1]), inner_lr=0.01, inner_steps=5)
    train = generate_regression_tasks(100, 10, seed=1)
    test = generate_regression_tasks(40, 10, seed=2)
    before = learner.evaluate(test)
    history = learner.meta_learn(train, epochs=20, progress=False)
    after = learner.evaluate(test)
    assert history["loss"][-1] < history["loss"][0]
    assert after.mean() < 0.8 * before.mean()
    curve = after.curve()
    assert len(curve) == 6 and all(a > b for a, b in pairwise(curve))


def test_the_adapted_model_is_a_copy_that_fits_its_task(device):
    nx.manual_seed(0)
    learner = MAML(MLP([1, 16, 1]), inner_lr=0.01, inner_steps=5)
    task = generate_regression_tasks(1, 10, seed=3)[0]
    before = {n: v.numpy().copy() for n, v in learner.state_dict().items()}
    errors = []
    for steps in (0, 1, 5, 25):
        adapted = learner.adapt_to_task(task.support_x, task.support_y, steps=steps)
        difference = adapted(task.support_x) - task.support_y
        errors.append((difference * difference).mean().item())
    assert errors == sorted(errors, reverse=True)
    default = learner.adapt_to_task(task.support_x, task.support_y)(task.query_x)
    five = learner.adapt_to_task(task.support_x, task.support_y, steps=5)(task.query_x)
    assert default.tolist() == five.tolist()
    for name, value in learner.state_dict().items():
        assert np.array_equal(value.numpy(), before[name])


def test_adaptation_is_plain_gradient_descent(device):
    learner = MAML(nn.Linear(1, 1), inner_lr=0.1)
    x, y = np.array([[1.0], [2.0]]), np.array([[3.0], [1.0]])
    weight, bias = (float(p.item()) for p in learner.parameters())
    for _ in range(4):
        error = weight * x + bias - y
        weight, bias = (
            weight - 0.1 * float((2 * error * x).mean()),
            bias - 0.1 * float((2 * error).mean()),
        )
    adapted = learner.adapt_to_task(x, y, steps=4)
    found = [p.item() for p in adapted.parameters()]
    assert found == pytest.approx([weight, bias], rel=1e-5)


def test_classes_as_numbers_and_one_hot_are_the_same(device):
    rng = np.random.default_rng(0)
    x, numbers = rng.normal(size=(6, 4)), np.array([0, 1, 2, 2, 1, 0])
    results = []
    for labels in (numbers, np.eye(3)[numbers]):
        nx.manual_seed(5)
        learner = MAML(nn.Linear(4, 3), inner_lr=0.5)
        history = learner.meta_learn([(x, labels, x, labels)] * 2, progress=False,
                                     tasks_per_batch=2)  # fmt: skip
        results.append((history["loss"], history["accuracy"]))
    assert results[0] == results[1]


def test_whole_numbers_can_be_values(device):
    """[n, 1] is no labels: it is predicted, as floats."""
    x = np.array([[0.0], [1.0]])
    losses = []
    for y in (np.array([[3], [5]]), np.array([[3.0], [5.0]])):
        nx.manual_seed(0)
        learner = MAML(nn.Linear(1, 1))
        before = learner.adapt_to_task(x, y)(nx.tensor(x)).tolist()
        history = learner.meta_learn([(x, y, x, y)] * 4, progress=False)
        losses.append((before, history["loss"]))
    assert losses[0] == losses[1]


def test_a_loss_of_ones_own(device):
    def absolute(output, target):
        return nx.absolute(output - target).mean()

    nx.manual_seed(0)
    learner = MAML(nn.Linear(1, 1), inner_lr=0.01, loss=absolute)
    task = generate_regression_tasks(1, 5, seed=0)[0]
    history = learner.meta_learn([task], tasks_per_batch=1, progress=False)
    adapted = learner.evaluate([task]).mean()
    assert np.isfinite([history["loss"][0], adapted]).all()


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_batch_norm_trains_evaluates_and_adapts(compiled_device, mode):
    nx.manual_seed(0)
    layers = [nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2)]
    learner = MAML(nn.Sequential(layers), 0.1, inner_steps=3, batch_norm=mode)
    rng = np.random.default_rng(0)
    labels = np.array([0, 0, 0, 1, 1, 1])

    def task():
        centres = rng.normal(size=(2, 4)) * 3
        make = lambda: centres[labels] + rng.normal(size=(6, 4))  # noqa: E731
        return make(), labels, make(), labels

    tasks = [task() for _ in range(16)]
    history = learner.meta_learn(tasks, epochs=10, progress=False)
    assert history["loss"][-1] < history["loss"][0]
    result = learner.evaluate(tasks)
    assert result.batch_norm == mode and f"batch norm: {mode}" in str(result)
    assert result.transductive == mode.endswith("transductive")
    # What evaluate scores is what the adapted model gives.
    x, y, query_x, query_y = tasks[0]
    logits = learner.adapt_to_task(x, y)(nx.tensor(query_x))
    share = (logits.numpy().argmax(axis=1) == query_y).mean()
    assert share == pytest.approx(result.scores["accuracy"][0, -1])
    loss = cross_entropy(logits, nx.tensor(query_y)).item()
    assert loss == pytest.approx(result.scores["loss"][0, -1], rel=1e-4)
    if not result.transductive:  # a query's prediction is its own
        alone = learner.adapt_to_task(x, y)(nx.tensor(query_x[:1]))
        assert np.allclose(alone.numpy()[0], logits.numpy()[0], atol=1e-5)


def test_running_statistics_are_the_mean_over_tasks(device):
    learner = MAML(
        nn.Sequential(nn.BatchNorm1d(1, momentum=1.0, affine=False), nn.Linear(1, 1)),
        inner_steps=1,
    )
    around = np.array([[-1.0], [1.0]])
    zeros = np.zeros((2, 1))
    tasks = [(a + around, zeros, 2 * a + around, zeros) for a in (1.0, 5.0)]
    learner.meta_learn(tasks, tasks_per_batch=2, progress=False)
    assert learner.model[0].running_mean.tolist() == pytest.approx([6.0])


def test_dropout_draws_anew_in_each_inner_step(compiled_device):
    nx.manual_seed(0)
    kept = []

    class Spy(nn.Module):
        def __init__(self):
            super().__init__()
            self.dropout = nn.Dropout(0.5)
            self.weight = nn.Parameter(np.zeros(64, np.float32))

        def forward(self, x):
            return self.dropout(x * self.weight)

    # The derivative of the sum is the mask: it accumulates in the weight.
    learner = MAML(Spy(), 1.0, inner_steps=2, loss=lambda output, _: output.sum())
    x = np.ones((1, 64), np.float32)
    with nx.no_grad():
        step = nx.compile(
            lambda x, y: learner.after(learner.learned(), x, y, 2),
            state=[learner, nx.random.default_generator],
        )
        kept = (
            -step(x, x)["model.weight"].numpy() / 2.0
        )  # dropout scales by 1 / (1 − p)
    assert set(kept.round().astype(int).tolist()) == {0, 1, 2}


def test_capture_hardly_grows_with_the_inner_steps(compiled_device, monkeypatch):
    recorded = []
    original = Capture.record

    def record(self, *args):
        recorded.append(args[0].name)
        return original(self, *args)

    monkeypatch.setattr(Capture, "record", record)
    counts = {}
    for steps in (1, 5, 32):
        learner = MAML(MLP([1, 40, 40, 1]), inner_steps=steps)
        tasks = generate_regression_tasks(4, 10, seed=0)
        recorded.clear()
        learner.meta_learn(tasks, progress=False)
        counts[steps] = len(recorded)
    assert counts[32] < 2 * counts[1], counts


@pytest.mark.slow
def test_memory_is_flat_without_the_cycle_collector(compiled_device):
    learner = MAML(MLP([1, 8, 1]), inner_steps=2)
    tasks = generate_regression_tasks(4, 5, seed=0)
    adam = optim.Adam(learner.parameters())

    def run(steps):
        learner.meta_learn(tasks, adam, epochs=steps, progress=False)

    run(50)
    gc.collect()
    gc.disable()
    try:
        tracemalloc.start()
        run(100)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20):  # 2,000 steps; a history lives no longer than its run
            run(100)
        # The collector finds nothing; it does empty the interpreter's lists of spare
        # tuples, which would look like growth.
        assert gc.collect() == 0
        grown = tracemalloc.get_traced_memory()[0] - before
        assert grown < 50_000, grown
    finally:
        tracemalloc.stop()
        gc.enable()


def test_regression_targets_must_have_the_outputs_shape(device):
    learner = MAML(nn.Linear(1, 1))
    x, y = np.zeros((3, 1)), np.zeros(3)
    with pytest.raises(ShapeError, match=r"outputs of shape \(3, 1\).*shape \(3,\)"):
        learner.meta_learn([(x, y, x, y)], progress=False)
    with pytest.raises(ShapeError, match=r"must be equal"):
        learner.adapt_to_task(x, y)


def test_a_meta_step_is_one_run_of_the_engine():
    """Every inner step of every task, the gradient and the update: one foreign call."""
    if not nx.get_device_count("cpu"):
        pytest.skip("the CPU engine is not installed")
    nx.init({"device": "cpu"})
    engine = discovery.backend("cpu")
    learner = MAML(MLP([1, 40, 40, 1]), inner_steps=5)
    tasks = generate_regression_tasks(8, 10, seed=0)
    adam = optim.Adam(learner.parameters())
    runs = []

    class Count(Callback):
        def on_step_end(self, learner, event):
            runs.append(engine.run_count(0))

    learner.meta_learn(tasks, adam, 10, 4, callbacks=[Count()], progress=False)
    assert np.diff(runs).tolist() == [1] * 19
