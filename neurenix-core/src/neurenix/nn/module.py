"""Module: layers and networks, which own parameters, buffers and other modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from ..attributes import Watched, changes
from ..devices import parse_device
from ..dtypes import Dtype, as_dtype
from ..errors import InvalidArgumentError
from ..keywords import check_keywords
from ..random import Generator
from ..state.cell import Cell
from ..state.protocol import State
from ..tape import Leaf
from ..tensor import Tensor
from .modes import training_here
from .parameter import Buffer, LoadResult, Parameter, load_cells, move

M = TypeVar("M", bound="Module")


def _parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The modules and cells that an attribute owns: itself, or those in its lists,
    tuples and dicts."""
    if isinstance(value, (Parameter, Buffer, Module, Generator)):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _parts(f"{name}.{i}", item)
    elif isinstance(value, dict):
        for key, item in list(value.items()):  # another thread may add to it
            yield from _parts(f"{name}.{key}", item)


class Module(Watched, State):
    """The base of all layers and networks. A subclass sets parameters, buffers and
    other modules as attributes (also within lists, tuples and dicts) and defines
    `forward`. Names of parameters and buffers are their paths: attributes, list indices
    and dict keys, with dots between.

    training   whether layers such as batch norm and dropout behave as in training;
               `train()` and `eval()` set it

    In compiled code it is state: nx.compile(f, state=[model]). Its parts, and all that
    its code reads, are part of what the program depends on.

    >>> import neurenix as nx
    >>> class Scale(nx.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nx.nn.Parameter([2.0])
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale()(nx.ones(3)).tolist()
    [2.0, 2.0, 2.0]
    >>> [name for name, _ in nx.nn.Sequential(Scale(), Scale()).named_parameters()]
    ['0.factor', '1.factor']
    """

    unwatched = frozenset({"_training"})  # programs ask for `training`
    _training: bool = True  # what `train` and `eval` have set
    # An optional hook that changes a call's arguments first; it gets (self, args,
    # kwargs).
    _before_forward: Callable[[Module, Any, Any], tuple[Any, Any]] | None = None

    def __new__(cls: type[M], *args: Any, **kwargs: Any) -> M:
        if kwargs:
            check_keywords(cls, kwargs)
        new: Any = super().__new__  # of another base class, where there is one
        return new(cls) if new is object.__new__ else new(cls, *args, **kwargs)

    def __init__(self) -> None:
        super().__init__()

    @property
    def training(self) -> bool:
        here = training_here(self)
        return self._training if here is None else here

    @training.setter
    def training(self, value: bool) -> None:
        self._training = value

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._before_forward is not None:
            args, kwargs = self._before_forward(self, args, kwargs)
        return self.forward(*args, **kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        held = vars(self).get(name)
        if (
            isinstance(held, (Parameter, Buffer))
            and isinstance(value, Tensor)
            and not isinstance(value, Cell)
        ):
            kind = type(held).__name__.lower()
            raise InvalidArgumentError(
                f"{type(self).__name__}.{name} is a {kind}: "
                f"give it a value with .{name}.assign(value), "
                f"or replace it by another nn.{type(held).__name__}"
            )
        named: list[tuple[str, Cell]] = []  # for messages: the longest path so far
        for path, part in _parts(name, value):
            if isinstance(part, Module):
                cells = part.named_cells().items()
                named += [(f"{path}.{inner}", cell) for inner, cell in cells]
            elif isinstance(part, Cell):
                named.append((path, part))
        super().__setattr__(name, value)
        for path, cell in named:
            cell.name = path

    # ---- what it owns ----------------------------------------------------------------

    def _own(self, kind: type[Any]) -> Iterator[tuple[str, Any]]:
        for name, value in list(vars(self).items()):
            yield from (
                (path, part)
                for path, part in _parts(name, value)
                if isinstance(part, kind)
            )

    def named_children(self) -> Iterator[tuple[str, Module]]:
        return self._own(Module)

    def children(self) -> Iterator[Module]:
        return (module for _, module in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module, named `prefix`, and all below it; each once."""
        return self._walk(prefix, set())

    # Not a function inside the one above: that would be a cycle at each call.
    def _walk(self, path: str, seen: set[int]) -> Iterator[tuple[str, Module]]:
        if id(self) in seen:
            return
        seen.add(id(self))
        yield path, self
        for name, child in self.named_children():
            yield from child._walk(f"{path}.{name}" if path else name, seen)

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def _all(self, kind: type[Any]) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        names: set[str] = set()
        for path, module in self.named_modules():
            for name, part in module._own(kind):
                if id(part) not in seen:  # shared ones have the first of their names
                    seen.add(id(part))
                    full = f"{path}.{name}" if path else name
                    if full in names:
                        raise self._named_twice(full)
                    names.add(full)
                    yield full, part

    def _named_twice(self, name: str) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"{type(self).__name__}: two different parameters or buffers have the name "
            f"{name!r}, and a state_dict can hold one; rename an attribute, or a key "
            "of a dict: a dot within one, or keys such as 1 and '1', make names alike"
        )

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        return self._all(Parameter)

    def parameters(self) -> Iterator[Parameter]:
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        return self._all(Buffer)

    def buffers(self) -> Iterator[Buffer]:
        return (buffer for _, buffer in self.named_buffers())

    def named_cells(self) -> dict[str, Parameter | Buffer]:
        """Parameters, then buffers, by name.

        Raises InvalidArgumentError where two have one name, as `named_parameters()`
        and `named_buffers()` do: none gets lost.
        """
        cells: dict[str, Parameter | Buffer] = dict(self.named_parameters())
        for name, buffer in self.named_buffers():
            if name in cells:
                raise self._named_twice(name)
            cells[name] = buffer
        return cells

    # ---- values ----------------------------------------------------------------------

    def state_dict(self) -> dict[str, Tensor]:
        """The values of parameters and buffers by name: as they are now, whatever
        happens to the module later."""
        return {
            name: cell.value().detach() for name, cell in self.named_cells().items()
        }

    def load_state_dict(
        self, state: Mapping[str, Any], strict: bool = True
    ) -> LoadResult:
        """Take the values of a `state_dict`; floating dtypes are converted.

        Raises InvalidArgumentError that lists what is missing, unexpected (unless
        strict is False) or of another dtype, and ShapeError for shapes; nothing is
        changed then.
        """
        return load_cells(type(self).__name__, self.named_cells(), state, strict)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            if isinstance(parameter.node, Leaf):
                parameter.grad = None

    def to(self: M, target: Any) -> M:
        """Move to a device ("cpu:0"), or convert floating values to a dtype
        (nx.float64). In place; gradients of what moved are dropped."""
        names = {"float64", "float32", "float16", "bfloat16"}
        where = (
            target
            if isinstance(target, Dtype)
            else as_dtype(target)
            if target in names
            else parse_device(target)
        )
        if isinstance(where, Dtype) and not where.is_floating:
            raise InvalidArgumentError(
                f"{type(self).__name__}.to: {where.name} has no derivative; "
                "give a floating dtype"
            )
        for cell in self.named_cells().values():
            move(cell, where)
        changes.note()
        return self

    def train(self: M, mode: bool = True) -> M:
        """Behave as in training (or not), and so all modules below."""
        for module in self.modules():
            module.training = bool(mode)
        return self

    def eval(self: M) -> M:
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Learn all parameters of it and of the modules below, or freeze them: they
        are used as before, and no derivative, optimizer or inner step changes them.

        >>> import neurenix as nx
        >>> body, head = nx.nn.Linear(4, 8), nx.nn.Linear(8, 2)
        >>> model = nx.nn.Sequential(body.requires_grad_(False), head)
        >>> [name for name, p in model.named_parameters() if p.requires_grad]
        ['1.weight', '1.bias']
        """
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def apply(self: M, function: Callable[[Module], Any]) -> M:
        """Call the function with every module, those below first."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    # ---- as the state of compiled code -----------------------------------------------

    def generators(self) -> list[Generator]:
        """The random streams that this module itself (not those below) draws from."""
        return [generator for _, generator in self._own(Generator)]

    def random_streams(self) -> list[Generator]:
        found = {id(g): g for module in self.modules() for g in module.generators()}
        return list(found.values())

    def state_cells(self) -> dict[str, Cell]:
        cells: dict[str, Cell] = dict(self.named_cells())
        for i, generator in enumerate(self.random_streams()):
            name = f"generator{i or ''}.step"
            while name in cells:  # of a module that is named so
                name = f"{name}#"
            cells[name] = generator.step
        return cells

    def begin_capture(self) -> None:
        for generator in self.random_streams():
            generator.begin_capture()

    def end_capture(self) -> None:
        for generator in self.random_streams():
            generator.end_capture()

    def static_extra(self) -> tuple[Any, ...]:
        """For a subclass: whatever else a program depends on."""
        return ()

    # ---- for reading -----------------------------------------------------------------

    def extra_repr(self) -> str:
        """For a subclass: its settings, as in its constructor."""
        return ""

    def __repr__(self) -> str:
        children = list(self.named_children())
        if not children:
            return f"{type(self).__name__}({self.extra_repr()})"
        lines = [
            f"  ({name}): " + repr(child).replace("\n", "\n  ")
            for name, child in children
        ]
        extra = [f"  {self.extra_repr()}"] if self.extra_repr() else []
        return "\n".join([f"{type(self).__name__}(", *extra, *lines, ")"])
