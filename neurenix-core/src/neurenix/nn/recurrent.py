"""Recurrent layers: one step, captured once, over a sequence (nx.scan)."""

from __future__ import annotations

import math
from typing import Any

from ..arguments import whole
from ..errors import InvalidArgumentError, ShapeError
from ..functions.activation import sigmoid
from ..functions.arithmetic import tanh
from ..functions.creation import zeros
from ..functions.operands import floating
from ..functions.shape import cut, moveaxis, stack
from ..tensor import Tensor
from ..transforms.mapping import scan
from . import functional, init
from .module import Module
from .parameter import Parameter


class _Recurrent(Module):
    """The base of LSTM and GRU. `gates`: how many blocks of hidden_size rows a weight
    has; `names`: the tensors of a layer's state; `bias_apart`: whether the state's bias
    is not simply added to the input's."""

    gates: int
    names: tuple[str, ...]
    bias_apart: bool

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
    ) -> None:
        super().__init__()
        kind = type(self).__name__
        self.input_size: int = whole(kind, "input_size", input_size, 1)
        self.hidden_size: int = whole(kind, "hidden_size", hidden_size, 1)
        self.num_layers: int = whole(kind, "num_layers", num_layers, 1)
        self.bias: bool = bool(bias)
        self.batch_first: bool = bool(batch_first)
        rows, bound = self.gates * hidden_size, 1.0 / math.sqrt(hidden_size)
        shapes: dict[str, tuple[int, ...]]
        for layer in range(num_layers):
            columns = hidden_size if layer else input_size
            shapes = {"weight_ih": (rows, columns), "weight_hh": (rows, hidden_size)}
            if bias:
                shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
            for name, shape in shapes.items():
                made = init.uniform_(Parameter(zeros(shape)), -bound, bound)
                setattr(self, f"{name}_l{layer}", made)

    def _step(self, given: Tensor, state: Any, weight: Any, bias: Any) -> Any:
        """The next state of a layer; `given` is what comes from its input."""
        raise NotImplementedError

    def _gates(self, x: Tensor) -> list[Tensor]:
        size, at = self.hidden_size, x.ndim - 1
        return [cut(x, at, k * size, (k + 1) * size) for k in range(self.gates)]

    def _run(self, x: Any, states: tuple[Any, ...] | None) -> tuple[Tensor, list[Any]]:
        """The last layer's outputs, and each layer's last state."""
        kind, hidden = type(self).__name__, self.hidden_size
        x = floating(kind, x)
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            order = "[N, L, " if self.batch_first else "[L, N, "
            raise ShapeError(
                f"{kind}: an input of shape {x.shape}; expected {order}"
                f"{self.input_size}], or [L, {self.input_size}]"
            )
        turned = self.batch_first and x.ndim == 3
        x = moveaxis(x, 1, 0) if turned else x
        shape = (self.num_layers, *x.shape[1:-1], hidden)
        if states is None:
            states = tuple(
                zeros(shape, dtype=x.dtype, device=x.device) for _ in self.names
            )
        for name, s in zip(self.names, states, strict=True):
            if s.shape != shape:
                raise ShapeError(
                    f"{kind}: {name} has shape {s.shape}; an input of {x.shape[0]} "
                    f"steps, shape {x.shape}, needs {shape}"
                )
        last = []
        for layer in range(self.num_layers):
            weight = getattr(self, f"weight_hh_l{layer}")
            bias = getattr(self, f"bias_hh_l{layer}", None)
            input_bias = getattr(self, f"bias_ih_l{layer}", None)
            if bias is not None and not self.bias_apart:
                input_bias, bias = input_bias + bias, None
            # what comes from the input does not wait for the state: one product for all
            given = functional.linear(
                x, getattr(self, f"weight_ih_l{layer}"), input_bias
            )

            def step(
                state: Any, given: Tensor, weight: Any = weight, bias: Any = bias
            ) -> Any:
                new = self._step(given, state, weight, bias)
                return new, new[0]

            end, x = scan(step, tuple(s[layer] for s in states), given)
            last.append(end)
        return (moveaxis(x, 0, 1) if turned else x), last

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}"


class LSTM(_Recurrent):
    """Long short-term memory. With σ the sigmoid and ⊙ the product by elements:

    i, f, o = σ(W_ih x + b_ih + W_hh h + b_hh), rows i, f, o of it;  g = tanh(rows g)
    c ← f ⊙ c + i ⊙ g;  h ← o ⊙ tanh(c)

    x [L, N, input_size] ([N, L, input_size] with batch_first; [L, input_size] for one
    sequence) and optionally (h, c), each [num_layers, N, hidden_size], zeros by default
    -> every step's h of the last layer [L, N, hidden_size], and the last (h, c).

    Weights are named and laid out as PyTorch's (rows i, f, g, o) and start from
    U(±1/√hidden_size). Hochreiter & Schmidhuber 1997; Gers et al. 2000.

    >>> import neurenix as nx
    >>> y, (h, c) = nx.nn.LSTM(3, 4, batch_first=True)(nx.ones(2, 7, 3))
    >>> y.shape, h.shape, c.shape
    ((2, 7, 4), (1, 2, 4), (1, 2, 4))
    """

    gates = 4
    names = ("h", "c")
    bias_apart = False

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        if state is not None and not (isinstance(state, tuple) and len(state) == 2):
            raise InvalidArgumentError("LSTM: state is a tuple, (h, c)")
        y, last = self._run(x, state)
        return y, (stack([h for h, _ in last]), stack([c for _, c in last]))

    def _step(self, given: Tensor, state: Any, weight: Any, bias: Any) -> Any:
        h, c = state
        total = given + functional.linear(h, weight)  # `given` has both biases
        i, f, g, o = self._gates(total)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c


class GRU(_Recurrent):
    """Gated recurrent unit. With σ the sigmoid and ⊙ the product by elements:

    r, z = σ(W_ih x + b_ih + W_hh h + b_hh), their rows r, z
    n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn));  h ← (1 − z) ⊙ n + z ⊙ h

    x [L, N, input_size] ([N, L, input_size] with batch_first; [L, input_size] for one
    sequence) and optionally h [num_layers, N, hidden_size], zeros by default -> every
    step's h of the last layer [L, N, hidden_size], and each layer's last h.

    Weights are named and laid out as PyTorch's (rows r, z, n) and start from
    U(±1/√hidden_size). Cho et al. 2014.

    >>> import neurenix as nx
    >>> y, h = nx.nn.GRU(3, 4)(nx.ones(7, 2, 3))
    >>> y.shape, h.shape
    ((7, 2, 4), (1, 2, 4))
    """

    gates = 3
    names = ("h",)
    bias_apart = True  # r multiplies it

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        y, last = self._run(x, None if state is None else (state,))
        return y, stack([h for (h,) in last])

    def _step(self, given: Tensor, state: Any, weight: Any, bias: Any) -> Any:
        (h,) = state
        rx, zx, nx = self._gates(given)
        rh, zh, nh = self._gates(functional.linear(h, weight, bias))
        z = sigmoid(zx + zh)
        n = tanh(nx + sigmoid(rx + rh) * nh)
        return (n + z * (h - n),)
