#!/bin/bash
# gpu.sh -- trains on devices, as many ranks as there are: rank 0 works too. Stopped by its time limit, it submits its successor.
#
#     CONFIG=my.yaml qsub -V jobscripts/pbs/gpu.sh     from the folder of the sources
#
# CONFIG is the configuration, OPTIONS are more options of shaft train.
# A rank takes the device with its number among the ranks of the node. Raise train.batch with the ranks. Other variables: job.sh.
#
#PBS -N shaft-gpu
# Nodes, and on each: cores, devices, ranks (as many as devices), threads of a rank for what the processor does.
#PBS -l select=2:ncpus=32:ngpus=4:mpiprocs=4:ompthreads=8
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
SHAFT_SCRIPT=$SHAFT_HOME/jobscripts/pbs/gpu.sh # what is submitted again
# shellcheck source=jobscripts/job.sh
. "$SHAFT_HOME/jobscripts/job.sh"

# shellcheck disable=SC2086 # OPTIONS: a list of words
train_job "${CONFIG:?CONFIG=my.yaml qsub -V ...}" ${OPTIONS:-} --device "${SHAFT_DEVICE:-cuda}"
