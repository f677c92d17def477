"""Adaptation by gradient steps: what MAML, Reptile and their kin share."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypedDict

import numpy as np

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.nn.functional import cross_entropy, mse_loss

from . import batch_norm as norm
from .batches import Bucket, Episode, inputs
from .calibration import confidence_bins
from .checks import positive, whole_number
from .evaluation import CONFIDENCE
from .learner import MetaLearner, Outcome, Values
from .targets import class_numbers, is_classes, ways_of
from .training import mode

Loss = Callable[[nx.Tensor, nx.Tensor], nx.Tensor]


class InnerOptions(TypedDict, total=False):
    """Keywords that all gradient-based methods take; see `GradientBased`."""

    loss: Loss | None
    batch_norm: str | None
    inner_clip_norm: float | None
    remat: bool


class InnerStep(NamedTuple):
    """Where an inner step is.

    start    what the inner steps change, as it was before the first one
    rest     all else that the learner holds
    number   how many steps were made before this one, uint32
    """

    start: Values
    rest: Values
    number: nx.Tensor


class GradientBased(MetaLearner):
    """θ′ = θ − α ∇L(θ) on the support set, `inner_steps` times: U(θ).

    loss         of outputs and targets. Without one: cross-entropy where all targets
                 are class labels (whole numbers [n], or one-hot rows), else the mean
                 squared error, for which targets have the outputs' shape
    batch_norm   a mode for all batch-norm layers of the model; None: as they say
    inner_clip_norm   c: a step goes along g · min(1, c / (‖g‖ + 1e-6)) with ‖g‖ the
                 norm of all of its gradient g = ∇L(θ), so that none moves θ by more
                 than α c, and few tasks' divergence spoils no mean. The derivative goes
                 through it (`neurenix.optim.clip_by_global_norm`). None: as it is

    remat        compute the inner steps' values again in the derivative through them
                 instead of keeping them: of each step only its weights stay, for one
                 more forward and backward pass of it (`neurenix.remat`; docs/memory.md
                 has figures). Random draws are the same again, and so are the bits of
                 all results where nothing is fused; fused sums may be added up in
                 another order. No effect where nothing is differentiated through steps

    Each inner step is a call of one function, captured and differentiated once. A
    method changes what it adapts (`split`) or how a step goes (`moved`).
    """

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float,
        meta_lr: float,
        inner_steps: int,
        *,
        loss: Loss | None = None,
        batch_norm: str | None = None,
        inner_clip_norm: float | None = None,
        remat: bool = False,
    ) -> None:
        super().__init__(model, meta_lr)
        self.inner_lr = positive("inner_lr", inner_lr)
        self.inner_steps = whole_number("inner_steps", inner_steps)
        if loss is not None and not callable(loss):
            raise InvalidArgumentError(
                f"loss={loss!r}; expected a function of (output, target)"
            )
        self._loss = loss
        self.inner_clip_norm = (
            None
            if inner_clip_norm is None
            else positive("inner_clip_norm", inner_clip_norm)
        )
        # Not settings of a learner, which checkpoints compare: they change no result.
        self._remat = bool(remat)
        norm.check_mode(batch_norm)
        if batch_norm is not None:
            norm.use_mode(model, batch_norm, self.inner_steps)
        self.targets = "values" if loss is not None else "either"

    # ---- adaptation ------------------------------------------------------------------

    def criterion(self, output: nx.Tensor, target: nx.Tensor) -> nx.Tensor:
        """The loss of outputs; by the target's kind, unless one was given."""
        if self._loss is not None:
            return self._loss(output, target)
        if target.dtype.is_floating:
            return mse_loss(output, target)
        return cross_entropy(output, target)

    def all_values(self, parameters: Values) -> dict[str, nx.Tensor]:
        """These parameters, and all else that the network holds."""
        return {**{n: c.value() for n, c in self.named_cells().items()}, **parameters}

    def adapts(self, name: str) -> bool:
        """Whether the inner steps change the parameter of this name."""
        return name.startswith("model.")

    def split(
        self, parameters: Values, x: nx.Tensor, y: nx.Tensor, ways: int | None
    ) -> tuple[dict[str, nx.Tensor], dict[str, nx.Tensor]]:
        """What inner steps change, as it is before the first one; and all else that
        the learner holds."""
        rest = self.all_values(parameters)
        return {n: rest.pop(n) for n in parameters if self.adapts(n)}, rest

    def moved(
        self, fast: Values, gradient: Values, step: InnerStep
    ) -> tuple[dict[str, nx.Tensor], dict[str, nx.Tensor]]:
        """Values after a step along this gradient, and new values of buffers."""
        return {n: p - self.inner_lr * gradient[n] for n, p in fast.items()}, {}

    def inner_batch_of(
        self, x: nx.Tensor, y: nx.Tensor, number: int
    ) -> tuple[nx.Tensor, nx.Tensor]:
        """The support examples of the inner step of this number, from 0: all."""
        return x, y

    def recomputed(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """f, computed again for its derivative if this learner was made so."""
        return nx.remat(f) if self._remat else f

    def adapted(
        self,
        parameters: Values,
        x: nx.Tensor,
        y: nx.Tensor,
        steps: int,
        first_order: bool = False,
        ways: int | None = None,
    ) -> Iterator[tuple[nx.Tensor, dict[str, nx.Tensor]]]:
        """For each step: the support loss before it, and all values after it.

        first_order   take the inner gradients as constants
        ways          how many classes the task has, where that is known
        """
        has_rows = norm.has_steps(self)

        def inner_step(
            fast: Values,
            rest: Values,
            start: Values,
            x: nx.Tensor,
            y: nx.Tensor,
            number: nx.Tensor,
            row: int,
        ) -> Any:
            def support_loss(values: Values) -> Any:
                output, buffers = self.run({**rest, **values}, x)
                return self.criterion(output, y), buffers

            # "support" layers use this batch's statistics, those with rows their row.
            with nn.inner_step(row), nn.batch_norm_phase("collect"):
                (loss, buffers), gradient = nx.value_and_grad(
                    support_loss, has_aux=True
                )(fast)
            if self.inner_clip_norm is not None:
                gradient, _ = optim.clip_by_global_norm(gradient, self.inner_clip_norm)
            if first_order:
                gradient = {n: nx.stop_gradient(g) for n, g in gradient.items()}
            values, more = self.moved(fast, gradient, InnerStep(start, rest, number))
            return loss, values, {**buffers, **more}

        step = nx.compile(self.recomputed(inner_step))
        start, rest = self.split(parameters, x, y, ways)
        fast = start
        for number in range(steps):
            index = nx.constant(nx.tensor(np.uint32(number), dtype=nx.uint32))
            some_x, some_y = self.inner_batch_of(x, y, number)
            loss, fast, buffers = step(
                fast, rest, start, some_x, some_y, index, number if has_rows else 0
            )
            rest.update(buffers)
            yield loss, {**rest, **fast}

    def after(
        self,
        parameters: Values,
        x: nx.Tensor,
        y: nx.Tensor,
        steps: int,
        first_order: bool = False,
        ways: int | None = None,
    ) -> dict[str, nx.Tensor]:
        """All values after the last step."""
        stages = list(self.adapted(parameters, x, y, steps, first_order, ways))
        return stages[-1][1] if stages else self.before(parameters, x, y, ways)

    def before(
        self, parameters: Values, x: nx.Tensor, y: nx.Tensor, ways: int | None
    ) -> dict[str, nx.Tensor]:
        """All values before the first step."""
        fast, rest = self.split(parameters, x, y, ways)
        return {**rest, **fast}

    def on_queries(
        self, values: Values, task: Episode, step: int
    ) -> tuple[Outcome, nx.Tensor]:
        """Loss and accuracy on the query set with these values, after `step` steps; and
        the output."""
        with nn.inner_step(step):
            values = {**values, **self.support_statistics(values, task.support_x)}
            with nn.batch_norm_phase("stored"):
                output, buffers = self.run_queries(values, task)
        loss = self.criterion(output, task.query_y)
        metrics = {}
        if not task.query_y.dtype.is_floating and output.ndim == 2:
            metrics["accuracy"] = accuracy(output, task.query_y)
        return Outcome(loss, metrics, buffers), output

    def support_statistics(self, values: Values, x: nx.Tensor) -> dict[str, nx.Tensor]:
        """For layers in mode "support": the support set's statistics."""
        if norm.mode_of(self) not in ("support", "mixed"):
            return {}
        with nn.batch_norm_phase("collect"):
            return self.run(values, x)[1]

    def task_scores(
        self, parameters: Values, task: Episode, steps: int
    ) -> dict[str, nx.Tensor]:
        has_rows = norm.has_steps(self)

        def scores(values: Values, data: Any, row: int) -> dict[str, nx.Tensor]:
            episode = Episode(data[0], data[1], data[2], data[3], task.ways)
            outcome, output = self.on_queries(values, episode, row)
            found = {"loss": outcome.loss, **outcome.metrics}
            if "accuracy" in outcome.metrics:
                found[CONFIDENCE] = confidence_bins(output, episode.query_y)
            return found

        score = nx.compile(scores)
        x, y = task.support_x, task.support_y
        stages = [self.before(parameters, x, y, task.ways)]
        for _, values in self.adapted(parameters, x, y, steps, ways=task.ways):
            stages.append(values)
        rows = [
            score(values, tuple(task[:4]), number if has_rows else 0)
            for number, values in enumerate(stages)
        ]
        return {name: nx.stack([row[name] for row in rows]) for name in rows[0]}

    def finite_steps(self, parameters: Values, task: Episode) -> nx.Tensor:
        x, y = task.support_x, task.support_y
        stages = self.adapted(parameters, x, y, self.inner_steps, ways=task.ways)
        return nx.stack([_all_finite(loss, values) for loss, values in stages])

    def static_extra(self) -> tuple[Any, ...]:
        return (self._loss,)

    # ---- what users call -------------------------------------------------------------

    def adapt_to_task(
        self, support_x: Any, support_y: Any, steps: int | None = None
    ) -> nn.Module:
        """A copy of the model, adapted by `steps` gradient steps (default: as in
        training) on support_x [n, ...] and support_y, targets as in training. The
        learner's own model stays as it is.

        >>> learner = GradientBased(nn.Linear(1, 1), 0.1, 0.001, 1)
        >>> learner.adapt_to_task([[1.0]], [[2.0]], steps=3)(nx.ones(5, 1)).shape
        (5, 1)
        """
        count = self.evaluation_steps(steps)
        x, y, ways = self._support(support_x, support_y)

        def adapt(x: nx.Tensor, y: nx.Tensor, ways: int | None) -> Any:
            with nx.no_grad(), nn.inner_step(count):
                values = self.after(self.learned(), x, y, count, ways=ways)
                return {**values, **self.support_statistics(values, x)}

        state = [self, nx.random.default_generator]
        program = self.compiled(
            ("adapt", count), lambda: nx.compile(adapt, state=state)
        )
        with mode(self, training=False):
            values = program(x, y, ways)
        copied = copy.deepcopy(self.model)
        for name, cell in copied.named_cells().items():
            cell.assign(values[f"model.{name}"])
        norm.last_step_only(copied, count)
        return self.with_head(copied, values).eval()

    def with_head(self, model: nn.Module, values: Values) -> nn.Module:
        """The adapted model with what a method puts on top of it."""
        return model

    def evaluation_steps(self, steps: int | None) -> int:
        return (
            self.inner_steps if steps is None else whole_number("steps", steps, least=0)
        )

    def check_bucket(self, bucket: Bucket) -> None:
        task = bucket.first()
        with mode(self, training=False), nx.no_grad():
            output = self.model(task.support_x)
        self._check_targets(output, task.support_y, bucket.largest)

    def _support(
        self, support_x: Any, support_y: Any
    ) -> tuple[nx.Tensor, nx.Tensor, int | None]:
        """A support set as tensors, labels as class numbers, and how many classes
        there are if it has labels; checked."""
        x, y = inputs(support_x, self.dtype), support_y
        if not isinstance(y, nx.Tensor):
            array = np.asarray(y)
            y = nx.tensor(array, dtype=self.dtype if array.dtype.kind == "f" else None)
        if not x.ndim or x.shape[:1] != y.shape[:1] or not len(x):
            raise ShapeError(
                f"adapt_to_task: support_x of shape {x.shape} and support_y of shape "
                f"{y.shape} must have one leading axis, of one or more examples"
            )
        largest = None
        targets = y.numpy()
        must_be_classes = self.targets == "classes"
        if must_be_classes or (self._loss is None and is_classes(targets)):
            numbers, width = class_numbers("support_y", targets)
            if must_be_classes:  # each of them there
                ways_of("the support set", numbers, np.zeros(0, np.int32), width)
            largest = max(int(numbers.max()), (width or 1) - 1)
            y = nx.tensor(numbers)
        elif self._loss is None or y.dtype.is_floating:
            y = y.to(self.dtype)
        with mode(self, training=False), nx.no_grad():
            self._check_targets(self.model(x), y, largest)
        return x, y, None if largest is None else largest + 1

    def _check_targets(
        self, output: nx.Tensor, target: nx.Tensor, largest: int | None
    ) -> None:
        if self._loss is not None:
            return
        if largest is None:
            if output.shape != target.shape:
                raise ShapeError(
                    f"{type(self).__name__}: the model gives outputs of shape "
                    f"{output.shape} for targets of shape {target.shape}; they must be "
                    "equal (class labels are whole numbers [n] or one-hot rows)"
                )
        elif output.ndim != 2 or largest >= output.shape[1]:
            raise InvalidArgumentError(
                f"{type(self).__name__}: there is the class label {largest}, and the "
                f"model gives outputs of shape {output.shape}: for [n, ways] labels go "
                "from 0 to ways − 1"
            )


def of_this_parameter(held: Values, name: str, p: nx.Tensor, owner: str) -> nx.Tensor:
    """What a method made for the parameter of the model, which stands in `held`.

    Raises InvalidArgumentError where the model has changed since then.
    """
    found = held.get(name)
    if found is None or found.shape != p.shape:
        what, _, parameter = name.partition(".")
        was = "there is none" if found is None else f"it has shape {found.shape}"
        raise InvalidArgumentError(
            f"{owner}: {what!r} are made with the learner, one for each parameter of "
            f"the model, which was changed since: for {parameter!r}, of shape "
            f"{p.shape}, {was}. Make a new learner of this model: {owner}(model, ...)"
        )
    return found


def accuracy(logits: nx.Tensor, classes: nx.Tensor) -> nx.Tensor:
    """The share of rows [n, ways] whose largest is the class [n]."""
    return (logits.argmax(dim=1) == classes).float().mean()


def _all_finite(loss: nx.Tensor, values: Values) -> nx.Tensor:
    """Whether a loss and all floating values are finite, bool."""
    finite = nx.isfinite(loss)
    for value in values.values():
        if value.dtype.is_floating:
            finite = nx.logical_and(finite, nx.isfinite(value).all())
    return finite
