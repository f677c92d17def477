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
from neurenix.nn.modes import mode

from ..calls import call_of_users, here
from ..checks import flag, positive, whole_number
from ..evaluation.calibration import CONFIDENCE, confidence_bins
from ..learner import MetaLearner, Outcome, Values
from ..models import batch_norm as norm
from ..returned import loss_of, moved_of, output_of
from ..tasks.batches import Bucket, Episode
from ..tasks.deciding import as_targets, decided, read_support, targets_of
from ..tasks.kinds import Kinds, given, using
from ..tasks.reading import ReadFirst, array_of
from ..tasks.targets import Targets, class_numbers, ways_of

Loss = Callable[[nx.Tensor, nx.Tensor], nx.Tensor]


class InnerOptions(TypedDict, total=False):
    """Keywords that all gradient-based methods take; see `GradientBased`."""

    loss: Loss | None
    batch_norm: str | None
    inner_clip_norm: float | None
    remat: bool
    inputs: str | None
    targets: str | None


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

    loss         of outputs and targets. Without one: cross-entropy for class labels,
                 and for values the mean squared error, for which targets have the
                 outputs' shape
    targets      "classes" or "values". None: the first use decides, for all calls.
                 Targets are classes if those of all its tasks are class labels (whole
                 numbers [n], or one-hot rows), else values. A loss that was given gets
                 them as they are: values as floats, whole numbers as int32
    inputs       what whole numbers among inputs are; see `MetaLearner`
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
        inputs: str | None = None,
        targets: str | None = None,
    ) -> None:
        super().__init__(model, meta_lr, inputs=inputs)
        self._kinds = given(type(self).__name__, inputs, targets)
        self.inner_lr = positive("inner_lr", inner_lr)
        self.inner_steps = whole_number("inner_steps", inner_steps)
        if isinstance(loss, type):
            raise InvalidArgumentError(
                f"loss is the class {loss.__name__}; give what computes it: "
                f"{loss.__name__}()"
            )
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
        self._remat = flag("remat", remat)
        norm.check_mode(batch_norm)
        if batch_norm is not None:
            norm.use_mode(model, batch_norm, self.inner_steps)
        self.targets = "values" if loss is not None else "either"

    def targets_taken(self) -> Targets:
        if self.targets != "classes" and self._loss is not None:
            return "given" if self._kinds.targets is None else "either"
        return "classes" if self.targets == "classes" else "either"

    # ---- adaptation ------------------------------------------------------------------

    def criterion(self, output: nx.Tensor, target: nx.Tensor) -> nx.Tensor:
        """The loss of outputs; by the target's kind, unless one was given."""
        if self._loss is not None:
            found = self._loss(output, target)
            return loss_of("what loss(output, target) gives", found)
        if target.dtype.is_floating:
            return mse_loss(output, target)
        return cross_entropy(output, target)

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
            after = self.moved(fast, gradient, InnerStep(start, rest, number))
            values, more = moved_of(self, after, fast)
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
            names = ("support_x", "support_y", "query_x", "query_y")
            episode = task._replace(**dict(zip(names, data)))
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

    @call_of_users
    def adapt_to_task(
        self,
        support_x: Any,
        support_y: Any,
        steps: int | None = None,
        *,
        compile: bool = True,
    ) -> nn.Module:
        """A copy of the model, adapted by `steps` gradient steps (default: as in
        training) on support_x [n, ...] and support_y, targets as in training. It reads
        its input as the learner does. The learner's own model stays as it is.
        `compile` as in `meta_learn`.

        >>> learner = GradientBased(nn.Linear(1, 1), 0.1, 0.001, 1)
        >>> learner.adapt_to_task([[1.0]], [[2.0]], steps=3)(nx.ones(5, 1)).shape
        (5, 1)
        """
        count = self.evaluation_steps(steps)
        x, y, ways, kinds = self._support(support_x, support_y)

        def adapt(x: nx.Tensor, y: nx.Tensor, ways: int | None) -> Any:
            with nx.no_grad(), nn.inner_step(count):
                values = self.after(self.learned(), x, y, count, ways=ways)
                return {**values, **self.support_statistics(values, x)}

        state = [self, nx.random.default_generator]
        program = self.compiled(
            ("adapt", count), lambda: nx.compile(adapt, state=state)
        )
        with using(self, kinds), mode(self, training=False):
            values = program(x, y, ways)
        copied = copy.deepcopy(self.model)
        for name, cell in copied.named_cells().items():
            cell.assign(values[f"model.{name}"])
        norm.last_step_only(copied, count)
        adapted = self.with_head(copied, values).eval()
        adapted._before_forward = ReadFirst(kinds.inputs)
        return adapted

    def with_head(self, model: nn.Module, values: Values) -> nn.Module:
        """The adapted model with what a method puts on top of it."""
        return model

    def evaluation_steps(self, steps: int | None) -> int:
        return (
            self.inner_steps if steps is None else whole_number("steps", steps, least=0)
        )

    def check_bucket(self, bucket: Bucket) -> None:
        self.check_adapted()
        task = bucket.first()
        with mode(self, training=False), nx.no_grad():
            output = output_of(self.model, self.model(task.support_x))
        self._check_targets(output, task.support_y, bucket.largest)

    def check_adapted(self) -> None:
        """Refuse a network of which all that inner steps change is frozen."""
        adapted = [(n, p) for n, p in self.named_parameters() if self.adapts(n)]
        if not adapted and any(True for _ in self.parameters()):
            return  # what the method adapts is gone, which it says itself
        if not any(p.requires_grad for _, p in adapted):
            names = ", ".join(n for n, _ in adapted) or "nothing"
            raise InvalidArgumentError(
                f"{type(self).__name__}: there is nothing to adapt: its inner steps "
                f"change {names}, and all of that is frozen (requires_grad is False); "
                "requires_grad_(True) of a parameter or module lets it learn"
            )

    def _support(
        self, support_x: Any, support_y: Any
    ) -> tuple[nx.Tensor, nx.Tensor, int | None, Kinds]:
        """A support set as tensors, labels as class numbers; how many classes there are
        if it has labels; and what it decides. Checked."""
        self.check_adapted()
        x, read_as = read_support(self, support_x)
        x, labels = here(x), array_of("support_y", support_y)
        if not x.ndim or x.shape[:1] != labels.shape[:1] or not len(x):
            raise ShapeError(
                f"adapt_to_task: support_x of shape {x.shape} and support_y of shape "
                f"{labels.shape} must have one leading axis, of one or more examples"
                + ("" if labels.ndim else ": one is support_x[None], [support_y]")
            )
        targets = targets_of(self, self.kinds, [labels])
        labels = as_targets(self, "support_y", labels, targets)
        largest = None
        if targets == "classes":
            numbers, width = class_numbers("support_y", labels)
            if self.targets == "classes":  # each of them there
                ways_of("the support set", numbers, np.zeros(0, np.int32), width)
            largest = max(int(numbers.max()), (width or 1) - 1)
            y = nx.tensor(numbers)
        else:
            dtype = self.dtype if labels.dtype.kind == "f" else nx.int32
            if isinstance(support_y, nx.Tensor):  # which stays on its device
                y = support_y.to(dtype)
            else:
                y = nx.tensor(labels, dtype=dtype)
        y = here(y)
        with mode(self, training=False), nx.no_grad():
            output = output_of(self.model, self.model(x))
            self._check_targets(output, y, largest)
        ways = None if largest is None else largest + 1
        return x, y, ways, decided(self, read_as, targets)

    def _check_targets(
        self, output: nx.Tensor, target: nx.Tensor, largest: int | None
    ) -> None:
        if self._loss is not None:
            return
        if largest is None:
            if output.shape != target.shape:
                method, why = type(self).__name__, ""
                if self._kinds.targets == "values":
                    why = (
                        f". This {method}'s targets are values: so its first use has "
                        "decided, or targets='values'. For classes make another one: "
                        f"{method}(..., targets='classes')"
                    )
                raise ShapeError(
                    f"{method}: the model gives outputs of shape {output.shape} for "
                    f"targets of shape {target.shape}; they must be equal (class "
                    f"labels are whole numbers [n] or one-hot rows){why}"
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
