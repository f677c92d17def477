"""A learner's adaptation and prediction as functions of tensors alone, for programs
that leave Python."""

from __future__ import annotations

import neurenix as nx
from neurenix.arguments import whole
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.nn.modes import mode
from neurenix.state.cell import Cell

from .method import Method
from .outcome import Values
from .tasks.reading import read


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

    support_x [n, ...] and query_x [m, ...] are floats, uint8 pixels or whole numbers as
    the learner reads them; support_y is int32 [n] from 0 to ways − 1, or one-hot rows,
    or values as in training. The learner's weights are those of the time of a call (of
    an export).
    """

    def __init__(self, learner: Method, ways: int | None, steps: int) -> None:
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
        self.learner = learner
        self.ways = ways
        self.steps = steps

    def __call__(
        self, support_x: nx.Tensor, support_y: nx.Tensor, query_x: nx.Tensor
    ) -> dict[str, nx.Tensor]:
        return self.predict(self.adapt(support_x, support_y), query_x)

    def adapt(self, support_x: nx.Tensor, support_y: nx.Tensor) -> dict[str, nx.Tensor]:
        learner = self.learner
        with mode(learner, training=False), nx.no_grad():
            before = learner.all_values({})
            made = learner.task_adaptation(
                learner.learned(),
                self._read(support_x),
                self._targets(support_y),
                self.ways,
                self.steps,
            )
        return {
            name: value
            for name, value in made.items()
            if name not in before or value.data is not before[name].data
        }

    def predict(self, adapted: Values, query_x: nx.Tensor) -> dict[str, nx.Tensor]:
        learner = self.learner
        with mode(learner, training=False), nx.no_grad():
            made = learner.task_prediction(adapted, self._read(query_x), self.steps)
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
