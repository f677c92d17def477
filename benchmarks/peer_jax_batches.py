"""JAX, K steps a call on K different batches: the peers' form `scanK`, whose scan goes
over a stack of batches instead of repeating one."""

import jax
import jax.numpy as jnp
import peer_jax
from jax import lax


class Peer(peer_jax.Peer):
    def __init__(self, w, params, variant):
        super().__init__(w, params)
        self.steps_per_call = int(variant.removeprefix("scan"))
        one = self.reptile if w["algo"] == "reptile" else self.adam
        steps = lambda state, many: lax.scan(one, state, many)  # noqa: E731
        self.fn = jax.jit(steps, donate_argnums=0)

    def load_many(self, batches):
        """The batches, repeated as often as a call has steps, stacked."""
        chosen = [batches[i % len(batches)] for i in range(self.steps_per_call)]
        stacked = tuple(jnp.stack(arrays) for arrays in zip(*map(self.load, chosen)))
        return jax.block_until_ready(stacked)
