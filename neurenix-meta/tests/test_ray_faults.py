"""Workers, nodes and heads that are killed while steps are made: the same bits."""

import os
import signal
import time
from collections.abc import Iterator

import pytest
from killed_runs import WIDE, Doing, OfAModule, alone, trained
from ray_nodes import (
    add_node,
    call,
    cluster,
    kill,
    later,
    node_of,
    process_of,
    processes_of,
    workers,
)

import neurenix as nx
from neurenix import meta, nn
from neurenix.errors import DatasetError, OutOfMemoryError, WorkerError
from neurenix.meta import datasets
from neurenix.meta.distributed import RayStrategy


@pytest.fixture(scope="module")
def made() -> Iterator[object]:
    """Two nodes, a core each."""
    with cluster(1, 1) as found:
        yield found


def wait_until(strategy, count):
    """So many workers are ready for the next step."""
    until = time.monotonic() + 120.0
    while len(strategy._crew.members.settled()) < count:
        assert time.monotonic() < until
        time.sleep(0.05)


def kills_a_worker(strategy):
    """In the middle of the next step."""

    def do(doing):
        wait_until(strategy, 2)
        later(doing.half_a_step, [process_of(workers(strategy)[0])])

    return do


def kills_a_node(strategy, made):
    """So are all processes of a node; another node comes."""

    def do(doing):
        wait_until(strategy, 2)
        first = workers(strategy)[0]
        on_it = [w for w in workers(strategy) if w.node == first.node]
        node = node_of(made, first)
        later(doing.half_a_step, processes_of(node, on_it))
        add_node(made, len(on_it))

    return do


def kinds(strategy):
    return [change.kind for change in strategy.changes]


# ---- workers and nodes ---------------------------------------------------------------


def test_a_worker_then_a_node_are_killed_in_mid_step(made):
    with RayStrategy(workers=2) as strategy:
        doing = Doing({3: kills_a_worker(strategy), 7: kills_a_node(strategy, made)})
        assert trained(strategy, [doing], **WIDE) == alone(**WIDE)
        assert kinds(strategy).count("lost") >= 2


@pytest.mark.nightly
def test_ten_workers_then_ten_nodes_are_killed_in_mid_step(made):
    with RayStrategy(workers=2) as strategy:
        doing = Doing(
            {4 * n: kills_a_worker(strategy) for n in range(1, 11)}
            | {4 * n: kills_a_node(strategy, made) for n in range(11, 21)}
        )
        assert trained(strategy, [doing], epochs=22) == alone(22)
        assert kinds(strategy).count("lost") >= 20


def test_a_worker_that_hangs_is_replaced(made):
    with RayStrategy(workers=2, deadline=10.0) as strategy:

        def stops(doing):
            kill(process_of(workers(strategy)[0]), number=signal.SIGSTOP)

        assert trained(strategy, [Doing({5: stops})]) == alone()
        lost = [change.cause for change in strategy.changes if change.kind == "lost"]
        assert "no answer within 10 s: it was ended" in lost
        wait_until(strategy, 2)
        assert "joined" in kinds(strategy)[kinds(strategy).index("lost") :]


def test_workers_join_and_leave_between_steps(made):
    with RayStrategy(workers=1) as strategy:
        seen = []

        def join(doing):
            strategy.workers = 2
            wait_until(strategy, 2)

        def leave(doing):
            strategy.workers = 1

        def look(doing):
            seen.append(len(workers(strategy)))

        doing = Doing({2: look, 4: join, 6: look, 9: leave, 11: look})
        assert trained(strategy, [doing]) == alone()
        assert seen == [1, 2, 1]
        assert kinds(strategy) == ["joined", "joined", "left"]


def test_a_node_without_neurenix_joins_and_the_others_go_on(made, tmp_path):
    (tmp_path / "neurenix.py").write_text("raise ImportError('it is not here')")
    with pytest.warns(UserWarning, match="room for 2 of 3"):
        strategy = RayStrategy(workers=3, at_least=2)
        strategy._started(meta.MAML(meta.MLP([1, 1])))

    def join(doing):
        nodes.append(add_node(made, 1, PYTHONPATH=str(tmp_path)))
        until = time.monotonic() + 120.0
        while "lost" not in kinds(strategy):
            strategy._crew.members.settled()
            assert time.monotonic() < until
            time.sleep(0.05)

    nodes = []
    with strategy:
        assert trained(strategy, [Doing({3: join})]) == alone()
        causes = [change.cause for change in strategy.changes if change.kind == "lost"]
        assert all("cannot import what a worker is" in cause for cause in causes)
        assert "it is not here" in causes[0]
    made.remove_node(*nodes)


# ---- causes that are named -----------------------------------------------------------


def test_a_worker_without_memory_is_named(made):
    home = os.getpid()

    class TooLarge(nn.Module):
        """Takes more memory than any machine has, in other processes than this."""

        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 1)

        def forward(self, x):
            y = self.layer(x)
            if os.getpid() == home:
                return y
            wide = y.sum() + nx.arange(1 << 22, dtype=nx.float32)
            return y + (wide.reshape(-1, 1) @ wide.reshape(1, -1)).max()

    tasks = meta.generate_regression_tasks(4, 5, seed=0)
    learner = meta.MAML(TooLarge(), inner_steps=1)
    with RayStrategy(workers=1) as strategy:
        with pytest.raises(OutOfMemoryError, match=r"worker 0 on node .*memory.*chunk"):
            learner.meta_learn(tasks, progress=False, strategy=strategy)
        assert kinds(strategy) == ["joined"]  # and is there for what needs less
        assert trained(strategy) == alone()


def test_a_module_that_workers_have_not_is_named_and_leaves_nothing_behind(made):
    learner = meta.MAML(OfAModule(), inner_steps=1)
    tasks = meta.generate_regression_tasks(4, 5, seed=0)
    with RayStrategy(workers=2) as strategy:
        for _ in range(2):  # it is sent again
            with pytest.raises(WorkerError, match="No module named 'killed_runs'"):
                learner.meta_learn(tasks, progress=False, strategy=strategy)
            another = meta.MAML(meta.MLP([1, 4, 1]), inner_steps=1)
            scores = another.evaluate(tasks, strategy=strategy)
            assert scores.mean("loss") == another.evaluate(tasks).mean("loss")


def test_images_that_one_node_has_not_are_named_with_it(made, tmp_path, monkeypatch):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    for name in ("ants", "bees"):
        (tmp_path / "here" / "images" / name).mkdir(parents=True)
        for number in range(4):
            picture = image.new("L", (8, 8), number)
            picture.save(tmp_path / "here" / "images" / name / f"{number}.png")
    (tmp_path / "elsewhere").mkdir()
    here, elsewhere = str(tmp_path / "here"), str(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "here")
    how = meta.Preprocess(8, channels=1)
    folder = datasets.ImageFolder("images", preprocess=how, lazy=True)
    tasks = meta.TaskSampler(folder, ways=2, shots=1, queries=1, seed=0, tasks=8)
    learner = meta.PrototypicalNetworks(nn.Sequential(nn.Flatten(), nn.Linear(64, 4)))
    listed = [tasks[i] for i in range(2)]
    with RayStrategy(workers=2) as strategy:
        learner.evaluate(listed, strategy=strategy)
        first, second = workers(strategy)
        call(first, lambda worker: os.chdir(here))
        call(second, lambda worker: os.chdir(elsewhere))
        with pytest.raises(DatasetError, match="images") as raised:
            learner.evaluate(tasks, strategy=strategy)
        assert str(second) in str(raised.value) and second.node in str(raised.value)
