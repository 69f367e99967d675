#!/bin/bash
# quickstart.sh -- from a bare Debian 12 to crystals: packages, build, weights, a small training run on three ranks, and
# its ten best crystals as CIF files, as drawn and relaxed, with what is to be said of them. Run again, it does only what is left
# to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=jobscripts/setup.sh
. jobscripts/setup.sh

shaft=build/release/shaft
config=configs/quickstart.yaml
run=runs/quickstart
best=$run/top
relaxed=$run/relaxed

install_packages "${SHAFT_PACKAGES[@]}"
build release shaft
import_weights

train() {
    local iterations status=0
    iterations=$(awk '$1 == "iterations:" { print $2 }' "$config")
    if [ -f "$run/checkpoints/$(printf %06d "$iterations").h5" ]; then
        say "training: finished before, in $run"
        return
    fi
    if compgen -G "$run/checkpoints/*.h5" > /dev/null; then
        say "training: going on from the last checkpoint in $run"
    else
        say "training: $config on three ranks, a few minutes"
    fi
    launch 3 "$shaft" train "$config" --resume || status=$?
    [ "$status" = 0 ] || fail "training stopped with status $status; the same command goes on from its last checkpoint"
}

train
rm -rf "$best" "$relaxed"
"$shaft" export "$run" --top 10 --format cif -o "$best"
say "" "relaxation: with the potential, each in its space group"
launch 3 "$shaft" relax "$best" -o "$relaxed.h5" --overwrite --cif "$relaxed"
say "" "evaluation: what they are worth; by the potential that gave the reward, which is no independent judge"
launch 3 "$shaft" evaluate "$relaxed.h5" --model m3gnet-efs --quiet
say "" "The ten best crystals are in $(pwd)/$best," "relaxed in $(pwd)/$relaxed"
