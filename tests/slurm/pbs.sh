#!/usr/bin/env bash
# jobscripts/pbs through the qsub that Slurm has for those who come from PBS: each of the scripts runs; a job that is stopped by its
# time limit submits its successor, which ends with the bits of a run that was never stopped; who deletes a job gets no successor.
# Of a true PBS this leaves out: its server, `select` with chunks of two kinds, ngpus, arrays (-J), and its way to start processes.
# Skipped where there is no Slurm with that qsub, or where this user cannot start one.
set -euo pipefail
shaft=$1 source=$2
# shellcheck source=tests/tools/expect.sh
. "$source/tests/tools/expect.sh"
# shellcheck source=tests/tools/cluster.sh
. "$source/tests/tools/cluster.sh"
cluster_or_skip qsub qstat qdel generate_pbs_nodefile

scripts=$source/jobscripts/pbs
export SHAFT=$shaft SHAFT_HOME=$source CONFIG=run.yaml

# Two ranks on each of NODES nodes; what is asked for in the files themselves is more than there is here.
submit() { # NODES OUTPUT OPTIONS...
    local nodes=$1 output=$2
    shift 2
    job=$(qsub -V -l "select=$nodes:ncpus=2:mpiprocs=2,walltime=00:20:00" -j oe -o "$output" "$@")
}

# ---- stopped, its successor submitted, gone on with; on two nodes ----

configuration 1000000
export SHAFT_QSUB="-l select=2:ncpus=2:mpiprocs=2,walltime=00:20:00 -j oe -o next.out -h" # held, until the run's end is set
OPTIONS="--time-limit 8s" submit 2 first.out "$scripts/cpu.sh"
await 120 said first.out 'submitted again as' || { cat first.out; exit 1; }
said first.out '4 ranks, 4 workers'
said first.out 'as the time limit is near; go on with --resume'
await 60 over "$job"
configuration $(($(rows run) + 3))
next=$(sed -n 's/.*submitted again as //p' first.out)
qrls "$next"
done_well "$next" next.out
said next.out "job $next, started 1 times before"
[ "$(rows run)" -gt 4 ]
equal 4
echo "stopped: equal"

# ---- deleted: no successor ----

configuration 1000000
submit 1 deleted.out "$scripts/cpu.sh"
await 120 grown run 4
qdel "$job"
await 60 no_jobs # a successor would stay
if said deleted.out 'submitted again as'; then cat deleted.out; exit 1; fi
rm -r run

# ---- every other script ----

configuration 4
jobs=()
export SHAFT_DEVICE=cpu
OPTIONS="--set run.directory=devices" submit 2 gpu.out "$scripts/gpu.sh"
jobs+=("$job gpu.out")
OPTIONS="--set run.directory=coordinator" submit 2 coordinator.out "$scripts/coordinator.sh"
jobs+=("$job coordinator.out")
SEED=3 RUN=seed submit 1 seeds.out "$scripts/seeds.sh"
jobs+=("$job seeds.out")
RUN=all SAMPLES=200 TOP=4 MODEL=lennard-jones submit 1 crystals.out "$scripts/crystals.sh"
jobs+=("$job crystals.out")
all_done_well "${jobs[@]}"
said gpu.out '4 ranks, 4 workers'
said gpu.out 'the job ends in 1[12][0-9][0-9] s (SHAFT_END_TIME)'
said coordinator.out '4 ranks, 3 workers'
for run in devices coordinator seed-3 all; do [ -e $run/checkpoints/000004.h5 ]; done
[ -s "$(compgen -G 'all/ranked/001_*.cif')" ] && [ -s all/figures.json ]
