"""Where PyTorch is installed: the losses of some meta-steps of every method beside
those of a plain loop in it, from the same weights, on the same tasks, in float64."""

import math

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.meta import (
    ANIL,
    BOIL,
    FOMAML,
    IMAML,
    MAML,
    MLP,
    R2D2,
    ConditionalNeuralProcess,
    MAMLPlusPlus,
    MatchingNetworks,
    MetaSGD,
    ProtoMAML,
    PrototypicalNetworks,
    Reptile,
)

torch = pytest.importorskip("torch")
F = torch.nn.functional

WAYS, STEPS, RATE, META_RATE, META_STEPS = 2, 3, 0.2, 0.05, 5
STRENGTH, DAMPING, SOLVER_STEPS = 2.0, 1.0, 4
BODY = ["model.0.weight", "model.0.bias"]
HEAD = ["model.2.weight", "model.2.bias"]
ALL = BODY + HEAD


def net(w, x, path="model"):
    hidden = torch.tanh(F.linear(x, w[f"{path}.0.weight"], w[f"{path}.0.bias"]))
    return F.linear(hidden, w[f"{path}.2.weight"], w[f"{path}.2.bias"])


def through_head(w, x):
    """The embedding, and ProtoMAML's head on it."""
    return F.linear(net(w, x), w["weight"], w["bias"])


def classified(w, x, y):
    return F.cross_entropy(net(w, x), y)


def stages(w, task, names=ALL, rate=None, first_order=False, pull=0.0):
    """The weights after each inner step."""
    start = w
    for k in range(STEPS):
        loss = classified(w, *task[:2])
        found = torch.autograd.grad(loss, [w[n] for n in names], create_graph=True)
        moved = {}
        for name, g in zip(names, found):
            g = (g.detach() if first_order else g) + pull * (w[name] - start[name])
            moved[name] = w[name] - (RATE if rate is None else rate(name, k)) * g
        w = {**w, **moved}
        yield w


def after(w, task, **options):
    return list(stages(w, task, **options))[-1]


def maml(w, task, **options):
    return classified(after(w, task, **options), *task[2:])


def maml_plus_plus(w, task):
    rates = lambda name, k: w["rates." + name.split(".")[1]][k]  # noqa: E731
    losses = [classified(v, *task[2:]) for v in stages(w, task, rate=rates)]
    return sum(losses) / STEPS


def proto_maml(w, task):
    x, y, query_x, query_y = task
    centres = torch.stack([net(w, x)[y == c].mean(0) for c in range(WAYS)])
    start = {"weight": 2 * centres, "bias": -(centres**2).sum(1)}
    values = {**{n: w[n] for n in ALL}, **start}

    def support_loss(values):  # of the head as a value of its own
        return F.cross_entropy(through_head(values, x), y)

    for _ in range(STEPS):
        found = torch.func.grad(support_loss)(values)
        values = {n: v - RATE * found[n] for n, v in values.items()}
    return F.cross_entropy(through_head(values, query_x), query_y)


def prototypical(w, task):
    x, y, query_x, query_y = task
    centres = torch.stack([net(w, x)[y == c].mean(0) for c in range(WAYS)])
    return F.cross_entropy(-(torch.cdist(net(w, query_x), centres) ** 2), query_y)


def matching(w, task):
    x, y, query_x, query_y = task
    a, b = (F.normalize(net(w, each)) for each in (query_x, x))
    attention = torch.softmax(a @ b.T, 1) @ F.one_hot(y, WAYS).double()
    return F.nll_loss(torch.log(attention), query_y)


def ridge(w, task):
    x, y, query_x, query_y = task
    z = net(w, x)
    system = z.T @ z + torch.exp(w["log_lambda"]) * torch.eye(z.shape[1]).double()
    weight = torch.linalg.solve(system, z.T @ F.one_hot(y, WAYS).double())
    logits = w["alpha"] * (net(w, query_x) @ weight) + w["beta"]
    return F.cross_entropy(logits, query_y)


def neural_process(w, task):
    x, y, query_x, query_y = task
    seen = net(w, torch.cat([x, y], 1), "model.encoder").mean(0)
    x, y = torch.cat([x, query_x]), torch.cat([y, query_y])
    output = net(w, torch.cat([seen.expand(len(x), -1), x], 1), "model.decoder")
    mean, raw = output.chunk(2, 1)
    normal = torch.distributions.Normal(mean, 0.1 + 0.9 * F.softplus(raw))
    return -normal.log_prob(y).sum(1).mean()


def reptile(w, task):
    """The support loss before the last step, and θ − U(θ) as the gradient."""
    *_, before, last = stages(w, task)
    gradient = {n: w[n].detach() - last[n].detach() for n in ALL}
    return classified(before, *task[:2]), gradient


def imaml(w, task):
    found = after(w, task, pull=STRENGTH)
    values = [found[n].detach().requires_grad_() for n in ALL]
    at = dict(zip(ALL, values))
    loss = classified(at, *task[2:])
    b = flat(torch.autograd.grad(loss, values))
    inner = torch.autograd.grad(classified(at, *task[:2]), values, create_graph=True)

    def image(v):
        product = torch.autograd.grad(flat(inner) @ v, values, retain_graph=True)
        return v + flat(product) / (STRENGTH + DAMPING)

    x, residual, direction = torch.zeros_like(b), b, b
    for _ in range(SOLVER_STEPS):
        ahead = image(direction)
        length = (residual @ residual) / (direction @ ahead)
        x, new = x + length * direction, residual - length * ahead
        direction = new + (new @ new) / (residual @ residual) * direction
        residual = new
    parts = torch.split(x, [v.numel() for v in values])
    return loss, {n: p.reshape(w[n].shape) for n, p in zip(ALL, parts)}


def flat(tensors):
    return torch.cat([t.reshape(-1) for t in tensors])


def network():
    return MLP([3, 4, 2], activation=nn.Tanh).to(nx.float64)


def gradient_based(method, **options):
    return lambda: method(network(), RATE, inner_steps=STEPS, **options)


def processes():
    encoder = MLP([4, 4, 3], activation=nn.Tanh).to(nx.float64)
    return ConditionalNeuralProcess(
        encoder, MLP([6, 4, 2], activation=nn.Tanh).to(nx.float64)
    )


METHODS = {
    "MAML": (gradient_based(MAML), maml),
    "FOMAML": (gradient_based(FOMAML), lambda w, t: maml(w, t, first_order=True)),
    "ANIL": (gradient_based(ANIL), lambda w, t: maml(w, t, names=HEAD)),
    "BOIL": (gradient_based(BOIL), lambda w, t: maml(w, t, names=BODY)),
    "Meta-SGD": (
        gradient_based(MetaSGD),
        lambda w, t: maml(w, t, rate=lambda n, _: w[n.replace("model", "rates", 1)]),
    ),
    # so many epochs that every step's loss weighs the same in the first ones
    "MAML++": (gradient_based(MAMLPlusPlus, multi_step_epochs=10**12), maml_plus_plus),
    "ProtoMAML": (gradient_based(ProtoMAML), proto_maml),
    "Reptile": (gradient_based(Reptile), reptile),
    "iMAML": (
        gradient_based(
            IMAML,
            regularization=STRENGTH,
            damping=DAMPING,
            solver_steps=SOLVER_STEPS,
        ),
        imaml,
    ),
    "Prototypical Networks": (lambda: PrototypicalNetworks(network()), prototypical),
    "Matching Networks": (lambda: MatchingNetworks(network()), matching),
    "R2D2": (lambda: R2D2(network()), ridge),
    "Conditional Neural Process": (processes, neural_process),
}


def some_tasks(name, count=3):
    rng = np.random.default_rng(0)
    classes = np.array([0, 1, 0, 1, 1, 0])

    def part():
        x = rng.normal(size=(6, 3))
        return x, rng.normal(size=(6, 1)) if "Process" in name else classes

    return [(*part(), *part()) for _ in range(count)]


def losses_in_torch(formula, start, tasks):
    """A plain loop: the mean loss of the tasks and a step of Adam, META_STEPS times."""
    w = {n: torch.tensor(a, requires_grad=True) for n, a in start.items()}
    adam = torch.optim.Adam(w.values(), lr=META_RATE)
    tasks = [[torch.as_tensor(a) for a in task] for task in tasks]
    losses = []
    for _ in range(META_STEPS):
        adam.zero_grad()
        total = 0.0
        for task in tasks:
            found = formula(w, task)
            if isinstance(found, tuple):  # a method with a gradient of its own
                loss, gradient = found
                for n, g in gradient.items():
                    w[n].grad = g / len(tasks) + (0 if w[n].grad is None else w[n].grad)
            else:
                loss = found
                (loss / len(tasks)).backward()
            total += loss.item() / len(tasks)
        adam.step()
        losses.append(total)
    return losses


@pytest.mark.parametrize("name", METHODS)
def test_losses_are_those_of_a_plain_loop(name, compiled_device):
    make, formula = METHODS[name]
    nx.manual_seed(0)
    learner = make()
    start = {n: p.numpy().copy() for n, p in learner.named_parameters()}
    tasks = some_tasks(name)
    adam = optim.Adam(learner.parameters(), lr=META_RATE)
    history = learner.meta_learn(tasks, adam, META_STEPS, len(tasks), progress=False)
    wanted = losses_in_torch(formula, start, tasks)
    assert history["loss"] == pytest.approx(wanted, rel=1e-8)
    assert not math.isclose(wanted[0], wanted[-1], rel_tol=1e-3)
