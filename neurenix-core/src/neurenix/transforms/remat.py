"""nx.remat: a call whose derivative computes its forward values again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import dispatch, tree
from ..errors import InvalidArgumentError
from ..passes.prune import without_dead_code
from ..primitives import ops
from ..tensor import Tensor
from .capture import capture_flat
from .trees import flat_tensors, tensors_of


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """f, whose derivative computes its forward values again instead of keeping them:
    memory for time. Only its inputs are kept.

    Arguments and results are trees; tensors that f closes over are kept like its
    inputs. Random draws are the same again. It gives the same values as f, to the last
    bit; where chains are fused, fused sums may be added up in another order. A program
    holds it as one call; the pullback reads the inputs through a `barrier`, so that no
    pass merges the second computation with the first. For what is called often,
    `nx.compile(nx.remat(f))` is captured and differentiated once.

    Chen et al. 2016, https://arxiv.org/abs/1604.06174 (there called checkpointing; the
    word is kept for files here).

    >>> import neurenix as nx
    >>> block = nx.remat(lambda x: nx.sin(nx.sin(x)).sum())
    >>> nx.grad(block)(nx.tensor([0.0])).tolist()
    [1.0]
    """
    if not callable(f):
        raise InvalidArgumentError(f"remat: {f!r} is not callable")

    def run(*args: Any, **kwargs: Any) -> Any:
        tensors, joined = tensors_of((args, kwargs))
        found: list[Any] = []

        def body(*values: Tensor) -> list[Tensor]:
            a, k = joined(values)
            flat, structure = flat_tensors(f(*a, **k))
            found[:] = [structure]
            return flat

        plain = dispatch.recorder() is None and dispatch.state.taping is not dispatch.ON
        if plain or dispatch.eagerly():
            return f(*args, **kwargs)
        program, lifted = capture_flat(
            body, [t.type for t in tensors], [t.device for t in tensors]
        )
        program = without_dead_code(program)
        outputs = ops.call(*tensors, *lifted, body=program, remat=True)
        return tree.unflatten(found[0], outputs)

    run.__name__ = getattr(f, "__name__", "remat")
    run.__doc__ = f.__doc__
    return run
