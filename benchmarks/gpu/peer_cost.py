"""What a step of JAX and of PyTorch should take on a device, by counting."""

from dataclasses import dataclass

EAGER = 5e-6  # seconds of a processor for each operation of PyTorch's (more under vmap)
REPLAYED = 2.3e-6  # of a kernel in a replayed graph: cost.LAUNCH and cost.BEGIN
# Kernels for each product, convolution or reduction: what their compilers cannot fuse
# into these, changes of layout, and second passes of reductions.
BESIDE = 1.2
PRODUCTS = (
    0.6  # of the peak, in large float32 products and convolutions of cuBLAS, cuDNN
)


@dataclass(frozen=True)
class Launched:
    """Kernels of a step, as `count_peers.py` counts them."""

    torch: int  # operations, eager
    jax: int  # products, convolutions, reductions, scatters and gathers


COUNTS = {
    "w1": Launched(616, 206),
    "w2": Launched(331, 98),
    "w3": Launched(339, 120),
    "w4": Launched(164, 32),
    "w5s1": Launched(931, 252),
    "w5s5": Launched(3027, 772),
    "w6": Launched(366, 82),
}
# More tasks or classes are no more kernels.
COUNTS |= {"w1x256": COUNTS["w1"], "w5s5x32": COUNTS["w5s5"], "w6x60": COUNTS["w6"]}


def arithmetic(plan, device, passes=1):
    """Products at their rate, and what passes through memory, so often."""
    moved = passes * traffic(plan) / device.memory
    return plan.products / (PRODUCTS * device.peak) + moved


def traffic(plan):
    """Bytes of all that is large: small values stay in the second cache."""
    launches = (x for x in plan.launches if not x.iterations)
    return sum(x.bytes for x in launches if x.bytes / x.repeats > 10e6)


def eager(name, plan, device):
    # nothing is fused: an element-wise chain is several passes
    return max(COUNTS[name].torch * EAGER, arithmetic(plan, device, passes=2))


def compiled(name, plan, device):
    """JAX' `jit`, and PyTorch's "reduce-overhead": replayed kernels, fused."""
    return COUNTS[name].jax * BESIDE * REPLAYED + arithmetic(plan, device)
