"""compile=False: every method by ordinary Python, as its programs do it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from methods import METHODS, make, tasks

import neurenix as nx
from neurenix import meta, nn, optim
from neurenix.errors import CaptureError, InvalidArgumentError, NonFiniteError

pytestmark = pytest.mark.usefixtures("compiled_device")


def learned(learner: meta.MetaLearner, name: str, compile: bool, **more: Any) -> Any:
    # SGD: where a gradient is rounding alone, Adam would make a step of it.
    return learner.meta_learn(
        tasks(name),
        optim.SGD(learner.parameters(), lr=0.05, momentum=0.5),
        2,
        2,
        progress=False,
        compile=compile,
        **more,
    )


@pytest.mark.parametrize("name", METHODS)
def test_as_the_programs(name: str) -> None:
    found = []
    for compile in (True, False):
        learner = make(name)
        history = learned(
            learner, name, compile, validation=tasks(name, 2), steps_per_call=2
        )
        result = learner.evaluate(tasks(name), compile=compile)
        task = tasks(name)[0]
        adapted = learner.adapt_to_task(
            task.support_x, task.support_y, compile=compile
        )(task.query_x)
        first = adapted[0] if isinstance(adapted, tuple) else adapted
        found.append(
            {
                **{n: np.array(history[n]) for n in history},
                **{f"evaluated {n}": s for n, s in result.scores.items()},
                **{n: v.numpy() for n, v in learner.state_dict().items()},
                "adapted": first.numpy(),
            }
        )
        programs = [p for p in learner._programs.values() if p.entries]
        assert bool(programs) == compile
    programs_, eager = found
    assert programs_.keys() == eager.keys()
    for what, value in programs_.items():
        assert np.allclose(eager[what], value, rtol=2e-4, atol=2e-6), what


def test_values_can_be_looked_at(capsys: Any) -> None:
    class Looking(meta.MAML):
        def task_loss(self, parameters: Any, task: Any) -> meta.Outcome:
            outcome = super().task_loss(parameters, task)
            nx.debug.print("loss {}", float(outcome.loss))
            if outcome.loss > 0.0:  # a value
                return outcome
            raise AssertionError

    def make_looking() -> Looking:
        nx.manual_seed(0)
        return Looking(meta.MLP([6, 4, 3]), inner_steps=2)

    with pytest.raises(CaptureError, match="compile=False"):
        learned(make_looking(), "MAML", compile=True)
    history = learned(make_looking(), "MAML", compile=False)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8  # four tasks in two epochs
    losses = [float(line.split()[1]) for line in lines]
    assert np.allclose(np.mean(losses[:4]), history["loss"][0], rtol=1e-6)
    assert np.isfinite(make_looking().evaluate(tasks("MAML"), compile=False).mean())


def test_dropout_draws_the_same_in_either_way() -> None:
    found = []
    for compile in (True, False):
        nx.manual_seed(0)
        net = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.BatchNorm1d(8))
        learner = meta.PrototypicalNetworks(net)
        found.append(learned(learner, "MAML", compile)["loss"])
    assert np.allclose(*found, rtol=1e-5)


def test_a_step_that_is_not_finite_changes_nothing() -> None:
    learner = meta.MAML(meta.MLP([6, 4, 3]), inner_lr=1e30, inner_steps=3)
    before = {n: v.numpy().copy() for n, v in learner.state_dict().items()}
    with pytest.raises(NonFiniteError, match="diverges in inner step"):
        learned(learner, "MAML", compile=False)
    for n, v in learner.state_dict().items():
        assert (v.numpy() == before[n]).all()


class StopsAt(meta.Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, learner: meta.MetaLearner, event: meta.Event) -> None:
        self.step -= 1
        if not self.step:
            raise KeyboardInterrupt


def test_checkpoints_and_interruption(tmp_path: Any) -> None:
    whole = make("MAML")
    learned(whole, "MAML", compile=False)
    folder = {"checkpoint": tmp_path, "checkpoint_every": 1}
    stopped = make("MAML")
    with pytest.warns(RuntimeWarning, match="goes on from the checkpoint of meta-step"):
        history = learned(stopped, "MAML", False, callbacks=[StopsAt(2)], **folder)
    assert history.interrupted
    again = make("MAML")
    learned(again, "MAML", False, **folder)
    for n, v in whole.state_dict().items():
        assert (again.state_dict()[n].numpy() == v.numpy()).all()


def test_bad_input() -> None:
    learner = make("MAML")
    with pytest.raises(InvalidArgumentError, match="compile='no'; expected True or"):
        learner.evaluate(tasks("MAML"), compile="no")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="leave one of them out"):
        learner.evaluate(tasks("MAML"), max_memory="1 GB", compile=False)
    with pytest.raises(InvalidArgumentError, match="leave one of them out"):
        learned(learner, "MAML", False, max_memory=10**9)
