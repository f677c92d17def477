"""learner.summary: layers, and the memory of a meta-step to the byte."""

from __future__ import annotations

import methods
import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import InvalidArgumentError, OutOfMemoryError
from neurenix.meta import MAML, Conv4, TaskSampler
from neurenix.meta.datasets import Glyphs


@pytest.mark.parametrize("name", methods.METHODS)
def test_every_method(name, device):
    learner, tasks = methods.make(name), methods.tasks(name)
    before = {n: x.numpy().copy() for n, x in learner.state_dict().items()}
    kinds, random = learner.kinds, nx.random.state_dict()
    found = learner.summary(tasks, 4)
    model = learner.model
    assert found.model.parameters == sum(p.size for p in model.parameters())
    assert found.model.layers[0].outputs and name in str(found)
    assert (found.memory_bytes is None) == (device == "reference")
    for n, x in learner.state_dict().items():
        assert np.array_equal(x.numpy(), before[n]), n
    assert nx.random.state_dict() == random and not learner.memory_plans
    assert learner.kinds.targets in (kinds.targets, "classes", "values")


@pytest.mark.skipif(not nx.get_device_count("cpu"), reason="needs the CPU engine")
def test_the_memory_is_what_max_memory_counts(compiled_device):
    """One byte less than one task at a time takes is refused, and that much is enough;
    all at once is what is chosen where there is room."""
    tasks = TaskSampler(Glyphs(classes=6), 3, 1, 2, seed=0)
    options = {"steps_per_epoch": 1, "progress": False}
    learner = MAML(Conv4(1, 4, 3), 0.1, inner_steps=1, batch_norm="transductive")
    found = learner.summary(tasks)
    assert 0 < found.memory_of_one <= found.memory_bytes
    with pytest.raises(OutOfMemoryError, match=str(found.memory_of_one)):
        learner.meta_learn(tasks, max_memory=found.memory_of_one - 1, **options)
    for limit in (found.memory_of_one, found.memory_bytes):
        learner.meta_learn(tasks, max_memory=limit, **options)
        plan = learner.memory_plans["meta_learn"]
        assert plan.bytes == limit and plan.chunk == int(limit < found.memory_bytes)
    assert found.state_bytes > 2 * 4 * found.model.parameters


def test_without_tasks(device):
    found = methods.make("MAML").summary()
    assert found.tasks_per_batch == 0 and "meta-step" not in str(found)


def test_tasks_that_do_not_fit(device):
    with pytest.raises(InvalidArgumentError):
        methods.make("MAML").summary([1, 2])
