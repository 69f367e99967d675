#!/bin/bash
# crystals.sh -- from a configuration to crystals: trains, draws SAMPLES structures, takes the TOP best distinct ones, relaxes them,
# and leaves them as CIF files in CRYSTALS/ranked, by the reward that they have when relaxed. What is done is not done again when the job is
# queued again, in whichever part its time was over.
#
#     sbatch jobscripts/slurm/crystals.sh my.yaml                               from the folder of the sources
#     RUN=runs/salts SAMPLES=100000 TOP=500 sbatch jobscripts/slurm/crystals.sh my.yaml
#
# RUN: the folder (runs/NAME of NAME.yaml); CRYSTALS: the folder of what comes after training (RUN); SAMPLES: 10000; TOP: 100; MODEL: the
# potential that relaxes (m3gnet-efs). Others: job.sh.
#
#SBATCH --job-name=shaft-crystals
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=16        # ranks
#SBATCH --cpus-per-task=1           # threads of a rank
#SBATCH --time=04:00:00             # the end that shaft finds out about: it stops in time for a checkpoint
#SBATCH --signal=B:USR1@180         # and if it did not: three minutes before, a signal to this script, which passes it on
#SBATCH --requeue                   # stopped in time, the job is queued again under its number,
#SBATCH --open-mode=append          # and its output goes on
#SBATCH --output=%x-%j.out          # job name and number
# What your machine may want besides, here or behind sbatch: its owner knows the names (sinfo shows partitions).
##SBATCH --account=PROJECT --partition=QUEUE
##SBATCH --mail-type=END,FAIL       # two # in front: not looked at. Modules to load: SHAFT_SETUP, see job.sh
SHAFT_BATCH=slurm SHAFT_HOME=${SHAFT_HOME:-$SLURM_SUBMIT_DIR}
# shellcheck source=jobscripts/job.sh
. "$SHAFT_HOME/jobscripts/job.sh"

crystals_job "$@"
