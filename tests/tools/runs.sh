# shellcheck shell=bash
# runs.sh -- what scripts ask of the folder of a run, and how they wait for it. Sourced.

# rows RUN: lines of its metrics, the header too; 0 where there are none yet
rows() { { cat "$1/metrics.csv" 2> /dev/null || true; } | wc -l; }
grown() { [ "$(rows "$1")" -ge "$2" ]; }
# metrics RUN: all columns but times
metrics() { sed 's/,[^,]*,[^,]*$//' "$1/metrics.csv"; }
newest() { find "$1/checkpoints" -name '0*.h5' | sort | tail -n 1; }

# await COMMAND...: until it is true, in two minutes
await() {
    local until=$((SECONDS + 120))
    until "$@"; do
        [ $SECONDS -lt $until ] || { echo "never came true: $*"; exit 1; }
        sleep 0.01
    done
}
