"""What the page runs, as functions of tensors of fixed shapes.

A page has one to five classes with one to five drawings each. Support sets are filled
up to 5 or 25 drawings; what was filled in has no weight, and an absent class no chance.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from network import SIZE, WAYS, Classifier

import neurenix as nx
from neurenix import nn
from neurenix.meta import MAML, PrototypicalNetworks
from neurenix.nn.functional import log_softmax

SHOTS = 5
MOST = WAYS * SHOTS
_NEVER = -1e9  # the logit of a class that is not there

Functions = dict[str, Callable[..., Any]]
Examples = dict[str, dict[str, Any]]


def _image(count: int) -> np.ndarray[Any, Any]:
    """Ink for the checks on load."""
    noise = np.random.default_rng(count).random((count, 1, SIZE, SIZE))
    return np.asarray(noise > 0.9, np.float32)


def prototypical(learner: PrototypicalNetworks) -> tuple[Functions, Examples]:
    """embed: a drawing's vector. classify: the scores of another, −‖f(x) − c_k‖², c_k
    the mean of a class's vectors; `member` [25, 5] has 1/n for each of its n."""
    model = learner.model

    def embed(image: nx.Tensor) -> dict[str, nx.Tensor]:
        return {"embedding": model(image)[0]}

    def classify(
        embeddings: nx.Tensor, member: nx.Tensor, image: nx.Tensor
    ) -> dict[str, nx.Tensor]:
        centres = nx.transpose(member) @ embeddings
        away = centres - model(image)
        return {"scores": -(away * away).sum(dim=1)}

    image = _image(1)
    size = model(nx.tensor(image)).shape[1]
    member = np.eye(WAYS, dtype=np.float32).repeat(SHOTS, 0) / SHOTS
    vectors = np.random.default_rng(0).random((MOST, size)).astype(np.float32)
    return {"embed": embed, "classify": classify}, {
        "embed": {"image": image},
        "classify": {"embeddings": vectors, "member": member, "image": image},
    }


def maml(learner: MAML) -> tuple[Functions, Examples]:
    """start: the meta-learned weights. step, step5: one gradient step on up to 25, up
    to 5 drawings, and the loss before it; `weight` has 1/n for each of n. predict: a
    drawing's logits with these weights. `present` has 1 for each class that is there.
    """
    model = learner.model
    assert isinstance(model, Classifier)
    rate = learner.inner_lr

    def logits(
        weights: Mapping[str, nx.Tensor], images: nx.Tensor, present: nx.Tensor
    ) -> nx.Tensor:
        output, _ = nn.functional_call(model, weights, images)
        return nx.where(present > 0.5, output, _NEVER)

    def start() -> dict[str, Any]:
        return {"weights": {n: p.value() * 1.0 for n, p in model.named_parameters()}}

    def step(
        weights: Mapping[str, nx.Tensor],
        images: nx.Tensor,
        labels: nx.Tensor,
        weight: nx.Tensor,
        present: nx.Tensor,
    ) -> dict[str, Any]:
        def loss(weights: Mapping[str, nx.Tensor]) -> nx.Tensor:
            found = log_softmax(logits(weights, images, present), 1)
            return -((found * labels).sum(dim=1) * weight).sum()

        value, gradient = nx.value_and_grad(loss)(dict(weights))
        moved = {n: w - rate * gradient[n] for n, w in weights.items()}
        return {"weights": moved, "loss": value}

    def predict(
        weights: Mapping[str, nx.Tensor], image: nx.Tensor, present: nx.Tensor
    ) -> dict[str, nx.Tensor]:
        return {"scores": logits(weights, image, present)[0]}

    weights = {n: p.value().detach() for n, p in model.named_parameters()}
    present = np.ones(WAYS, np.float32)

    def support(count: int) -> dict[str, Any]:
        labels = np.eye(WAYS, dtype=np.float32).repeat(count // WAYS, 0)
        return {
            "weights": weights,
            "images": _image(count),
            "labels": labels,
            "weight": np.full(count, 1 / count, np.float32),
            "present": present,
        }

    return {"start": start, "step": step, "step5": step, "predict": predict}, {
        "start": {},
        "step": support(MOST),
        "step5": support(WAYS),
        "predict": {"weights": weights, "image": _image(1), "present": present},
    }
