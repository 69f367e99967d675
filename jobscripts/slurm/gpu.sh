#!/bin/bash
# gpu.sh -- trains on devices, as many ranks as there are: rank 0 works too. Stopped by its time limit, the job is queued again.
#
#     sbatch jobscripts/slurm/gpu.sh my.yaml                                    from the folder of the sources
#     sbatch --nodes=1 --ntasks-per-node=8 --gpus-per-node=8 jobscripts/slurm/gpu.sh my.yaml
#
# A rank takes the device with its number among the ranks of the node, and sees all of them (--gpus-per-task=1, where it sees one,
# works as well). Raise train.batch with the ranks. Variables: job.sh.
#
#SBATCH --job-name=shaft-gpu
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4         # ranks: as many as devices
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=8           # threads of a rank, for what the processor does
#SBATCH --time=04:00:00             # the end that shaft finds out about: it stops in time for a checkpoint
#SBATCH --signal=B:USR1@180         # and if it did not: three minutes before, a signal to this script, which passes it on
#SBATCH --requeue                   # stopped in time, the job is queued again under its number,
#SBATCH --open-mode=append          # and its output goes on
#SBATCH --output=%x-%j.out          # job name and number
# What your machine may want besides, here or behind sbatch: its owner knows the names (sinfo shows partitions and, with -o %G, kinds of devices).
##SBATCH --account=PROJECT --partition=QUEUE      # a kind of device: --gpus-per-node=KIND:4
##SBATCH --mail-type=END,FAIL       # two # in front: not looked at. Modules to load: SHAFT_SETUP, see job.sh
SHAFT_BATCH=slurm SHAFT_HOME=${SHAFT_HOME:-$SLURM_SUBMIT_DIR}
# shellcheck source=jobscripts/job.sh
. "$SHAFT_HOME/jobscripts/job.sh"

train_job "$@" --device "${SHAFT_DEVICE:-cuda}"
