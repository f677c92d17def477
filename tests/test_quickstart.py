"""The documented programs run unchanged, and learn what they promise."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import neurenix as nx
from neurenix.meta import (
    MAML,
    PrototypicalNetworks,
    generate_classification_tasks,
    generate_regression_tasks,
)
from neurenix.nn import Linear, ReLU, Sequential
from neurenix.optim import Adam

PROGRAMS = Path(__file__).parent / "quickstart"
pytestmark = pytest.mark.skipif(
    not nx.get_device_count(nx.DeviceType.CPU),
    reason="the programs ask for the CPU engine",
)


@pytest.fixture(autouse=True)
def cpu() -> None:
    nx.init({"device": "cpu"})


@pytest.mark.parametrize("name", ["maml.py", "prototypical.py"])
def test_the_copies_are_verbatim(name: str) -> None:
    original = Path(__file__).parents[2] / "shared/reference/quickstart" / name
    if not original.exists():
        pytest.skip(
            "the documents that the programs come from are not beside this clone"
        )
    assert (PROGRAMS / name).read_bytes() == original.read_bytes()


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("maml.py", r"Average test MSE: (\d+\.\d{6})"),
        ("prototypical.py", r"Average test accuracy: (0\.\d{4}|1\.0000)"),
    ],
)
def test_a_program_runs(name: str, pattern: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(PROGRAMS / name)],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(pattern + r"\n", done.stdout), done.stdout
    assert not done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("seed", range(5))
def test_maml_beats_the_same_network_without_meta_training(seed: int) -> None:
    """maml.py, and its network as it was at first, both adapted alike."""
    nx.manual_seed(seed)
    model = Sequential([Linear(1, 40), ReLU(), Linear(40, 40), ReLU(), Linear(40, 1)])
    learner = MAML(model=model, inner_lr=0.01, meta_lr=0.001, inner_steps=5)
    tasks = generate_regression_tasks(num_tasks=100, num_samples_per_task=20)

    def error() -> float:
        losses = []
        for support_x, support_y, query_x, query_y in tasks[80:]:
            adapted = learner.adapt_to_task(support_x, support_y)
            predictions = adapted(query_x)
            losses.append(((predictions - query_y) ** 2).mean().item())
        return sum(losses) / len(losses)

    untrained = error()
    learner.meta_learn(
        tasks=tasks[:80],
        meta_optimizer=Adam(learner.parameters(), lr=learner.meta_lr),
        epochs=10,
        tasks_per_batch=4,
        progress=False,
    )
    trained = error()
    print(f"seed {seed}: {trained:.3f}, without meta-training {untrained:.3f}")
    assert trained < untrained


@pytest.mark.parametrize("seed", range(5))
def test_the_classifier_beats_the_untrained_embedding(seed: int) -> None:
    """prototypical.py, against its own embedding before training, in points."""
    nx.manual_seed(seed)
    model = Sequential([Linear(20, 64), ReLU(), Linear(64, 64), ReLU(), Linear(64, 32)])
    learner = PrototypicalNetworks(embedding_model=model, meta_lr=0.001)
    tasks = generate_classification_tasks(100, 5, 10, 20)

    def accuracy() -> float:
        shares = []
        for support_x, support_y, query_x, query_y in tasks[80:]:
            predictions = learner.adapt_to_task(support_x, support_y)(query_x)
            right = predictions.argmax(dim=1) == query_y.argmax(dim=1)
            shares.append(right.float().mean().item())
        return 100 * sum(shares) / len(shares)

    untrained = accuracy()
    learner.meta_learn(
        tasks=tasks[:80],
        meta_optimizer=Adam(learner.parameters(), lr=learner.meta_lr),
        epochs=10,
        tasks_per_batch=4,
        progress=False,
    )
    trained = accuracy()
    print(f"seed {seed}: {trained:.1f} %, untrained {untrained:.1f} %")
    assert trained >= untrained + 10
