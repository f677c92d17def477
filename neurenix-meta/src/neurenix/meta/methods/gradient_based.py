"""Adaptation by gradient steps: what MAML, Reptile and their kin share."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, TypedDict

import neurenix as nx
from neurenix import nn
from neurenix.arguments import flag, positive, whole
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.nn.functional import cross_entropy, mse_loss
from neurenix.nn.modes import mode

from ..calls import call_of_users
from ..evaluation.adapt import adaptation
from ..evaluation.calibration import CONFIDENCE, confidence_bins
from ..learner import MetaLearner
from ..models import batch_norm as norm
from ..outcome import Outcome, Values
from ..returned import loss_of, output_of
from ..tasks.batches import Bucket, Episode
from ..tasks.kinds import given
from ..tasks.reading import ReadFirst
from ..tasks.support import SupportSet, support_set
from ..tasks.targets import Targets
from ..tasks.task import Given
from .adapting import Adapting, WholeModel
from .inner_loop import InnerLoop, InnerStep, Loss, Moves, Support, Tensors
from .moves import Descent
from .scores import accuracy


class InnerOptions(TypedDict, total=False):
    """Keywords that all gradient-based methods take; see `GradientBased`."""

    loss: Loss | None
    batch_norm: str | None
    inner_clip_norm: float | None
    remat: bool
    inputs: str | None
    targets: str | None


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

    Our methods differ in their parts, `adapting` (what adapts) and `moving` (how a step
    goes); yours may replace `adapts`, `split` and `moved`, which use them.
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
        method = type(self).__name__
        self._kinds = given(method, inputs, targets)
        self.inner_lr = positive(method, "inner_lr", inner_lr)
        self.inner_steps = whole(method, "inner_steps", inner_steps, 1)
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
            else positive(method, "inner_clip_norm", inner_clip_norm)
        )
        # Not settings of a learner, which checkpoints compare: they change no result.
        self._remat = flag(method, "remat", remat)
        norm.check_mode(batch_norm)
        if batch_norm is not None:
            norm.use_mode(model, batch_norm, self.inner_steps)
        self.targets: Targets = "values" if loss is not None else "either"

    def targets_taken(self) -> Targets:
        if self.targets != "classes" and self._loss is not None:
            return "given" if self._kinds.targets is None else "either"
        return "classes" if self.targets == "classes" else "either"

    # ---- the parts that tell one method from another ---------------------------------

    @property
    def adapting(self) -> Adapting:
        """What adapts: a part of `adapting.py`."""
        return WholeModel()

    @property
    def moving(self) -> Moves:
        """How a step goes: a part of `moves.py`."""
        return Descent(self.inner_lr)

    # ---- what a method of yours may replace ------------------------------------------

    def adapts(self, name: str) -> bool:
        """Whether the inner steps change the parameter of this name."""
        return self.adapting(name)

    def split(
        self, parameters: Values, x: nx.Tensor, y: nx.Tensor, ways: int | None
    ) -> tuple[Tensors, Tensors]:
        """What inner steps change, as it is before the first one; and all else that
        the learner holds."""
        names = [name for name, _ in self.named_parameters()]
        self.adapting.check(type(self).__name__, names)
        rest = self.all_values(parameters)
        return {n: rest.pop(n) for n in parameters if self.adapts(n)}, rest

    def moved(
        self, fast: Values, gradient: Values, step: InnerStep
    ) -> tuple[Tensors, Tensors]:
        """Values after a step along this gradient, and new values of buffers."""
        return self.moving(fast, gradient, step)

    def inner_batch_of(
        self, x: nx.Tensor, y: nx.Tensor, number: int
    ) -> tuple[nx.Tensor, nx.Tensor]:
        """The support examples of the inner step of this number, from 0: all."""
        return x, y

    def criterion(self, output: nx.Tensor, target: nx.Tensor) -> nx.Tensor:
        """The loss of outputs; by the target's kind, unless one was given."""
        if self._loss is not None:
            loss = self._loss(output, target)
            return loss_of("what loss(output, target) gives", loss)
        if target.dtype.is_floating:
            return mse_loss(output, target)
        return cross_entropy(output, target)

    # ---- adaptation ------------------------------------------------------------------

    def inner_loop(self, first_order: bool = False) -> InnerLoop:
        """The inner loop that these parts make.

        first_order   take the inner gradients as constants
        """
        return InnerLoop(
            owner=self,
            network=self.run,
            criterion=self.criterion,
            start=self.split,
            moves=self.moved,
            batch=self.inner_batch_of,
            clip_norm=self.inner_clip_norm,
            first_order=first_order,
            remat=self._remat,
            counts_steps=norm.has_steps(self),
        )

    def adapted(
        self,
        parameters: Values,
        x: nx.Tensor,
        y: nx.Tensor,
        steps: int,
        first_order: bool = False,
        ways: int | None = None,
    ) -> Iterator[tuple[nx.Tensor, Tensors]]:
        """For each step: the support loss before it, and all values after it."""
        loop = self.inner_loop(first_order)
        return loop.steps(parameters, Support(x, y, ways), steps)

    def after(
        self,
        parameters: Values,
        x: nx.Tensor,
        y: nx.Tensor,
        steps: int,
        first_order: bool = False,
        ways: int | None = None,
    ) -> Tensors:
        """All values after the last step."""
        loop = self.inner_loop(first_order)
        return loop.after(parameters, Support(x, y, ways), steps)

    # ---- of one task -----------------------------------------------------------------

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

    def support_statistics(self, values: Values, x: nx.Tensor) -> Tensors:
        """For layers in mode "support": the support set's statistics."""
        if norm.mode_of(self) not in ("support", "mixed"):
            return {}
        with nn.batch_norm_phase("collect"):
            return self.run(values, x)[1]

    def task_scores(self, parameters: Values, task: Episode, steps: int) -> Tensors:
        has_rows = norm.has_steps(self)

        def scores(
            values: Values, data: tuple[nx.Tensor, ...], row: int
        ) -> dict[str, nx.Tensor]:
            episode = task._replace(
                support_x=data[0], support_y=data[1], query_x=data[2], query_y=data[3]
            )
            outcome, output = self.on_queries(values, episode, row)
            found = {"loss": outcome.loss, **outcome.metrics}
            if "accuracy" in outcome.metrics:
                found[CONFIDENCE] = confidence_bins(output, episode.query_y)
            return found

        score = nx.compile(scores)
        stages = self.inner_loop().stages(parameters, support_of(task), steps)
        rows = [
            score(values, tuple(task[:4]), number if has_rows else 0)
            for number, values in enumerate(stages)
        ]
        return {name: nx.stack([row[name] for row in rows]) for name in rows[0]}

    def task_adaptation(
        self,
        parameters: Values,
        support_x: nx.Tensor,
        support_y: nx.Tensor,
        ways: int | None,
        steps: int,
    ) -> Tensors:
        """All values after these steps."""
        support = Support(support_x, support_y, ways)
        with nn.inner_step(steps):
            values = self.inner_loop().after(parameters, support, steps)
            return {**values, **self.support_statistics(values, support_x)}

    def task_prediction(
        self, adapted: Values, query_x: nx.Tensor, steps: int
    ) -> nx.Tensor:
        with nn.inner_step(steps), nn.batch_norm_phase("stored"):
            return self.run({**self.all_values({}), **adapted}, query_x)[0]

    def finite_steps(self, parameters: Values, task: Episode) -> nx.Tensor:
        loop = self.inner_loop()
        stages = loop.steps(parameters, support_of(task), self.inner_steps)
        return nx.stack([_all_finite(loss, values) for loss, values in stages])

    def static_extra(self) -> tuple[Any, ...]:
        return (self._loss,)

    # ---- what users call -------------------------------------------------------------

    @call_of_users
    def adapt_to_task(
        self,
        support_x: Given,
        support_y: Given,
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
        support = self._support(support_x, support_y)
        values = adaptation(self, support, count)
        copied = copy.deepcopy(self.model)
        for name, cell in copied.named_cells().items():
            cell.assign(values[f"model.{name}"])
        norm.last_step_only(copied, count)
        adapted = self.with_head(copied, values).eval()
        adapted._before_forward = ReadFirst(support.kinds.inputs)
        return adapted

    def with_head(self, model: nn.Module, values: Values) -> nn.Module:
        """The adapted model with what a method puts on top of it."""
        return model

    def evaluation_steps(self, steps: int | None) -> int:
        if steps is None:
            return self.inner_steps
        return whole(type(self).__name__, "steps", steps, 0)

    # ---- refusals --------------------------------------------------------------------

    def check_bucket(self, bucket: Bucket) -> None:
        self.check_adapted()
        task = bucket.first()
        self._check_output(task.support_x, task.support_y, bucket.largest)

    def _support(self, support_x: Given, support_y: Given) -> SupportSet:
        """The support set of a task, which the model fits."""
        self.check_adapted()
        support = support_set(self, support_x, support_y)
        self._check_output(support.x, support.y, support.largest)
        return support

    def _check_output(self, x: nx.Tensor, y: nx.Tensor, largest: int | None) -> None:
        with mode(self, training=False), nx.no_grad():
            self.check_targets(output_of(self.model, self.model(x)), y, largest)

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

    def check_targets(
        self, output: nx.Tensor, target: nx.Tensor, largest: int | None
    ) -> None:
        """Refuse targets that the loss cannot compare with the network's output."""
        if self._loss is not None:
            return
        method = type(self).__name__
        if largest is None:
            if output.shape == target.shape:
                return
            why = ""
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
        if output.ndim != 2 or largest >= output.shape[1]:
            raise InvalidArgumentError(
                f"{method}: there is the class label {largest}, and the "
                f"model gives outputs of shape {output.shape}: for [n, ways] labels go "
                "from 0 to ways − 1"
            )


def support_of(task: Episode) -> Support:
    """The support set of a task."""
    return Support(task.support_x, task.support_y, task.ways)


def _all_finite(loss: nx.Tensor, values: Values) -> nx.Tensor:
    """Whether a loss and all floating values are finite, bool."""
    finite = nx.isfinite(loss)
    for value in values.values():
        if value.dtype.is_floating:
            finite = nx.logical_and(finite, nx.isfinite(value).all())
    return finite
