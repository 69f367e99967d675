#!/bin/bash
# scaling.sh -- strong and weak scaling of `shaft train`, with any launcher: a table of all runs, a model of the cost fitted to it, how far
# that is from each run and what it says of 8, 64, 512 and 4,096 workers, and a page with the curves. scaling_model.c explains the model;
# what is fitted and what is assumed is printed.
#
#     bash benchmarks/scaling.sh [--launch 'srun -n {}'] [--ranks '1 2 4'] [OPTIONS]
#
# --launch COMMAND   starts the ranks, {} is their number; mpirun as in the tests if not given
# --shaft PROGRAM    build/release/shaft, which is built first, if not given
# --config FILE      configs/battery.yaml if not given
# --ranks LIST       '1 2' if not given; the first is what the others are compared with
# --batch N          new structures an iteration of all workers together, for strong scaling; 256 if not given
# --each N           of each worker, for weak scaling; half of it if not given: one worker is then measured with two batches
# --iterations N     of a run, the first of which is not counted; 12 if not given
# --repeats N        of each run, in turns; 3 if not given
# --set KEY=VALUE    for all runs, may be repeated: --set run.coordinator=dedicated
# --assume KEY=VALUE for the model, may be repeated: --assume network_bandwidth=50e9, or --assume coordinator=FILE of bench_coordinator
# -o FOLDER          build/scaling if not given
#
# FOLDER/scaling.csv has a row a rank of every run, with the seconds of each part (docs/formats.md, "Timings").
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=jobscripts/setup.sh
. jobscripts/setup.sh

starter='' program='' config=configs/battery.yaml ranks='1 2' batch=256 each='' iterations=12 repeats=3
out=build/scaling settings=() assumed=() apart=0
while [ $# -gt 0 ]; do
    case $1 in
    --launch) starter=${2:?a command with {\}} && shift 2 ;;
    --shaft) program=${2:?a program} && shift 2 ;;
    --config) config=${2:?a file} && shift 2 ;;
    --ranks) ranks=${2:?a list} && shift 2 ;;
    --batch) batch=${2:?a number} && shift 2 ;;
    --each) each=${2:?a number} && shift 2 ;;
    --iterations) iterations=${2:?a number} && shift 2 ;;
    --repeats) repeats=${2:?a number} && shift 2 ;;
    --set)
        settings+=(--set "${2:?KEY=VALUE}")
        [ "$2" != run.coordinator=dedicated ] || apart=1 # a rank that is no worker
        shift 2
        ;;
    --assume) assumed+=("${2:?KEY=VALUE}") && shift 2 ;;
    -o) out=${2:?a folder} && shift 2 ;;
    --help) sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p'; exit 0 ;;
    *) fail "'$1' is no option of scaling.sh" "bash benchmarks/scaling.sh --help" ;;
    esac
done
[ -n "$program" ] || { build release shaft scaling_model && program=build/release/shaft; }
model=$(dirname "$program")/benchmarks/scaling_model
[ -x "$model" ] || fail "'$model' is not there" "cmake --build --preset release --target scaling_model"
each=${each:-$((batch / 2))}
mkdir -p "$out"
table=$out/scaling.csv
rm -f "$table"

# one MODE RANKS BATCH REPEAT
one() {
    local line=$starter command log=$out/$1-$2-$4.log
    rm -rf "$out/run" "$out/timings.csv"
    command=("$program" train "$config" --quiet --timings "$out/timings.csv" --set run.directory="$out/run"
        --set train.iterations="$iterations" --set train.batch="$3" --set train.replay.batch="$3" "${settings[@]}")
    if [ -n "$line" ]; then
        # shellcheck disable=SC2086 # a command with its words
        ${line//\{\}/$2} "${command[@]}" > "$log" 2>&1 < /dev/null || { tail -n 20 "$log" >&2; return 1; }
    else
        launch "$2" "${command[@]}" > "$log" 2>&1 || { tail -n 20 "$log" >&2; return 1; }
    fi
    [ -e "$table" ] || printf 'mode,ranks,batch,repeat,%s\n' "$(head -n 1 "$out/timings.csv")" > "$table"
    tail -n +2 "$out/timings.csv" | sed "s/^/$1,$2,$3,$4,/" >> "$table"
}

for repeat in $(seq "$repeats"); do
    for n in $ranks; do
        one strong "$n" "$batch" "$repeat"
        one weak "$n" $((each * (n - apart))) "$repeat"
    done
done
rm -rf "$out/run" "$out/timings.csv"
"$model" "$table" "$out/scaling.html" "${assumed[@]}"
say "" "all runs: $table; the curves: $out/scaling.html"
