#!/bin/bash
# gpu.sh -- all that is to be seen of the CUDA back-end, on a machine with a GPU, CUDA, cmake and a C compiler but no network, MPI or
# HDF5. Two halves:
#
#     bash benchmarks/gpu.sh pack          here, on Debian: puts into build/gpu-bundle (below 64 MiB) the headers and libraries that the
#                                          core and its tests need besides, and the weights of the models that are imported (for
#                                          these the preset release has to be built); take it along with the sources
#     bash benchmarks/gpu.sh run [OUT]     there: builds the core and the module for the device it finds, runs the tests of the label
#                                          gpu, bench_step, bench_energy on each model, which compares reference energies on the
#                                          device, and the kernel tests under compute-sanitizer (memcheck, racecheck).
#                                          Everything is also written to OUT/DATE-DEVICE-COMMIT.txt (default benchmarks/results, where
#                                          such files are kept). Ten minutes after the build it stops.
#
# Without a device, or where something does not use it, `run` says so and ends with 1.
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
        build/release/benchmarks/flat_weights "$name" "$bundle/weights/$name.flat" 2> "$bundle/why.txt" ||
            say "without the weights of $name: $(head -n 1 "$bundle/why.txt")"
    done
    rm -f "$bundle/why.txt"
    git rev-parse --short HEAD > "$bundle/commit" 2> /dev/null || echo "commit-unknown" > "$bundle/commit"
    say "packed: $(du -sm "$bundle" | cut -f1) MiB in ${bundle#"$PWD"/}"
}

# timed COMMAND...: its last lines, in what is left of ten minutes; one that sees no device has failed
timed() {
    local left=$((600 - SECONDS + begin)) status=0
    [ "$left" -gt 5 ] || { say "FAILED: no time is left"; return; }
    OMP_NUM_THREADS=$(nproc) timeout "$left" "$@" > "$out/last.txt" 2>&1 || status=$?
    tail -n 60 "$out/last.txt"
    [ "$status" != 124 ] || say "FAILED: stopped after $left s, ten minutes in all"
    [ "$status" = 0 ] || [ "$status" = 124 ] || say "FAILED: it ended with $status"
    ! grep -q -e '^no device' -e '^skipped' "$out/last.txt" || say "FAILED: it has seen no device"
}

run() {
    local out=${1:-benchmarks/results} compute begin name commit file weights
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
    begin=$SECONDS
    name=$(nvidia-smi --query-gpu=name --format=csv,noheader 2> /dev/null | head -n 1 | tr ' ' -) || name=
    commit=$(git rev-parse --short HEAD 2> /dev/null || cat "$bundle/commit")
    file=$out/$(date -u +%F)-${name:-no-device}-$commit.txt
    {
        say "$(date -u +%F), $commit"
        nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || say "no device"
        [ -n "$compute" ] || { say "nothing was run: there is no device"; exit 1; }
        say "" "--- tests"
        weights=$bundle/weights/m3gnet-efs.flat
        [ -e "$weights" ] || weights=
        SHAFT_TEST_FLAT=$weights ctest --test-dir build/gpu --label-regex '^gpu$' --output-on-failure --no-tests=error --timeout 120 |
            tee "$out/ctest.txt" || say "FAILED"
        ! grep -q 'Skipped' "$out/ctest.txt" || say "FAILED: tests were skipped; the device is not used"
        say "" "--- a worker's training step"
        timed build/gpu/benchmarks/bench_step 7 16384 ${weights:+"$weights"}
        for weights in "$bundle"/weights/*.flat; do
            [ -e "$weights" ] || continue
            say "" "--- energies, $(basename "$weights" .flat)"
            timed build/gpu/benchmarks/bench_energy benchmarks/crystals64.txt 9 "$weights"
        done
        # racecheck sees shared memory: of sums and of the search for neighbours
        for check in memcheck:kernel_kernels racecheck:kernel_kernels racecheck:kernel_crystals memcheck:kernel_crystals \
            memcheck:kernel_worker memcheck:kernel_states memcheck:kernel_rewards memcheck:kernel_potentials; do
            say "" "--- compute-sanitizer, $check"
            command -v compute-sanitizer > /dev/null || { say "FAILED: there is no compute-sanitizer"; break; }
            timed compute-sanitizer --tool "${check%:*}" --error-exitcode 9 "build/gpu/tests/${check#*:}" cuda
        done
    } 2>&1 | tee "$file"
    say "" "written: $file"
    ! grep -q '^FAILED' "$file" || fail "something failed: $file"
}

case ${1:-} in
pack) pack ;;
run) run "${2:-}" ;;
--help | "") sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' ;;
*) fail "'$1' is neither pack nor run" "bash benchmarks/gpu.sh --help" ;;
esac
