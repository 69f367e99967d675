#!/usr/bin/env bash
# VarGrad on a batch in parts: the mean is that of all of them. One iteration on one, two and three ranks and in twelve shards
# moves the parameters alike, to rounding; means of the parts would not, and with one record a part nothing would move.
set -euo pipefail
shaft=$1 source=$2
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
options=(--quiet --set train.objective=vargrad --set train.iterations=2 --set train.batch=12 --set train.replay.batch=6
    --set run.checkpoint_every=2 --set train.clip=0 --set reward.formation_energy.weight=0)

start() { # RANKS DIRECTORY OPTIONS...
    local ranks=$1 directory=$2
    shift 2
    mpirun -n "$ranks" "$shaft" train "$source/configs/quickstart.yaml" "${options[@]}" --set run.directory="$directory" "$@"
}

start 1 one
start 2 two
start 3 three
start 2 shards --set run.deterministic=true
norm() { # of the gradient, by iteration
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "gradient_norm") c = i; next } { print $c }' "$1/metrics.csv"
}
for run in two three shards; do
    paste <(norm one) <(norm $run) | awk '{ if ($1 < 1e-3 || ($1 - $2) ^ 2 > 1e-6 * $1 ^ 2) exit 1 } END { exit NR != 2 }' || {
        echo "gradient norms of one rank and of '$run':"
        paste <(norm one) <(norm $run)
        exit 1
    }
done
