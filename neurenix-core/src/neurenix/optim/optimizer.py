"""What all optimizers share: parameters, and state that compiled code can update."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..attributes import Watched, scalars
from ..cells import Cell
from ..dispatch import no_grad, recorder
from ..dtypes import float32, float64, int32
from ..errors import CaptureError, DtypeError, InvalidArgumentError, ShapeError
from ..functions.creation import zeros_like
from ..nn.arguments import number
from ..nn.parameter import Parameter, load_cells
from ..tape import Leaf
from ..tensor import Tensor, tensor


class Optimizer(Watched):
    """The base: a subclass makes its cells in `__init__` and gives `update`.

    params   the nn.Parameters to change, each once
    lr       learning rate, 0 or more

    All state lies in cells made here, the learning rate too: in compiled code
    nx.compile(f, state=[model, optimizer]) updates it in place, and a schedule that
    sets `optimizer.lr` between calls neither recompiles nor goes stale.

    Raises InvalidArgumentError for no parameters, one twice, and values out of range;
    DtypeError for what is no parameter.
    """

    def __init__(self, params: Iterable[Parameter], lr: float) -> None:
        super().__init__()
        kind = type(self).__name__
        self.params = _checked(kind, params)
        number(f"{kind}: lr", lr, 0.0)
        self._made_for = [(p.type, p.device) for p in self.params]
        device = self.params[0].device
        wide = any(p.dtype is float64 for p in self.params)
        self._lr = Cell(
            tensor(lr, dtype=float64 if wide else float32, device=device),
            name=f"{kind}.lr",
        )
        self._step = Cell(tensor(0, dtype=int32, device=device), name=f"{kind}.step")
        self._cells: dict[str, Cell] = {"lr": self._lr, "step": self._step}

    def _like_params(self, name: str) -> list[Cell]:
        """A cell of zeros for each parameter."""
        made = []
        for i, p in enumerate(self.params):
            cell = Cell(
                zeros_like(p),
                name=f"{type(self).__name__}.{name} of {p.name or f'parameter {i}'}",
            )
            self._cells[f"{name}.{i}"] = cell
            made.append(cell)
        return made

    def _scalar(self, name: str) -> Cell:
        cell = Cell(
            tensor(0.0, dtype=self._lr.dtype, device=self._lr.device),
            name=f"{type(self).__name__}.{name}",
        )
        self._cells[name] = cell
        return cell

    @property
    def lr(self) -> float:
        """The learning rate; setting it takes effect with the next step, compiled or
        not."""
        value = self._lr.numpy()
        # the shortest decimal that is this float32: 0.1, not 0.10000000149
        return (
            float(value) if self._lr.dtype is float64 else float(str(np.float32(value)))
        )

    @lr.setter
    def lr(self, value: float) -> None:
        if recorder() is not None:
            raise CaptureError(
                f"{type(self).__name__}.lr: "
                "set it between compiled calls, not within one"
            )
        self._lr.assign(np.asarray(number(f"{type(self).__name__}: lr", value, 0.0)))

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return int(self._step.item())

    def zero_grad(self) -> None:
        """Forget the gradients of the parameters."""
        for p in self.params:
            if isinstance(p.node, Leaf):
                p.grad = None

    def step(self, grads: Sequence[Tensor | None] | None = None) -> None:
        """Change every parameter that has a gradient: `p.grad`, or the one in `grads`,
        a list like the parameters.

        Raises InvalidArgumentError if there is none at all, ShapeError for one of
        another shape; nothing is changed then.
        """
        given = [p.grad for p in self.params] if grads is None else list(grads)
        kind = type(self).__name__
        if len(given) != len(self.params):
            raise InvalidArgumentError(
                f"{kind}.step: {len(given)} gradients for {len(self.params)} parameters"
            )
        for i, (p, g) in enumerate(zip(self.params, given, strict=True)):
            if (p.type, p.device) != self._made_for[i]:
                raise InvalidArgumentError(
                    f"{kind}.step: {p.name or f'parameter {i}'} "
                    f"is {p.type} on {p.device} now, and the state was made before: "
                    "make the optimizer after model.to()"
                )
            if g is not None and g.shape != p.shape:
                raise ShapeError(
                    f"{kind}.step: a gradient of shape {g.shape} for "
                    f"{p.name or f'parameter {i}'} of shape {p.shape}"
                )
        if all(g is None for g in given):
            raise InvalidArgumentError(
                f"{kind}.step: no parameter has a gradient; "
                "call loss.backward() first, or pass grads"
            )
        with no_grad():
            self._step.assign(self._step + 1)
            self.prepare()
            for i, (p, g) in enumerate(zip(self.params, given, strict=True)):
                if g is not None:
                    p.assign(self.update(i, p.value().detach(), g.detach().to(p.dtype)))

    def prepare(self) -> None:
        """Before the parameters' updates: what they share."""

    def update(self, index: int, p: Tensor, g: Tensor) -> Tensor:
        """The new value of a parameter; its state is written here."""
        raise NotImplementedError

    def rate(self, p: Tensor) -> Tensor:
        return self._lr.value().to(p.dtype)

    # ---- state -----------------------------------------------------------------------

    def state_cells(self) -> dict[str, Cell]:
        return {**{f"params.{i}": p for i, p in enumerate(self.params)}, **self._cells}

    def state_dict(self) -> dict[str, Tensor]:
        """The state by name ("lr", "step", and "momentum.0" for the first parameter's),
        without the parameters: as it is now, whatever happens later."""
        return {name: cell.value() for name, cell in self._cells.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the values of a `state_dict`. Raises what nn.Module.load_state_dict
        raises."""
        load_cells(type(self).__name__, self._cells, state, strict=True)

    def __repr__(self) -> str:
        settings = [
            f"lr={self.lr:g}",
            *(f"{name}={value}" for name, value in scalars(self)),
        ]
        return (
            f"{type(self).__name__}"
            f"({len(self.params)} parameters, {', '.join(settings)})"
        )


def _checked(kind: str, params: Iterable[Parameter]) -> list[Parameter]:
    if isinstance(params, Tensor):
        raise DtypeError(
            f"{kind}: expected several parameters (model.parameters(), or a list), "
            "not one tensor"
        )
    try:
        found = list(params)
    except TypeError:
        raise DtypeError(
            f"{kind}: expected parameters (model.parameters(), or a list), "
            f"not {type(params).__name__}"
        ) from None
    if not found:
        raise InvalidArgumentError(f"{kind}: there are no parameters")
    seen: set[int] = set()
    for i, p in enumerate(found):
        if not isinstance(p, Parameter):
            raise DtypeError(
                f"{kind}: item {i} is a {type(p).__name__}, not an nn.Parameter"
            )
        if id(p) in seen:
            raise InvalidArgumentError(
                f"{kind}: {p.name or f'parameter {i}'} is there twice"
            )
        seen.add(id(p))
    return found
