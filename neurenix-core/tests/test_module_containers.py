"""Lists and dicts of modules and of parameters."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn


def test_a_list_of_modules() -> None:
    layers = nn.ModuleList([nn.Linear(2, 2), nn.ReLU()])
    layers.append(nn.Linear(2, 3)).extend([nn.Tanh()])
    layers.insert(1, nn.Sigmoid())
    kinds = [type(layer).__name__ for layer in layers]
    assert kinds == ["Linear", "Sigmoid", "ReLU", "Linear", "Tanh"] and len(layers) == 5
    assert list(layers.state_dict()) == ["0.weight", "0.bias", "3.weight", "3.bias"]
    del layers[-4]
    layers[1] = nn.GELU()
    assert [type(layer).__name__ for layer in layers[1:]] == ["GELU", "Linear", "Tanh"]
    assert isinstance(layers[:2], nn.ModuleList) and layers[0] is next(iter(layers))
    twin = copy.deepcopy(layers)
    assert list(twin.state_dict()) == list(layers.state_dict())
    assert "(1): GELU()" in repr(layers)
    with pytest.raises(NotImplementedError, match=r"nn\.Sequential"):
        layers(nx.ones(1, 2))


def test_a_dict_of_modules() -> None:
    heads = nn.ModuleDict({"a": nn.Linear(2, 1)})
    heads["b"] = nn.Linear(2, 3)
    heads.update({"a": nn.ReLU()})
    assert list(heads) == heads.keys() == ["a", "b"] and len(heads) == 2
    assert "b" in heads and "c" not in heads and "weight" not in heads
    assert list(heads.state_dict()) == ["b.weight", "b.bias"]
    assert [type(m).__name__ for m in heads.values()] == ["ReLU", "Linear"]
    del heads["a"]
    assert heads.items() == [("b", heads["b"])]
    for missing in ("a", "train"):
        with pytest.raises(KeyError):
            heads[missing]
    again = pickle.loads(pickle.dumps(heads))
    assert list(again) == ["b"]


def test_parameters_in_containers(device: str) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scales = nn.ParameterList([nx.ones(1), np.array([2.0])])
            self.named = nn.ParameterDict({"shift": [3.0]})

        def forward(self, x: nx.Tensor) -> nx.Tensor:
            for scale in self.scales:
                x = x * scale
            return x + self.named["shift"]

    net = Net()
    assert list(net.state_dict()) == ["scales.0", "scales.1", "named.shift"]
    assert net(nx.ones(2)).tolist() == [5, 5]
    f = nx.compile(lambda x: net(x), state=[net])
    net.named["shift"].assign([1.0])
    assert f(nx.ones(2)).tolist() == [3, 3]
