"""iMAML against a quadratic's exact solution in NumPy, against long unrolled MAML with
the same inner objective, and its memory."""

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError
from neurenix.meta import IMAML, MAML, MLP, Episode
from neurenix.passes.pipeline import prepare
from neurenix.phynexus.plan.lowering import make_plan
from neurenix.transforms import capture_flat

STRENGTH = 8.0


def some_tasks(count=2, width=3, outputs=1):
    rng = np.random.default_rng(0)
    shapes = [(6, width), (6, outputs), (5, width), (5, outputs)]
    return [tuple(rng.normal(size=s) for s in shapes) for _ in range(count)]


def meta_gradient(learner, tasks):
    before = [p.numpy().copy() for p in learner.parameters()]
    sgd = optim.SGD(learner.parameters(), lr=1.0)
    learner.meta_learn(tasks, sgd, tasks_per_batch=len(tasks), progress=False)
    return [b - p.numpy() for b, p in zip(before, learner.parameters(), strict=True)]


def test_for_a_quadratic_it_is_the_exact_derivative(device):
    """φ* of linear regression is a formula, L_query(φ*(θ)) one of θ."""
    nx.manual_seed(0)
    net = nn.Linear(3, 1, bias=False).to(nx.float64)
    learner = IMAML(net, 0.1, inner_steps=200, regularization=STRENGTH, solver_steps=3)
    tasks, theta = some_tasks(), net.weight.numpy()[0].copy()

    def meta_loss(theta):
        losses = []
        for x, y, q, z in tasks:
            hessian = 2 / len(x) * x.T @ x + STRENGTH * np.eye(3)
            right = 2 / len(x) * x.T @ y[:, 0] + STRENGTH * theta
            losses.append(((q @ np.linalg.solve(hessian, right) - z[:, 0]) ** 2).mean())
        return np.mean(losses)

    (found,) = meta_gradient(learner, tasks)
    for i, unit in enumerate(np.eye(3)):
        wanted = (
            meta_loss(theta + 1e-5 * unit) - meta_loss(theta - 1e-5 * unit)
        ) / 2e-5
        assert found[0, i] == pytest.approx(wanted, rel=1e-6, abs=1e-9)


def test_damping_adds_to_the_strength_in_the_system_alone(device):
    """Against NumPy's solution of the damped system at φ*."""
    nx.manual_seed(0)
    net, damping = nn.Linear(3, 1, bias=False).to(nx.float64), 5.0
    learner = IMAML(
        net,
        0.1,
        inner_steps=200,
        regularization=STRENGTH,
        solver_steps=3,
        damping=damping,
    )
    tasks, theta = some_tasks(), net.weight.numpy()[0].copy()
    (found,) = meta_gradient(learner, tasks)
    wanted = np.zeros(3)
    for x, y, q, z in tasks:
        hessian = 2 / len(x) * x.T @ x
        right = 2 / len(x) * x.T @ y[:, 0] + STRENGTH * theta
        phi = np.linalg.solve(hessian + STRENGTH * np.eye(3), right)
        outer = 2 / len(q) * q.T @ (q @ phi - z[:, 0])
        system = np.eye(3) + hessian / (STRENGTH + damping)
        wanted += np.linalg.solve(system, outer) / len(tasks)
    assert np.allclose(found[0], wanted, rtol=1e-6)


class LongMAML(MAML):
    """MAML through the steps of the same inner objective."""

    moving = IMAML.moving
    regularization = STRENGTH


def both(solver, solver_steps, steps=100):
    def network():
        nx.manual_seed(0)
        return MLP([3, 4, 2], activation=nn.Tanh).to(nx.float64)

    tasks = some_tasks(outputs=2)
    learner = IMAML(
        network(),
        0.1,
        inner_steps=steps,
        regularization=STRENGTH,
        solver=solver,
        solver_steps=solver_steps,
    )
    unrolled = LongMAML(network(), 0.1, inner_steps=steps)
    found, wanted = meta_gradient(learner, tasks), meta_gradient(unrolled, tasks)
    return max(
        np.linalg.norm(a - b) / np.linalg.norm(b)
        for a, b in zip(found, wanted, strict=True)
    )


@pytest.mark.parametrize(
    ("solver", "solver_steps"), [("conjugate_gradient", 20), ("neumann", 60)]
)
def test_it_is_long_unrolled_maml(compiled_device, solver, solver_steps):
    assert both(solver, solver_steps) < 1e-6


def test_more_iterations_are_nearer(compiled_device):
    errors = [both("conjugate_gradient", k) for k in (0, 2, 6)]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]


def scratch(learner):
    """Bytes that the plan of a task's meta-gradient takes beside inputs and outputs."""
    x, y = nx.zeros(64, 8), nx.zeros(64, 8)
    names, values = zip(*learner.learned().items())

    def gradient(*given):
        parameters = dict(zip(names, given))
        with nx.no_grad():
            found = learner.task_gradient(parameters, Episode(x, y, x, y, None))[1]
        return list(found.values())

    program, _ = capture_flat(gradient, [v.type for v in values])
    return sum(region.scratch for region in make_plan(prepare(program)).regions)


def test_forward_over_reverse_is_the_same_to_rounding(device):
    def found(forward):
        nx.manual_seed(0)
        net = MLP([3, 4, 2], activation=nn.Tanh).to(nx.float64)
        learner = IMAML(net, 0.1, regularization=4.0, forward_over_reverse=forward)
        return meta_gradient(learner, some_tasks(outputs=2))

    for a, b in zip(found(True), found(False), strict=True):
        assert np.any(b != 0) and np.allclose(a, b, rtol=1e-9, atol=1e-14)


def test_memory_does_not_grow_with_the_inner_steps(compiled_device):
    few, many = (scratch(IMAML(MLP([8, 32, 8]), inner_steps=n)) for n in (2, 32))
    assert many <= 1.01 * few
    few, many = (scratch(MAML(MLP([8, 32, 8]), inner_steps=n)) for n in (2, 32))
    assert many > 3 * few  # what it would be otherwise


def test_arguments_are_checked(device):
    with pytest.raises(InvalidArgumentError, match="regularization=0"):
        IMAML(nn.Linear(1, 1), regularization=0)
    with pytest.raises(InvalidArgumentError, match="damping=-1"):
        IMAML(nn.Linear(1, 1), damping=-1.0)
    with pytest.raises(InvalidArgumentError, match="'conjugate_gradient' or 'neumann'"):
        IMAML(nn.Linear(1, 1), solver="lu")
    with pytest.raises(InvalidArgumentError, match="solver_steps"):
        IMAML(nn.Linear(1, 1), solver_steps=-1)
