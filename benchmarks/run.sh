#!/bin/bash
# run.sh -- the benchmarks with the options the results in docs/results.md were made with: energies, crystals, metrics, the training
# step by part and diversity on one rank and on two, what files cost, what rank 0 bears, and the count of violated constraints,
# from the release build. Scaling has a script of its own, scaling.sh. RUN, if given, is a trained battery run whose policy is timed
# too, and whose crystals are counted instead of a new policy's.
#
#     bash benchmarks/run.sh [--crystals N] [RUN]
#
# --crystals N: how many are drawn for the count; 1,000,000 if not given.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=jobscripts/setup.sh
. jobscripts/setup.sh

n=1000000 run=
while [ $# -gt 0 ]; do
    case $1 in
    --crystals) n=${2:?a number} && shift 2 ;;
    --help) sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p'; exit 0 ;;
    -*) fail "'$1' is no option of run.sh" "bash benchmarks/run.sh --help" ;;
    *) run=$1 && shift ;;
    esac
done
bin=build/release/benchmarks
build release bench_energy bench_match bench_metrics bench_train bench_constraints bench_vendi bench_files bench_coordinator crystals
say "" "$(grep -m1 'model name' /proc/cpuinfo), $(nproc) cores; load before: $(cut -d' ' -f1-3 /proc/loadavg)"
say "" "--- energies on one thread and on two"
OMP_NUM_THREADS=1 "$bin/bench_energy"
OMP_NUM_THREADS=2 "$bin/bench_energy"
say "" "--- crystals and graphs"
"$bin/crystals"
say "" "--- verdicts and fingerprints of single crystals"
"$bin/bench_metrics"
say "" "--- matching and uniqueness of 10,000 crystals on two threads"
OMP_NUM_THREADS=2 "$bin/bench_match"
for ranks in 1 2; do
    say "" "--- the training step, $ranks rank(s) of one thread"
    launch "$ranks" "$bin/bench_train" configs/battery.yaml ""
    [ -z "$run" ] || launch "$ranks" "$bin/bench_train" configs/battery.yaml "$run"
done
say "" "--- files beside the run, 1 rank and 2"
for ranks in 1 2; do
    launch "$ranks" "$bin/bench_files" configs/battery.yaml
done
say "" "--- rank 0 under the load of many workers"
launch 2 "$bin/bench_coordinator" configs/battery.yaml
for ranks in 1 2; do
    say "" "--- diversity of 2,000 fingerprints, $ranks rank(s) of one thread"
    launch "$ranks" "$bin/bench_vendi"
done
say "" "--- violated constraints among $n crystals, 2 ranks of one thread"
launch 2 "$bin/bench_constraints" configs/battery.yaml "$run" "$n"
