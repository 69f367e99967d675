#!/usr/bin/env bash
# jobscripts/slurm under a real Slurm of two nodes on this machine: a run that is stopped by the batch system's signal and by its own
# time limit, queued again each time, ends with the bits of one that was never stopped; a killed rank ends the job and is named; who
# cancels a job is not given a new one. And each of the scripts once: devices, coordinator, seeds, from a configuration to crystals.
# Skipped where there is no Slurm, or where this user cannot start one.
set -euo pipefail
shaft=$1 source=$2
# shellcheck source=tests/tools/expect.sh
. "$source/tests/tools/expect.sh"
# shellcheck source=tests/tools/cluster.sh
. "$source/tests/tools/cluster.sh"
# shellcheck disable=SC2119 # no further programs
cluster_or_skip

export SHAFT=$shaft SHAFT_HOME=$source
scripts=$source/jobscripts/slurm
job=
submit() { job=$(sbatch --parsable --output=%x.out "$@"); }

# ---- stopped, queued again, gone on with, twice; on two nodes ----

configuration 1000000
: > limit # options for the next start
printf '#!/bin/bash\nexec "%s" "$@" $(cat "%s/limit")\n' "$shaft" "$PWD" > limited
chmod +x limited
SHAFT=$PWD/limited submit --nodes=2 --ntasks-per-node=2 --time=20 "$scripts/cpu.sh" run.yaml
await 120 grown run 4
scancel --signal=USR1 --batch "$job" # as --signal=B:USR1@180 does
await 60 said shaft.out 'queued again'
echo "--time-limit 6s" > limit
said shaft.out 'as a rank was asked to stop; go on with --resume' || { cat shaft.out; exit 1; }
until said shaft.out 'as the time limit is near' && is "$job" PENDING; do # its end is set while it does not run
    [ $SECONDS -lt 300 ] || { cat shaft.out; exit 1; }
    sleep 0.05
done
: > limit
n=$(rows run)
configuration $((n + 4))
done_well "$job" shaft.out
said shaft.out 'exit code 85' 2
said shaft.out "4 ranks, 4 workers"
said shaft.out 'started 2 times before'
said shaft.out 'exit code 0'
[ "$(rows run)" = $((n + 5)) ]
equal 4
echo "stopped twice: equal"

# ---- a rank is killed ----

rank_process() { # JOB RANK
    local pid
    for pid in $(pgrep -x shaft); do
        if grep -qzx "SLURM_JOB_ID=$1" "/proc/$pid/environ" && grep -qzx "SLURM_PROCID=$2" "/proc/$pid/environ"; then echo "$pid"; fi
    done 2> /dev/null
}
configuration 1000000
sed -i 's/checkpoint_every: 1000000/checkpoint_every: 2/' run.yaml
submit --job-name=killed --nodes=1 --ntasks-per-node=2 --time=20 "$scripts/cpu.sh" run.yaml
await 120 grown run 4
kill -9 "$(rank_process "$job" 1)"
began=$SECONDS
await 60 over "$job"
echo "a killed rank: the job ended in $((SECONDS - began)) s"
is "$job" FAILED
grep -q 'task 1: Killed' killed.out
[ "$(scontrol show job "$job" -o | grep -o 'Restarts=[0-9]*')" = Restarts=0 ]
n=$(rows run)
sed -i "s/iterations: 1000000/iterations: $((n + 3))/" run.yaml
submit --job-name=again --nodes=1 --ntasks-per-node=2 --time=20 "$scripts/cpu.sh" run.yaml
done_well "$job" again.out
equal 2

# ---- cancelled: its state is saved, and it is not queued again ----

configuration 1000000
submit --job-name=cancelled --nodes=1 --ntasks-per-node=2 --time=20 "$scripts/cpu.sh" run.yaml
await 120 grown run 4
scancel "$job"
await 60 no_jobs # queued again it would stay
is "$job" CANCELLED
[ "$(scontrol show job "$job" -o | grep -o 'Restarts=[0-9]*')" = Restarts=0 ]
[ -e "$(newest run)" ]
rm -r run

# ---- every other script ----

configuration 4
jobs=()
export SHAFT_CUDA_MODULE=${SHAFT_TEST_STANDIN:?the stand-in for a device, as ctest sets it}
submit --job-name=gpu --nodes=2 --ntasks-per-node=1 --gpus-per-node=2 --cpus-per-task=1 --time=20 "$scripts/gpu.sh" run.yaml \
    --set run.directory=devices
jobs+=("$job gpu.out")
export SHAFT_DEVICE=cpu
submit --job-name=coordinator --ntasks=1 --cpus-per-task=1 --time=20 : \
    --nodes=1 --ntasks-per-node=2 --gpus-per-node=2 --cpus-per-task=1 --time=20 "$scripts/coordinator.sh" run.yaml --set run.directory=coordinator
jobs+=("$job coordinator.out")
# all tasks of an array are stopped at a time; one of them has the number of the array
printf '#!/bin/bash\n[ "${SLURM_RESTART_COUNT:-0}" != 0 ] || set -- "$@" --time-limit 1s\nexec "%s" "$@"\n' "$shaft" > stopped
chmod +x stopped
RUN=seed SHAFT=$PWD/stopped submit --job-name=seeds --array=3-5 --ntasks-per-node=1 --time=20 "$scripts/seeds.sh" run.yaml
jobs+=("$job seeds.out")
RUN=all SAMPLES=200 TOP=4 MODEL=lennard-jones SHAFT_LAUNCHER=mpirun submit --job-name=crystals --ntasks-per-node=2 --time=20 \
    "$scripts/crystals.sh" run.yaml
jobs+=("$job crystals.out")
all_done_well "${jobs[@]}"
said gpu.out '2 ranks, 2 workers'
said gpu.out 'the job ends in 1[12][0-9][0-9] s (SHAFT_END_TIME)'
said coordinator.out '3 ranks, 2 workers'
said seeds.out 'queued again' 3
said seeds.out 'started 1 times before' 3
for run in devices coordinator seed-{3,4,5} all; do [ -e $run/checkpoints/000004.h5 ]; done
if cmp -s seed-{3,5}/checkpoints/000004.h5; then echo "seeds make no difference"; exit 1; fi
[ "$(find all/ranked -name '00?_*.cif' | wc -l)" = "$(find all/relaxed -name '*.cif' | wc -l)" ]
[ -s "$(compgen -G 'all/ranked/001_*.cif')" ] && [ -s all/figures.json ]
# what is done is not done again
before=$(md5sum all/samples.h5 all/relaxed.h5)
RUN=all SAMPLES=200 TOP=4 MODEL=lennard-jones SHAFT_LAUNCHER=mpirun submit --job-name=twice --ntasks-per-node=2 --time=20 \
    "$scripts/crystals.sh" run.yaml
done_well "$job" twice.out
said twice.out 'nothing was left to do'
[ "$before" = "$(md5sum all/samples.h5 all/relaxed.h5)" ]
