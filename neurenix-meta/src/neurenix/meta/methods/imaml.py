"""iMAML: the meta-gradient from the end of adaptation alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import neurenix as nx
from neurenix import nn
from neurenix.arguments import between, flag, positive, whole
from neurenix.errors import InvalidArgumentError

from ..outcome import Outcome, Values
from ..tasks.batches import Episode
from .gradient_based import GradientBased, InnerOptions, support_of
from .inner_loop import Moves
from .moves import ProximalDescent

if TYPE_CHECKING:
    from typing_extensions import Unpack

SOLVERS = ("conjugate_gradient", "neumann")


class IMAML(GradientBased):
    """Implicit MAML (Rajeswaran et al. 2019, arXiv:1909.04630, section 3).

        φ* = argmin over φ of L_support(φ) + λ/2 ‖φ − θ‖²                 (eq. 4)
        meta-gradient = (I + ∇²L_support(φ*) / λ)⁻¹ ∇L_query(φ*)          (lemma 1)

    φ* is approached by `inner_steps` steps of gradient descent, from φ = θ, and the
    system is solved by a fixed number of iterations, each a product with the Hessian
    (section 3.1). Nothing is differentiated through the steps, so that the memory of a
    task does not grow with their number. The result is as good as φ* and the solution
    are; where the Hessian is not positive, λ must be large enough to make the system
    so. Dropout would make another Hessian in each iteration; use none.

    regularization   λ
    solver           "conjugate_gradient", or "neumann": the series Σ (−∇²L / λ)ʲ v,
                     which converges only if the Hessian's norm is below λ
    solver_steps     iterations; with 0 the meta-gradient is ∇L_query(φ*)
    damping          d ≥ 0: the system is solved with ∇²L / (λ + d), so that a smaller λ
                     serves, with steps that go further, where the Hessian is not
                     positive; the meta-gradient then lies between lemma 1's and that
                     of first order. The authors' code does this, with d = 22 for λ = 2,
                     and takes half of the result
    forward_over_reverse   make the products by `nx.hvp` in forward mode: the same to
                     rounding, in somewhat less memory for deep networks

    Other arguments are those of `MAML`.

    >>> from neurenix.meta import generate_regression_tasks
    >>> learner = IMAML(nn.Linear(1, 1), inner_lr=0.02, inner_steps=16)
    >>> tasks = generate_regression_tasks(4, 10, seed=0)
    >>> history = learner.meta_learn(tasks, progress=False)
    """

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 0.01,
        meta_lr: float = 0.001,
        inner_steps: int = 16,
        *,
        regularization: float = 2.0,
        solver: str = "conjugate_gradient",
        solver_steps: int = 5,
        damping: float = 0.0,
        forward_over_reverse: bool = False,
        **options: Unpack[InnerOptions],
    ) -> None:
        super().__init__(model, inner_lr, meta_lr, inner_steps, **options)
        method = type(self).__name__
        self.regularization = positive(method, "regularization", regularization)
        if solver not in SOLVERS:
            raise InvalidArgumentError(
                f"solver={solver!r}; expected {' or '.join(map(repr, SOLVERS))}"
            )
        self.solver = solver
        self.forward_over_reverse = flag(
            method, "forward_over_reverse", forward_over_reverse
        )
        self.solver_steps = whole(method, "solver_steps", solver_steps, 0)
        self.damping = between(method, "damping", damping, 0.0)

    @property
    def moving(self) -> Moves:
        return ProximalDescent(self.inner_lr, self.regularization)

    def task_gradient(
        self, parameters: Values, task: Episode
    ) -> tuple[Outcome, dict[str, nx.Tensor]]:
        x, y = task.support_x, task.support_y
        rest = self.inner_loop().after(parameters, support_of(task), self.inner_steps)
        fast = {n: rest.pop(n) for n in parameters}

        def query_loss(values: Values) -> tuple[nx.Tensor, Outcome]:
            outcome, _ = self.on_queries({**rest, **values}, task, self.inner_steps)
            return outcome.loss, outcome

        def support_loss(values: Values) -> nx.Tensor:
            with nn.inner_step(self.inner_steps), nn.batch_norm_phase("collect"):
                return self.criterion(self.run({**rest, **values}, x)[0], y)

        def curvature(vector: Values) -> dict[str, nx.Tensor]:
            """∇²L_support(φ*) / (λ + damping) times a vector."""
            (product,) = nx.hvp(
                support_loss,
                (fast,),
                (vector,),
                forward_over_reverse=self.forward_over_reverse,
            )
            scale = 1.0 / (self.regularization + self.damping)
            return {n: p * scale for n, p in product.items()}

        (_, outcome), gradient = nx.value_and_grad(query_loss, has_aux=True)(fast)
        solve = neumann if self.solver == "neumann" else conjugate_gradient
        return outcome, solve(curvature, gradient, self.solver_steps)


Product = Callable[[Values], dict[str, nx.Tensor]]


def conjugate_gradient(product: Product, b: Values, steps: int) -> dict[str, nx.Tensor]:
    """x with (I + C) x = b for symmetric C, I + C positive: `steps` iterations from
    x = 0 (Hestenes & Stiefel 1952), or b itself for none. `product` gives C times a
    vector, of b's names and shapes.

    >>> b = {"x": nx.tensor([3.0, 4.0])}
    >>> twice = lambda v: {"x": nx.tensor([2.0, 3.0]) * v["x"]}
    >>> x = conjugate_gradient(twice, b, steps=2)["x"]
    >>> bool(nx.allclose(x, [1.0, 1.0]))
    True
    """
    if not steps:
        return dict(b)

    def iteration(
        state: tuple[Values, ...], _: None
    ) -> tuple[tuple[Values, ...], None]:
        x, residual, direction = state
        image = _sum(direction, product(direction))
        square = _dot(residual, residual)
        length = _ratio(square, _dot(direction, image))
        x = _sum(x, direction, length)
        residual = _sum(residual, image, -length)
        turn = _ratio(_dot(residual, residual), square)
        return (x, residual, _sum(residual, direction, turn)), None

    zeros = {n: nx.zeros_like(v) for n, v in b.items()}
    (x, _, _), _ = nx.scan(iteration, (zeros, dict(b), dict(b)), length=steps)
    return dict(x)


def neumann(product: Product, b: Values, steps: int) -> dict[str, nx.Tensor]:
    """Σ (−C)ʲ b for j from 0 to `steps`: x with (I + C) x = b, if C's norm is below 1.

    >>> b = {"x": nx.tensor([3.0])}
    >>> half = lambda v: {"x": 0.5 * v["x"]}
    >>> neumann(half, b, steps=1)["x"].tolist()
    [1.5]
    """
    if not steps:
        return dict(b)

    def iteration(x: Values, _: None) -> tuple[Values, None]:
        image = product(x)
        return {n: b[n] - image[n] for n in b}, None

    x, _ = nx.scan(iteration, dict(b), length=steps)
    return dict(x)


def _dot(a: Values, b: Values) -> nx.Tensor:
    total = nx.stack([(a[n] * b[n]).sum() for n in a])
    return total.sum()


def _sum(a: Values, b: Values, scale: nx.Tensor | float = 1.0) -> dict[str, nx.Tensor]:
    return {n: a[n] + scale * b[n] for n in a}


def _ratio(a: nx.Tensor, b: nx.Tensor) -> nx.Tensor:
    """a / b; 0 where b is 0, as it is once the solution is exact."""
    nothing = b == 0.0
    divisor = nx.where(nothing, nx.ones_like(b), b)
    return nx.where(nothing, nx.zeros_like(a), a / divisor)
