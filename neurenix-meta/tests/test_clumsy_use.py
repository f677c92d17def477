"""What a clumsy user of neurenix.meta is told: what was wrong, and what to do."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from methods import tasks

import neurenix as nx
from neurenix import meta, nn, optim
from neurenix.errors import (
    CallError,
    InvalidArgumentError,
    NeurenixError,
    ShapeError,
)
from neurenix.meta import MAML, MLP, Callback, Outcome, PrototypicalNetworks
from neurenix.nn import functional as F

pytestmark = pytest.mark.usefixtures("compiled_device")
TASKS = tasks("MAML")
ONE = TASKS[0]
SINES = meta.generate_regression_tasks(2, 5, seed=0)
IMAGE = np.zeros((1, 9, 9), np.float32)


def network() -> nn.Module:
    return MLP([6, 4, 3])


def convolution() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 7 * 7, 3))


def square(x: nx.Tensor) -> nx.Tensor:
    return (x * x).mean()


class Returns(MAML):
    """One of its methods returns what a function makes of what it should."""

    def __init__(self, method: str, change: Any) -> None:
        super().__init__(network(), inner_steps=1)
        vars(self)[method] = lambda *args: change(
            getattr(super(Returns, self), method)(*args)
        )


class Gives(nn.Module):
    """A model that returns what a function makes of a tensor."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)
        self.change = change

    def forward(self, x: nx.Tensor) -> Any:
        return self.change(self.layer(x))


def learned(learner: Any = None, given: Any = TASKS, *rest: Any, **more: Any) -> Any:
    learner = MAML(network(), inner_steps=1) if learner is None else learner
    before = {n: v.numpy().copy() for n, v in learner.state_dict().items()}
    try:
        learner.meta_learn(given, *rest, progress=False, **more)
    finally:
        for n, v in learner.state_dict().items():
            assert (v.numpy() == before[n]).all()


def task_loss(change: Any) -> Any:
    return lambda: learned(Returns("task_loss", change))


def gradient(change: Any) -> Any:
    return lambda: learned(Returns("task_gradient", change))


def moved(change: Any) -> Any:
    return lambda: learned(Returns("moved", change))


def scores(change: Any) -> Any:
    return lambda: Returns("task_scores", change).evaluate(TASKS)


def loss(result: Any) -> Any:
    return lambda: learned(MAML(network(), loss=lambda output, target: result(output)))


def gone_through_twice() -> None:
    generator = iter(TASKS)
    learner = MAML(network(), inner_steps=1)
    learner.evaluate(generator)
    learner.evaluate(generator)


class Misspelt(Callback):
    def on_epoch_ends(self, learner: Any, event: Any) -> None: ...


class OtherArguments(Callback):
    def on_epoch_end(self, event: Any) -> None: ...  # type: ignore[override]


class Adam:
    """Of another package."""

    __module__ = "torch.optim.adam"


CASES: list[tuple[str, Any, type[NeurenixError], str]] = [
    # what functions return
    (
        "task_loss: a tensor",
        task_loss(lambda o: o.loss),
        InvalidArgumentError,
        "Returns.task_loss returns a tensor of shape (); expected an Outcome: wrap the",
    ),
    (
        "task_loss: None",
        task_loss(lambda o: None),
        InvalidArgumentError,
        "Returns.task_loss returns None; expected an Outcome: does it end in a return?",
    ),
    (
        "task_loss: a plain tuple",
        task_loss(tuple),
        InvalidArgumentError,
        "returns a tuple of 3; expected an Outcome",
    ),
    (
        "task_loss: a vector",
        task_loss(lambda o: Outcome(nx.stack([o.loss] * 2))),
        ShapeError,
        "the loss of its Outcome is a float32 tensor of shape (2,); expected a "
        "floating scalar, shape (): take its mean()",
    ),
    (
        "task_loss: a number",
        task_loss(lambda o: Outcome(1.0)),  # type: ignore[arg-type]
        InvalidArgumentError,
        "a number has no derivative",
    ),
    (
        "task_loss: a metric that is no scalar",
        task_loss(lambda o: Outcome(o.loss, {"m": nx.ones(2)})),
        ShapeError,
        "the metric 'm' is a tensor of shape (2,); expected a scalar",
    ),
    (
        "task_loss: metrics in a list",
        task_loss(lambda o: Outcome(o.loss, [1.0])),  # type: ignore[arg-type]
        InvalidArgumentError,
        "the metrics of its Outcome are a list of 1; expected a dict by name",
    ),
    (
        "task_loss: a buffer that is none",
        task_loss(lambda o: Outcome(o.loss, {}, {"b": o.loss})),
        InvalidArgumentError,
        "has a buffer 'b', which this learner has not",
    ),
    (
        "task_gradient: the gradient alone",
        gradient(lambda r: r[1]),
        InvalidArgumentError,
        "Returns.task_gradient returns a dict of",
    ),
    (
        "task_gradient: an unknown name",
        gradient(lambda r: (r[0], {"weight": nx.ones(1)})),
        InvalidArgumentError,
        "the gradient has 'weight'; its names are model.0.weight",
    ),
    (
        "task_gradient: another shape",
        gradient(lambda r: (r[0], {n: g.sum() for n, g in r[1].items()})),
        ShapeError,
        "the gradient has a tensor of shape () for model.0.bias, which is of shape (4,",
    ),
    (
        "moved: no second value",
        moved(lambda r: r[0]),
        InvalidArgumentError,
        "Returns.moved returns a dict of",
    ),
    ("moved: None", moved(lambda r: None), InvalidArgumentError, "moved returns None"),
    (
        "moved: None for no buffers",
        moved(lambda r: (r[0], None)),
        InvalidArgumentError,
        "the second value is None; expected a dict of buffers' new values by name, {}",
    ),
    (
        "moved: a name is missing",
        moved(lambda r: ({}, {})),
        InvalidArgumentError,
        "Returns.moved: the first value lacks 'model.0.bias'",
    ),
    (
        "task_scores: a tensor",
        scores(lambda r: r["loss"]),
        InvalidArgumentError,
        "returns a tensor of shape (2,); expected a dict of scores, 'loss' among them",
    ),
    (
        "task_scores: of one step",
        scores(lambda r: {"loss": r["loss"][0]}),
        ShapeError,
        "the score 'loss' is a tensor of shape (); expected a tensor of shape (2,)",
    ),
    *(
        (
            f"a model that returns {what}",
            call,
            InvalidArgumentError,
            f"the model Gives returns {what}",
        )
        for change, what in (
            (lambda x: (x, x), "a tuple of 2"),
            (lambda x: {"logits": x}, "a dict of 'logits'"),
            (lambda x: None, "None"),
            (lambda x: np.ones((9, 3)), "a NumPy array of shape (9, 3)"),
        )
        for call in (
            lambda c=change: learned(MAML(Gives(c))),
            lambda c=change: MAML(Gives(c)).adapt_to_task(ONE.support_x, ONE.support_y),
            lambda c=change: PrototypicalNetworks(Gives(c)).evaluate(TASKS),
            lambda c=change: PrototypicalNetworks(Gives(c)).adapt_to_task(*ONE[:2]),
        )
    ),
    (
        "an encoder that returns a tuple",
        lambda: meta.ConditionalNeuralProcess(
            nn.Sequential(nn.Linear(2, 6), Gives(lambda x: (x, x))), MLP([4, 2])
        ).evaluate(SINES),
        InvalidArgumentError,
        "returns a tuple of 2",
    ),
    (
        "a loss of each example",
        loss(lambda o: (o * o).mean(dim=1)),
        ShapeError,
        "what loss(output, target) gives is a float32 tensor of shape (9,); expected a",
    ),
    (
        "a loss that returns nothing",
        loss(lambda o: None),
        InvalidArgumentError,
        "what loss(output, target) gives is None",
    ),
    # callbacks
    (
        "a function for a callback",
        lambda: learned(callbacks=[lambda learner, event: None]),
        InvalidArgumentError,
        "callbacks[0] is a function; expected a Callback: make a subclass",
    ),
    (
        "a class for a callback",
        lambda: learned(callbacks=[Callback(), Misspelt]),
        InvalidArgumentError,
        "callbacks[1] is the class Misspelt; expected a Callback: give an instance: Mi",
    ),
    (
        "a callback, not in a list",
        lambda: learned(callbacks=Callback()),
        InvalidArgumentError,
        "callbacks is a Callback; expected a list of them: [callback]",
    ),
    (
        "None for callbacks",
        lambda: learned(callbacks=None),
        InvalidArgumentError,
        "callbacks is None",
    ),
    (
        "a hook that does not exist",
        lambda: learned(callbacks=[Misspelt()]),
        InvalidArgumentError,
        "Misspelt.on_epoch_ends would never be called; did you mean on_epoch_end or",
    ),
    (
        "a hook of other arguments",
        lambda: learned(callbacks=[OtherArguments()]),
        InvalidArgumentError,
        "OtherArguments.on_epoch_end is called with (learner, event)",
    ),
    # optimizers
    (
        "an optimizer's name",
        lambda: learned(None, TASKS, "adam"),
        InvalidArgumentError,
        "meta_optimizer is 'adam'; expected an optimizer of neurenix.optim: optim.A",
    ),
    (
        "an optimizer's class",
        lambda: learned(meta_optimizer=optim.SGD),
        InvalidArgumentError,
        "meta_optimizer is the class SGD; expected an optimizer of neurenix.optim: SG",
    ),
    (
        "another package's optimizer",
        lambda: learned(meta_optimizer=Adam()),
        InvalidArgumentError,
        "meta_optimizer is a Adam (of torch)",
    ),
    (
        "epochs in the optimizer's place",
        lambda: learned(None, TASKS, 10),
        InvalidArgumentError,
        "meta_optimizer is 10",
    ),
    (
        "a schedule's name",
        lambda: learned(schedule="cosine"),
        InvalidArgumentError,
        "schedule='cosine'; expected a schedule of the meta_optimizer",
    ),
    # evaluations
    (
        "the accuracy of values",
        lambda: MAML(MLP([1, 1])).evaluate(SINES).accuracy,
        InvalidArgumentError,
        "no score 'accuracy'; there are 'loss'; accuracy is of class labels",
    ),
    (
        "a step that was not made",
        lambda: MAML(network(), inner_steps=1).evaluate(TASKS).mean("loss", 5),
        InvalidArgumentError,
        "step=5; there were 1 steps",
    ),
    # single examples
    (
        "one image as a support set",
        lambda: MAML(convolution()).adapt_to_task(IMAGE, 0),
        ShapeError,
        "one is support_x[None], [support_y]",
    ),
    (
        "one image and a list of its label",
        lambda: MAML(convolution()).adapt_to_task(IMAGE, [0]),
        ShapeError,
        "conv2d: shapes (1, 9, 9) and (2, 1, 3, 3); expected an input [N, C, H, W] and "
        "a weight [O, C, kh, kw]: one example is x[None], which is [1, C, H, W]",
    ),
    (
        "one image as a query",
        lambda: MAML(convolution()).adapt_to_task(IMAGE[None], [0])(IMAGE),
        ShapeError,
        "one example is x[None]",
    ),
    (
        "one image in batch norm",
        lambda: nn.BatchNorm2d(1)(nx.tensor(IMAGE)),
        ShapeError,
        "one example is x[None]",
    ),
    (
        "channels last",
        lambda: convolution()(np.zeros((5, 9, 9, 1), np.float32)),
        ShapeError,
        "images with their channels last are transposed by nx.moveaxis(x, -1, 1)",
    ),
    # tasks
    (
        "a task as a dict",
        lambda: learned(None, [ONE._asdict()]),
        InvalidArgumentError,
        "task 0 is a dict; a task is four tensors: support_x, support_y, query_x, "
        "query_y. Of such a dict: Task(**task)",
    ),
    (
        "a task in two pairs",
        lambda: learned(None, [(ONE[:2], ONE[2:])]),
        InvalidArgumentError,
        "task 0 has 2 members; a task is four tensors: support_x, support_y, query_x, "
        "query_y. Of two pairs: (*support, *query)",
    ),
    (
        "batches of (x, y)",
        lambda: learned(None, [ONE[:2]]),
        InvalidArgumentError,
        "Batches of (x, y) are no tasks",
    ),
    (
        "a generator twice",
        gone_through_twice,
        InvalidArgumentError,
        "there are zero tasks; give at least one. A generator or iterator can be gone ",
    ),
    (
        "a data set",
        lambda: learned(None, meta.datasets.Glyphs(classes=5)),
        InvalidArgumentError,
        "tasks is a data set, Glyphs; a sampler makes tasks of it: TaskSampler(",
    ),
    (
        "one task",
        lambda: learned(None, ONE),
        InvalidArgumentError,
        "tasks is a Task of 4; expected a list of tasks, each of four tensors "
        "(support_x, support_y, query_x, query_y): [task] for one",
    ),
    (
        "tensors in another order",
        lambda: learned(None, [(ONE[0], ONE[2], ONE[1], ONE[3])]),
        ShapeError,
        "; the order is support_x, support_y, query_x, query_y",
    ),
    # what models, samplers and generators are made of
    *(
        (f"{part} of another kind", call, InvalidArgumentError, message)
        for part, call, message in (
            ("sizes", lambda: MLP(3), "MLP: sizes=3"),  # type: ignore[arg-type]
            ("a layer", lambda: MLP([1, 2], nn.ReLU()), "expected a class of layers"),  # type: ignore[arg-type]
            ("a name", lambda: MLP([1, 2], "relu"), "activation='relu'; expected a"),  # type: ignore[arg-type]
            (
                "a data set",
                lambda: meta.TaskSampler(ONE, 2, 1, 1),
                "data set is a T",
            ),  # type: ignore[arg-type]
            ("a flag", lambda: MAML(network(), first_order="no"), "first_order='no'"),  # type: ignore[arg-type]
            ("a score", lambda: meta.KeepBest("x", 3), "KeepBest: score=3"),  # type: ignore[arg-type]
            ("a path", lambda: meta.KeepBest(3), "KeepBest: expected a path"),  # type: ignore[arg-type]
            (
                "an interval",
                lambda: meta.generate_regression_tasks(2, 5, amplitude=3),  # type: ignore[arg-type]
                "amplitude=3 is no interval (low, high)",
            ),
        )
    ),
    # paths
    *(
        (f"a number for {name}", call, InvalidArgumentError, "expected a path, not 3")
        for name, call in (
            ("checkpoint", lambda: learned(checkpoint=3)),
            ("path", lambda: MAML(network()).save(3)),  # type: ignore[arg-type]
            ("path", lambda: MAML(network()).load(3)),  # type: ignore[arg-type]
        )
    ),
    # calls
    (
        "adapt_to_task of a task",
        lambda: MAML(network()).adapt_to_task(ONE),  # type: ignore[call-arg]
        CallError,
        "MAML.adapt_to_task: missing a required argument: 'support_y'. It is called as",
    ),
]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [case[1:] for case in CASES],
    ids=[f"{i} {case[0]}" for i, case in enumerate(CASES)],
)
def test_says_what_and_what_to_do(
    call: Any, error: type[NeurenixError], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_with_what_is_right_nothing_is_said() -> None:
    nx.manual_seed(0)
    learner = Returns("task_loss", lambda o: o)
    learner.meta_learn(TASKS, progress=False, callbacks=(c for c in [Callback()]))
    assert F.cross_entropy(learner(ONE.query_x), ONE.query_y).item() > 0.0
