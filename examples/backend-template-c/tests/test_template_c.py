"""This package's own tests; the conformance suite runs beside them, by

pytest --pyargs neurenix.testing.suite --nx-device template_c
"""

import gc

import pytest

import neurenix as nx
from neurenix.backends import discovery


def test_what_is_made_of_other_primitives_runs():
    nx.init({"device": "template_c"})
    x = nx.tensor([[0.5, -1.0], [2.0, 0.0]])
    found = nx.compile(lambda x: nx.softmax(nx.tanh(x), axis=1).sum(0))(x)
    assert found.sum().item() == pytest.approx(2.0)


def test_memory_is_given_back():
    nx.init({"device": "template_c"})
    gc.collect()
    before = discovery.backend("template_c").memory_stats(0)["allocated"]
    x = nx.ones(1000)
    held = discovery.backend("template_c").memory_stats(0)["allocated"]
    assert held - before == 4000
    del x
    assert discovery.backend("template_c").memory_stats(0)["allocated"] == before
