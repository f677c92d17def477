"""Files that were written before meta had rooms: every method reads them as its own.

They lie in golden/: a learner file for each method of `methods.py` after two epochs,
and the checkpoint of a run of MAML++ that was to have four.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from methods import METHODS, make, tasks

import neurenix as nx

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", METHODS)
def test_a_learner_file_is_read(name: str) -> None:
    file = GOLDEN / f"{name}.safetensors"
    learner = make(name)
    learner.load(file)
    saved = nx.load(file)["learner"]["values"]
    now = learner.state_dict()
    assert now.keys() == saved.keys()
    for key, value in saved.items():
        assert np.array_equal(np.asarray(now[key]), np.asarray(value)), key


@pytest.mark.filterwarnings("ignore:.*was made otherwise:RuntimeWarning")
def test_a_run_goes_on(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "run", tmp_path / "run")
    given = tasks("MAMLPlusPlus")

    def trained(**options: object) -> tuple[list[float], list[np.ndarray]]:
        learner = make("MAMLPlusPlus")
        nx.manual_seed(7)
        history = learner.meta_learn(
            given, epochs=4, tasks_per_batch=2, progress=False, **options
        )
        return history["loss"], [p.numpy() for p in learner.parameters()]

    losses, parameters = trained(checkpoint=tmp_path / "run")
    whole_losses, whole_parameters = trained()
    # to the bit on the machine that wrote the file
    assert np.allclose(losses, whole_losses, rtol=1e-4)
    for one, other in zip(parameters, whole_parameters, strict=True):
        assert np.allclose(one, other, rtol=1e-3, atol=1e-5)
