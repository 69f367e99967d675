# shellcheck shell=bash
# runs.sh -- a run for scripts, what they ask of its folder, and how they wait for it. Sourced.

# A run that takes a moment, in run.yaml, and goes into the folder run.
configuration() { # ITERATIONS
    cat > run.yaml << END
elements: [Li, Na, O, Cl]
constraints: {max_elements: 2, max_sites: 1, max_atoms: 64}
policy: {mixture: 1}
reward: {formation_energy: {weight: 0}}
train: {iterations: $1, batch: 12, exploration: {decay: 20}, replay: {capacity: 64, batch: 6}}
run: {seed: 1, checkpoint_every: 1000000, directory: run}
END
}

# rows RUN: lines of its metrics, the header too; 0 where there are none yet
rows() { { cat "$1/metrics.csv" 2> /dev/null || true; } | wc -l; }
grown() { [ "$(rows "$1")" -ge "$2" ]; }
# metrics RUN: all columns but times
metrics() { sed 's/,[^,]*,[^,]*$//' "$1/metrics.csv"; }
newest() { find "$1/checkpoints" -name '0*.h5' | sort | tail -n 1; }

# await SECONDS COMMAND...: until it succeeds; fails where it does not in that time, or where there is no such command
await() {
    local until=$((SECONDS + $1)) code
    shift
    while :; do
        code=0
        "$@" || code=$?
        [ $code != 0 ] || return 0
        [ $code != 127 ] && [ $SECONDS -lt $until ] || { echo "never came true: $*"; return 1; }
        sleep 0.02
    done
}
