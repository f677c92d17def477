"""How a step goes: the rules by which inner steps move along a gradient."""

from __future__ import annotations

from dataclasses import dataclass

import neurenix as nx
from neurenix.errors import InvalidArgumentError

from ..outcome import Values
from .adapting import MODEL
from .inner_loop import InnerStep, Tensors

# Adam's, of the Reptile paper's experiments.
BETA2, EPSILON = 0.999, 1e-8


@dataclass(frozen=True)
class Descent:
    """θ ← θ − α g."""

    rate: float

    def __call__(
        self, fast: Values, gradient: Values, step: InnerStep
    ) -> tuple[Tensors, Tensors]:
        return {n: p - self.rate * gradient[n] for n, p in fast.items()}, {}


@dataclass(frozen=True)
class ProximalDescent:
    """φ ← φ − α (g + λ (φ − θ)), with θ what the first step began with."""

    rate: float
    regularization: float

    def __call__(
        self, fast: Values, gradient: Values, step: InnerStep
    ) -> tuple[Tensors, Tensors]:
        return {
            n: p - self.rate * (gradient[n] + self.regularization * (p - step.start[n]))
            for n, p in fast.items()
        }, {}


@dataclass(frozen=True)
class ElementRates:
    """θ ← θ − α ∘ g, with a rate for each element: the learner's "rates"."""

    method: str

    def __call__(
        self, fast: Values, gradient: Values, step: InnerStep
    ) -> tuple[Tensors, Tensors]:
        values = {}
        for n, p in fast.items():
            name = n.replace(MODEL, "rates.", 1)
            rate = of_this_parameter(step.rest, name, p, self.method)
            values[n] = p - rate * gradient[n]
        return values, {}


@dataclass(frozen=True)
class LayerAndStepRates:
    """θ ← θ − α_{layer, i} g in step i: the learner's "rates", a vector for each layer.

    steps   how many rates a layer has; the last one serves further steps
    """

    steps: int

    def __call__(
        self, fast: Values, gradient: Values, step: InnerStep
    ) -> tuple[Tensors, Tensors]:
        row = nx.minimum(step.number.to(nx.int32), self.steps - 1)
        values = {}
        for name, p in fast.items():
            rate = nx.take(step.rest[f"rates.{layer_of(name)}"], row)
            values[name] = p - rate * gradient[name]
        return values, {}


@dataclass(frozen=True)
class AdamWithoutMomentum:
    """v ← β₂ v + (1 − β₂) g²;  θ ← θ − α g / (√(v / (1 − β₂ᵗ)) + ε).

    The learner's buffers "moments" hold v, and "correction" 1 − β₂ᵗ.
    """

    rate: float
    method: str

    def __call__(
        self, fast: Values, gradient: Values, step: InnerStep
    ) -> tuple[Tensors, Tensors]:
        old = step.rest["correction"]
        correction = old + (1.0 - old) * (1.0 - BETA2)
        buffers, values = {"correction": correction}, {}
        for name, p in fast.items():
            cell, g = name.replace(MODEL, "moments.", 1), gradient[name]
            moment = of_this_parameter(step.rest, cell, p, self.method)
            buffers[cell] = moment * BETA2 + g * g * (1.0 - BETA2)
            length = nx.sqrt(buffers[cell] / correction) + EPSILON
            values[name] = p - self.rate * g / length
        return values, buffers


def layer_of(name: str) -> str:
    """The path in the model of the layer that a parameter belongs to."""
    return name.removeprefix(MODEL).rpartition(".")[0] or "model"


def of_this_parameter(held: Values, name: str, p: nx.Tensor, method: str) -> nx.Tensor:
    """What a method made for the parameter of the model, which stands in `held`.

    Raises InvalidArgumentError where the model has changed since then.
    """
    found = held.get(name)
    if found is None or found.shape != p.shape:
        what, _, parameter = name.partition(".")
        was = "there is none" if found is None else f"it has shape {found.shape}"
        raise InvalidArgumentError(
            f"{method}: {what!r} are made with the learner, one for each parameter of "
            f"the model, which was changed since: for {parameter!r}, of shape "
            f"{p.shape}, {was}. Make a new learner of this model: {method}(model, ...)"
        )
    return found
