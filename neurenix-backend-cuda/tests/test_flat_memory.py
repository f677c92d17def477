"""Memory stays flat over 10,000 steps on the emulated CUDA engine."""

from __future__ import annotations

import resource

import numpy as np
import pytest
from cuda_emulated import register

import neurenix as nx
from neurenix import optim
from neurenix.backends import discovery

DEVICE = register()


@pytest.mark.slow
def test_ten_thousand_steps() -> None:
    nx.init({"device": DEVICE})
    nx.manual_seed(0)
    model = nx.nn.Linear(3, 2)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)

    def step(x: nx.Tensor) -> nx.Tensor:
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    compiled = nx.compile(step, state=[model, optimizer])
    x = nx.tensor(np.ones((4, 3), np.float32))
    backend = discovery.backend(DEVICE)
    sizes = []
    for _ in range(10):
        for _ in range(1000):
            compiled(x)
        backend.synchronize(0)
        host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sizes.append((backend.memory_stats(0), host))
    nx.init({"device": "cpu"})
    (first, host), (last, later) = sizes[2], sizes[-1]
    assert last == first
    assert later - host < 4096  # kilobytes
