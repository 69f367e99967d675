#!/bin/bash
# cpu.sh -- trains on processors, on one node or more, until the run is done: a job that is stopped by its time limit is queued
# again and goes on.
#
#     sbatch jobscripts/slurm/cpu.sh my.yaml                                    from the folder of the sources
#     sbatch --nodes=4 --time=12:00:00 jobscripts/slurm/cpu.sh my.yaml --set run.seed=2
#
# Options of sbatch take precedence over the lines here, options behind the configuration go to shaft train. Variables: job.sh.
#
#SBATCH --job-name=shaft
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=16        # ranks: one a core and one thread each, or one a socket and as many threads as it has cores
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

train_job "$@"
