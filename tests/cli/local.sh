#!/bin/bash
# jobscripts/local.sh: Ctrl-C, or a terminal that is closed, is a signal to the ranks and leaves a checkpoint, the same line goes on, options are passed on, and
# the ranks are as many as asked for.
set -eu
shaft=$1 source=$2
# shellcheck source=tests/tools/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/expect.sh"
# shellcheck source=tests/tools/runs.sh
. "$source/tests/tools/runs.sh"
local=("$source/jobscripts/local.sh" run.yaml --set run.directory=run)
export RANKS=2 SHAFT_HOME=$source
unset SHAFT

SHAFT=$folder/nothing expect 2 "there is no program '$folder/nothing'" "${local[@]}"
export SHAFT=$shaft
configuration 1000000
n=0
for signal in HUP INT; do # a terminal that is closed; Ctrl-C: to all that the terminal knows
    setsid env --default-signal=$signal "${local[@]}" > asked.txt 2>&1 &
    job=$!
    await 120 grown run $((n + 3))
    kill -$signal -- -$job
    code=0
    wait $job || code=$?
    [ $code = 85 ] || { cat asked.txt; exit 1; }
    tail -n 1 asked.txt | grep -q 'cancelled: not submitted again; the same command goes on from the checkpoint' # whatever mpirun says
    n=$(rows run)
done
grep -q '2 ranks, 2 workers' asked.txt
grep -q 'as a rank was asked to stop; go on with --resume' asked.txt
configuration $((n + 3))
SHAFT_END_TIME=1 expect 0 "iterations $((n - 1)) to $((n + 3))" "${local[@]}" # the end of another job does not count
expect 2 "was started with other settings" "${local[@]}" --set train.batch=13
