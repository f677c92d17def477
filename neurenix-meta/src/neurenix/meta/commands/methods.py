"""The methods and networks that the command line knows, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from neurenix import nn

from ..learner import MetaLearner
from ..methods.anil import ANIL
from ..methods.boil import BOIL
from ..methods.fomaml import FOMAML
from ..methods.imaml import IMAML
from ..methods.maml import MAML
from ..methods.maml_plus_plus import MAMLPlusPlus
from ..methods.matching import MatchingNetworks
from ..methods.meta_sgd import MetaSGD
from ..methods.proto_maml import ProtoMAML
from ..methods.prototypical import PrototypicalNetworks
from ..methods.r2d2 import R2D2
from ..methods.reptile import Reptile
from ..models.networks import Conv4
from ..models.residual import ResNet12


@dataclass(frozen=True)
class Row:
    """A method: its class, whether its network ends in an output for each class, and
    arguments of the class that differ from its defaults."""

    method: Callable[..., MetaLearner]
    scores: bool
    options: Mapping[str, Any] = field(default_factory=dict)


# Rates and steps of the recipes for characters, of the mean cross-entropy.
_ADAPTS = MappingProxyType(
    {"inner_lr": 0.4, "inner_steps": 3, "batch_norm": "transductive"}
)
_SLOWLY = MappingProxyType({**_ADAPTS, "inner_lr": 0.1})

METHODS: Mapping[str, Row] = MappingProxyType(
    {
        "prototypical-networks": Row(PrototypicalNetworks, False),
        "matching-networks": Row(MatchingNetworks, False),
        "r2d2": Row(R2D2, False),
        "maml": Row(MAML, True, _ADAPTS),
        "fomaml": Row(FOMAML, True, _ADAPTS),
        "anil": Row(ANIL, True, _ADAPTS),
        "boil": Row(BOIL, True, _ADAPTS),
        "meta-sgd": Row(MetaSGD, True, {**_ADAPTS, "inner_steps": 1}),
        "proto-maml": Row(ProtoMAML, False, _SLOWLY),
        "maml++": Row(
            MAMLPlusPlus, True, {**_SLOWLY, "batch_norm": "per_step_transductive"}
        ),
        "imaml": Row(
            IMAML,
            True,
            {
                "inner_lr": 0.5,
                "inner_steps": 16,
                "batch_norm": "transductive",
                "regularization": 0.1,
                "damping": 2.0,
            },
        ),
        "reptile": Row(
            Reptile,
            True,
            {
                "inner_lr": 1e-3,
                "inner_steps": 5,
                "inner_optimizer": "adam",
                "batch_norm": "transductive",
            },
        ),
    }
)


def _conv4(channels: int, hidden: int, ways: int | None) -> nn.Module:
    return Conv4(channels, hidden, ways)


def _resnet12(channels: int, hidden: int, ways: int | None) -> nn.Module:
    filters = (hidden, hidden * 5 // 2, hidden * 5, hidden * 10)
    return ResNet12(channels, filters, ways)


NETWORKS: Mapping[str, Callable[[int, int, int | None], nn.Module]] = MappingProxyType(
    {"conv4": _conv4, "resnet12": _resnet12}
)
