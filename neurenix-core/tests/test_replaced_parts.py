"""Parts of modules, optimizers and other state that are replaced, added or removed
after a compiled call: the next one sees them, as the plain function does."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import dispatch, nn, optim

ANY = Callable[..., Any]


def layer(scale: float) -> nn.Linear:
    made = nn.Linear(2, 2, bias=False)
    made.weight.assign([[scale, 1.0], [-1.0, 0.5 * scale]])
    return made


class Net(nn.Module):
    """Parts in every kind of container."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = layer(1.0)
        self.weight = nn.Parameter([2.0, 3.0])
        self.mean = nn.Buffer([0.5, 0.25])
        self.layers = [layer(1.0), layer(2.0)]
        self.heads = {"a": layer(1.0), "b": layer(3.0)}
        self.pair = (layer(1.0), layer(4.0))
        self.weights = [nn.Parameter([1.0, 2.0]), nn.Parameter([3.0, 4.0])]
        self.means = {"a": nn.Buffer([1.0, 0.0])}
        self.deep = [{"inner": (layer(1.0), [nn.Parameter([1.0, 1.5])])}]
        self.stack = nn.Sequential(layer(1.0), nn.ReLU(), layer(2.0))
        self.noise = nn.Dropout(0.5)
        self.bias: nn.Parameter | None = nn.Parameter([0.5, 0.5])
        self._hidden = layer(1.5)
        self.later: list[nn.Module] = []

    def forward(self, x: Any) -> Any:
        x = self.layer(x) * self.weight - self.mean.value()
        for each in (*self.layers, *self.heads.values(), *self.pair, *self.later):
            x = each(x) * 0.5
        for weight in (*self.weights, *self.means.values()):
            x = x + weight.value()
        inner, (last,) = self.deep[0]["inner"]
        x = self._hidden(self.stack(inner(x) * last.value()))
        return x if self.bias is None else x + self.bias.value()


def deleted(net: Net) -> None:
    del net.bias
    net.bias = None


def swapped_item(net: Net) -> None:
    net.layers[0], net.layers[1] = net.layers[1], net.layers[0]


CHANGES: dict[str, ANY] = {
    "layer": lambda n: setattr(n, "layer", layer(5.0)),
    "private layer": lambda n: setattr(n, "_hidden", layer(5.0)),
    "parameter": lambda n: setattr(n, "weight", nn.Parameter([7.0, 8.0])),
    "parameter below": lambda n: setattr(
        n.layer, "weight", nn.Parameter([[1.0, 2.0], [3.0, 4.0]])
    ),
    "buffer": lambda n: setattr(n, "mean", nn.Buffer([5.0, 6.0])),
    "attribute of another kind": lambda n: setattr(n, "layer", nn.Identity()),
    "None": lambda n: setattr(n, "bias", None),
    "deleted": deleted,
    "tied": lambda n: setattr(n.layers[1], "weight", n.layers[0].weight),
    "list item": lambda n: n.layers.__setitem__(1, layer(5.0)),
    "list append": lambda n: n.layers.append(layer(5.0)),
    "list insert": lambda n: n.layers.insert(0, layer(5.0)),
    "list del": lambda n: n.layers.__delitem__(1),
    "list slice": lambda n: n.layers.__setitem__(slice(0, 2), [layer(5.0)]),
    "list clear": lambda n: n.layers.clear(),
    "list order": swapped_item,
    "empty list append": lambda n: n.later.append(layer(5.0)),
    "list replaced": lambda n: setattr(n, "layers", [layer(5.0)]),
    "list of parameters": lambda n: n.weights.__setitem__(0, nn.Parameter([9.0, 9.0])),
    "dict entry": lambda n: n.heads.__setitem__("a", layer(5.0)),
    "dict new entry": lambda n: n.heads.__setitem__("c", layer(5.0)),
    "dict del": lambda n: n.heads.__delitem__("a"),
    "dict update": lambda n: n.heads.update(a=layer(5.0), b=layer(6.0)),
    "dict of buffers": lambda n: n.means.__setitem__("a", nn.Buffer([7.0, 7.0])),
    "tuple": lambda n: setattr(n, "pair", (n.pair[0], layer(5.0))),
    "deep tuple": lambda n: n.deep[0].__setitem__(
        "inner", (layer(5.0), [nn.Parameter([2.0, 2.0])])
    ),
    "deep list": lambda n: n.deep[0]["inner"][1].__setitem__(
        0, nn.Parameter([4.0, 4.0])
    ),
    "Sequential item": lambda n: setattr(n.stack, "0", layer(5.0)),
    "Sequential new item": lambda n: setattr(n.stack, "3", layer(5.0)),
    "Sequential del": lambda n: delattr(n.stack, "1"),
}


def directly(net: Net) -> tuple[ANY, list[Any]]:
    return lambda x: net(x), [net]


def as_a_module(net: Net) -> tuple[ANY, list[Any]]:
    return net, [net]


def as_a_method(net: Net) -> tuple[ANY, list[Any]]:
    return net.forward, [net]


def below_another(net: Net) -> tuple[ANY, list[Any]]:
    outer = nn.Sequential(nn.Identity(), net)
    return lambda x: outer(x), [outer]


def in_a_nested_compile(net: Net) -> tuple[ANY, list[Any]]:
    inner = nx.compile(lambda x: net(x))

    def f(x: Any) -> Any:
        block = inner if dispatch.recorder() is not None else net
        return block(x) + block(x * 2)

    return f, [net]


def as_functional_call(net: Net) -> tuple[ANY, list[Any]]:
    def f(x: Any) -> Any:
        values = {n: p.value() for n, p in net.named_parameters()}
        return nn.functional_call(net, values, x)[0]

    return f, [net]


def in_a_map(net: Net) -> tuple[ANY, list[Any]]:
    return lambda x: nx.map(lambda row: net(row[None, :])[0])(x), [net]


OWNERS = [
    directly,
    as_a_module,
    as_a_method,
    below_another,
    in_a_nested_compile,
    as_functional_call,
    in_a_map,
]


def check(owner: Any, change: ANY) -> None:
    net = Net()
    f, state = owner(net)
    compiled, x = nx.compile(f, state=state), nx.tensor([[1.0, 2.0], [0.5, -1.0]])

    def both() -> Any:
        found, expected = compiled(x).numpy(), f(x).numpy()
        assert np.allclose(found, expected, rtol=1e-5, atol=1e-5)
        return found.copy()

    first = both()
    change(net)
    changed = both()
    assert not np.allclose(first, changed)
    (rows,) = compiled.run_steps(x[None])
    assert np.allclose(rows.numpy(), changed, rtol=1e-5, atol=1e-5)
    for parameter in net.parameters():  # those that are there now are its state
        parameter.assign(parameter * 1.5)
    assert not np.allclose(both(), changed)


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_parts(change: str) -> None:
    check(directly, CHANGES[change])


@pytest.mark.parametrize("change", ["parameter below", "list item", "dict entry"])
@pytest.mark.parametrize("owner", OWNERS, ids=lambda f: f.__name__)
def test_every_owner_of_parts(owner: Any, change: str) -> None:
    check(owner, CHANGES[change])


def test_parts_that_are_put_back_have_their_program_again() -> None:
    net = Net()
    f = nx.compile(lambda x: net(x), state=[net])
    heads, x = [net.layer, layer(5.0)], nx.ones(1, 2)
    for i in range(6):
        net.layer = heads[i % 2]
        assert np.allclose(f(x).numpy(), net(x).numpy())
    assert len(f.entries) == 2 and f.stats().misses == 2


def test_generators_that_are_replaced() -> None:
    layer = nn.Dropout(0.5)
    f = nx.compile(lambda x: layer(x), state=[layer])
    x = nx.ones(64)
    layer.generator = nx.Generator(1)
    first = f(x).tolist()
    layer.generator = nx.Generator(2)
    assert f(x).tolist() != first
    layer.generator = nx.Generator(1)
    assert f(x).tolist() == first and layer.generator.step.item() == 1


# ---- optimizers ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.RMSprop])
def test_training_goes_on_with_what_was_replaced(kind: Any) -> None:
    """As eagerly: an optimizer that is replaced, or whose parameters are, counts."""
    found = {}
    x = nx.tensor([[1.0, 2.0]])
    for way in ("plain", "compiled"):
        net = nn.Sequential(layer(1.0), layer(2.0))
        held = {"optimizer": kind(net.parameters(), lr=0.1)}

        class Learner(nn.Module):
            pass

        learner = Learner()
        learner.model = net
        learner.optimizer = held["optimizer"]

        def step(x: Any, learner: Any = learner) -> Any:
            learner.optimizer.zero_grad()
            loss = (learner.model(x) ** 2).mean()
            loss.backward()
            learner.optimizer.step()
            return loss

        run = nx.compile(step, state=[learner, learner.optimizer])
        run = run if way == "compiled" else step
        losses = [run(x).item() for _ in range(2)]
        setattr(net, "1", layer(3.0))
        learner.optimizer.params[1] = net[1].weight
        losses += [run(x).item() for _ in range(2)]
        learner.model = net = nn.Sequential(layer(4.0))
        learner.optimizer.params[0] = net[0].weight
        del learner.optimizer.params[1:], learner.optimizer._made_for[1:]
        losses += [run(x).item() for _ in range(2)]
        found[way] = losses, net[0].weight.tolist()
    assert np.allclose(found["plain"][0], found["compiled"][0], rtol=1e-5)
    assert np.allclose(found["plain"][1], found["compiled"][1], rtol=1e-5)


# ---- state that is no module ---------------------------------------------------------


class Totals:
    """State of a class of the user's own."""

    def __init__(self) -> None:
        self.cells = {"a": nx.Cell(nx.tensor(0.0), name="a")}

    def state_cells(self) -> dict[str, nx.Cell]:
        return dict(self.cells)

    def add(self, x: Any) -> Any:
        for cell in self.cells.values():
            cell.assign(cell + x)
        return sum(cell.value() for cell in self.cells.values())


def test_state_of_an_own_class() -> None:
    totals = Totals()
    for f in (nx.compile(totals.add, state=[totals]),
              nx.compile(lambda x: totals.add(x), state=totals)):  # fmt: skip
        totals.cells = {"a": nx.Cell(nx.tensor(0.0), name="a")}
        x = nx.tensor(1.0)
        assert [f(x).item() for _ in range(2)] == [1.0, 2.0]
        totals.cells["b"] = nx.Cell(nx.tensor(10.0), name="b")
        assert [f(x).item() for _ in range(2)] == [14.0, 16.0]
        totals.cells["a"] = nx.Cell(nx.tensor(100.0), name="a")
        assert f(x).item() == 114.0
        del totals.cells["a"]
        assert f(x).item() == 14.0 and list(f.cells()) == ["b"]


# ---- what is kept alive --------------------------------------------------------------


def test_a_compiled_function_keeps_nothing_alive() -> None:
    net = Net()
    f = nx.compile(net.forward, state=[net])
    f(nx.ones(1, 2))
    gone = weakref.ref(net.layer.weight)
    del f, net
    gc.collect()
    assert gone() is None
