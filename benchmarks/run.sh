#!/bin/bash
# run.sh -- the benchmarks with the options the results in docs/results.md were made with: energies, crystals, and the training
# step by part on one rank and on two, from the release build. RUN, if given, is a trained run whose policy is timed too.
#
#     bash benchmarks/run.sh [RUN]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=jobscripts/setup.sh
. jobscripts/setup.sh

bin=build/release/benchmarks
build release bench_energy bench_train crystals
say "" "$(grep -m1 'model name' /proc/cpuinfo), $(nproc) cores; load before: $(cut -d' ' -f1-3 /proc/loadavg)"
say "" "--- energies on one thread and on two"
OMP_NUM_THREADS=1 "$bin/bench_energy"
OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive "$bin/bench_energy"
say "" "--- crystals and graphs"
"$bin/crystals"
for ranks in 1 2; do
    say "" "--- the training step, $ranks rank(s) of one thread"
    launch "$ranks" "$bin/bench_train" configs/battery.yaml ""
    [ $# = 0 ] || launch "$ranks" "$bin/bench_train" configs/battery.yaml "$1"
done
