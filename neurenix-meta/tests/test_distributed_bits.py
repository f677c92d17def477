"""Any number of workers gives the bits of one process: the steps, without Ray."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import methods
import numpy as np
import pytest
from device_for_a_while import device_for_a_while
from here_crew import HereCrew
from same_bits import Make, bits, crew, dataset, run, same_with, sampler

import neurenix as nx
from neurenix import meta, nn, optim
from neurenix.errors import (
    InvalidArgumentError,
    NonFiniteError,
    OutOfMemoryError,
)
from neurenix.meta.distributed.crew_strategy import CrewStrategy
from neurenix.meta.distributed.worker import Worker
from neurenix.meta.tasks.batches import EndlessSource
from neurenix.meta.training.strategy import Strategy


@pytest.mark.parametrize("name", methods.METHODS)
def test_every_method(name: str) -> None:
    tasks = methods.tasks(name, 7)
    same_with([3], methods.METHODS[name], tasks, validation=tasks[:3])


@pytest.mark.parametrize("batch", [1, 6, 7])
def test_any_number_of_workers(batch: int) -> None:
    tasks = methods.tasks("MAML", 7)
    make = methods.METHODS["MAML"]
    same_with([1, 2, 3, 4, 8], make, tasks, tasks_per_batch=batch)


def with_norms(mode: str) -> meta.MetaLearner:
    steps = 2 if mode in ("per_step", "per_step_transductive") else None
    network = nn.Sequential(
        nn.Linear(methods.INPUTS, 8),
        nn.BatchNorm1d(8, mode=mode, steps=steps),
        nn.ReLU(),
        nn.Linear(8, methods.WAYS),
    )
    return meta.MAML(network, 0.1, inner_steps=2)


@pytest.mark.parametrize("mode", nn.batch_norm.MODES)
def test_batch_norm_in_every_mode(mode: str) -> None:
    same_with([2], lambda: with_norms(mode), methods.tasks("MAML", 7))


def test_mamlplusplus_over_its_epochs() -> None:
    def make() -> meta.MetaLearner:
        network = nn.Sequential(
            nn.Linear(methods.INPUTS, 8),
            nn.BatchNorm1d(8, mode="per_step", steps=2),
            nn.ReLU(),
            nn.Linear(8, methods.WAYS),
        )
        return meta.MAMLPlusPlus(
            network, 0.1, inner_steps=2, multi_step_epochs=2, first_order_epochs=1
        )

    same_with([3], make, methods.tasks("MAML", 6), epochs=3)


class Noisy(nn.Module):
    """Draws from the default stream, and from one of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(methods.INPUTS, 8)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Linear(8, methods.WAYS)
        self.stream = nx.Generator(11)

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        hidden = self.drop(nx.tanh(self.first(x)))
        noise = nx.randn(hidden.shape, generator=self.stream)
        return self.last(hidden + 0.1 * noise)


class NoisyAlways(Noisy):
    """Draws in evaluation, too."""

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        return super().forward(x) + 0.01 * nx.uniform((methods.WAYS,))


@pytest.mark.parametrize("network", [Noisy, NoisyAlways])
def test_random_draws(network: type[nn.Module]) -> None:
    def make() -> meta.MetaLearner:
        return meta.MAML(network(), 0.1, inner_steps=2)

    tasks = methods.tasks("MAML", 7)
    same_with([2, 3], make, tasks, validation=tasks[:3])


def test_random_draws_over_several_calls_of_an_evaluation() -> None:
    tasks = methods.tasks("MAML", 41)
    found = []
    for strategy in (None, crew(1), crew(3)):
        nx.manual_seed(5)
        learner = meta.MAML(NoisyAlways(), 0.1, inner_steps=1)
        scores = [learner.evaluate(tasks, strategy=strategy).scores for _ in range(2)]
        found.append([{n: x.tobytes() for n, x in s.items()} for s in scores])
    assert found[0] == found[1] == found[2]
    assert found[0][0] != found[0][1]


def on_images() -> meta.MetaLearner:
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    return meta.MAML(network, 0.1, inner_steps=1)


@pytest.mark.parametrize("end", [None, 12])
def test_samplers(end: int | None) -> None:
    more = {"steps_per_epoch": 3} if end is None else {}
    same_with([3], on_images, sampler(tasks=end), tasks_per_batch=6, **more)


def test_the_next_tasks_are_drawn_before_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[str] = []

    def listen(method: str) -> None:
        original = getattr(Worker, method)

        def hearing(self: Worker, *args: Any) -> Any:
            heard.append(method)
            return original(self, *args)

        monkeypatch.setattr(Worker, method, hearing)

    listen("prepare")
    listen("sums")
    draw = EndlessSource.batch_of

    def drawn(self: EndlessSource, numbers: Any) -> Any:
        heard.append("draw")
        return draw(self, numbers)

    monkeypatch.setattr(EndlessSource, "batch_of", drawn)
    options = {"tasks_per_batch": 4, "steps_per_epoch": 3, "epochs": 1}
    run(on_images, sampler(), crew(1), **options)
    ahead = ["prepare", "draw"]
    assert heard == ["sums", "draw", *ahead, "sums", *ahead, "sums"]


@pytest.fixture
def told_to_crews(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of what crews are told."""
    told: list[str] = []
    tell = HereCrew.tell

    def telling(self: HereCrew, name: str, value: object) -> None:
        told.append(name.rstrip("0123456789 "))
        tell(self, name, value)

    monkeypatch.setattr(HereCrew, "tell", telling)
    return told


def test_what_workers_know_is_not_told_again(told_to_crews: list[str]) -> None:
    strategy, learner = crew(2), on_images()
    for _ in range(2):
        learner.meta_learn(
            sampler(tasks=6),
            epochs=2,
            validation=sampler(tasks=3),
            progress=False,
            strategy=strategy,
        )
        learner.evaluate(sampler(tasks=4), strategy=strategy)
    assert sorted(told_to_crews) == ["learner", "tasks", "tasks", "tasks"]


class Evaluating(meta.Callback):
    """Scores lists of tasks after each epoch: the same, and others each time."""

    def __init__(self, strategy: Strategy | None) -> None:
        self.strategy = strategy
        self.found: list[bytes] = []

    def on_epoch_end(self, learner: Any, event: meta.Event) -> None:
        for seed in (100, 101, 10 * event.epoch, 10 * event.epoch + 1):
            tasks = methods.tasks("MAML", 4, seed=seed)
            scores = learner.evaluate(tasks, strategy=self.strategy).scores
            self.found += [scores[name].tobytes() for name in sorted(scores)]


@pytest.mark.parametrize("apart", [1, 2])
def test_a_callback_that_evaluates_lists(apart: int) -> None:
    """Workers forget what has not been used for long, the training's tasks too."""
    make = methods.METHODS["Reptile"]
    found = []
    for strategy in (None, CrewStrategy(HereCrew(1), apart, 1)):
        callback = Evaluating(strategy)
        options = {"epochs": 6, "callbacks": [callback]}
        tasks = methods.tasks("Reptile", 7)
        found.append((run(make, tasks, strategy, **options), callback.found))
    assert found[0] == found[1]


def test_a_list_that_comes_again_is_not_told_again(
    told_to_crews: list[str],
) -> None:
    learner = methods.make("MAML")
    strategy = crew(2)
    for _ in range(3):
        for seed in (0, 1):
            learner.evaluate(methods.tasks("MAML", 4, seed=seed), strategy=strategy)
    assert sorted(told_to_crews) == ["learner", "tasks", "tasks"]
    # read in another way, as another learner does, it is another one
    other = methods.make("MAML").to(nx.float64)
    other.evaluate(methods.tasks("MAML", 4, seed=0), strategy=strategy)
    assert sorted(told_to_crews) == [*["learner"] * 2, *["tasks"] * 3]


def test_settings_that_vary() -> None:
    tasks = meta.TaskSampler(
        dataset(), (2, 3), (1, 2), queries=2, seed=7, tasks_per_setting=6
    )

    def make() -> meta.MetaLearner:
        network = nn.Sequential(nn.Flatten(), nn.Linear(16, 5))
        return meta.PrototypicalNetworks(network)

    same_with([2], make, tasks, tasks_per_batch=3, steps_per_epoch=4)


def test_augmented_images() -> None:
    augment = meta.Augmentation(shift=1, flip=0.5)
    same_with(
        [3],
        on_images,
        sampler(augment=augment),
        tasks_per_batch=5,
        steps_per_epoch=3,
    )


def test_tasks_of_several_shapes() -> None:
    tasks = methods.tasks("MAML", 4)
    tasks += meta.generate_classification_tasks(
        5, methods.WAYS, 2, methods.INPUTS, seed=1
    )
    same_with([2, 3], methods.METHODS["MAML"], tasks, tasks_per_batch=3)


@pytest.mark.parametrize(
    "options",
    [
        {"steps_per_call": 3},
        {"chunk": 2},
        {"optimizer": lambda p: optim.SGD(p, lr=0.1, momentum=0.9)},
        {"optimizer": lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1)},
        {"optimizer": lambda p: optim.RMSprop(p, lr=0.01)},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_of_training(options: dict[str, Any]) -> None:
    same_with([3], methods.METHODS["MAML"], methods.tasks("MAML", 7), **options)


def test_a_limit_of_memory_is_kept_by_each_worker() -> None:
    make, tasks = methods.METHODS["MAML"], methods.tasks("MAML", 8)
    learner = make()
    nx.manual_seed(3)
    learner.meta_learn(
        tasks,
        tasks_per_batch=8,
        max_memory="16 kB",
        progress=False,
        strategy=crew(2),
        validation=tasks,
    )
    plans = learner.memory_plans
    for name in ("meta_learn", "evaluate"):
        assert plans[name].bytes <= plans[name].limit == 16000
    options = {"tasks_per_batch": 8, "max_memory": "16 kB"}
    assert run(make, tasks, crew(2), **options) == run(
        make, tasks, None, tasks_per_batch=8
    )
    with pytest.raises(OutOfMemoryError, match="one task at a time needs"):
        run(make, tasks, crew(2), max_memory="1 kB")


class Clipped(optim.Adam):
    """Its update depends on all gradients at once."""

    def step(self, grads: Any = None) -> None:
        super().step(optim.clip_by_global_norm(grads, 0.05)[0])


def test_convolutions_and_an_optimizer_that_clips() -> None:
    def make() -> meta.MetaLearner:
        head = nn.Linear(4, methods.WAYS)
        network = nn.Sequential(meta.Conv4(hidden=4), nn.Flatten(), head)
        return meta.FOMAML(network, 0.1, inner_steps=1)

    rng = np.random.default_rng(0)
    labels = np.arange(methods.WAYS)
    tasks = [
        meta.Task(
            *(
                nx.tensor(given)
                for _ in range(2)
                for given in (rng.random((methods.WAYS, 1, 16, 16), np.float32), labels)
            )
        )
        for _ in range(5)
    ]
    same_with([2], make, tasks, tasks_per_batch=3, optimizer=Clipped)


def test_without_compiling() -> None:
    make = methods.METHODS["MAML"]
    tasks = methods.tasks("MAML", 5)
    same_with([2], make, tasks, epochs=1, compile=False)


def of_dtype(dtype: nx.Dtype) -> Make:
    def make() -> meta.MetaLearner:
        network = meta.MLP([methods.INPUTS, 8, methods.WAYS]).to(dtype)
        return meta.FOMAML(network, 0.1, inner_steps=1)

    return make


def test_float64() -> None:
    same_with([3], of_dtype(nx.float64), methods.tasks("MAML", 7))


@pytest.fixture
def reference() -> Iterator[None]:
    with device_for_a_while("reference"):
        yield


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("dtype", [nx.float32, nx.float16])
def test_on_the_reference_device(dtype: nx.Dtype) -> None:
    tasks = methods.tasks("MAML", 7)
    sgd = {"optimizer": lambda p: optim.SGD(p, lr=0.1), "epochs": 1}
    same_with([3], of_dtype(dtype), tasks, **sgd)


class WithMetrics(meta.PrototypicalNetworks):
    """Metrics of all kinds: a plain number, a whole number, a mean."""

    def task_loss(self, parameters: Any, task: Any) -> meta.Outcome:
        outcome = super().task_loss(parameters, task)
        more = {"tenth": 0.1, "count": (task.query_x > 0).to(nx.int32).sum()}
        return outcome._replace(metrics={**outcome.metrics, **more})


def test_metrics_of_every_kind() -> None:
    def make() -> meta.MetaLearner:
        return WithMetrics(meta.MLP([methods.INPUTS, 8, 4]))

    same_with([3], make, methods.tasks("MAML", 7))


class Changing(meta.Callback):
    """Changes what programs depend on, and values that no step changes."""

    def on_epoch_end(self, learner: Any, event: meta.Event) -> None:
        if event.epoch == 1:
            learner.inner_lr = 0.05
            first = next(iter(learner.model.parameters()))
            first.requires_grad_(False)
        else:
            first = next(iter(learner.model.parameters()))
            first.assign(first.value() * 0.5)


def test_what_callbacks_change() -> None:
    def callbacks() -> dict[str, Any]:
        return {"callbacks": [Changing()], "epochs": 4}

    make, tasks = methods.METHODS["MAML"], methods.tasks("MAML", 7)
    assert run(make, tasks, crew(3), **callbacks()) == run(
        make, tasks, None, **callbacks()
    )


def test_a_step_that_is_not_finite_changes_nothing() -> None:
    tasks = methods.tasks("MAML", 7)
    bad = tasks[4].query_x.numpy().copy()
    bad[0, 0] = np.nan
    tasks[4] = tasks[4]._replace(query_x=nx.tensor(bad))
    found = []
    for strategy in (None, crew(3)):
        learner = methods.make("MAML")
        nx.manual_seed(3)
        with pytest.raises(NonFiniteError) as error:
            learner.meta_learn(
                tasks, tasks_per_batch=2, progress=False, strategy=strategy
            )
        found.append((bits(learner), str(error.value)))
    assert found[0] == found[1]


def test_a_strategy_is_one() -> None:
    learner = methods.make("MAML")
    with pytest.raises(InvalidArgumentError, match=r"strategy is .*RayStrategy"):
        learner.meta_learn(methods.tasks("MAML"), strategy="ray")  # type: ignore[arg-type]
