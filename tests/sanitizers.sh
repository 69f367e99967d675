#!/bin/bash
# sanitizers.sh -- what takes too long for every day: all tests under the address and undefined-behaviour sanitizers, those of one
# process and of files that a thread writes beside the ranks under the thread sanitizer, and a short run on 1 and 2 ranks under Valgrind.
# An hour on two cores. Arguments choose: asan, tsan, valgrind, fuzz (each of the fuzzers of tests/fuzz for $SHAFT_FUZZ_SECONDS, 300). clang, libomp, libclang-rt and
# valgrind are needed for what uses them: on Debian apt-get install clang libomp-dev libclang-rt-dev valgrind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=jobscripts/setup.sh
. jobscripts/setup.sh

run_asan() {
    build asan
    ctest --preset asan --parallel "$(nproc)" < /dev/null
}

run_tsan() {
    local programs=(mpi_run_files mpi_samples) file
    for file in tests/{unit,kernel,grad,exact}/*.c; do
        file=${file#tests/}
        file=${file%.c}
        programs+=("${file/\//_}")
    done
    build tsan "${programs[@]}"
    ctest --preset tsan --label-regex '^(unit|kernel|grad|exact)$' < /dev/null
    ctest --preset tsan --tests-regex '^mpi_(run_files|samples)_np' < /dev/null
}

# What Open MPI and its libraries do is suppressed by the file that comes with it; the program counts its own memory itself.
run_valgrind() {
    local shaft ranks folder supp
    build dev shaft
    shaft=$PWD/build/dev/shaft
    for supp in /usr/share/openmpi/openmpi-valgrind.supp "$(dirname "$(command -v mpirun)")/../share/openmpi/openmpi-valgrind.supp"; do
        [ ! -e "$supp" ] || break
    done
    for ranks in 1 2; do
        folder=$(mktemp -d)
        say "valgrind: $ranks rank(s), three iterations and one more from the checkpoint"
        checked() {
            SHAFT_CHECK_MEMORY=1 launch "$ranks" valgrind --quiet --error-exitcode=9 --suppressions="$supp" \
                --suppressions=tests/valgrind.supp "$shaft" train configs/quickstart.yaml --quiet --set run.directory="$folder/run" \
                --set train.batch=4 --set train.replay.batch=2 --set run.checkpoint_every=2 --set policy.mixture=1 \
                --set reward.formation_energy.weight=0 "$@" || fail "not clean under valgrind"
        }
        checked --set train.iterations=3
        checked --set train.iterations=4 --resume
        rm -r "$folder"
    done
}

run_fuzz() {
    local reader new
    build fuzz
    for reader in cif poscar extxyz jsonl yaml hdf5; do
        new=build/fuzz/corpus/$reader
        mkdir -p "$new"
        say "fuzz: $reader"
        "build/fuzz/tests/fuzz_$reader" -detect_leaks=0 -rss_limit_mb=2000 -print_final_stats=1 \
            -max_total_time="${SHAFT_FUZZ_SECONDS:-300}" -artifact_prefix="build/fuzz/$reader-" "$new" "tests/fuzz/seeds/$reader" \
            > "build/log/fuzz-$reader.log" 2>&1 || fail "the fuzzer of $reader found something: build/log/fuzz-$reader.log"
        grep number_of_executed_units "build/log/fuzz-$reader.log"
    done
}

[ $# != 0 ] || set -- asan tsan valgrind
for part; do
    "run_$part"
done
say "clean: $*"
