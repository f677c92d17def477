"""Every method, small: what a test over all of them asks for."""

from __future__ import annotations

from typing import Any

import neurenix as nx
from neurenix import meta, nn

INPUTS, WAYS = 6, 3


def _network() -> nn.Module:
    return meta.MLP([INPUTS, 8, 6, WAYS], activation=nn.Tanh)


def _embedding() -> nn.Module:
    return meta.MLP([INPUTS, 8, 6, 4], activation=nn.Tanh)


GRADIENT: dict[str, Any] = {
    "MAML": lambda: meta.MAML(_network(), 0.1, inner_steps=2),
    "FOMAML": lambda: meta.FOMAML(_network(), 0.1, inner_steps=2),
    "Reptile": lambda: meta.Reptile(
        _network(), 0.1, inner_steps=3, inner_optimizer="adam"
    ),
    "ANIL": lambda: meta.ANIL(_network(), 0.1, inner_steps=2),
    "BOIL": lambda: meta.BOIL(_network(), 0.1, inner_steps=2),
    "MetaSGD": lambda: meta.MetaSGD(_network(), 0.1, inner_steps=2),
    "MAMLPlusPlus": lambda: meta.MAMLPlusPlus(_network(), 0.1, inner_steps=2),
    "IMAML": lambda: meta.IMAML(_network(), 0.05, inner_steps=3, solver_steps=2),
    "ProtoMAML": lambda: meta.ProtoMAML(_embedding(), 0.1, inner_steps=2),
}
EMBEDDING: dict[str, Any] = {
    "PrototypicalNetworks": lambda: meta.PrototypicalNetworks(_embedding()),
    "MatchingNetworks": lambda: meta.MatchingNetworks(_embedding()),
    "R2D2": lambda: meta.R2D2(_embedding()),
}
OTHERS: dict[str, Any] = {
    "ConditionalNeuralProcess": lambda: meta.ConditionalNeuralProcess(
        meta.MLP([2, 8, 5], activation=nn.Tanh), meta.MLP([6, 8, 2], activation=nn.Tanh)
    ),
}
METHODS = {**GRADIENT, **EMBEDDING, **OTHERS}


def make(name: str) -> meta.MetaLearner:
    """A learner of this method, always with the same weights."""
    nx.manual_seed(0)
    learner: meta.MetaLearner = METHODS[name]()
    return learner


def tasks(name: str, count: int = 4, seed: int = 0) -> list[meta.Task]:
    """Tasks that it can learn."""
    if name == "ConditionalNeuralProcess":
        return meta.generate_regression_tasks(count, 5, seed=seed)
    return meta.generate_classification_tasks(count, WAYS, 3, INPUTS, seed=seed)
