"""nn.summary: layers, shapes and counts, against what the modules say themselves."""

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError, ShapeError


class Shared(nn.Module):
    """A layer that is called twice, and one that is not called."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.again = {"layer": self.first}
        self.unused = nn.Linear(4, 9)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        return self.first(self.norm(self.first(x)))[:2], x


NETWORKS = {
    "sequence": (
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten()),
        [(2, 3, 9, 9)],
        {"": ((2, 392),), "0": ((2, 8, 7, 7),), "2": ((2, 392),)},
    ),
    "shared": (
        Shared,
        [(5, 4)],
        {"": ((2, 4), (5, 4)), "first": ((5, 4),), "unused": (), "norm": ((5, 4),)},
    ),
    "tokens": (
        lambda: nn.Embedding(10, 3),
        [np.array([[1, 2, 3]])],
        {"": ((1, 3, 3),)},
    ),
}


@pytest.mark.parametrize("case", NETWORKS)
def test_rows_are_the_modules(device, case):
    make, inputs, shapes = NETWORKS[case]
    module = make()
    found = nn.summary(module, *inputs)
    assert [layer.name for layer in found.layers] == [
        name for name, _ in module.named_modules()
    ]
    assert found.parameters == sum(p.size for p in module.parameters())
    cells = module.named_cells().values()
    assert found.bytes == sum(c.numpy().nbytes for c in cells)
    outputs = {layer.name: layer.outputs for layer in found.layers}
    assert {name: outputs[name] for name in shapes} == shapes
    for layer in found.layers:
        assert layer.kind in str(found)


def test_the_module_stays_as_it_is(device):
    module = Shared()
    module.first.weight.requires_grad = False
    before = {n: x.numpy().copy() for n, x in module.state_dict().items()}
    attributes = {name: set(vars(part)) for name, part in module.named_modules()}
    found = nn.summary(module, (5, 4))
    assert module.training
    for name, value in module.state_dict().items():
        assert np.array_equal(value.numpy(), before[name]), name
    assert attributes == {n: set(vars(part)) for n, part in module.named_modules()}
    assert found.parameters - found.trainable == 16
    assert "16 of them frozen" in str(found)


def test_without_inputs(device):
    found = nn.summary(nn.Linear(3, 2))
    assert found.parameters == 8 and found.layers[0].outputs == ()


REFUSED = {
    "no module": (3, [], InvalidArgumentError, "int; expected a neurenix.nn.Module"),
    "no shape": (nn.Linear(3, 2), ["3"], InvalidArgumentError, "the input '3'"),
    "no size": (nn.Linear(3, 2), [(0, 3)], InvalidArgumentError, "whole numbers"),
    "another size": (nn.Linear(3, 2), [(1, 4)], ShapeError, "4"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(device, case):
    module, inputs, error, text = REFUSED[case]
    with pytest.raises(error) as caught:
        nn.summary(module, *inputs)
    assert text in str(caught.value)


def test_names_and_docs():
    assert isinstance(nn.summary(nn.ReLU()), nn.Summary)
    assert nx.nn.summary is nn.summary
