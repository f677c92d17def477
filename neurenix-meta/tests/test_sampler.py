"""TaskSampler: which examples make a task, and that it is the same everywhere."""

import subprocess
import sys

import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.meta.counters import uniform, uniforms
from neurenix.meta.datasets import ArrayDataset, Domains, Glyphs
from neurenix.meta.tasks.sampler import TaskSampler, _distinct


def numbered(counts):
    """A data set whose examples are their own rows."""
    labels = np.repeat(np.arange(len(counts)), counts)
    return ArrayDataset(np.arange(len(labels), dtype=np.float32)[:, None], labels)


@pytest.fixture
def uneven():
    return numbered([6, 9, 30, 7, 6, 12, 6, 8])


def test_an_episode_takes_distinct_examples_of_distinct_classes(uneven):
    sampler = TaskSampler(uneven, ways=4, shots=2, queries=4, seed=1)
    for number in range(50):
        classes, support, query = sampler.indices(number)
        assert (
            classes.shape == (4,) and support.shape == (4, 2) and query.shape == (4, 4)
        )
        assert len(set(classes.tolist())) == 4
        rows = np.concatenate([support, query], axis=1)
        assert len(set(rows.ravel().tolist())) == 24
        low, high = uneven.class_offsets[classes], uneven.class_offsets[classes + 1]
        assert (rows >= low[:, None]).all() and (rows < high[:, None]).all()


def test_a_class_can_be_used_up(uneven):
    sampler = TaskSampler(uneven, ways=8, shots=1, queries=5)
    classes, support, query = sampler.indices(0)
    assert sorted(classes.tolist()) == list(range(8))
    first = int(np.flatnonzero(classes == 0)[0])
    assert sorted([*support[first], *query[first]]) == list(range(6))


def test_task_i_does_not_depend_on_what_was_drawn_before(uneven):
    a = TaskSampler(uneven, 3, 1, 2, seed=9)
    b = TaskSampler(uneven, 3, 1, 2, seed=9, tasks=50)
    list(b)
    for number in (7, 0, 41):
        for x, y in zip(a.indices(number), b.indices(number), strict=True):
            assert np.array_equal(x, y)
    assert any(
        not np.array_equal(x, y)
        for x, y in zip(a.indices(0), TaskSampler(uneven, 3, 1, 2, seed=8).indices(0))
    )


def test_task_i_is_the_same_in_every_process_and_version():
    # Written down once: another result would break every resumed training.
    sampler = TaskSampler(numbered([20] * 50), 5, 1, 2, seed=42)
    classes, support, query = sampler.indices(1000)
    expected = [673, 667, 893, 887, 192, 193, 204, 209, 869, 879]
    assert classes.tolist() == [33, 44, 9, 10, 43]
    assert support.ravel().tolist() == [670, 880, 186, 200, 876]
    assert query.ravel().tolist() == expected
    program = """
import numpy as np
from neurenix.meta.datasets import ArrayDataset
from neurenix.meta.tasks.sampler import TaskSampler

data = ArrayDataset(np.zeros((1000, 1)), np.repeat(np.arange(50), 20))
print(TaskSampler(data, 5, 1, 2, seed=42).indices(1000).query.ravel().tolist())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(expected)


def test_a_batch_is_its_episodes(uneven):
    sampler = TaskSampler(uneven, 4, 2, 3, seed=2)
    batch = sampler.batch_indices(10, 6)
    assert batch.support.shape == (6, 8) and batch.query.shape == (6, 12)
    assert {a.dtype for a in batch} == {np.dtype(np.int32)}
    assert batch.support_labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert batch.query_labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    for offset in range(6):
        _, support, query = sampler.indices(10 + offset)
        assert np.array_equal(batch.support[offset], support.ravel())
        assert np.array_equal(batch.query[offset], query.ravel())


def test_a_task_holds_the_examples_that_its_indices_name(uneven):
    sampler = TaskSampler(uneven, 4, 2, 3, seed=2)
    task, (_, support, query) = sampler[5], sampler.indices(5)
    assert np.array_equal(task.support_x.numpy(), uneven.examples[support.ravel()])
    assert np.array_equal(task.query_x.numpy(), uneven.examples[query.ravel()])
    assert task.support_y.dtype is nx.int32
    assert task.query_y.tolist() == np.arange(4).repeat(3).tolist()


def test_one_hot_labels_on_request(uneven):
    task = TaskSampler(uneven, 3, 1, 2, one_hot=True)[0]
    assert task.support_y.dtype is nx.float32
    assert np.array_equal(task.query_y.numpy(), np.eye(3).repeat(2, axis=0))


def test_pixels_become_floats_from_0_to_1():
    glyphs = Glyphs(classes=6, examples_per_class=4)
    task = TaskSampler(glyphs, 5, 1, 3)[0]
    assert task.support_x.shape == (5, 1, 28, 28)
    assert task.support_x.dtype is nx.float32
    assert 0.8 < task.support_x.numpy().max() <= 1.0
    assert task.support_x.numpy().min() == 0.0


def test_the_whole_data_set_goes_to_the_device_once(uneven):
    glyphs = Glyphs(classes=6, examples_per_class=4)
    sampler = TaskSampler(glyphs, 5, 1, 3)
    on_device = sampler.device_examples()
    assert on_device.dtype is nx.uint8 and on_device.shape == (24, 1, 28, 28)
    assert sampler.device_examples() is on_device
    assert TaskSampler(glyphs, 2, 1, 1).device_examples() is on_device
    assert sampler.device_examples(on_device.device) is on_device
    rows = sampler.batch_indices(0, 1).support[0]
    gathered = nx.take(on_device, nx.tensor(rows), 0).numpy() * np.float32(1 / 255)
    assert np.array_equal(gathered, sampler[0].support_x.numpy())


def test_a_number_of_tasks_makes_it_a_collection(uneven):
    sampler = TaskSampler(uneven, 3, 1, 2, tasks=4)
    assert len(sampler) == 4 and len(list(sampler)) == 4
    for wrong in (4, -1):
        with pytest.raises(IndexError, match=f"no task {wrong}: .* from 0 to 3"):
            sampler[wrong]
    with pytest.raises(IndexError, match="no task 5"):
        sampler.batch_indices(2, 4)


def test_without_a_number_it_has_no_end(uneven):
    sampler = TaskSampler(uneven, 3, 1, 2)
    assert sampler
    with pytest.raises(TypeError, match="no end"):
        len(sampler)
    endless = iter(sampler)
    assert [next(endless).support_x.tolist() for _ in range(2)] == [
        sampler[0].support_x.tolist(),
        sampler[1].support_x.tolist(),
    ]
    assert sampler.indices(10**12).support.shape == (3, 1)


def test_draws_without_replacement_are_uniform():
    rng = np.random.default_rng(0)
    drawn = _distinct(rng.random((60_000, 3)), np.full(60_000, 5))
    orders, counts = np.unique(drawn, axis=0, return_counts=True)
    assert len(orders) == 5 * 4 * 3  # every ordered choice, and no other
    assert np.abs(counts / 1000 - 1).max() < 5 / np.sqrt(1000)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((9, 1, 1), "9 ways asked of arrays, which has 8 classes"),
        ((4, 3, 4), "3 shots and 4 queries need 7 examples .* '0' of arrays has 6"),
        ((0, 1, 1), "ways=0; expected an int of 2 or more"),
        ((4, 0, 1), "shots=0; expected an int of 1 or more"),
        ((4, 1, -2), "queries=-2; expected an int of 1 or more"),
        ((4, 1.0, 2), "shots=.*; expected an int of"),
    ],
)
def test_impossible_episodes_are_named(uneven, arguments, words):
    with pytest.raises(InvalidArgumentError, match=words):
        TaskSampler(uneven, *arguments)


def test_other_bad_arguments_are_named(uneven):
    with pytest.raises(InvalidArgumentError, match="seed"):
        TaskSampler(uneven, 2, 1, 1, seed=-1)
    with pytest.raises(InvalidArgumentError, match=r"tasks=.*an int of 1 or more"):
        TaskSampler(uneven, 2, 1, 1, tasks=0)
    with pytest.raises(InvalidArgumentError, match=r"count=.*an int of 1 or more"):
        TaskSampler(uneven, 2, 1, 1).batch_indices(0, 0)


def test_a_pair_of_arrays_is_a_data_set():
    X, y = np.arange(12.0).reshape(12, 1), np.arange(12) % 3
    pair = TaskSampler((X, y), ways=3, shots=1, queries=2, seed=4)
    dataset = TaskSampler(ArrayDataset(X, y), ways=3, shots=1, queries=2, seed=4)
    assert pair.description() == dataset.description()
    for one, other in zip(pair[5], dataset[5], strict=True):
        assert one.tolist() == other.tolist()
    for wrong in ((X, y[:-1]), (X, y, y), X):
        with pytest.raises(InvalidArgumentError):
            TaskSampler(wrong, ways=3, shots=1, queries=2)


def test_many_streams_at_once_are_numpys_philox():
    for seed, start, streams, count in ((3, 2**64 - 40, 40, 9), (2**64 - 1, 0, 16, 4)):
        numbers = uniforms(seed, start, streams, count)
        one_by_one = [uniform(seed, start + i, count) for i in range(streams)]
        assert np.array_equal(numbers, one_by_one)


def domains(*sizes):
    """Domains of so many classes, of four examples each, which hold their domain."""
    made = []
    for number, size in enumerate(sizes):
        labels = np.repeat(np.arange(size), 4)
        examples = np.full((len(labels), 1), number, np.float32)
        made.append(ArrayDataset(examples, labels, name=f"domain {number}"))
    return Domains(made)


def test_a_task_has_its_classes_from_one_domain():
    data = domains(3, 10, 4)
    sampler = TaskSampler(data, ways=3, shots=1, queries=3, seed=0)
    met = np.zeros(17, int)
    for number in range(600):
        classes, support, query = sampler.indices(number)
        rows = np.concatenate([support.ravel(), query.ravel()])
        assert len(set(data.examples[rows, 0])) == 1
        assert len(set(rows)) == 12 and len(set(classes)) == 3
        met[classes] += 1
    # 200 tasks each, with deviation 11.5; a domain's classes are equally likely.
    shares = [met[a:b].sum() / 3 for a, b in ((0, 3), (3, 13), (13, 17))]
    assert np.abs(np.array(shares) - 200).max() < 58 and met.min() > 30
    batch = sampler.batch_indices(100, 40)
    one = sampler.indices(117)
    assert np.array_equal(batch.support[17], one.support.ravel())


def test_domains_that_do_not_fit_are_named():
    with pytest.raises(InvalidArgumentError, match="a domain with 3 classes"):
        TaskSampler(domains(3, 10), ways=5, shots=1, queries=1)
    data = domains(3, 10)
    with pytest.raises(InvalidArgumentError, match="1 data sets; domains are two"):
        Domains([data])
    with pytest.raises(InvalidArgumentError, match="two domains are named 'domains'"):
        Domains([data, data])
    with pytest.raises(ShapeError, match=r"float32\[1\], Glyphs of uint8\[1, 28, 28\]"):
        Domains([data, Glyphs(classes=2)])
