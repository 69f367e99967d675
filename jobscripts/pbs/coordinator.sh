#!/bin/bash
# coordinator.sh -- a rank without a device that only coordinates (replay, metrics, checkpoints), beside workers with one device each:
# chunks of two kinds, in which mpirun starts one program. Worth it where rank 0 is what the others wait for: with many workers, or with
# large batches of large crystals.
#
#     CONFIG=my.yaml qsub -V jobscripts/pbs/coordinator.sh     from the folder of the sources
#
# CONFIG is the configuration, OPTIONS are more options of shaft train. Other variables: job.sh.
#
#PBS -N shaft-coordinator
# One node for the coordinator, and two of workers with, on each: cores, devices, ranks (as many as devices), threads of a rank.
#PBS -l select=1:ncpus=8:mpiprocs=1:ompthreads=8+2:ncpus=32:ngpus=4:mpiprocs=4:ompthreads=8
# The end that shaft finds out about: it stops in time for a checkpoint, and this script submits itself again.
#PBS -l walltime=04:00:00
# PBS itself may start the job again, after a node was lost; errors and output go into one file.
#PBS -r y
#PBS -j oe
# What your machine may want besides, here or behind qsub (then in SHAFT_QSUB as well): its owner knows the names, qstat -Q the queues.
##PBS -A PROJECT
##PBS -q QUEUE
##PBS -m ae
# (Two # in front: not looked at. Modules to load: SHAFT_SETUP, see job.sh.)
SHAFT_BATCH=pbs SHAFT_HOME=${SHAFT_HOME:-$PBS_O_WORKDIR}
SHAFT_SCRIPT=$SHAFT_HOME/jobscripts/pbs/coordinator.sh # what is submitted again
# shellcheck source=jobscripts/job.sh
. "$SHAFT_HOME/jobscripts/job.sh"

# Ranks are dealt out in the order of $PBS_NODEFILE: the first is that of the first chunk.
# shellcheck disable=SC2086 # OPTIONS: a list of words
train_job "${CONFIG:?CONFIG=my.yaml qsub -V ...}" ${OPTIONS:-} --set run.coordinator=dedicated --device "${SHAFT_DEVICE:-cuda}"
