#!/usr/bin/env bash
# Checks and measures a real GPU through WebGPU in some five minutes: the self-check, a
# part of the conformance suite, the documented programs, and w1 to w6 beside the CPU.
#
#     scripts/webgpu_check.sh [DEVICE]     DEVICE: webgpu, or webgpu:1 ...
#
# PYTHON=python3.12 chooses the interpreter; an environment with Neurenix, neurenix[webgpu]
# and pytest is used where there is one (VENV, .venv by default), else made. Everything
# that it prints is kept in build/webgpu-check.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
device=${1:-webgpu}
venv=${VENV:-.venv}
mkdir -p build
exec > >(tee build/webgpu-check.txt) 2>&1
started=$SECONDS

if [ ! -x "$venv/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$venv"
fi
py=$venv/bin/python
if ! "$py" -c 'import neurenix_backend_webgpu, neurenix_backend_cpu, pytest' 2>/dev/null
then
    echo "installing Neurenix with WebGPU into $venv"
    "$py" -m pip --quiet install ./neurenix-core ./neurenix-backend-cpu \
        ./neurenix-backend-webgpu ./neurenix-meta ".[webgpu]" pytest hypothesis
fi
passed() { echo "== $1: $((SECONDS - started)) s since the start"; }

echo "== $(uname -sm), $("$py" --version), $(git rev-parse --short HEAD 2>/dev/null || true)"
"$py" -m neurenix doctor webgpu
passed "doctor"

status=0
# One family of cases each: elementwise, NaN, products, convolutions, sums, draws, steps.
"$py" -m pytest -q -p no:cacheprovider --pyargs neurenix.testing.suite \
    --nx-device "${device%%:*}" -k "float32 and (tanh or pow or maximum or dot_general or \
conv or sum or sort or gather or scatter or random)" || status=1
passed "conformance"

for program in maml prototypical; do
    sed "s/\"cuda:0\" if .* else \"cpu\"/\"$device\"/" \
        "tests/quickstart/$program.py" >"build/webgpu-$program.py"
    "$py" "build/webgpu-$program.py" || status=1
done
passed "documented programs"

"$py" benchmarks/webgpu_check.py --device "$device" || status=1
passed "workloads"

if [ $status -eq 0 ]; then echo "== all is well"; else echo "== something failed"; fi
exit $status
