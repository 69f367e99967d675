#!/bin/bash
# crystals.sh -- from a configuration to crystals: trains, draws SAMPLES structures, takes the TOP best distinct ones, relaxes them,
# and leaves them as CIF files in CRYSTALS/ranked, by the reward that they have when relaxed. What is done is not done again in the
# successor, in whichever part the time was over.
#
#     CONFIG=my.yaml qsub -V jobscripts/pbs/crystals.sh     from the folder of the sources
#     CONFIG=my.yaml RUN=runs/salts SAMPLES=100000 TOP=500 qsub -V jobscripts/pbs/crystals.sh
#
# RUN: the folder (runs/NAME of NAME.yaml); CRYSTALS: the folder of what comes after training (RUN); SAMPLES: 10000; TOP: 100; MODEL: the
# potential that relaxes (m3gnet-efs).
# CONFIG is the configuration, OPTIONS are more options of shaft train. Other variables: job.sh.
#
#PBS -N shaft-crystals
# Nodes, and on each: cores, ranks, threads of a rank.
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
SHAFT_SCRIPT=$SHAFT_HOME/jobscripts/pbs/crystals.sh # what is submitted again
# shellcheck source=jobscripts/job.sh
. "$SHAFT_HOME/jobscripts/job.sh"

# shellcheck disable=SC2086 # OPTIONS: a list of words
crystals_job "${CONFIG:?CONFIG=my.yaml qsub -V ...}" ${OPTIONS:-}
