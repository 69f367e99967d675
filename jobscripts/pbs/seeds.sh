#!/bin/bash
# seeds.sh -- the same configuration with several seeds, side by side: an array of jobs, each with a run of its own in RUN-SEED,
# each with successors of its own when its time is over.
#
#     CONFIG=my.yaml qsub -J 1-5 -V jobscripts/pbs/seeds.sh     from the folder of the sources
#     CONFIG=my.yaml RUN=runs/salts qsub -J 11-30 -V jobscripts/pbs/seeds.sh
#     shaft report runs/salts-1 runs/salts-2 runs/salts-3                       lays them over each other
#
# CONFIG is the configuration, OPTIONS are more options of shaft train. RUN is runs/NAME of
# NAME.yaml if it is not set. Without -J the job is one of the seed SEED, as a successor is. Other variables: job.sh.
#
#PBS -N shaft-seeds
# Of each seed: cores, ranks, threads of a rank.
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
SHAFT_SCRIPT=$SHAFT_HOME/jobscripts/pbs/seeds.sh # what is submitted again
# shellcheck source=jobscripts/job.sh
. "$SHAFT_HOME/jobscripts/job.sh"

export SEED=${PBS_ARRAY_INDEX:-${SEED:?qsub -J 1-5}} # a successor has no index of its own
RUN=${RUN:-runs/$(basename "${CONFIG:?CONFIG=my.yaml qsub -V ...}" .yaml)}
# shellcheck disable=SC2086 # OPTIONS: a list of words
train_job "$CONFIG" ${OPTIONS:-} --set "run.seed=$SEED" --set "run.directory=$RUN-$SEED"
