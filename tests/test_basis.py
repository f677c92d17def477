"""The conformance suite, and second-order MAML, on a device that has the minimal basis
and nothing else: every other primitive by its decomposition."""

from __future__ import annotations

import numpy as np

import neurenix as nx
from neurenix import nn
from neurenix.meta import MAML
from neurenix.testing import add_restricted_device
from neurenix.testing.suite import *  # noqa: F403

NX_DEVICES = [add_restricted_device()]


def losses_of_maml(device: str) -> list[float]:
    """Three updates of a small convolutional network with batch norm and max-pool."""
    nx.init({"device": device})
    nx.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * 4 * 4, 3),
    )
    rng = np.random.default_rng(0)
    labels = np.arange(6) % 3

    def drawings() -> nx.Tensor:
        return nx.tensor(rng.standard_normal((6, 1, 8, 8)).astype(np.float32))

    tasks = [
        (drawings(), nx.tensor(labels), drawings(), nx.tensor(labels)) for _ in range(4)
    ]
    learner = MAML(model, inner_lr=0.1, inner_steps=2)
    optimizer = nx.optim.Adam(model.parameters(), lr=1e-2)
    history = learner.meta_learn(tasks, optimizer, epochs=3, tasks_per_batch=4)
    return list(history["loss"])


def test_maml_needs_the_basis_alone() -> None:
    found, expected = losses_of_maml(NX_DEVICES[0]), losses_of_maml("reference")
    assert expected[-1] < expected[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
