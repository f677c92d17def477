"""max_memory: fewer tasks at once, the same bits, and an error where none fits."""

import gc

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.backends import BackendInfo, discovery
from neurenix.backends.protocol import API_VERSION
from neurenix.errors import InvalidArgumentError, OutOfMemoryError
from neurenix.meta import (
    MAML,
    MLP,
    Conv4,
    MAMLPlusPlus,
    PrototypicalNetworks,
    generate_classification_tasks,
    generate_regression_tasks,
)
from neurenix.meta.tasks.sources import source_of
from neurenix.phynexus import NativeBackend
from neurenix.phynexus.library import Engine

needs_a_plan = pytest.mark.skipif(
    not nx.get_device_count("cpu"), reason="the CPU engine is not installed"
)


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = discovery.backend("cpu").capabilities(0).threads
    nx.init({"device": "cpu", "threads": request.param})
    yield request.param
    nx.init({"device": "cpu", "threads": before})


def arenas():
    gc.collect()
    return discovery.backend("cpu").memory_stats(0)["arenas"]


def images(count):
    rng = np.random.default_rng(0)
    classes = np.arange(5)
    shape = (5, 1, 28, 28)
    return [
        (rng.normal(size=shape), classes, rng.normal(size=shape), classes)
        for _ in range(count)
    ]


def trained(make, tasks, size, **arguments):
    """A learner after two epochs, and what its programs took while they ran."""
    nx.manual_seed(0)
    learner = make()
    learner.check_bucket(
        source_of(learner, tasks, learner.kinds).buckets[0]
    )  # eager programs are there
    # what is kept for reuse is let go of: then the largest program's arena remains
    nx.init({"threads": discovery.backend("cpu").capabilities(0).threads})
    before = arenas()
    sgd = optim.SGD(learner.parameters(), lr=0.01)
    learner.meta_learn(
        tasks, sgd, epochs=2, tasks_per_batch=size, progress=False, **arguments
    )
    taken = arenas() - before
    return learner, taken


def sine_learner():
    return MAML(MLP([1, 40, 40, 1]), inner_steps=5)


def bits(learner):
    return b"".join(p.numpy().tobytes() for p in learner.parameters())


@needs_a_plan
@pytest.mark.parametrize("size", [1, 2, 7, 32])
def test_the_engine_says_what_it_takes(threads, size):
    tasks = generate_regression_tasks(size, 10, seed=0)
    learner, taken = trained(sine_learner, tasks, size, max_memory="1 GB")
    plan = learner.memory_plans["meta_learn"]
    assert plan.limit == 10**9 and plan.chunk == 0
    assert taken == plan.bytes


@needs_a_plan
def test_the_engine_says_what_a_convolutional_network_takes(threads):
    learner, taken = trained(
        lambda: MAML(Conv4(ways=5, hidden=8), inner_steps=2), images(4), 4,
        max_memory="1 GB",
    )  # fmt: skip
    assert taken == learner.memory_plans["meta_learn"].bytes


@needs_a_plan
def test_memory_stays_below_and_bits_stay(threads):
    tasks = generate_regression_tasks(16, 10, seed=0)
    plain, _ = trained(sine_learner, tasks, 16)
    free = trained(sine_learner, tasks, 16, max_memory=10**9)[0]
    most = free.memory_plans["meta_learn"].bytes
    least, taken = trained(sine_learner, tasks, 16, chunk=1)
    assert bits(free) == bits(plain) == bits(least)
    limits = [most, (most + taken) // 2] if threads > 1 else [most]
    for limit in limits:
        learner, taken = trained(sine_learner, tasks, 16, max_memory=limit)
        assert taken <= learner.memory_plans["meta_learn"].bytes <= limit
        assert bits(learner) == bits(plain)


@needs_a_plan
def test_evaluation_and_validation_keep_to_it_too():
    nx.init({"device": "cpu", "threads": 2})
    tasks = generate_regression_tasks(40, 10, seed=0)
    nx.manual_seed(0)
    learner = sine_learner()
    wanted = learner.evaluate(tasks).scores["loss"]
    learner.evaluate(tasks, max_memory="1 GB")
    free = learner.memory_plans["evaluate"]
    found = learner.evaluate(tasks, max_memory=free.bytes - 1)
    held = learner.memory_plans["evaluate"]
    assert free.chunk == 0 < held.chunk < 32 and held.bytes < free.bytes
    assert np.array_equal(found.scores["loss"], wanted)
    with pytest.raises(OutOfMemoryError, match=r"one task at a time needs \d+ bytes"):
        learner.evaluate(tasks, max_memory=1000)
    learner.meta_learn(
        tasks, validation=tasks, max_memory="1 MB", progress=False, epochs=2
    )


@needs_a_plan
def test_what_does_not_fit_changes_nothing(compiled_device):
    learner = PrototypicalNetworks(nn.Linear(20, 16))
    tasks = generate_classification_tasks(4, seed=0)
    adam = optim.Adam(learner.parameters(), lr=0.1)
    before, moments = bits(learner), str(adam.state_dict())
    with pytest.raises(
        OutOfMemoryError, match=r"max_memory=4096: one task at a time needs \d{5,} byt"
    ):
        learner.meta_learn(tasks, adam, max_memory=4096, progress=False)
    assert bits(learner) == before and str(adam.state_dict()) == moments
    assert "meta_learn" not in learner.memory_plans


@needs_a_plan
def test_the_largest_program_of_all_epochs_counts(compiled_device):
    """The second order of MAML++ comes later, and takes more."""
    tasks = generate_regression_tasks(4, 10, seed=0)

    def planned(epochs):
        learner = MAMLPlusPlus(
            MLP([1, 40, 40, 1]), multi_step_epochs=0, first_order_epochs=2
        )
        learner.meta_learn(tasks, epochs=epochs, max_memory="1 GB", progress=False)
        return learner.memory_plans["meta_learn"].bytes

    assert planned(3) > planned(1)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "much", "5 parsecs", "0 MB", ""])
def test_bad_amounts(device, value):
    learner, tasks = sine_learner(), generate_regression_tasks(4, 10, seed=0)
    with pytest.raises(InvalidArgumentError, match="max_memory="):
        learner.meta_learn(tasks, max_memory=value, progress=False)
    with pytest.raises(InvalidArgumentError, match="max_memory="):
        learner.evaluate(tasks, max_memory=value)


def test_chunk_or_max_memory(device):
    learner, tasks = sine_learner(), generate_regression_tasks(4, 10, seed=0)
    with pytest.raises(InvalidArgumentError, match="chunk=2 and max_memory='1 GB'"):
        learner.meta_learn(tasks, chunk=2, max_memory="1 GB", progress=False)


def test_a_device_that_plans_no_memory():
    nx.init({"device": "reference"})
    learner, tasks = sine_learner(), generate_regression_tasks(4, 10, seed=0)
    with pytest.raises(InvalidArgumentError, match="does not say what its programs"):
        learner.meta_learn(tasks, max_memory="1 GB", progress=False)


class Expanding(NativeBackend):
    """The engine for processors, which is given no map at all."""

    def expands(self, instruction):
        return True


@needs_a_plan
def test_a_device_that_expands_maps_keeps_to_it_too():
    """Fewer tasks are batched at once."""
    library = discovery.backend("cpu").library

    def create():
        return Expanding(library)

    discovery.add(
        BackendInfo("expanding", API_VERSION, "test", -300, lambda: 1, create)
    )
    nx.init({"device": "expanding"})
    tasks = generate_regression_tasks(16, 10, seed=0)

    def learned(limit):
        nx.manual_seed(0)
        learner = sine_learner()
        sgd = optim.SGD(learner.parameters(), lr=0.01)
        learner.meta_learn(
            tasks, sgd, epochs=2, tasks_per_batch=16, max_memory=limit, progress=False
        )
        return learner

    loose = learned("1 GB")
    free = loose.memory_plans["meta_learn"]
    tight = learned(free.bytes // 2)
    held = tight.memory_plans["meta_learn"]
    assert free.chunk == 0 < held.chunk < 16
    assert held.bytes <= held.limit == free.bytes // 2
    close = [[p.numpy() for p in learner.parameters()] for learner in (loose, tight)]
    for a, b in zip(*close, strict=True):
        assert np.allclose(a, b, rtol=1e-5, atol=1e-6)
    nx.init()


@needs_a_plan
def test_an_engine_that_says_nothing_of_memory(monkeypatch):
    """One before ABI 1.5: as many tasks as fit by the plan alone, the same bits."""
    tasks = generate_regression_tasks(16, 10, seed=0)
    nx.init({"device": "cpu", "threads": 2})
    plain, taken = trained(sine_learner, tasks, 16)
    has = Engine.has
    monkeypatch.setattr(
        Engine, "has", lambda self, name: name != "memory_bytes" and has(self, name)
    )
    learner, _ = trained(sine_learner, tasks, 16, max_memory="1 GB")
    all_at_once = learner.memory_plans["meta_learn"]
    assert all_at_once.chunk == 0 and taken < all_at_once.bytes
    limit = all_at_once.bytes // 4
    held, taken = trained(sine_learner, tasks, 16, max_memory=limit)
    plan = held.memory_plans["meta_learn"]
    assert 0 < plan.chunk < 16 and plan.bytes <= limit
    assert bits(plain) == bits(learner) == bits(held)
