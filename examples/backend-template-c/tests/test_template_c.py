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


def test_a_loop_stays_one_and_is_measured():
    """scan is an instruction of the shared engine; so are the watches of nx.profile."""
    nx.init({"device": "template_c"})
    f = nx.compile(lambda x: nx.scan(lambda c, y: (c * y, c), nx.tensor(1.0), x))
    x = nx.tensor([2.0, 3.0, 4.0])
    with nx.profile() as profile:
        last, before = f(x)
    assert last.item() == 24.0 and before.tolist() == [1.0, 2.0, 6.0]
    (loop,) = (row for row in profile.rows if row["primitive"] == "scan")
    assert loop["count"] == 1


def test_several_steps_by_one_call():
    nx.init({"device": "template_c"})
    total = nx.Cell(nx.tensor(0.0), name="total")

    @nx.compile(state=[total])
    def step(x):
        total.assign(total + x)
        return total.value()

    assert step.run_steps(nx.tensor([1.0, 2.0, 3.0])).tolist() == [1.0, 3.0, 6.0]
    assert total.item() == 6.0


def test_memory_is_given_back():
    nx.init({"device": "template_c"})
    gc.collect()
    before = discovery.backend("template_c").memory_stats(0)["allocated"]
    x = nx.ones(1000)
    held = discovery.backend("template_c").memory_stats(0)["allocated"]
    assert held - before == 4000
    del x
    assert discovery.backend("template_c").memory_stats(0)["allocated"] == before
