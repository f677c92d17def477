"""ProtoMAML: MAML whose head starts from prototypes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError, ShapeError

from ..outcome import Values
from .gradient_based import InnerOptions
from .maml import MAML
from .prototypical import prototypes

if TYPE_CHECKING:
    from typing_extensions import Unpack

HEAD = ("head.weight", "head.bias")


class ProtoMAML(MAML):
    """ProtoMAML (Triantafillou et al. 2020, arXiv:1903.03096).

        logits = f(x) Wᵀ + b, with W_k = 2 c_k and b_k = −‖c_k‖² at the start

    where c_k is the mean of f over the support examples of class k: before any step the
    logits are those of Prototypical Networks with the squared Euclidean distance, up to
    ‖f(x)‖², which is the same for all classes (Snell et al. 2017, section 2.4). Then W,
    b and f take MAML's inner steps. The derivative goes through these and through the
    prototypes. Tasks may differ in how many classes they have.

    embedding_model   f: [n, ...] to [n, d] (more axes are flattened)
    loss              of (logits, classes); by default the cross-entropy

    Other arguments are those of `MAML`. `adapt_to_task` returns f with the head.

    >>> from neurenix.meta import generate_classification_tasks
    >>> learner = ProtoMAML(nn.Linear(20, 8), inner_lr=0.01)
    >>> tasks = generate_classification_tasks(4, seed=0)
    >>> history = learner.meta_learn(tasks, progress=False)
    >>> adapted = learner.adapt_to_task(tasks[0].support_x, tasks[0].support_y)
    >>> adapted(tasks[0].query_x).shape
    (50, 5)
    """

    def __init__(
        self,
        embedding_model: nn.Module,
        inner_lr: float = 0.01,
        meta_lr: float = 0.001,
        first_order: bool = False,
        inner_steps: int = 5,
        **options: Unpack[InnerOptions],
    ) -> None:
        targets = options.get("targets")
        if targets not in (None, "classes"):
            raise InvalidArgumentError(
                f"ProtoMAML: targets={targets!r}; it learns 'classes'"
            )
        super().__init__(
            embedding_model, inner_lr, meta_lr, first_order, inner_steps, **options
        )
        self.targets = "classes"

    def split(
        self, parameters: Values, x: nx.Tensor, y: nx.Tensor, ways: int | None
    ) -> tuple[dict[str, nx.Tensor], dict[str, nx.Tensor]]:
        assert ways is not None  # "classes" says so
        fast, rest = super().split(parameters, x, y, ways)
        with nn.inner_step(0), nn.batch_norm_phase("collect"):
            embedded, _ = self.run({**rest, **fast}, x)
        centres = prototypes(embedded, y, ways)
        weight, bias = 2.0 * centres, -(centres * centres).sum(dim=1)
        return {**fast, **dict(zip(HEAD, (weight, bias)))}, rest

    def run(
        self, values: Values, x: nx.Tensor
    ) -> tuple[nx.Tensor, dict[str, nx.Tensor]]:
        own = {n: v for n, v in values.items() if n not in HEAD}
        output, buffers = super().run(own, x)
        embedded = nx.flatten(output, 1)
        if HEAD[0] not in values:
            return embedded, buffers
        weight, bias = (values[n] for n in HEAD)
        return nn.functional.linear(embedded, weight, bias), buffers

    def with_head(self, model: nn.Module, values: Values) -> nn.Module:
        weight, bias = (values[n] for n in HEAD)
        head = nn.Linear(weight.shape[1], weight.shape[0]).to(weight.dtype)
        head.weight.assign(weight)
        assert head.bias is not None
        head.bias.assign(bias)
        return nn.Sequential(model, nn.Flatten(), head)

    def check_adapted(self) -> None:
        """With a frozen embedding the head is adapted."""

    def check_targets(
        self, output: nx.Tensor, target: nx.Tensor, largest: int | None
    ) -> None:
        if output.ndim < 2:
            raise ShapeError(
                f"ProtoMAML: the embedding model gives outputs of shape "
                f"{output.shape}; expected [n, d], a vector for each example"
            )
