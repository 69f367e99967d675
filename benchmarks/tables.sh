#!/bin/bash
# tables.sh -- what the paper's Tables 5 and 7 compare, the method with its ablations and baselines, of ours: trains each configuration
# with the same budget and several seeds, draws samples from the trained policy, takes the 100 best distinct of them by reward (the paper's
# choice), and prints means over the seeds with the spread between them.
#
#     bash benchmarks/tables.sh [--iterations N] [--seeds K] [--ranks R] [--samples M] [--steps S] [--model NAME] [--reference FILE] CONFIG...
#
# Defaults: 300 iterations, 2 seeds, 2 ranks, 2,000 samples, 500 steps of relaxation (0: none), by m3gnet-pes where its weights are there, an
# independent judge of what m3gnet-efs rewarded, else by m3gnet-efs itself. What is done is kept under
# runs/tables, and done again when an option, a configuration or one it is based on, the program or this script is another.
#   s/iteration      training, on R ranks
#   ms/sample        on one process: the difference between M samples and one, so without start-up
#   structures, compositions ok, modes   of training, the first two over its last 20 iterations
#   mean reward      of the samples drawn after training, all under the one reward of configs/battery.yaml, whatever was trained
#   paper, V100      the figures of the whole method that are known here; those of its ablations and baselines are not, and no row
#                    stands for them
#   top 100          of these samples; the best are those of the configuration's own reward
#   E_f, E_f < 0     of these as drawn, of those that are valid, each energy held within 10 eV/atom of 0; by the potential of --model
#   match, rms       of these, by the authors' tolerances, raw to relaxed: by `shaft relax --symmetry free` with the potential of --model,
#                    which stands in for the paper's DFT, and `shaft evaluate`
#   E_f relaxed      mean formation energy of the relaxed that are valid, eV/atom, by the same potential
#   hull             mean energy above the hull of the relaxed, eV/atom; of the file of `shaft reference build` that --reference names
#   converged        share of the relaxations that came to rest within the steps allowed
# What has no data is "-".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=jobscripts/setup.sh
. jobscripts/setup.sh

iterations=300 seeds=2 ranks=2 samples=2000 steps=500 model='' reference='' configs=()
while [ $# -gt 0 ]; do
    case $1 in
    --iterations) iterations=$2; shift 2 ;;
    --seeds) seeds=$2; shift 2 ;;
    --ranks) ranks=$2; shift 2 ;;
    --samples) samples=$2; shift 2 ;;
    --steps) steps=$2; shift 2 ;;
    --model) model=$2; shift 2 ;;
    --reference) reference=$2; shift 2 ;;
    --help) sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p'; exit 0 ;;
    -*) fail "'$1' is no option of tables.sh" "bash benchmarks/tables.sh --help" ;;
    *) configs+=("$1"); shift ;;
    esac
done
[ "$samples" -ge 2 ] || fail "--samples: at least 2"
[ -z "$reference" ] || [ -e "$reference" ] || fail "--reference: there is no '$reference'" "shaft reference build --help"
[ ${#configs[@]} -gt 0 ] || configs=(configs/battery.yaml configs/flat.yaml configs/gcn.yaml configs/ablations/*.yaml)
shaft=build/release/shaft common=configs/battery.yaml
build release shaft
if [ -z "$model" ]; then
    model=m3gnet-efs
    ! "$shaft" model check m3gnet-pes > /dev/null 2>&1 || model=m3gnet-pes
else
    "$shaft" model check "$model" > /dev/null || fail "--model: '$model' cannot be used" "shaft model list"
fi

with_bases() { # CONFIG: its text and that of all it is based on
    local base
    cat "$1"
    base=$(sed -n "s/^base: *[\"']\{0,1\}\([^\"' ]*\).*/\1/p" "$1")
    case $base in
    "") ;;
    /*) with_bases "$base" ;;
    *) with_bases "$(dirname "$1")/$base" ;;
    esac
}

folder_of() { # CONFIG SEED: the name says all that the figures depend on
    local key
    key=$({ echo "$iterations $ranks $samples $steps $model"
            [ -z "$reference" ] || cat "$reference"
            with_bases "$1"; with_bases "$common"; cat "$shaft" benchmarks/tables.sh; } | sha256sum)
    echo "runs/tables/$(basename "$1" .yaml)-$2-${key:0:12}"
}

seconds() { # COMMAND...: how long it takes
    local start
    start=$(date +%s.%N)
    "$@" || return 1
    echo "$(date +%s.%N) $start" | awk '{ print $1 - $2 }'
}

why() { # LOG: what shaft said, without what mpirun says around it
    { grep -A 2 '^shaft [a-z]*:' "$1" | grep -e '^shaft' -e '^  [a-z]' || true
      echo "  all of it: $1"; } >&2
}

draw() { # FOLDER NUMBER FILE: no file where all are held back
    "$shaft" sample "$1" -n "$2" -o "$3" > "$1/sample.log" 2>&1 || grep -q 'may be written' "$1/sample.log" ||
        { tail -n 3 "$1/sample.log" >&2; return 1; }
}

judged() { # FOLDER: what `shaft evaluate` says of FOLDER/top, on one line: E_f, share below 0, formulas, match rate, rms, E_f and hull of
           # the relaxed, share converged; "-" is unknown
    local folder=$1 options=(--model "$model" --quiet -o "$1/top.json" --rows "$1/top.csv" --overwrite) figure
    if ! ls "$folder"/top/*.cif > /dev/null 2>&1; then
        echo "- - 0 - - - - -"
        return
    fi
    [ -z "$reference" ] || options+=(--reference "$reference")
    if [ "$steps" != 0 ]; then
        launch "$ranks" "$shaft" relax "$folder/top" -o "$folder/relaxed.h5" --model "$model" --symmetry free --steps "$steps" \
            --quiet > "$folder/relax.log" 2>&1 || { why "$folder/relax.log"; return 1; }
        options+=(--relaxed "$folder/relaxed.h5")
    fi
    launch "$ranks" "$shaft" evaluate "$folder/top" "${options[@]}" > "$folder/evaluate.log" 2>&1 || { why "$folder/evaluate.log"; return 1; }
    for figure in mean_raw below_zero_raw formulas match_authors rms_authors mean_relaxed above_hull_relaxed converged relaxed; do
        sed -n "s/^ *\"$figure\": {\"value\": \([^,}]*\).*/$figure \1/p" "$folder/top.json"
    done | awk '$2 != "null" { x[$1] = $2 }
        function cell(name) { return name in x ? sprintf("%.4f", x[name]) : "-" }
        END { if (x["relaxed"] > 0) x["share"] = x["converged"] / x["relaxed"]
              print cell("mean_raw"), cell("below_zero_raw"), cell("formulas"), cell("match_authors"), cell("rms_authors"),
                    cell("mean_relaxed"), cell("above_hull_relaxed"), cell("share") }'
}

one() { # CONFIG SEED FOLDER: one run; writes FOLDER/row: parameters, s an iteration, s a sample, validities, ...; "-" is unknown
    local config=$1 seed=$2 folder=$3 short long status=0
    [ ! -s "$folder/row" ] || return 0
    rm -rf "$folder"
    mkdir -p runs/tables
    launch "$ranks" "$shaft" train "$config" --set run.directory="$folder" --set run.seed="$seed" \
        --set train.iterations="$iterations" --set run.checkpoint_every="$iterations" > "$folder.log" 2>&1 ||
        { why "$folder.log"; return 1; }
    short=$(seconds draw "$folder" 1 "$folder/one.h5") || return 1
    long=$(seconds draw "$folder" "$samples" "$folder/samples.h5") || return 1
    mkdir -p "$folder/top"
    : > "$folder/scores.csv"
    if [ -e "$folder/samples.h5" ]; then
        "$shaft" score "$folder/samples.h5" --config "$common" --format csv --quiet > "$folder/scores.csv" 2> "$folder/score.log" ||
            status=$?
        case $status in 0 | 2) ;; *) cat "$folder/score.log" >&2; return 1 ;; esac # 2: some have no score and count as none
        "$shaft" export "$folder/samples.h5" --top 100 -o "$folder/top" --overwrite > "$folder/export.log" 2>&1 ||
            { cat "$folder/export.log" >&2; return 1; }
    fi
    judged "$folder" > "$folder/judged.row" || return 1
    [ "$(wc -w < "$folder/judged.row")" = 8 ] || { say "$folder/judged.row is not what was expected" >&2; return 1; }
    awk -F, -v short="$short" -v judged="$(cat "$folder/judged.row")" -v long="$long" -v n="$((samples - 1))" \
        -v parameters="$(sed -n 's/.*workers*; \([0-9]*\) parameters.*/\1/p' "$folder.log" | head -n 1)" '
        function column(name,   i) { for (i = 1; i <= NF; i++) if ($i == name) return i; return 0 }
        function mean(sum, n, format) { return n ? sprintf(format, sum / n) : "-" }
        FNR == 1 { file = FILENAME; sub(/.*\//, "", file) }
        FNR == 1 && file == "metrics.csv" { s = column("seconds"); vs = column("valid_structure"); vc = column("valid_composition")
                                            m = column("modes") }
        FNR == 1 && file == "scores.csv" { r = column("reward") }
        FNR == 1 { next }
        file == "metrics.csv" { time += $s; rows++; last_vs[rows % 20] = $vs; last_vc[rows % 20] = $vc; modes = $m }
        file == "scores.csv" && $r != "" { scored++; reward += $r }
        END { for (k in last_vs) { vsum += last_vs[k]; csum += last_vc[k]; c++ }
              print parameters, mean(time, rows, "%.4f"), (long > short ? sprintf("%.6f", (long - short) / n) : "-"),
                    mean(vsum, c, "%.3f"), mean(csum, c, "%.3f"),
                    mean(reward, scored, "%.4f"), modes, judged }
    ' "$folder/metrics.csv" "$folder/scores.csv" > "$folder/row.part" &&
        mv "$folder/row.part" "$folder/row"
}

say "" "Each: $iterations iterations, $seeds seeds, $ranks ranks, $samples samples; means over seeds (largest minus smallest)." \
    "ms/sample on one process without start-up; mean reward: of the samples, by the reward of $common for all; top 100: of the samples," \
    "judged, and relaxed, by $model with at most $steps steps." ""
printf '%-16s %10s %15s %13s | %15s %15s %15s %10s | top 100: %15s %13s %11s %13s %15s %16s %15s %13s\n' configuration parameters "s/iteration" \
    "ms/sample" "structures ok" "compositions ok" "mean reward" modes "E_f eV/atom" "E_f < 0" formulas match rms "E_f relaxed" hull converged
printf '%-16s %10s %15s %13s | %15s %15s %15s %10s |          %15s %13s %11s %13s %15s %16s %15s %13s\n' "paper, V100" 904224 - 62.5 0.99 1.00 - - \
    -1.24 0.995 10 0.82 0.161 - 0.29 -
failed=0
for config in "${configs[@]}"; do
    rows=()
    for seed in $(seq "$seeds"); do
        folder=$(folder_of "$config" "$seed")
        if one "$config" "$seed" "$folder"; then rows+=("$folder/row"); else say "" "$config: no figures with seed $seed"; failed=1; fi
    done
    [ ${#rows[@]} -gt 0 ] || continue
    cat "${rows[@]}" | awk -v name="$(basename "$config" .yaml)" '
        { for (i = 1; i <= NF; i++) if ($i != "-") {
              lo[i] = !n[i] || $i < lo[i] ? $i : lo[i]; hi[i] = !n[i] || $i > hi[i] ? $i : hi[i]; sum[i] += $i; n[i]++ } }
        function cell(i, format, scale) {
            return n[i] ? sprintf(format " (" format ")", scale * sum[i] / n[i], scale * (hi[i] - lo[i])) : "-" }
        END { printf "%-16s %10d %15s %13s | %15s %15s %15s %10s |          %15s %13s %11s %13s %15s %16s %15s %13s\n", name, sum[1] / NR,
                  cell(2, "%.3f", 1), cell(3, "%.2f", 1000), cell(4, "%.2f", 1), cell(5, "%.2f", 1), cell(6, "%.3f", 1),
                  cell(7, "%.0f", 1), cell(8, "%.2f", 1), cell(9, "%.2f", 1), cell(10, "%.0f", 1),
                  cell(11, "%.2f", 1), cell(12, "%.3f", 1), cell(13, "%.3f", 1), cell(14, "%.3f", 1), cell(15, "%.2f", 1) }'
done
exit $failed
