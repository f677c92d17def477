#!/usr/bin/env bash
# Builds, checks and measures the CUDA engine on a machine with an NVIDIA GPU, without a
# network, in under eight minutes: build, conformance suite, compute-sanitizer, the
# documented programs on cuda:0, w1 to w6 and larger beside JAX and PyTorch. For AMD's
# cards: scripts/rocm_check.sh.
#
#     scripts/gpu_check.sh --carry    with a network: fetch into build/gpu-wheels what the
#                                     machine with the GPU may lack
#     scripts/gpu_check.sh            there
#
# PYTHON=python3.12 chooses the interpreter: it has numpy, pluggy, pytest and
# scikit-build-core, and PyTorch and JAX to be measured; nvcc 13, CMake and ninja are on
# the PATH. LIMIT=470 is how many seconds all of it may take: a stage that has no time
# left says so. All that is printed is kept in build/cuda-check.txt; it ends in a table.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}
type=${TYPE:-cuda} # or rocm
wheels=build/gpu-wheels
# What the packages need beside what the machine has, and what builds them.
carried=(cffi importlib-metadata safetensors tqdm hypothesis hatchling editables
    pytest-xdist)
if [ "${1:-}" = --carry ]; then
    exec "$python" -m pip download --quiet --only-binary :all: --python-version 3.12 \
        --dest "$wheels" "${carried[@]}"
fi

out=$PWD/build/$type-check
py=$out/venv/bin/python
if [ "${1:-}" = --build ]; then # the stage below, in a process that can be ended
    set -e
    "$python" -m venv --system-site-packages --without-pip "$out/venv"
    pip=("$python" -m pip --disable-pip-version-check --quiet --python "$py")
    "${pip[@]}" install --no-index --find-links "$wheels" "${carried[@]}"
    CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)} \
        "${pip[@]}" install --no-index --no-build-isolation --no-deps \
        -e ./neurenix-core -e ./neurenix-backend-cpu -e "./neurenix-backend-$type" \
        -e ./neurenix-meta
    find "neurenix-backend-$type/build" "$out/venv" -name "libphynexus_$type.so" -size +0 \
        -printf '%f has %s bytes\n' -quit
    exit
fi

rm -rf "$out"
mkdir -p "$out"
exec > >(tee "build/$type-check.txt") 2>&1
limit=${LIMIT:-470}
left() { echo $((limit - SECONDS)); }
rows=()
failed=0

# stage NAME SECONDS COMMAND...: runs it within its time and what is left of all; its
# output goes to a file, its last lines here.
stage() {
    local name=$1 most=$2 begin=$SECONDS status=0 told
    shift 2
    if [ "$most" -gt "$(left)" ]; then most=$(left); fi
    if [ "$most" -lt 5 ]; then
        rows+=("| $name | no time left | |")
        failed=1
        return 1
    fi
    echo "== $name (at $SECONDS s)"
    timeout --kill-after 5 "$most" "$@" >"$out/$name.txt" 2>&1 || status=$?
    tail -n "${LINES_SHOWN:-4}" "$out/$name.txt"
    told=$(tail -n 1 "$out/$name.txt" | cut -c 1-80 | tr '|' '/')
    if [ $status -eq 0 ]; then
        rows+=("| $name | ok: $told | $((SECONDS - begin)) s |")
    else
        if [ $status -eq 124 ]; then told="over $most s"; fi
        rows+=("| $name | FAILED ($status): $told | $((SECONDS - begin)) s |")
        failed=1
    fi
    return $status
}

echo "== $(uname -sm), $("$python" --version), $(git rev-parse --short HEAD 2>/dev/null)"
if [ "$type" = rocm ]; then
    rocminfo | grep -E "Marketing Name|gfx" || echo "rocminfo does not answer"
else
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader ||
        echo "nvidia-smi does not answer"
fi
stage build 240 "$BASH" scripts/gpu_check.sh --build
if [ $failed -eq 0 ]; then
    stage doctor 40 "$py" -m neurenix doctor "$type"
    stage conformance 100 "$py" -m pytest -q -p no:cacheprovider -n 8 --dist load \
        --pyargs neurenix.testing.suite --nx-device "$type"
    for tool in memcheck racecheck; do
        if [ "$type" = rocm ]; then continue; fi
        if ! command -v compute-sanitizer >/dev/null; then
            rows+=("| $tool | compute-sanitizer is not on the PATH | |")
            continue
        fi
        stage "$tool" 45 compute-sanitizer --tool "$tool" --error-exitcode 1 "$py" \
            benchmarks/gpu_check.py --seconds 0 --only w1 --peers ""
    done
    for program in maml prototypical; do
        stage "quick-start-$program" 40 "$py" "tests/quickstart/$program.py"
    done
    LINES_SHOWN=60 stage workloads "$(left)" "$py" benchmarks/gpu_check.py \
        --device "$type:0" --limit "$(($(left) - 25))" --python "jax=$python" --python "torch=$python"
fi

echo
echo "| stage | result | time |"
echo "|---|---|---|"
printf '%s\n' "${rows[@]}"
if [ -s "$out/workloads.txt" ]; then
    echo
    grep '^|' "$out/workloads.txt"
fi
echo "== $SECONDS s; this is build/$type-check.txt, the stages' outputs build/$type-check/*.txt"
exit $failed
