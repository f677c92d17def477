"""Whether targets are classes or values is decided once, and kept with the learner."""

import copy
import pickle

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.meta import (
    ANIL,
    BOIL,
    FOMAML,
    IMAML,
    MAML,
    ConditionalNeuralProcess,
    MAMLPlusPlus,
    MetaLearner,
    MetaSGD,
    Outcome,
    ProtoMAML,
    PrototypicalNetworks,
    Reptile,
    TaskSampler,
)
from neurenix.meta.datasets import Glyphs
from neurenix.meta.tasks.kinds import Kinds, using

EITHER = [MAML, FOMAML, ANIL, BOIL, MetaSGD, MAMLPlusPlus, IMAML, Reptile]
X = np.eye(3, dtype=np.float32)
# Rows that can be classes, rows that cannot, and labels.
ONE_HOT = np.array([[1, 0], [0, 1], [1, 0]], float)
VALUES = np.array([[1, 1], [0, 0], [0.5, 1]])
LABELS = np.array([0, 1, 0])


def task(y):
    return X, y, X, y


def made(method, **options):
    nx.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    return method(network, inner_lr=0.5, inner_steps=1, **options)


def loss(learner, *targets):
    """Of the last task, after adaptation."""
    return learner.evaluate([task(y) for y in targets]).scores["loss"][-1, -1]


def by_numpy(learner, y, classes):
    """Of the network that has adapted, on the same examples."""
    out = learner.adapt_to_task(X, y)(X).numpy().astype(float)
    if not classes:
        return ((out - y) ** 2).mean()
    log = out - np.log(np.exp(out).sum(axis=1, keepdims=True))
    return -(log * ONE_HOT).sum(axis=1).mean()


@pytest.mark.parametrize("method", EITHER)
def test_a_task_is_what_the_others_were(compiled_device, method):
    learner = made(method)
    assert learner.kinds == (None, None)
    beside = loss(learner, VALUES, ONE_HOT)
    assert learner.kinds.targets == "values"
    assert loss(learner, ONE_HOT) == beside
    assert loss(learner, ONE_HOT.astype(int)) == beside
    np.testing.assert_allclose(beside, by_numpy(learner, ONE_HOT, False), 1e-5)
    alone = made(method)
    classes = loss(alone, ONE_HOT)
    assert alone.kinds.targets == "classes"
    assert loss(alone, LABELS) == classes != beside
    np.testing.assert_allclose(classes, by_numpy(alone, ONE_HOT, True), 1e-5)


@pytest.mark.parametrize("method", EITHER)
def test_what_is_said_holds(compiled_device, method):
    values = made(method, targets="values")
    first = made(method)
    assert loss(values, ONE_HOT) == loss(first, VALUES, ONE_HOT)
    classes = made(method, targets="classes")
    with pytest.raises(InvalidArgumentError, match=r"shape \(3, 2\) and dtype float64"):
        loss(classes, VALUES)
    assert loss(classes, ONE_HOT) == loss(made(method), LABELS)


FIRST_USES = {
    "evaluate": lambda learner: learner.evaluate([task(ONE_HOT)]),
    "adapt_to_task": lambda learner: learner.adapt_to_task(X, LABELS),
    "meta_learn": lambda learner: learner.meta_learn(
        [task(LABELS)], tasks_per_batch=1, progress=False
    ),
}
LATER_USES = {
    "evaluate": lambda learner: learner.evaluate([task(ONE_HOT), task(VALUES)]),
    "adapt_to_task": lambda learner: learner.adapt_to_task(X, VALUES),
    "meta_learn": lambda learner: learner.meta_learn([task(VALUES)], progress=False),
    "validation": lambda learner: learner.meta_learn(
        [task(ONE_HOT)], validation=[task(VALUES)], progress=False
    ),
}


@pytest.mark.parametrize("first", FIRST_USES)
@pytest.mark.parametrize("later", LATER_USES)
def test_a_learner_of_classes_refuses_values(compiled_device, first, later):
    learner = made(MAML)
    FIRST_USES[first](learner)
    before = learner.state_dict()
    with pytest.raises(
        InvalidArgumentError,
        match=r"no class labels .* MAML\(\.\.\., targets='values'\)",
    ):
        LATER_USES[later](learner)
    assert learner.kinds.targets == "classes"
    for name, value in learner.state_dict().items():
        assert bool((value == before[name]).all()), name


def test_a_learner_of_values_refuses_labels(compiled_device):
    learner = made(MAML)
    learner.adapt_to_task(X, VALUES)
    for use in (
        lambda: loss(learner, LABELS),
        lambda: learner.adapt_to_task(X, LABELS),
    ):
        with pytest.raises(ShapeError, match=r"shape \(3,\).* targets='classes'\)"):
            use()
    sampler = TaskSampler(Glyphs(classes=4), 2, 1, 1, tasks=2)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 2))
    of_values = MAML(network, targets="values")
    with pytest.raises(
        InvalidArgumentError, match=r"'values', and those of a TaskSampler 'classes'"
    ):
        of_values.evaluate(sampler)


def test_training_decides_for_its_validation(compiled_device):
    learner = made(MAML)
    history = learner.meta_learn(
        [task(VALUES)],
        tasks_per_batch=1,
        validation=[task(ONE_HOT)],
        progress=False,
    )
    assert "validation_accuracy" not in history
    np.testing.assert_allclose(history["validation_loss"], loss(learner, ONE_HOT), 1e-6)


@pytest.mark.parametrize(
    "keep", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), None]
)
def test_copies_and_files_keep_it(compiled_device, keep, tmp_path):
    learner = made(MAML)
    wanted = loss(learner, VALUES, ONE_HOT)
    if keep is None:
        learner.save(tmp_path / "learner.safetensors")
        kept = made(MAML)
        kept.load(tmp_path / "learner.safetensors")
    else:
        kept = keep(learner)
    assert kept.kinds.targets == "values"
    assert loss(kept, ONE_HOT) == wanted


def test_a_file_of_another_kind_is_refused(compiled_device, tmp_path):
    learner = made(MAML)
    loss(learner, ONE_HOT)
    learner.save(tmp_path / "learner.safetensors")
    other = made(MAML, targets="values")
    with pytest.raises(
        InvalidArgumentError, match="targets='classes' saved, 'values' now"
    ):
        other.load(tmp_path / "learner.safetensors")


def test_a_run_of_another_kind_is_refused(compiled_device, tmp_path):
    def run(**options):
        made(MAML, **options).meta_learn(
            [task(ONE_HOT)], tasks_per_batch=1, checkpoint=tmp_path, progress=False
        )

    run()
    run(targets="classes")
    with pytest.raises(
        InvalidArgumentError, match="targets='classes' saved, 'values' now"
    ):
        run(targets="values")


def test_modes_and_training_change_nothing(compiled_device):
    learner = made(MAML)
    wanted = loss(learner, VALUES, ONE_HOT)
    learner.eval()
    assert loss(learner, ONE_HOT) == wanted
    learner.meta_learn([task(ONE_HOT)], tasks_per_batch=1, progress=False)
    assert learner.kinds.targets == "values"


def test_what_a_method_says_is_fixed():
    embedding = nn.Linear(3, 2)
    for learner, kind in (
        (PrototypicalNetworks(embedding), "classes"),
        (ProtoMAML(embedding), "classes"),
        (ConditionalNeuralProcess(nn.Linear(2, 1), nn.Linear(2, 2)), "values"),
        (MAML(embedding, loss=nn.functional.cross_entropy), None),
    ):
        assert learner.kinds.targets == kind


@pytest.mark.parametrize(
    "y, kind", [(LABELS, "int32"), (LABELS.astype(np.uint8), "int32"), (VALUES, "f")]
)
def test_a_loss_gets_targets_of_one_dtype(compiled_device, y, kind):
    """Whole numbers as int32, values as floats, in training as in adaptation."""
    seen = set()

    def judged(output, target):
        seen.add(target.dtype.name)
        return (output - target.reshape(3, -1).to(output.dtype)).mean()

    learner = MAML(nn.Linear(3, 2), inner_steps=1, loss=judged)
    learner.evaluate([task(y)])
    learner.adapt_to_task(X, y)
    learner.meta_learn([task(y)], tasks_per_batch=1, progress=False)
    assert seen == {"float32" if kind == "f" else kind}


class Mean(MetaLearner):
    """Predicts the support set's mean value."""

    targets = "values"

    def task_loss(self, parameters, task):
        error = task.query_y - task.support_y.mean(dim=0, keepdims=True)
        return Outcome((error * error).mean())

    def task_scores(self, parameters, task, steps):
        return {"loss": self.task_loss(parameters, task).loss.reshape(1)}


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float64])
def test_values_are_floats(compiled_device, kind):
    """Whole numbers among values are those values; uint8 are no pixels."""
    y = np.array([[1], [2], [6]], kind)
    learner = Mean(nn.Linear(1, 1))
    np.testing.assert_allclose(loss(learner, y), 14 / 3, 1e-6)
    nx.manual_seed(0)
    process = ConditionalNeuralProcess(nn.Linear(4, 4), nn.Linear(7, 2))
    mean, _ = process.adapt_to_task(X, y)(X)
    wanted, _ = process.adapt_to_task(X, y.astype(float))(X)
    np.testing.assert_array_equal(mean.numpy(), wanted.numpy())
    assert loss(process, y) == loss(process, y.astype(float))


def test_threads_decide_together():
    """A use that fails takes back what it alone has decided."""
    learner = made(MAML)
    with pytest.raises(KeyError), using(learner, Kinds("pixels", "values")):
        with using(learner, Kinds("pixels")):  # of another thread
            assert learner.kinds == ("pixels", "values")
        with (
            pytest.raises(InvalidArgumentError, match=r"'pixels', .* 'tokens'"),
            using(learner, Kinds("tokens")),
        ):
            raise AssertionError
        raise KeyError
    assert learner.kinds == ("pixels", None)
