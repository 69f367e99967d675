#!/bin/bash
# cpu.sh -- trains on processors, on one node or more, until the run is done: a job that is stopped by its time limit submits its
# successor, which goes on.
#
#     CONFIG=my.yaml qsub -V jobscripts/pbs/cpu.sh     from the folder of the sources
#     CONFIG=my.yaml OPTIONS="--set run.seed=2" qsub -V jobscripts/pbs/cpu.sh
#
# CONFIG is the configuration, OPTIONS are more options of shaft train. The successor has the lines
# of this file: change them here, or give options of qsub that shall hold for all in SHAFT_QSUB as well. Other variables: job.sh.
#
#PBS -N shaft
# Nodes, and on each: cores, ranks, threads of a rank. Or one rank a socket and as many threads as it has cores.
#PBS -l select=1:ncpus=16:mpiprocs=16:ompthreads=1
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
SHAFT_SCRIPT=$SHAFT_HOME/jobscripts/pbs/cpu.sh # what is submitted again
# shellcheck source=jobscripts/job.sh
. "$SHAFT_HOME/jobscripts/job.sh"

# shellcheck disable=SC2086 # OPTIONS: a list of words
train_job "${CONFIG:?CONFIG=my.yaml qsub -V ...}" ${OPTIONS:-}
