"""The workloads, and the forms of each peer that Neurenix is measured against.

The list is frozen: a form may be added, none taken away.
"""

from __future__ import annotations

from typing import NamedTuple


class Form(NamedTuple):
    """One way of one peer to do a workload.

    environment   the peer's virtual environment is `.venv-<environment>`; "" is ours
    module        the file that has its class `Peer`, without ".py"
    cold          w7 only: compile caches in the temporary folder are emptied first
    """

    peer: str
    environment: str
    module: str
    variant: str | None = None
    cold: bool = False

    @property
    def label(self) -> str:
        words = [self.peer, self.variant or "", "cold" if self.cold else ""]
        return " ".join(word for word in words if word)


def jax(variant: str) -> Form:
    return Form("jax", "jax", "peer_jax", variant)


def mlx(variant: str, cold: bool = False) -> Form:
    return Form("mlx", "mlx", "peer_mlx", variant, cold)


OURS = Form("neurenix", "", "peer_neurenix")
OURS_16 = Form("neurenix", "", "peer_neurenix_batches", "steps16")
TORCH_COMPILE = Form("torch.func", "torch", "peer_torchfunc", "compile")
# The frozen scan16 repeats one batch; the second has sixteen different ones, as ours.
JAX_16 = [jax("scan16"), Form("jax", "jax", "peer_jax_batches", "scan16")]

_MLP = [jax("vmap-sync"), jax("vmap"), TORCH_COMPILE, mlx("vmap"), mlx("eager")]
_CONV = [jax("map-im2col"), jax("unroll-im2col"), jax("unroll")]
# In each list the first is what a quick run measures.
ONE_STEP = {
    "w1": _MLP,
    "w1x25": _MLP,
    "w2": _MLP,
    "w3": _MLP,
    "w4": _MLP,
    "w5s1": [*_CONV, mlx("vmap")],
    "w5s5": _CONV,
    "w5s1x16": _CONV,
    "w6": [jax("vmap"), jax("im2col"), mlx("unroll-conv")],
}
SIXTEEN_STEPS = dict.fromkeys(("w1", "w2", "w3", "w4"), JAX_16)
WHOLE_PROCESS = {
    "w7": [
        jax("vmap"),
        mlx("vmap"),
        mlx("vmap", cold=True),
        mlx("eager"),
        mlx("eager", cold=True),
        TORCH_COMPILE._replace(variant="eager"),
    ]
}
