"""Meta-SGD: learning the inner learning rates too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import neurenix as nx
from neurenix import nn

from .gradient_based import InnerOptions
from .inner_loop import Moves
from .maml import MAML
from .moves import ElementRates

if TYPE_CHECKING:
    from typing_extensions import Unpack


class MetaSGD(MAML):
    """Meta-SGD (Li et al. 2017, arXiv:1707.09835, section 3, algorithm 1).

        min over θ, α of  mean over tasks of L_query(U(θ)),
        U: θ ← θ − α ∘ ∇L_support(θ), inner_steps times (in the paper once)

    with ∘ the product by elements: α has a rate for every element of θ, may become
    negative, and is learned with θ.

    inner_lr   where every rate starts (the paper: at random from 0.005 to 0.1)

    Other arguments are those of `MAML`. The rates are the learner's own parameters,
    named "rates" and the parameter's name in the model.

    >>> from neurenix.meta import generate_regression_tasks
    >>> learner = MetaSGD(nn.Linear(1, 1), inner_lr=0.05)
    >>> [name for name, _ in learner.named_parameters()]
    ['rates.weight', 'rates.bias', 'model.weight', 'model.bias']
    >>> tasks = generate_regression_tasks(4, 10, seed=0)
    >>> history = learner.meta_learn(tasks, progress=False)
    """

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 0.01,
        meta_lr: float = 0.001,
        first_order: bool = False,
        inner_steps: int = 1,
        **options: Unpack[InnerOptions],
    ) -> None:
        super().__init__(model, inner_lr, meta_lr, first_order, inner_steps, **options)
        self.rates = {
            name: nn.Parameter(nx.full_like(p.value().detach(), self.inner_lr))
            for name, p in self.model.named_parameters()
            if p.dtype.is_floating  # frozen ones too: they may be learned later
        }

    @property
    def moving(self) -> Moves:
        return ElementRates(type(self).__name__)
