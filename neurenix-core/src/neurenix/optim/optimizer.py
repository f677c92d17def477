"""The base of all optimizers: parameters, and state that compiled code can update."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ..arguments import between
from ..attributes import Watched, scalars, static_key
from ..dispatch import no_grad, outside_captures, recorder
from ..dtypes import float32, float64, int32
from ..errors import CaptureError, InvalidArgumentError, ShapeError
from ..functions.creation import zeros_like
from ..keywords import check_keywords
from ..nn.parameter import Parameter, load_cells
from ..state.cell import Cell
from ..state.protocol import State
from ..tape import Leaf
from ..tensor import Tensor, tensor
from .groups import ParamGroup, read_groups

Self = TypeVar("Self", bound="Optimizer")
_SETTING_APART = threading.RLock()


class Optimizer(Watched, State):
    """The base: a subclass makes its cells in `__init__` and gives `update`.

    params   the nn.Parameters to change, each once; or groups of them, dicts of
             "params" and whatever hyper-parameters a group has for itself:
             [{"params": head.parameters(), "lr": 1e-2}, {"params": body.parameters()}]
    lr       learning rate, 0 or more
    options  the subclass's other hyper-parameters, which are public attributes and
             hold for the groups that do not say otherwise

    Parameters that are frozen (`requires_grad` is False) stay as they are, whatever
    gradient there is; once they are learned again, they go on with the state that they
    had then.

    All state lies in cells made here, the learning rates too: in compiled code
    nx.compile(f, state=[model, optimizer]) updates it in place, and a schedule that
    sets `optimizer.lr` between calls neither recompiles nor goes stale.

    Raises InvalidArgumentError for no parameters, one twice, an option that there is
    not, and values out of range; DtypeError for what is no parameter.
    """

    # which parameter is being updated, and what `static_extra` says of the others
    unwatched = frozenset({"_now", "_shared", "_apart"})

    def __new__(cls: type[Self], *args: Any, **kwargs: Any) -> Self:
        if kwargs:
            check_keywords(cls, kwargs)
        new: Any = super().__new__
        made: Self = new(cls)
        return made

    def __init__(self, params: Iterable[Any], lr: float, **options: Any) -> None:
        super().__init__()
        kind = type(self).__name__
        lr = between(kind, "lr", lr, 0.0)
        self._options = tuple(options)
        for name, value in options.items():
            setattr(self, name, self.checked(name, value))
        groups = read_groups(kind, params, options)
        self.params: list[Parameter] = [p for members, _ in groups for p in members]
        self._given = [dict(given) for _, given in groups]
        for given in self._given:
            for name in self._options:
                if name in given:
                    given[name] = self.checked(name, given[name])
        # The group of each parameter, and the number of the one that is being updated.
        self._group = [g for g, (members, _) in enumerate(groups) for _ in members]
        self._now = 0
        self._apart: set[int] = set()
        self._made_for = [(p.type, p.device) for p in self.params]
        device = self.params[0].device
        wide = any(p.dtype is float64 for p in self.params)
        self._cells: dict[str, Cell] = {}
        self._rates = [
            self._scalar(
                self.of_group("lr", g),
                between(kind, "lr", given.pop("lr", lr), 0.0),
                float64 if wide else float32,
                device,
            )
            for g, given in enumerate(self._given)
        ]
        self._lr = self._rates[0]
        self._step = self._scalar("step", 0, int32, device)

    def _like_params(
        self, name: str, where: Callable[[int], bool] = lambda index: True
    ) -> list[Any]:
        """A cell of zeros for each parameter; None where there is to be none."""
        made: list[Cell | None] = []
        for i, p in enumerate(self.params):
            if not where(i):
                made.append(None)
                continue
            cell = Cell(
                zeros_like(p),
                name=f"{type(self).__name__}.{name} of {p.name or f'parameter {i}'}",
            )
            made.append(self._kept(f"{name}.{i}", cell))
        return made

    def _scalar(
        self, name: str, value: float = 0.0, dtype: Any = None, device: Any = None
    ) -> Cell:
        like = self._rates[0] if dtype is None else None
        made = tensor(
            value,
            dtype=dtype if like is None else like.dtype,
            device=device if like is None else like.device,
        )
        cell = Cell(made, name=f"{type(self).__name__}.{name}")
        return self._kept(name, cell)

    def _kept(self, name: str, cell: Cell) -> Cell:
        if name in self._cells:
            raise InvalidArgumentError(
                f"{type(self).__name__}: its state has {name!r} twice, and a "
                "state_dict can hold one; give each part of the state its own name"
            )
        self._cells[name] = cell
        return cell

    # ---- groups ----------------------------------------------------------------------

    @property
    def param_groups(self) -> list[ParamGroup]:
        """The groups of parameters, one without any: see `ParamGroup`."""
        return [ParamGroup(self, g) for g in range(len(self._given))]

    @property
    def options(self) -> tuple[str, ...]:
        """The names of the hyper-parameters besides "lr"."""
        return self._options

    @staticmethod
    def of_group(name: str, group: int) -> str:
        """The name of what each group has one of: the first one's needs no number."""
        return f"{name}.group{group}" if group else name

    def members(self, group: int) -> list[Parameter]:
        return [p for p, g in zip(self.params, self._group, strict=True) if g == group]

    def given(self, group: int) -> dict[str, Any]:
        """The settings that a group has for itself."""
        return self._given[group]

    def option_of_group(self, name: str, group: int) -> Any:
        given = self._given[group]
        return given[name] if name in given else getattr(self, name)

    def option(self, name: str, index: int) -> Any:
        """A hyper-parameter, as it is for this parameter."""
        return self.option_of_group(name, self._group[index])

    def checked(self, name: str, value: Any) -> Any:
        """The value of a hyper-parameter, if it can be one; else an error."""
        return between(type(self).__name__, name, value, 0.0)

    def rates(self) -> list[float]:
        """The learning rate of each group."""
        return [_shortest(cell) for cell in self._rates]

    def set_rate(self, group: int, value: float) -> None:
        if recorder() is not None:
            raise CaptureError(
                f"{type(self).__name__}.lr: "
                "set it between compiled calls, not within one"
            )
        checked = between(type(self).__name__, "lr", value, 0.0)
        self._rates[group].assign(np.asarray(checked))

    @property
    def lr(self) -> float:
        """The learning rate; setting it, of all groups, takes effect with the next
        step, compiled or not. Raises InvalidArgumentError where groups have others."""
        found = self.rates()
        if len(set(found)) > 1:
            raise InvalidArgumentError(
                f"{type(self).__name__}.lr: the groups have the learning rates "
                f"{', '.join(map(str, found))}; param_groups[i]['lr'] is one of them"
            )
        return found[0]

    @lr.setter
    def lr(self, value: float) -> None:
        for group in range(len(self._rates)):
            self.set_rate(group, value)

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
        """Change every parameter that has a gradient and is not frozen: by `p.grad`, or
        the one in `grads`, a list like the parameters.

        Raises InvalidArgumentError if there is none at all, ShapeError for one of
        another shape; nothing is changed then.
        """
        if recorder() is None:
            self._set_frozen_apart()
        given = [p.grad for p in self.params] if grads is None else list(grads)
        kind = type(self).__name__
        if len(given) != len(self.params):
            raise InvalidArgumentError(
                f"{kind}.step: {len(given)} gradients for {len(self.params)} parameters"
            )
        self.check_places()
        for i, (p, g) in enumerate(zip(self.params, given, strict=True)):
            if g is not None and g.shape != p.shape:
                raise ShapeError(
                    f"{kind}.step: a gradient of shape {g.shape} for "
                    f"{p.name or f'parameter {i}'} of shape {p.shape}"
                )
        moving = [
            (i, p, g)
            for i, (p, g) in enumerate(zip(self.params, given, strict=True))
            if g is not None and p.requires_grad
        ]
        if not moving:
            raise InvalidArgumentError(
                f"{kind}.step: all parameters are frozen (requires_grad is False)"
                if not any(p.requires_grad for p in self.params)
                else f"{kind}.step: no parameter has a gradient; "
                "call loss.backward() first, or pass grads"
            )
        self.check()
        with no_grad():
            self._step.assign(self._step + 1)
            self.prepare()
            for i, p, g in moving:
                object.__setattr__(self, "_now", i)
                p.assign(self.update(i, p.value().detach(), g.detach().to(p.dtype)))

    def check_places(self) -> None:
        """Refuse parameters that have another device or dtype than when their state was
        made."""
        for i, (p, made_for) in enumerate(zip(self.params, self._made_for)):
            if (p.type, p.device) != made_for:
                raise InvalidArgumentError(
                    f"{type(self).__name__}.step: {p.name or f'parameter {i}'} "
                    f"is {p.type} on {p.device} now, and the state was made before: "
                    "make the optimizer after model.to()"
                )

    def check(self) -> None:
        """Refuse a step that cannot be made, before anything is changed."""

    def prepare(self) -> None:
        """Before the parameters' updates: what they share."""

    def update(self, index: int, p: Tensor, g: Tensor) -> Tensor:
        """The new value of a parameter; its state is written here."""
        raise NotImplementedError

    def rate(self, p: Tensor) -> Tensor:
        """The learning rate of the parameter that is being updated, in p's dtype."""
        return self._rates[self._group[self._now]].value().to(p.dtype)

    # ---- what is frozen --------------------------------------------------------------

    def _set_frozen_apart(self) -> None:
        """Parameters that make fewer steps than others, from the first that they
        miss."""
        for i, p in enumerate(self.params):
            if not p.requires_grad and i not in self._apart:
                self._set_apart(i)

    def _set_apart(self, index: int) -> None:
        with _SETTING_APART, outside_captures():
            if index not in self._apart:  # another thread may have done it
                self.set_apart(index)
                self._apart.add(index)

    def set_apart(self, index: int) -> None:
        """For a subclass whose parameters share something that grows from step to step:
        from now on this one has its own."""

    # ---- state -----------------------------------------------------------------------

    def state_cells(self) -> dict[str, Cell]:
        self._set_frozen_apart()
        return {**{f"params.{i}": p for i, p in enumerate(self.params)}, **self._cells}

    def static_extra(self) -> tuple[Any, ...]:
        """The part of a program's key besides attributes and cells: the settings of
        each group. It is asked before a capture, and sets apart the parameters that are
        frozen now."""
        self._set_frozen_apart()
        own = [(name, static_key(v)) for g in self._given for name, v in g.items()]
        return (*self._group, *own)

    def state_dict(self) -> dict[str, Tensor]:
        """The state by name ("lr", "step", and "momentum.0" for the first parameter's),
        without the parameters: as it is now, whatever happens later. Of a second group
        there is "lr.group1"."""
        self._set_frozen_apart()
        return {name: cell.value() for name, cell in self._cells.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the values of a `state_dict`. Raises what nn.Module.load_state_dict
        raises."""
        self._set_frozen_apart()
        load_cells(type(self).__name__, self._cells, self.completed(state), strict=True)

    def completed(self, state: Any) -> Any:
        """For a subclass that sets parameters apart: a state of an optimizer in which
        others were, as one of this."""
        return state

    def __repr__(self) -> str:
        settings = [f"{name}={value}" for name, value in scalars(self)]
        groups = [
            f"{len(group['params'])} parameters, lr={group['lr']:g}"
            + "".join(f", {k}={v}" for k, v in given.items())
            for group, given in zip(self.param_groups, self._given, strict=True)
        ]
        return f"{type(self).__name__}({', '.join(['; '.join(groups), *settings])})"


def _shortest(cell: Cell) -> float:
    """The shortest decimal that is this float32: 0.1, not 0.10000000149."""
    value = cell.numpy()
    return float(value) if cell.dtype is float64 else float(str(np.float32(value)))


def check_momentum(optimizer: Optimizer, cells: Sequence[Cell | None]) -> None:
    """Refuse a momentum that came after the optimizer was made."""
    for i, cell in enumerate(cells):
        momentum = optimizer.option("momentum", i)
        if momentum and cell is None:
            raise InvalidArgumentError(
                f"{type(optimizer).__name__}: momentum={momentum:g}, but it was 0 when "
                "the optimizer was made, which has no state for it; make another one"
            )
