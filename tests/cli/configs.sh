#!/bin/bash
# Every configuration that comes with the program trains for a few iterations; with energy and band gap where their models are
# there.
set -eu
shaft=$1 source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
n=0
while read -r config; do
    options=(--quiet --set run.directory="run$n" --set train.iterations=3 --set train.batch=8 --set run.checkpoint_every=3)
    if grep -q 'replay: {batch: 0}' "$config"; then :; else options+=(--set train.replay.batch=4); fi
    "$shaft" train "$config" "${options[@]}" > out.txt 2>&1 || {
        grep -q 'shaft model' out.txt # a model is not there: that is what it says
        "$shaft" train "$config" "${options[@]}" --set reward.formation_energy.weight=0 --set reward.band_gap.weight=0
    }
    test -e "run$n/checkpoints/000003.h5"
    test "$(wc -l < "run$n/metrics.csv")" = 4
    grep -q '^  beta: 8$' "run$n/config.yaml"
    n=$((n + 1))
done < <(find "$source/configs" -name '*.yaml' | sort)
test "$n" -ge 11
# what a file is based on holds where it says nothing
grep -q '  heads: flat' run*/config.yaml
grep -l '  heads: flat' run*/config.yaml | xargs grep -q 'one_of: \[Li, Na, K\]'
