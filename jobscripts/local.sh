#!/bin/bash
# local.sh -- trains on this machine, without a batch system: as many ranks as it has devices, otherwise one a core. Run again, it goes
# on; SIGTERM, SIGUSR1, Ctrl-C and the end of its terminal mean a checkpoint and exit code 85.
#
#     jobscripts/local.sh my.yaml
#     RANKS=4 jobscripts/local.sh my.yaml --set run.seed=2 --time-limit 8h
#     nohup jobscripts/local.sh my.yaml > my.log 2>&1 &
#
# RANKS: how many. Options behind the configuration go to shaft train. Other variables: job.sh.
set -u
SHAFT_HOME=${SHAFT_HOME:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
SHAFT_BATCH=none SHAFT_LAUNCHER=mpirun
# shellcheck source=jobscripts/job.sh
. "$SHAFT_HOME/jobscripts/job.sh"

devices=$(nvidia-smi --list-gpus 2> /dev/null | wc -l)
if [ "$devices" -gt 0 ]; then
    RANKS=${RANKS:-$devices}
    set -- "$@" --device "${SHAFT_DEVICE:-auto}"
else
    RANKS=${RANKS:-$(nproc)}
    SHAFT_LAUNCH="--oversubscribe --bind-to none ${SHAFT_LAUNCH:-}" # Open MPI counts physical cores
fi

train_job "$@"
