"""The benchmarks' workloads at their full size on the emulated CUDA engine: the loss of
a step and its gradient are the CPU's, whose convolutions are plain sums here, and the
losses of five steps where no maximum of a window is decided by round-off."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from cuda_emulated import ROOT, register

import neurenix as nx
from neurenix.meta import Episode

DEVICE = register()
if not nx.get_device_count("cpu"):
    pytest.skip(
        "the losses are held to the CPU engine's, which is not installed",
        allow_module_level=True,
    )
sys.path.insert(0, str(ROOT / "benchmarks" / "gpu"))
from cases import case  # type: ignore[import-not-found]  # noqa: E402

pytestmark = pytest.mark.nightly  # 64 channels and 28 x 28 pixels take minutes

# How far a gradient may lie from the CPU's, relative to its norm. In w6 the round-off
# of any other order of sums moves the maximum of some pooling window, which moves the
# first layers' by 5e-4 (Winograd's transforms do so on the CPU).
BOUNDS = {"w4": 1e-5, "w5s1": 1e-4, "w6": 2e-3}


def first_step(device: str, name: str) -> tuple[float, dict[str, np.ndarray]]:
    """The mean loss of the first batch, and the gradient of each parameter."""
    nx.init({"device": device})
    workload = case(name)
    learner, ways = workload.learner, workload.w["ways"]

    def step(*tasks: nx.Tensor) -> tuple[nx.Tensor, dict[str, nx.Tensor]]:
        values = learner.learned()

        def one(*task: nx.Tensor) -> tuple[nx.Tensor, dict[str, nx.Tensor]]:
            x, y, query_x, query_y = task
            episode = Episode(x, y, query_x, query_y, ways)
            outcome, gradient = learner.task_gradient(values, episode)
            return outcome.loss, gradient

        with nx.no_grad():
            return nx.map(one, reduce="mean")(*tasks)

    compiled = nx.compile(step, state=[learner])
    loss, gradient = compiled(*map(nx.tensor, workload.batch()))
    return loss.item(), {name: g.numpy() for name, g in gradient.items()}


def compare(name: str) -> None:
    loss, gradient = first_step("cpu", name)
    found, found_gradient = first_step(DEVICE, name)
    assert abs(found - loss) <= 1e-5 * abs(loss), (found, loss)
    assert found_gradient.keys() == gradient.keys()
    for parameter, expected in gradient.items():
        error = np.linalg.norm(found_gradient[parameter] - expected)
        bound = BOUNDS[name] * np.linalg.norm(expected) + 1e-6
        assert error <= bound, (parameter, error, bound)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_step_is_the_cpus(name: str) -> None:
    # in a process of its own: an engine reads how it convolves once
    done = subprocess.run(
        [sys.executable, "-c", f"import test_full_size as t; t.compare({name!r})"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "NEURENIX_CPU_WINOGRAD": "0",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["w4", "w5s1"])
def test_the_losses_of_five_steps_are_the_cpus(name: str) -> None:
    losses = {}
    for device in ("cpu", DEVICE):
        nx.init({"device": device})
        losses[device] = case(name).losses(5)
    nx.init({"device": "cpu"})
    assert losses[DEVICE] == pytest.approx(losses["cpu"], rel=1e-5)
