"""Class labels of tasks: what no int32 holds is refused, wherever labels come in."""

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import DtypeError, InvalidArgumentError
from neurenix.meta import ANIL, MAML, ProtoMAML, PrototypicalNetworks

X = np.eye(4, dtype=np.float32)
LEARNERS = [MAML, ANIL, ProtoMAML, PrototypicalNetworks]
# Each is 0, 1, 0, 1 once it is cut to 32 bits.
TOO_LARGE = [
    np.array([0, 1, 2**32, 2**32 + 1]),
    np.array([0, 1, 2**32, 1], np.uint64),
    np.array([0, 1, 0, 2**63 + 1], np.uint64),
]


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("labels", TOO_LARGE)
def test_labels_beyond_32_bits_are_refused(learner, labels):
    kind = learner(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)))
    good = np.array([0, 1, 0, 1])
    words = f"has the label {labels.max()}; labels go from 0 to ways - 1"
    either = f"{words}|{labels.max()} does not fit int32"
    with pytest.raises((InvalidArgumentError, DtypeError), match=either):
        kind.adapt_to_task(X, labels)
    if labels.dtype == np.int64:
        with pytest.raises(InvalidArgumentError, match=words):
            kind.adapt_to_task(X, nx.tensor(labels, dtype=nx.int64))
    for task in ((X, labels, X, good), (X, good, X, labels)):
        with pytest.raises(InvalidArgumentError, match=f"task 0: .*{words}"):
            kind.evaluate([task])
        with pytest.raises(InvalidArgumentError, match=f"task 0: .*{words}"):
            kind.meta_learn([task], progress=False)
