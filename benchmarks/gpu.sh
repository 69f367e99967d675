#!/bin/bash
# gpu.sh -- all that is to be seen of the CUDA back-end, on a machine with a GPU, CUDA, cmake and a C compiler but no network, MPI or
# HDF5. Two halves:
#
#     bash benchmarks/gpu.sh pack          here, on Debian: puts into build/gpu-bundle (below 64 MiB) the headers and libraries that the
#                                          core and its tests need besides, and the weights of the models that are imported (for
#                                          these the preset release has to be built); take it along with the sources
#     bash benchmarks/gpu.sh run [OUT]     there: builds the core and the module for the device it finds, runs the tests of the label
#                                          gpu, the kernel tests under compute-sanitizer (memcheck, racecheck), bench_step, and
#                                          bench_energy on each model, which compares reference energies on the device.
#                                          Everything is also written to OUT/gpu.txt (default build/gpu-results). Ten minutes.
#
# Without a device `run` builds, says so and ends with 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=jobscripts/setup.sh
. jobscripts/setup.sh
bundle=$PWD/build/gpu-bundle

# copied FILE...: into the bundle's lib, links followed, under every name it is asked for by
copied() { cp -L "$@" "$bundle/lib/"; }

pack() {
    local arch lib
    arch=$(gcc -print-multiarch)
    lib=/usr/lib/$arch
    rm -rf "$bundle"
    mkdir -p "$bundle/include" "$bundle/lib"
    cp -r /usr/include/Random123 /usr/include/spglib.h "$bundle/include/"
    cp /usr/include/cmocka*.h "$bundle/include/"
    cp "/usr/include/$arch/openblas-openmp/"*.h "$bundle/include/"
    copied "$lib/libsymspg.so" "$lib/libcmocka.so" "$lib/openblas-openmp/libopenblas.so" "$lib/libgfortran.so.5" "$lib/libquadmath.so.0"
    for name in symspg:libsymspg cmocka:libcmocka openblas:libopenblas; do # the names that programs look for at run time
        one=$bundle/lib/${name#*:}.so
        so=$(objdump -p "$one" | awk '$1 == "SONAME" { print $2 }')
        [ "$so" = "$(basename "$one")" ] || mv "$one" "$bundle/lib/$so"
        [ "$so" = "$(basename "$one")" ] || ln -s "$so" "$one"
    done
    mkdir -p "$bundle/weights"
    for name in m3gnet-efs m3gnet-pes m3gnet-eform megnet-eform megnet-gap; do
        build/release/benchmarks/flat_weights "$name" "$bundle/weights/$name.flat" 2> /dev/null ||
            say "without the weights of $name"
    done
    say "packed: $(du -sm "$bundle" | cut -f1) MiB in ${bundle#"$PWD"/}"
}

run() {
    local out=${1:-build/gpu-results} compute
    [ -d "$bundle" ] || fail "no bundle in ${bundle#"$PWD"/}" "make it first, where Debian's packages are: bash benchmarks/gpu.sh pack"
    mkdir -p "$out" build/log
    compute=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2> /dev/null | head -n 1 | tr -d .) || compute=
    export LD_LIBRARY_PATH=$bundle/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    logged gpu-configure cmake -S . -B build/gpu -DCMAKE_BUILD_TYPE=Release -DSHAFT_CORE_ONLY=ON -DCMAKE_PREFIX_PATH="$bundle" \
        -DCMAKE_INCLUDE_PATH="$bundle/include" -DCMAKE_LIBRARY_PATH="$bundle/lib" -DBLAS_LIBRARIES="$bundle/lib/libopenblas.so" \
        -DOPENBLAS_OPENMP="$bundle/lib/libopenblas.so" -DCBLAS_INCLUDE_DIR="$bundle/include" \
        -DSHAFT_CUDA_ARCHITECTURES="${compute:-90}" || fail "cannot be configured"
    logged gpu-build cmake --build build/gpu --parallel "$(nproc)" || fail "the build failed"
    [ -e build/gpu/libshaft_cuda.so ] || fail "the CUDA back-end was not built" "is nvcc there? build/log/gpu-configure.log"
    export SHAFT_CUDA_MODULE=$PWD/build/gpu/libshaft_cuda.so
    {
        say "$(date -u +%F), $(git rev-parse --short HEAD 2> /dev/null || echo 'commit unknown')"
        nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || say "no device"
        [ -n "$compute" ] || { say "nothing was run: there is no device"; exit 1; }
        say "" "--- tests"
        ctest --test-dir build/gpu --label-regex '^gpu$' --output-on-failure --no-tests=error || say "FAILED"
        if command -v compute-sanitizer > /dev/null; then
            # racecheck sees shared memory: of sums and of the search for neighbours
            for check in memcheck:kernel_kernels memcheck:kernel_crystals memcheck:kernel_states memcheck:kernel_rewards \
                memcheck:kernel_potentials racecheck:kernel_kernels racecheck:kernel_crystals; do
                say "" "--- compute-sanitizer, $check"
                compute-sanitizer --tool "${check%:*}" --error-exitcode 9 "build/gpu/tests/${check#*:}" cuda 2>&1 | tail -n 20 ||
                    say "FAILED"
            done
        fi
        say "" "--- a worker's training step"
        weights=$bundle/weights/m3gnet-efs.flat
        [ -e "$weights" ] || weights=
        OMP_NUM_THREADS=$(nproc) build/gpu/benchmarks/bench_step 7 16384 ${weights:+"$weights"} || say "FAILED"
        for weights in "$bundle"/weights/*.flat; do
            [ -e "$weights" ] || continue
            say "" "--- energies, $(basename "$weights" .flat)"
            OMP_NUM_THREADS=$(nproc) build/gpu/benchmarks/bench_energy benchmarks/crystals64.txt 9 "$weights" || say "FAILED"
        done
    } 2>&1 | tee "$out/gpu.txt"
    ! grep -q '^FAILED$' "$out/gpu.txt" || fail "something failed: $out/gpu.txt"
}

case ${1:-} in
pack) pack ;;
run) run "${2:-}" ;;
--help | "") sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' ;;
*) fail "'$1' is neither pack nor run" "bash benchmarks/gpu.sh --help" ;;
esac
