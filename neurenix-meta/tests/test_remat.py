"""remat: inner steps computed again give what kept ones give, in less memory."""

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.meta import (
    ANIL,
    FOMAML,
    IMAML,
    MAML,
    Conv4,
    MAMLPlusPlus,
    MetaSGD,
    ProtoMAML,
    Reptile,
)
from neurenix.meta.tasks.batches import Episode
from neurenix.passes.pipeline import fusion, prepare
from neurenix.phynexus.plan.lowering import make_plan
from neurenix.phynexus.plan.scratch import most_scratch
from neurenix.transforms.capture import capture_flat

METHODS = [MAML, FOMAML, ANIL, MetaSGD, ProtoMAML, MAMLPlusPlus, IMAML, Reptile]


def images():
    rng = np.random.default_rng(0)
    classes = np.arange(3)
    x = [rng.normal(size=(3, 1, 16, 16)) for _ in range(4)]
    return [(x[0], classes, x[1], classes), (x[2], classes, x[3], classes)]


class Dropping(nn.Module):
    """Convolutions, batch norm and dropout."""

    def __init__(self):
        super().__init__()
        self.body = Conv4(hidden=4)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.drop(self.body(x)))


def change(method, remat, **options):
    """What a meta-step of gradient descent adds to all meta-parameters."""
    nx.manual_seed(0)
    learner = method(Dropping(), 0.1, inner_steps=2, remat=remat, **options)
    before = [p.numpy().copy() for p in learner.parameters()]
    sgd = optim.SGD(learner.parameters(), lr=0.1)
    learner.meta_learn(images(), sgd, 1, 2, progress=False)
    return [p.numpy() - b for p, b in zip(learner.parameters(), before)]


@pytest.mark.parametrize("method", METHODS)
def test_without_fusion_it_changes_no_bit(compiled_device, method):
    with fusion(False):
        kept, again = change(method, False), change(method, True)
    assert any(np.any(g != 0) for g in kept)
    for a, b in zip(kept, again, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("method", [MAML, MAMLPlusPlus])
def test_fused_it_is_the_same_to_rounding(compiled_device, method):
    for a, b in zip(change(method, False), change(method, True), strict=True):
        assert np.allclose(a, b, rtol=1e-4, atol=1e-6)


def test_it_goes_with_clipping(compiled_device):
    with fusion(False):
        kept, again = (change(MAML, r, inner_clip_norm=0.5) for r in (False, True))
    for a, b in zip(kept, again, strict=True):
        assert np.array_equal(a, b)


def taken(steps, remat):
    """Bytes of a task's meta-gradient."""
    learner = MAML(Conv4(ways=3, hidden=8), inner_steps=steps, remat=remat)
    x, y = nx.zeros(6, 1, 16, 16), nx.zeros(6, dtype=nx.int32)
    names, values = zip(*learner.learned().items())

    def gradient(*given):
        parameters = dict(zip(names, given))
        with nx.no_grad():
            found = learner.task_gradient(parameters, Episode(x, y, x, y, 3))[1]
        return list(found.values())

    program, _ = capture_flat(gradient, [v.type for v in values])
    return most_scratch(make_plan(prepare(program)))


def test_what_a_step_adds_is_its_weights(compiled_device):
    kept, again = ([taken(n, remat) for n in (4, 16)] for remat in (False, True))
    weights = sum(p.size for p in Conv4(ways=3, hidden=8).parameters()) * 4
    assert (again[1] - again[0]) / 12 < 2 * weights
    assert kept[1] > 3 * again[1]
    assert (kept[1] - kept[0]) / 12 > 6 * weights
