"""A run of several workers that is stopped goes on to the bits of one process."""

from __future__ import annotations

import shutil
from typing import Any

import methods
import pytest
from here_crew import HereCrew
from same_bits import crew, run

import neurenix as nx
from neurenix import meta
from neurenix.errors import WorkerError
from neurenix.meta.distributed.crew_strategy import CrewStrategy


class Interrupted(HereCrew):
    """Is stopped while the jobs of the fourth step are done."""

    left = 4
    by: type[BaseException] = KeyboardInterrupt

    def results(self, jobs: Any) -> Any:
        self.left -= 1
        if not self.left:
            raise self.by
        return super().results(jobs)


@pytest.mark.parametrize("steps_per_call", [1, 3])
def test_ctrl_c_within_a_step(steps_per_call: int, tmp_path: Any) -> None:
    make, tasks = methods.METHODS["MAML"], methods.tasks("MAML", 7)
    alone = run(make, tasks, None, epochs=3, tasks_per_batch=2)
    options = {"epochs": 3, "tasks_per_batch": 2, "steps_per_call": steps_per_call}
    options |= {"checkpoint": tmp_path, "checkpoint_every": 1}
    nx.manual_seed(0)
    learner = make()
    nx.manual_seed(3)
    with pytest.warns(RuntimeWarning, match="stopped by Ctrl-C after meta-step 3"):
        history = learner.meta_learn(
            tasks, progress=False, strategy=CrewStrategy(Interrupted(2)), **options
        )
    assert history.interrupted
    assert run(make, tasks, crew(2), **options) == alone


def test_workers_that_are_lost_within_a_call_of_several_steps(tmp_path: Any) -> None:
    """The steps that were made are counted, and in the checkpoint."""
    make, tasks = methods.METHODS["MAML"], methods.tasks("MAML", 7)
    alone = run(make, tasks, None, epochs=3, tasks_per_batch=2)
    options = {"epochs": 3, "tasks_per_batch": 2, "steps_per_call": 2}
    options |= {"checkpoint": tmp_path}
    nx.manual_seed(0)
    learner, lost = make(), Interrupted(2)
    lost.by = WorkerError
    nx.manual_seed(3)
    with pytest.raises(WorkerError):
        learner.meta_learn(
            tasks, progress=False, strategy=CrewStrategy(lost), **options
        )
    assert [path.stem for path in tmp_path.iterdir()] == ["checkpoint-000000003"]
    assert run(make, tasks, crew(2), **options) == alone


def test_a_checkpoint_that_cannot_be_written_hides_no_loss(tmp_path: Any) -> None:
    make, tasks = methods.METHODS["MAML"], methods.tasks("MAML", 7)
    folder, lost = tmp_path / "run", Interrupted(2)

    class RemovesTheFolder(meta.Callback):
        def on_step_end(self, learner: meta.MetaLearner, event: meta.Event) -> None:
            shutil.rmtree(folder, ignore_errors=True)

    lost.by = WorkerError
    with pytest.raises(WorkerError, match=r"No checkpoint .*cannot write.*make the"):
        make().meta_learn(
            tasks,
            epochs=3,
            tasks_per_batch=2,
            progress=False,
            checkpoint=folder,
            callbacks=[RemovesTheFolder()],
            strategy=CrewStrategy(lost),
        )


def test_runs_that_go_on(tmp_path: Any) -> None:
    make, tasks = methods.METHODS["MAMLPlusPlus"], methods.tasks("MAML", 7)
    alone = run(make, tasks, None, epochs=3)

    class Stop(meta.Callback):
        def on_step_end(self, learner: Any, event: meta.Event) -> None:
            if event.total == 3:
                event.stop()

    folder = tmp_path / "checkpoints"
    once = {"checkpoint": folder, "checkpoint_every": 1, "epochs": 3}
    run(make, tasks, crew(2), callbacks=[Stop()], **once)
    assert run(make, tasks, crew(3), **once) == alone
