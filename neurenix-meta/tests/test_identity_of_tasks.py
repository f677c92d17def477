"""Tasks are told apart by content: other data, labels, order or settings are others,
whatever their names and shapes, and the same data is the same in any copy."""

import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import InvalidArgumentError
from neurenix.meta import (
    MAML,
    MLP,
    PrototypicalNetworks,
    TaskSampler,
    generate_classification_tasks,
)
from neurenix.meta.datasets import ArrayDataset, ClassDataset
from neurenix.meta.digests import digest_of

pytestmark = pytest.mark.usefixtures("compiled_device")
X = np.random.default_rng(0).standard_normal((24, 3)).astype(np.float32)
Y = np.arange(24) % 4


class Rotated(ClassDataset):
    """As a third party would write it."""

    def __init__(self, turns):
        super().__init__("mine", "abcd", np.roll(X, turns, axis=1), [6] * 4)


class Weighted(TaskSampler):
    def __init__(self, *args, weights, **settings):
        super().__init__(*args, **settings)
        self.weights = np.array(weights)


def sampler(x=X, y=Y, cls=TaskSampler, dataset=None, **settings):
    settings = {"ways": 2, "shots": 1, "queries": 2, "seed": 0, "tasks": 4, **settings}
    return cls(dataset or ArrayDataset(x, y), **settings)


def swapped(rows):
    order = np.arange(24)
    order[rows] = order[rows[::-1]]
    return order


def domains(first):
    dataset = ClassDataset("domains", "abcdef", X, [4] * 6)
    dataset.domain_offsets = np.array([0, first, 6])
    return dataset


def tasks(part=None, change=None, order=(0, 1, 2)):
    rng = np.random.default_rng(0)
    made = []
    for _ in order:
        x, q = rng.standard_normal((2, 4, 2)).astype(np.float32)
        made.append([x, np.array([0, 1, 0, 1]), q, np.array([1, 0, 1, 0])])
    if part is not None:
        made[1][part] = change(made[1][part])
    return [tuple(made[i]) for i in order]


ONE_MORE = X.copy()
ONE_MORE[23, 2] += 1.0
OTHERS = {
    "examples": lambda: sampler(x=X + 1),
    "one number": lambda: sampler(x=ONE_MORE),
    "examples in another order": lambda: sampler(x=X[swapped([0, 4])]),
    "labels": lambda: sampler(y=Y[swapped([0, 1])]),
    "names of classes": lambda: sampler(y=Y + 1),
    "shape": lambda: sampler(x=X[:, :, None]),
    "pixels": lambda: sampler(x=np.abs(X).astype(np.uint8)),
    "ways": lambda: sampler(ways=3),
    "shots": lambda: sampler(shots=2),
    "queries": lambda: sampler(queries=1),
    "seed": lambda: sampler(seed=1),
    "varied": lambda: sampler(shots=(1, 2)),
    "varied otherwise": lambda: sampler(shots=(1, 2), tasks_per_setting=1),
    "disjoint": lambda: sampler(replacement=False),
    "third party": lambda: sampler(dataset=Rotated(0)),
    "third party turned": lambda: sampler(dataset=Rotated(1)),
    "subclass": lambda: sampler(cls=Weighted, weights=[1, 2]),
    "subclass with another setting": lambda: sampler(cls=Weighted, weights=[1, 3]),
    "domains": lambda: sampler(dataset=domains(2)),
    "other domains": lambda: sampler(dataset=domains(3)),
    "list": lambda: tasks(),
    "list in another order": lambda: tasks(order=(1, 0, 2)),
    "support_x": lambda: tasks(0, lambda x: x + 1),
    "support_y": lambda: tasks(1, lambda y: 1 - y),
    "query_x": lambda: tasks(2, lambda x: x[::-1]),
    "query_y": lambda: tasks(3, lambda y: 1 - y),
    "parts swapped": lambda: [(q, z, x, y) for x, y, q, z in tasks()],
}


def evaluated(given):
    shape = given[0][0].shape if isinstance(given, list) else given[0].support_x.shape
    net = MLP([int(np.prod(shape[1:])), 4])
    if len(shape) > 2:
        net = nx.nn.Sequential(nx.nn.Flatten(), net)
    return PrototypicalNetworks(net).evaluate(given)


def test_evaluations_on_other_tasks_are_not_paired():
    found = {name: evaluated(make()) for name, make in OTHERS.items()}
    found["sampler"] = evaluated(sampler())
    for name, one in found.items():
        for other_name, other in found.items():
            if name != other_name:
                with pytest.raises(InvalidArgumentError, match="on other tasks"):
                    one.compare(other)
        again = sampler() if name == "sampler" else OTHERS[name]()
        assert one.compare(evaluated(again)).mean is not None


def test_what_differs_is_named():
    base = evaluated(sampler())
    for other, words in (
        (sampler(seed=1), r"\(seed=0 and 1\)"),
        (sampler(x=X + 1), r"\(data='\w{64}' and '\w{64}'\)"),
        (sampler(shots=2), r"\(shots=1 and 2\)"),
        (sampler(tasks=3), r"\(4 and 3\)"),
    ):
        with pytest.raises(InvalidArgumentError, match=words):
            base.compare(evaluated(other))


def test_the_same_list_is_the_same_for_every_learner():
    given = generate_classification_tasks(3, seed=0)
    net = lambda: MLP([20, 5])  # noqa: E731
    results = [
        learner.evaluate(given)
        for learner in (
            PrototypicalNetworks(net()),
            PrototypicalNetworks(net().to(nx.float64)),
            MAML(net(), inner_steps=1),
        )
    ]
    assert len({result.task_key for result in results}) == 1


@pytest.mark.parametrize("endless", [True, False])
@pytest.mark.parametrize(
    "change",
    ["examples", "one number", "labels", "seed", "subclass", "third party turned"],
)
def test_a_run_on_other_data_does_not_go_on(tmp_path, change, endless):
    ends = {"tasks": None} if endless else {}
    more = {"steps_per_epoch": 2} if endless else {}

    def train(given, epochs):
        nx.manual_seed(0)
        given.tasks = None if endless else given.tasks
        return PrototypicalNetworks(MLP([3, 4])).meta_learn(
            given, epochs=epochs, checkpoint=tmp_path, progress=False, **more
        )

    train(sampler(**ends), 1)
    words = r"tasks: \w+=.* saved, .* now"
    with pytest.raises(InvalidArgumentError, match=words):
        train(OTHERS[change](), 2)
    assert train(sampler(X.copy(), Y.copy(), **ends), 2).epochs == 2


def test_digests_do_not_depend_on_how_an_array_lies():
    array = np.arange(24.0).reshape(2, 3, 4)
    same = [array.copy("F"), array.astype(">f8"), array[::-1][::-1], array[None][0]]
    assert len({digest_of([a]) for a in (array, *same)}) == 1
    other = [array.reshape(3, 2, 4), array.astype("f4"), array + 0.5, array.ravel()]
    assert len({digest_of([a]) for a in (array, *other)}) == 5
    halves = digest_of([array[:1], array[1:]])
    assert halves != digest_of([array])
    assert digest_of([], "ab", "c") != digest_of([], "a", "bc")
    assert digest_of([np.zeros((0, 3))]) != digest_of([np.zeros((3, 0))])
    big = np.arange(5_000_000, dtype=np.float64)  # more than is read at a time
    assert digest_of([big]) == digest_of([np.repeat(big, 2)[::2]])


def test_a_digest_is_made_once(monkeypatch):
    dataset = ArrayDataset(X, Y)
    first = dataset.digest
    monkeypatch.setattr("neurenix.meta.datasets.base.digest_of", None)
    assert dataset.digest == first
