#!/bin/bash
# run.sh -- installs, builds, imports the weights and runs every test: in double precision the gradients and the golden
# numbers, then all of them in the release build, then the quick ones that take what others made (readers, damaged files) under the
# sanitizers of addresses and undefined behaviour; sanitizers.sh does that with all of them. Arguments choose
# tests and are passed on to ctest, for example `-R lattice`; then the last part is left out.
# Tests on reference data that is not part of the project look for it in the folder $SHAFT_TEST_DATA, or are skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=jobscripts/setup.sh
. jobscripts/setup.sh

install_packages "${SHAFT_PACKAGES[@]}"
(install_packages "${SHAFT_TEST_PACKAGES[@]}") || say "tests: those that need these packages are skipped"
build release
build f64 precise
import_weights

# Two threads in the first part, so that loops do run in parallel; in the second the tests themselves run side by side.
status=0
say "tests: gradients and golden numbers in double precision"
choice=()
[ $# = 0 ] || choice=(--no-tests=ignore) # the tests that the arguments choose may have none of these
OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2 OMP_WAIT_POLICY=passive \
    ctest --preset f64 --parallel "$(nproc)" --label-regex '^(grad|golden)$' "${choice[@]}" "$@" < /dev/null || status=$?
say "tests: all, in the release build"
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
    ctest --preset release --schedule-random --parallel "$(nproc)" "$@" < /dev/null || status=$?
if [ $# = 0 ]; then
    say "tests: readers, under the sanitizers"
    build asan kernel_kernels unit_{checkpoint,cif,cif_write,config,extxyz,poscar,weights} \
        fuzz_replay_{cif,poscar,extxyz,jsonl,yaml,hdf5}
    readers='^(unit_(checkpoint|cif|cif_write|config|extxyz|poscar|weights)|kernel_kernels|fuzz_replay_.*)$'
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
        ctest --preset asan --tests-regex "$readers" --parallel "$(nproc)" < /dev/null || status=$?
fi
exit "$status"
