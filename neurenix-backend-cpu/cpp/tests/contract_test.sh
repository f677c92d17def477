#!/bin/sh
# Builds contract_test.cpp with the kernels of all three instruction sets (x86-64) and runs it.
#   contract_test.sh BUILD_FOLDER [more compiler flags, such as -fsanitize=address,undefined]
# ROUNDS says how many random problems of each kind (60).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
shift
mkdir -p "$build"
flags="-I$here/../../../neurenix-core/src/neurenix/phynexus -std=c++20 -O3 -ffp-contract=fast -fno-math-errno -Wall -Wextra -pthread $*"
objects=
for set in "avx512 -march=x86-64-v4 -mprefer-vector-width=512" "avx2 -march=x86-64-v3" "portable"; do
  name=${set%% *}
  for unit in product_tile_f32 product_tile_f64 matmul convolution_gather convolution convolution_weight_gradient winograd winograd_choice winograd_weight_gradient contract; do
    object="$build/$name.$unit.o"
    objects="$objects $object"
    # shellcheck disable=SC2086
    if [ ! -e "$object" ] || [ -n "$(find "$here/../kernels" -type f -newer "$object")" ]; then
      "${CXX:-g++}" $flags ${set#"$name"} -DPHYNEXUS_ISA="$name" -c "$here/../kernels/contract/$unit.cpp" -o "$object"
    fi
  done
done
# shellcheck disable=SC2086
"${CXX:-g++}" $flags "$here/contract_test.cpp" $objects -o "$build/contract_test"
"$build/contract_test" "${ROUNDS:-60}"
