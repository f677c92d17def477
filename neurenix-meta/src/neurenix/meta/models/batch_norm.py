"""Batch norm's modes in a whole network: which one it has, and giving it another."""

from __future__ import annotations

from collections.abc import Iterator

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError
from neurenix.nn.batch_norm import MODES, OF_EACH_STEP


def layers(model: nn.Module) -> Iterator[nn.BatchNorm]:
    """All batch-norm layers below a module."""
    return (module for module in model.modules() if isinstance(module, nn.BatchNorm))


def mode_of(model: nn.Module) -> str | None:
    """The mode of a network's batch norm: one for all, "mixed", or None without any.

    >>> mode_of(nn.Sequential(nn.BatchNorm1d(3), nn.ReLU()))
    'running'
    """
    modes = {layer.mode for layer in layers(model)}
    if len(modes) > 1:
        return "mixed"
    return modes.pop() if modes else None


def depends_on_batch(model: nn.Module) -> bool:
    """Whether, in evaluation, an output depends on the other examples of its batch."""
    return any(layer.of_the_batch for layer in layers(model))


def has_steps(model: nn.Module) -> bool:
    """Whether a layer has scales of its own for each inner step."""
    return any(layer.steps is not None for layer in layers(model))


def use_mode(model: nn.Module, mode: str, steps: int) -> None:
    """Give every batch-norm layer a mode; `steps` rows where it is one of steps.

    Weights and biases stay as they are (repeated for each step); stored statistics
    start anew.
    """
    for layer in list(layers(model)):
        if layer.mode != mode:
            _change_mode(layer, mode, steps if mode in OF_EACH_STEP else None, 0)


def last_step_only(model: nn.Module, step: int) -> None:
    """Make layers with rows plain ones, with the statistics and scales of a step."""
    for layer in list(layers(model)):
        if layer.steps is not None:
            plain = "transductive" if layer.of_the_batch else "running"
            _change_mode(layer, plain, None, step)


def _change_mode(layer: nn.BatchNorm, mode: str, steps: int | None, row: int) -> None:
    """Give a layer the cells of another mode, those of scales with the values that it
    has; of a layer with rows, those of one row."""
    fresh = nn.BatchNorm(
        layer.num_features,
        eps=layer.eps,
        momentum=layer.momentum,
        affine=layer.weight is not None,
        mode=mode,
        steps=steps,
    )
    keeps_statistics = layer.steps is not None and mode == "running"
    for name in ("weight", "bias", "running_mean", "running_var"):
        old, new = getattr(layer, name), getattr(fresh, name)
        is_scale = name in ("weight", "bias")
        if old is not None and new is not None and is_scale and old.shape == new.shape:
            continue  # the same parameter stays: optimizers know it
        if old is not None and new is not None and (is_scale or keeps_statistics):
            _take_value(new, old, layer.steps, row)
        setattr(layer, name, new)
    layer.mode, layer.steps = mode, steps


def _take_value(
    new: nn.Parameter | nn.Buffer,
    old: nn.Parameter | nn.Buffer,
    steps: int | None,
    row: int,
) -> None:
    """The value of a cell, or of a row of one that has a row for each of the steps."""
    value = old.value().detach()
    if steps is not None:
        value = value[min(row, steps - 1)]
    new.assign(nx.broadcast_to(value, new.shape))
    if isinstance(new, nn.Parameter) and isinstance(old, nn.Parameter):
        new.requires_grad_(old.requires_grad)


def check_mode(mode: str | None) -> None:
    if mode is not None and mode not in MODES:
        raise InvalidArgumentError(
            f"batch_norm={mode!r}; expected None (as the layers say) or one of "
            f"{', '.join(MODES)}"
        )
