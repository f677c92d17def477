#!/usr/bin/env bash
# Builds, checks and measures the CUDA engine on a machine with an NVIDIA GPU, without a
# network, in under eight minutes: build, conformance suite, compute-sanitizer, the
# documented programs on cuda:0, w1 to w6 and larger beside JAX and PyTorch. For AMD's
# cards: scripts/rocm_check.sh.
#
#     scripts/gpu_check.sh --carry      with a network: fetch into build/gpu-wheels what
#                                       the machine with the GPU may lack, for Python
#                                       3.12 on a platform like this one
#     scripts/gpu_check.sh              there
#     scripts/gpu_check.sh --installed  builds nothing: what PYTHON has installed
#     scripts/gpu_check.sh --long       and trains Omniglot's 60,000 iterations
#     scripts/gpu_check.sh --rehearse   anywhere: all of it in small, over the fake driver
#                                       that `make emulated` has built; with --installed
#                                       and PYTHON=.venv/bin/python no compiler is needed
#
# PYTHON=python3.12 chooses the interpreter: it has numpy, pluggy, pytest and
# scikit-build-core, and PyTorch and JAX to be measured (or JAX_PYTHON and TORCH_PYTHON
# do); nvcc 13, CMake and ninja are on the PATH. LIMIT=470 is how many seconds all of it
# may take. Each stage has a limit of its own; one that fails is in the table, and the
# others go on. All that is printed is kept in build/cuda-check.txt; it ends in a table.
# The status is 0 where all stages passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec "${PYTHON:-python3}" scripts/gpu_stages --type "${TYPE:-cuda}" "$@"
