#!/usr/bin/env bash
# Builds, checks and measures the ROCm engine on a machine with an AMD GPU and ROCm, in
# under eight minutes. It ends in a table to paste into an issue, and is kept in
# build/rocm-check.txt; scripts/gpu_check.sh says what it needs and which variables it
# takes. PyTorch for ROCm is measured beside it where it is installed.
exec env TYPE=rocm "${BASH_SOURCE[0]%/*}/gpu_check.sh" "$@"
