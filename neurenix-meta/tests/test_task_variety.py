"""Tasks that vary in ways and shots, and tasks that share no example."""

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError
from neurenix.meta import Callback, PrototypicalNetworks, TaskSampler
from neurenix.meta.datasets import ClassDataset, Domains


def points(classes=12, counts=9, name="points"):
    """Examples that tell their own row: [row, class]."""
    sizes = [counts] * classes if isinstance(counts, int) else counts
    rows = np.arange(sum(sizes), dtype=np.float32)
    labels = np.repeat(np.arange(len(sizes)), sizes).astype(np.float32)
    names = [f"{name}{i}" for i in range(len(sizes))]
    return ClassDataset(name, names, np.stack([rows, labels], axis=1), sizes)


def varied(tasks=None, **settings):
    return TaskSampler(points(), (2, 5), (1, 4), 3, seed=1, tasks=tasks, **settings)


def test_settings_cover_their_ranges_evenly_and_follow_the_seed():
    sampler = varied(tasks_per_setting=1)
    found = [sampler.setting(number) for number in range(800)]
    assert set(found) == {(w, s) for w in range(2, 6) for s in range(1, 5)}
    counts = np.unique([w for w, _ in found], return_counts=True)[1]
    assert counts.min() > 160 and counts.max() < 240
    assert found == [varied(tasks_per_setting=1).setting(n) for n in range(800)]
    other = TaskSampler(points(), (2, 5), (1, 4), 3, seed=2, tasks_per_setting=1)
    assert found != [other.setting(number) for number in range(800)]


def test_a_task_has_its_setting_with_balanced_queries():
    sampler = varied()
    for number in range(0, 40, 3):
        ways, shots = sampler.setting(number)
        assert sampler.setting(number) == sampler.setting(number // 4 * 4)
        task, indices = sampler[number], sampler.indices(number)
        assert indices.support.shape == (ways, shots)
        assert task.support_x.shape == (ways * shots, 2)
        assert task.query_y.tolist() == np.repeat(np.arange(ways), 3).tolist()
        rows = np.concatenate([indices.support.ravel(), indices.query.ravel()])
        assert len(set(rows.tolist())) == len(rows)
        drawn = task.support_x.numpy()[:, 1].reshape(ways, shots)
        assert (drawn == indices.classes[:, None]).all()


def test_training_and_evaluation_take_tasks_that_vary(device):
    learner = PrototypicalNetworks(nn.Linear(2, 3))
    shapes = []

    class Look(Callback):
        def on_step_end(self, learner, event):
            shapes.append(event.step)

    learner.meta_learn(
        varied(), tasks_per_batch=2, steps_per_epoch=8, callbacks=[Look()],
        progress=False,
    )  # fmt: skip
    assert shapes == list(range(1, 9))
    result = learner.evaluate(varied(tasks=22))
    assert result.tasks == 22 and result.diverged == 0
    one_by_one = [learner.evaluate([varied()[n]]).mean() for n in (0, 5, 21)]
    assert result.scores["loss"][[0, 5, 21], 0] == pytest.approx(one_by_one, rel=1e-6)


def test_a_step_on_varied_tasks_is_the_step_on_those_tasks(device):
    """Against the same tasks given as a list, one batch."""

    def trained(tasks, **how):
        nx.manual_seed(3)
        learner = PrototypicalNetworks(nn.Linear(2, 3), meta_lr=0.1)
        learner.meta_learn(tasks, tasks_per_batch=4, progress=False, **how)
        return learner.model.weight.numpy()

    sampler = varied()
    sampled = trained(sampler, steps_per_epoch=1)
    listed = trained([sampler[number] for number in range(4)])
    assert sampled == pytest.approx(listed, rel=1e-5)


def test_a_batch_is_of_one_setting():
    sampler = varied(tasks_per_setting=4)
    other = next(n for n in range(4, 40, 4) if sampler.setting(n) != sampler.setting(0))
    with pytest.raises(InvalidArgumentError, match="differ in ways or shots"):
        sampler.batch_indices(other - 2, 4)
    learner = PrototypicalNetworks(nn.Linear(2, 3))
    before = learner.model.weight.numpy().copy()
    with pytest.raises(InvalidArgumentError, match=r"tasks_per_batch=3.*multiple of 3"):
        learner.meta_learn(sampler, tasks_per_batch=3, steps_per_epoch=2)
    assert (learner.model.weight.numpy() == before).all()


@pytest.mark.parametrize(
    ("ways", "shots", "message"),
    [
        ((5, 2), 1, r"ways=\(5, 2\): 5 is above 2"),
        ((1, 3), 1, "ways=1; expected an int of 2 or more"),
        ((2, 3, 4), 1, r"ways=\(2, 3, 4\); expected a number or"),
        (2, (0, 3), "shots=0; expected an int of 1 or more"),
        ((2, 13), 1, "13 ways asked of points, which has 12"),
        (2, (1, 7), "7 shots and 3 queries need 10 examples"),
    ],
)
def test_ranges_are_checked(ways, shots, message):
    with pytest.raises(InvalidArgumentError, match=message):
        TaskSampler(points(), ways, shots, 3)


# ---- without replacement -------------------------------------------------------------


def rows_of(sampler, numbers):
    found = [sampler.indices(number) for number in numbers]
    return [np.concatenate([i.support.ravel(), i.query.ravel()]) for i in found]


def test_no_example_is_in_two_tasks_of_a_pass():
    sampler = TaskSampler(points(), 5, 1, 2, seed=4, replacement=False)
    # each of 12 classes has 3 hands; 2 tasks a round
    assert sampler.tasks_per_pass == 6
    for turn in range(3):
        rows = np.concatenate(rows_of(sampler, range(6 * turn, 6 * turn + 6)))
        assert len(set(rows.tolist())) == len(rows) == 6 * 15
    classes = [sampler.indices(number).classes for number in range(6)]
    assert all(len(set(c.tolist())) == 5 for c in classes)
    labels = sampler.dataset.examples[sampler.indices(3).support[:, 0], 1]
    assert (labels == sampler.indices(3).classes).all()


def test_passes_differ_and_follow_seed_and_index():
    def draw(seed, numbers):
        sampler = TaskSampler(points(), 5, 1, 2, seed=seed, replacement=False)
        return [rows.tolist() for rows in rows_of(sampler, numbers)]

    whole = draw(4, range(12))
    assert whole[:6] != whole[6:]
    assert draw(4, [11, 2, 7]) == [whole[11], whole[2], whole[7]]
    assert draw(5, range(6)) != whole[:6]


def test_classes_with_more_examples_are_dealt_more_often():
    uneven = points(counts=[9, 9, 9, 3, 3, 3])
    sampler = TaskSampler(uneven, 3, 1, 2, seed=0, replacement=False)
    assert sampler.tasks_per_pass == 2 + 1 + 1  # rounds of 6, 3 and 3 classes


def test_a_task_is_of_one_domain():
    both = Domains([points(name="a"), points(name="b")])
    sampler = TaskSampler(both, 5, 1, 2, seed=0, replacement=False)
    assert sampler.tasks_per_pass == 12
    for number in range(12):
        assert len(set((sampler.indices(number).classes // 12).tolist())) == 1


def test_more_tasks_than_there_can_be_are_refused_with_their_number():
    make = TaskSampler
    assert len(make(points(), 5, 1, 2, tasks=6, replacement=False)) == 6
    with pytest.raises(InvalidArgumentError, match=r"7 tasks without .* make 6 of 5"):
        make(points(), 5, 1, 2, tasks=7, replacement=False)
    with pytest.raises(InvalidArgumentError, match="have one number of each"):
        make(points(), (2, 5), 1, 2, replacement=False)


def test_a_run_without_replacement_goes_on_from_a_checkpoint(tmp_path, device):
    def learn(epochs, **how):
        nx.manual_seed(0)
        learner = PrototypicalNetworks(nn.Linear(2, 3))
        sampler = TaskSampler(points(), 5, 1, 2, seed=4, replacement=False)
        learner.meta_learn(
            sampler, epochs=epochs, tasks_per_batch=2, steps_per_epoch=2,
            progress=False, **how,
        )  # fmt: skip
        return learner.model.weight.numpy()

    learn(1, checkpoint=tmp_path)
    resumed = learn(3, checkpoint=tmp_path)
    assert resumed.tobytes() == learn(3).tobytes()
