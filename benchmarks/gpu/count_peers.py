"""Counts what a step of JAX and of PyTorch launches, without a GPU.

    python benchmarks/gpu/prepare.py FOLDER          # with Neurenix
    python benchmarks/gpu/count_peers.py FOLDER      # with JAX and PyTorch

Of PyTorch, eager: the operations that reach a kernel, views left out. Of JAX:
products, convolutions, reductions, gathers and scatters of the program that its
compiler is given; element-wise work is taken to be fused into these. `peer_cost.py`
holds the counts.
"""

import argparse
from pathlib import Path

import peer_jax
import peer_torch
from peer import read
from torch.utils._python_dispatch import TorchDispatchMode

VIEWS = {
    *("view", "t", "transpose", "expand", "permute", "unsqueeze", "squeeze", "select"),
    *("slice", "detach", "alias", "as_strided", "unbind", "split", "reshape", "unfold"),
    *("_unsafe_view", "_reshape_alias", "lift_fresh"),
}
LAUNCHED = ("dot_general", "convolution", "reduce(", "scatter", "gather")


class Count(TorchDispatchMode):
    """Counts operations within it."""

    launched = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.launched += function._schema.name.split("::")[1] not in VIEWS
        return function(*args, **(kwargs or {}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    for file in sorted(parser.parse_args().folder.glob("w*.npz")):
        case, weights, batches = read(file)
        eager = peer_torch.Peer(case, weights, "eager")
        batch = eager.load(batches[0])
        with Count() as counted:
            eager.step(batch)
        jitted = peer_jax.Peer(case, weights, "")
        program = jitted.function.lower(jitted.state, jitted.load(batches[0])).as_text()
        launched = sum(program.count(f"stablehlo.{name}") for name in LAUNCHED)
        print(f"{file.stem}: PyTorch {counted.launched}, JAX {launched}", flush=True)


if __name__ == "__main__":
    main()
