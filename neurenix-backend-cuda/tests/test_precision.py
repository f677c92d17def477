"""nx.init's precision on the emulated CUDA engine: large products round their factors
as tensor cores take them; small ones and everything else stay exact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cuda_emulated import register
from rounded_factors import ROUNDED

import neurenix as nx
from neurenix.errors import InvalidArgumentError
from neurenix.meta import MAML, MLP, generate_regression_tasks
from neurenix.nn import functional as F

DEVICE = register()
RNG = np.random.default_rng(5)
A = RNG.normal(size=(130, 96)).astype(np.float32)
B = RNG.normal(size=(96, 70)).astype(np.float32)


@pytest.fixture(autouse=True)
def exact_again() -> Iterator[None]:
    before = nx.current_device()
    yield
    nx.init({"device": str(before)})


@pytest.mark.parametrize("precision", ROUNDED)
def test_factors_are_rounded_as_tensor_cores_take_them(precision: str) -> None:
    nx.init({"device": DEVICE, "precision": precision})
    rounded = ROUNDED[precision]
    found = (nx.tensor(A) @ nx.tensor(B)).numpy()
    expected = rounded(A).astype(np.float64) @ rounded(B).astype(np.float64)
    assert np.abs(found - expected).max() < 2e-5
    for other, otherwise in ROUNDED.items():
        if other != precision:
            apart = otherwise(A).astype(np.float64) @ otherwise(B).astype(np.float64)
            assert np.abs(found - apart).max() > 1e-3, other


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_convolutions_round_too(precision: str) -> None:
    x = RNG.normal(size=(4, 32, 12, 12)).astype(np.float32)
    w = RNG.normal(size=(64, 32, 3, 3)).astype(np.float32)
    nx.init({"device": DEVICE, "precision": precision})
    found = F.conv2d(nx.tensor(x), nx.tensor(w), padding=1).numpy()
    rounded = ROUNDED[precision]
    nx.init({"device": DEVICE})
    of_rounded = F.conv2d(nx.tensor(rounded(x)), nx.tensor(rounded(w)), padding=1)
    as_they_are = F.conv2d(nx.tensor(x), nx.tensor(w), padding=1)
    assert np.abs(found - of_rounded.numpy()).max() < 1e-4
    assert np.abs(found - as_they_are.numpy()).max() > 1e-3


def test_the_reference_has_none_of_it() -> None:
    with pytest.raises(InvalidArgumentError, match=r"precision='tf32': reference:0"):
        nx.init({"device": "reference", "precision": "tf32"})


def test_a_checkpoint_goes_on_with_its_own_precision(tmp_path: Path) -> None:
    def learner() -> MAML:
        nx.manual_seed(1)
        return MAML(MLP([1, 8, 1]), inner_lr=0.01, inner_steps=1)

    tasks = generate_regression_tasks(8, 5, seed=0)
    folder = tmp_path / "run"
    nx.init({"device": DEVICE, "precision": "tf32"})
    learner().meta_learn(tasks, epochs=1, tasks_per_batch=4, checkpoint=folder)
    nx.init({"device": DEVICE})
    said = r"precision of products \(nx\.init\): tf32 saved, float32 now"
    with pytest.raises(InvalidArgumentError, match=said):
        learner().meta_learn(tasks, epochs=2, tasks_per_batch=4, checkpoint=folder)
    nx.init({"device": DEVICE, "precision": "tf32"})
    history = learner().meta_learn(
        tasks, epochs=2, tasks_per_batch=4, checkpoint=folder
    )
    assert len(history["loss"]) == 2
