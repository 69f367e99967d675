#!/bin/bash
# seeds.sh -- the same configuration with several seeds, side by side: an array of jobs, each with a run of its own in
# RUN-SEED, each queued again when its time is over.
#
#     sbatch jobscripts/slurm/seeds.sh my.yaml                                  from the folder of the sources
#     RUN=runs/salts sbatch --array=11-30 jobscripts/slurm/seeds.sh my.yaml
#     shaft report runs/salts-1 runs/salts-2 runs/salts-3                       lays them over each other
#
# RUN is runs/NAME of NAME.yaml if it is not set. Other variables: job.sh.
#
#SBATCH --job-name=shaft-seeds
#SBATCH --array=1-5                 # the seeds; 1-50%10: no more than ten at a time
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=16        # ranks of each
#SBATCH --cpus-per-task=1
#SBATCH --time=04:00:00             # the end that shaft finds out about: it stops in time for a checkpoint
#SBATCH --signal=B:USR1@180         # and if it did not: three minutes before, a signal to this script, which passes it on
#SBATCH --requeue                   # stopped in time, the job is queued again under its number,
#SBATCH --open-mode=append          # and its output goes on
#SBATCH --output=%x-%A-%a.out       # job name, number of the array, seed
# What your machine may want besides, here or behind sbatch: its owner knows the names (sinfo shows partitions).
##SBATCH --account=PROJECT --partition=QUEUE
##SBATCH --mail-type=END,FAIL       # two # in front: not looked at. Modules to load: SHAFT_SETUP, see job.sh
SHAFT_BATCH=slurm SHAFT_HOME=${SHAFT_HOME:-$SLURM_SUBMIT_DIR}
# shellcheck source=jobscripts/job.sh
. "$SHAFT_HOME/jobscripts/job.sh"
SEED=$SLURM_ARRAY_TASK_ID
RUN=${RUN:-runs/$(basename "$1" .yaml)}

train_job "$@" --set "run.seed=$SEED" --set "run.directory=$RUN-$SEED"
