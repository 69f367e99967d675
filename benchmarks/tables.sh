#!/bin/bash
# tables.sh -- the paper's Tables 5 and 6 beside ours: trains each configuration with the same budget and several seeds, takes the
# 100 best distinct crystals by reward (the paper's choice), and prints means over the seeds with the spread between them.
#
#     bash benchmarks/tables.sh [--iterations N] [--seeds K] [--ranks R] [--samples M] CONFIG...
#
# Defaults: 300 iterations, 2 seeds, 2 ranks, 2,000 samples; runs are kept under runs/tables and are not done twice. Columns that
# need relaxation (match rate, rms, energy above hull) are printed as "-": they come with `shaft relax`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=jobscripts/setup.sh
. jobscripts/setup.sh

iterations=300 seeds=2 ranks=2 samples=2000 configs=()
while [ $# -gt 0 ]; do
    case $1 in
    --iterations) iterations=$2; shift 2 ;;
    --seeds) seeds=$2; shift 2 ;;
    --ranks) ranks=$2; shift 2 ;;
    --samples) samples=$2; shift 2 ;;
    --help) sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p'; exit 0 ;;
    -*) fail "'$1' is no option of tables.sh" "bash benchmarks/tables.sh --help" ;;
    *) configs+=("$1"); shift ;;
    esac
done
[ ${#configs[@]} -gt 0 ] || configs=(configs/battery.yaml configs/flat.yaml configs/gcn.yaml configs/ablations/*.yaml)
shaft=build/release/shaft
build release shaft

one() { # CONFIG SEED: one run; writes FOLDER/row: parameters, s an iteration, s a sample, validities, energies, ...
    local config=$1 seed=$2 name folder start
    name=$(basename "$config" .yaml)
    folder=runs/tables/$name-$iterations-$seed
    [ ! -s "$folder/row" ] || return 0
    rm -rf "$folder"
    mkdir -p runs/tables
    launch "$ranks" "$shaft" train "$config" --set run.directory="$folder" --set run.seed="$seed" \
        --set train.iterations="$iterations" --set run.checkpoint_every="$iterations" > "$folder.log" 2>&1 ||
        { tail -n 3 "$folder.log" >&2; return 1; }
    start=$(date +%s.%N)
    "$shaft" sample "$folder" -n "$samples" -o "$folder/samples.h5" > "$folder/sample.log" 2>&1
    echo "$(date +%s.%N) $start" | awk '{ print $1 - $2 }' > "$folder/sample.seconds"
    "$shaft" export "$folder" --top 100 -o "$folder/top" --overwrite > /dev/null
    awk -F, -v n="$samples" -v sampled="$(cat "$folder/sample.seconds")" \
        -v parameters="$(sed -n 's/.*workers*; \([0-9]*\) parameters.*/\1/p' "$folder.log" | head -n 1)" '
        function column(name,   i) { for (i = 1; i <= NF; i++) if ($i == name) return i; return 0 }
        FNR == 1 && NR == 1 { s = column("seconds"); vs = column("valid_structure"); vc = column("valid_composition")
                              m = column("modes"); r = column("reward_mean"); next }
        FNR == 1 { f = column("formula"); e = column("e_form_eV_per_atom"); d = column("min_distance_A"); q = column("term_validity")
                   second = 1; next }
        !second { time += $s; rows++; last_vs[rows % 20] = $vs; last_vc[rows % 20] = $vc; last_r[rows % 20] = $r; modes = $m; next }
        { top++; good += $d >= 0.5; if ($e != "") { known++; sum += $e; negative += $e < 0 }
          if (!($f in seen)) { seen[$f] = 1; formulas++ } }
        END { for (k in last_vs) { vsum += last_vs[k]; csum += last_vc[k]; rsum += last_r[k]; c++ }
              printf "%s %.4f %.6f %.3f %.3f %.4f %d %.3f %.3f %d %.3f\n", parameters, time / rows, sampled / n, vsum / c, csum / c,
                     rsum / c, modes, known ? sum / known : 0, known ? negative / known : 0, formulas, good / top }
    ' "$folder/metrics.csv" "$folder/top/summary.csv" > "$folder/row"
}

say "" "Each: $iterations iterations, $seeds seeds, $ranks ranks; means over seeds (largest minus smallest)." ""
printf '%-16s %10s %15s %13s | %15s %15s %15s %10s | top 100: %15s %13s %11s %6s %6s %6s\n' configuration parameters "s/iteration" \
    "ms/sample" "structures ok" "compositions ok" "mean reward" modes "E_f eV/atom" "E_f < 0" formulas match rms hull
printf '%-16s %10s %15s %13s | %15s %15s %15s %10s |          %15s %13s %11s %6s %6s %6s\n' "paper, V100" 904224 - 62.5 0.99 1.00 - - \
    -1.24 0.995 10 0.82 0.161 0.29
for config in "${configs[@]}"; do
    rows=()
    for seed in $(seq "$seeds"); do
        one "$config" "$seed" || fail "$config did not train"
        rows+=("runs/tables/$(basename "$config" .yaml)-$iterations-$seed/row")
    done
    cat "${rows[@]}" | awk -v name="$(basename "$config" .yaml)" '
        { for (i = 1; i <= NF; i++) { sum[i] += $i; lo[i] = NR == 1 || $i < lo[i] ? $i : lo[i]; hi[i] = NR == 1 || $i > hi[i] ? $i : hi[i] } }
        function cell(i, format, scale) { return sprintf(format " (" format ")", scale * sum[i] / NR, scale * (hi[i] - lo[i])) }
        END { printf "%-16s %10d %15s %13s | %15s %15s %15s %10s |          %15s %13s %11s %6s %6s %6s\n", name, sum[1] / NR,
                  cell(2, "%.3f", 1), cell(3, "%.2f", 1000), cell(4, "%.2f", 1), cell(5, "%.2f", 1), cell(6, "%.3f", 1),
                  cell(7, "%.0f", 1), cell(8, "%.2f", 1), cell(9, "%.2f", 1), cell(10, "%.0f", 1), "-", "-", "-" }'
done
