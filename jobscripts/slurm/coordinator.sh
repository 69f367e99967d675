#!/bin/bash
# coordinator.sh -- a rank without a device that only coordinates (replay, metrics, checkpoints), beside workers with one device each:
# a heterogeneous job of two parts, in which srun starts one program. Worth it where rank 0 is what the others wait for: with many
# workers, or with large batches of large crystals.
#
#     sbatch jobscripts/slurm/coordinator.sh my.yaml                            from the folder of the sources
#
# The first part has one task, the second has the workers. With SHAFT_LAUNCHER=mpirun, which knows of one part only, take gpu.sh with
# one task more and the option `--set run.coordinator=dedicated`: devices are counted among the workers of a node. Variables: job.sh.
#
#SBATCH --job-name=shaft-coordinator
#SBATCH --nodes=1
#SBATCH --ntasks=1                  # the coordinator, on a node without devices
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00             # the end that shaft finds out about: it stops in time for a checkpoint
#SBATCH --signal=B:USR1@180         # and if it did not: three minutes before, a signal to this script, which passes it on
#SBATCH --requeue                   # stopped in time, the job is queued again under its number,
#SBATCH --open-mode=append          # and its output goes on
#SBATCH --output=%x-%j.out          # job name and number
#SBATCH hetjob
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4         # workers: as many as devices
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=8           # the same in both parts
# What your machine may want besides, here or behind sbatch: its owner knows the names (sinfo shows partitions and, with -o %G, kinds of devices).
##SBATCH --account=PROJECT --partition=QUEUE      # a kind of device: --gpus-per-node=KIND:4
##SBATCH --mail-type=END,FAIL       # two # in front: not looked at. Modules to load: SHAFT_SETUP, see job.sh
SHAFT_BATCH=slurm SHAFT_HOME=${SHAFT_HOME:-$SLURM_SUBMIT_DIR}
# shellcheck source=jobscripts/job.sh
. "$SHAFT_HOME/jobscripts/job.sh"
SHAFT_THREADS=${SHAFT_THREADS:-${SLURM_CPUS_PER_TASK_HET_GROUP_1:-1}}
SHAFT_LAUNCH="--het-group=0,1 ${SHAFT_LAUNCH:-}" # one MPI_COMM_WORLD over both parts: rank 0 is the task of the first

train_job "$@" --set run.coordinator=dedicated --device "${SHAFT_DEVICE:-cuda}"
