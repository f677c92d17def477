"""A learner's adaptation and prediction as functions of tensors alone, for programs
that leave Python."""

from __future__ import annotations

import neurenix as nx
from neurenix.arguments import flag, whole
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.nn.modes import mode
from neurenix.state.cell import Cell

from .method import Method
from .models.batch_norm import depends_on_batch
from .outcome import Values
from .tasks.reading import read

# Beside what a method's adaptation makes: the support set, for its statistics.
_SUPPORT = "support_x"


class TaskFunction:
    """What `learner.as_function` gives: a support set and queries in, scores out, with
    nothing looked at on the host, so that all of it can be captured.

    f(support_x, support_y, query_x)    adapts, and predicts
    f.adapt(support_x, support_y)       what adapting makes, tensors by name: of
                                        Prototypical Networks the "prototypes", of MAML
                                        the weights that its steps have changed
    f.predict(adapted, query_x)         the predictions of that, by name: "scores"
                                        [m, ways], logits, of classes; else "values"; of
                                        a Conditional Neural Process "mean" and
                                        "deviation"

    Where a network's output depends on the other examples of its batch (batch norm in
    mode "transductive"), each query goes through it in one batch with the support set,
    as `Classifier` and `evaluate(transductive=False)` have it: no query sees another,
    and "support_x" is among what `adapt` makes. With transductive=True all queries go
    through it in one batch, as in training and `adapt_to_task(...)(queries)`; a lone
    query is then normalised by itself.

    support_x [n, ...] and query_x [m, ...] are floats, uint8 pixels or whole numbers as
    the learner reads them; support_y is int32 [n] from 0 to ways − 1, or one-hot rows,
    or values as in training. The learner's weights are those of the time of a call (of
    an export).
    """

    def __init__(
        self, learner: Method, ways: int | None, steps: int, transductive: bool
    ) -> None:
        targets = learner.kinds.targets
        name = type(learner).__name__
        if ways is not None:
            whole(f"{name}.as_function", "ways", ways, 1)
        if targets == "classes" and ways is None:
            raise InvalidArgumentError(
                f"{name}.as_function: ways=None, and its targets are classes; say how "
                "many there are, ways=5"
            )
        if targets == "values" and ways is not None:
            raise InvalidArgumentError(
                f"{name}.as_function: ways={ways}, and its targets are values; leave "
                "ways out"
            )
        if flag(f"{name}.as_function", "transductive", transductive) and (
            not depends_on_batch(learner)
        ):
            raise InvalidArgumentError(
                f"{name}.as_function: transductive=True, but no prediction of this "
                "network depends on other queries; leave it out"
            )
        self.learner = learner
        self.ways = ways
        self.steps = steps
        self.transductive = transductive

    @property
    def _apart(self) -> bool:
        """Whether each query is in a batch with the support set."""
        return depends_on_batch(self.learner) and not self.transductive

    def __call__(
        self, support_x: nx.Tensor, support_y: nx.Tensor, query_x: nx.Tensor
    ) -> dict[str, nx.Tensor]:
        return self.predict(self.adapt(support_x, support_y), query_x)

    def adapt(self, support_x: nx.Tensor, support_y: nx.Tensor) -> dict[str, nx.Tensor]:
        learner = self.learner
        with mode(learner, training=False), nx.no_grad():
            before = learner.all_values({})
            support_x = self._read(support_x)
            made = learner.task_adaptation(
                learner.learned(),
                support_x,
                self._targets(support_y),
                self.ways,
                self.steps,
            )
        changed = {
            name: value
            for name, value in made.items()
            if name not in before or value.data is not before[name].data
        }
        return {**changed, _SUPPORT: support_x} if self._apart else changed

    def predict(self, adapted: Values, query_x: nx.Tensor) -> dict[str, nx.Tensor]:
        query_x = self._read(query_x)
        with mode(self.learner, training=False), nx.no_grad():
            if not self._apart:
                return self._predicted(adapted, query_x)
            support_x = adapted[_SUPPORT]
            rest = {name: x for name, x in adapted.items() if name != _SUPPORT}

            def alone(query: nx.Tensor) -> dict[str, nx.Tensor]:
                both = nx.concat([support_x, nx.expand_dims(query, 0)])
                made = self._predicted(rest, both)
                return {name: value[-1] for name, value in made.items()}

            found: dict[str, nx.Tensor] = nx.vmap(alone)(query_x)
            return found

    def _predicted(self, adapted: Values, query_x: nx.Tensor) -> dict[str, nx.Tensor]:
        made = self.learner.task_prediction(adapted, query_x, self.steps)
        if isinstance(made, dict):
            return made
        return {"values" if self.ways is None else "scores": made}

    def _read(self, x: nx.Tensor) -> nx.Tensor:
        return read(x, self.learner.kinds.inputs, self.learner.dtype)

    def _targets(self, y: nx.Tensor) -> nx.Tensor:
        if self.ways is None:
            return y
        if y.ndim == 2 and y.shape[1] == self.ways:
            return nx.argmax(y, dim=1)
        if y.ndim != 1 or y.dtype.is_floating:
            raise ShapeError(
                f"{type(self.learner).__name__}.as_function: support_y is "
                f"{y.dtype.name} of shape {y.shape}; expected int32 [n], or one-hot "
                f"rows [n, {self.ways}]"
            )
        return y.to(nx.int32)

    def state_cells(self) -> dict[str, Cell]:
        """The learner's parameters and buffers, as which an export names them."""
        return dict(self.learner.named_cells())
