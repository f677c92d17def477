"""Settings of learners and networks, given as users have numbers at hand: of Python, of
NumPy, in an array or a tensor of rank 0."""

import inspect
import math

import numpy as np
import pytest

import neurenix as nx
from neurenix import meta
from neurenix.errors import NeurenixError
from neurenix.meta import MLP, Conv4, generate_regression_tasks

LEARNERS = [
    value
    for name, value in vars(meta).items()
    if inspect.isclass(value)
    and issubclass(value, meta.MetaLearner)
    and not inspect.isabstract(value)
    and name != "ConditionalNeuralProcess"  # of two networks
]
FORMS = {
    float: (np.float32, np.float64, np.array, nx.tensor),
    int: (np.int64, np.uint8, np.array, nx.tensor),
}


def numeric(learner):
    """Its settings that are numbers, by name."""
    parameters = inspect.signature(learner).parameters.items()
    return {n: p.default for n, p in parameters if type(p.default) in FORMS}


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda c: c.__name__)
def test_settings_of_learners_are_numbers_of_python(learner):
    settings = numeric(learner)
    assert "meta_lr" in settings
    for setting, default in settings.items():
        # what float32 holds, too
        value = 0.5 if isinstance(default, float) else max(default, 1)
        plain = learner(MLP([4, 5, 3]), **{setting: value})
        for form in FORMS[type(value)]:
            made = learner(MLP([4, 5, 3]), **{setting: form(value)})
            kept = getattr(made, setting, value)
            assert type(kept) is type(getattr(plain, setting, value))
            assert kept == getattr(plain, setting, value)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda c: c.__name__)
def test_settings_that_are_no_numbers_are_refused_by_name(learner):
    for setting in numeric(learner):
        for bad in (True, np.True_, math.nan, "1", [0.5], np.ones(2), nx.ones(2)):
            with pytest.raises(NeurenixError, match=setting):
                learner(MLP([4, 5, 3]), **{setting: bad})


def test_a_learner_with_settings_of_numpy_learns_the_same():
    tasks = generate_regression_tasks(4, 5, seed=0)
    histories = []
    for real, whole in ((float, int), (np.float64, np.int64), (np.array, nx.tensor)):
        nx.manual_seed(0)
        learner = meta.MAML(
            MLP([whole(1), whole(8), whole(1)]),
            inner_lr=real(0.05),
            inner_steps=whole(2),
            meta_lr=real(0.01),
        )
        history = learner.meta_learn(
            tasks,
            epochs=whole(2),
            tasks_per_batch=whole(2),
            steps_per_call=whole(2),
            progress=False,
        )
        histories.append(history["loss"])
    assert histories[0] == histories[1] == histories[2]


def test_sizes_of_networks(device):
    for whole in (np.int64, np.array, nx.tensor):
        network = Conv4(whole(1), whole(4), whole(3))
        assert network(nx.ones(2, 1, 16, 16)).shape == (2, 3)
