#!/usr/bin/env bash
# A run ends when any one of its ranks is asked to, or killed, or when its time is over; what it left is gone on with, to the bits of a
# run that was never stopped. One run is stopped in one way after the other, with rank 0 working and without. A relaxation and sampling
# as well: what one rank is asked, all do.
set -euo pipefail
shaft=$1 source=$2
# shellcheck source=tests/tools/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/expect.sh"
# shellcheck source=tests/tools/runs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/runs.sh"
last=60
options=(--resume --set train.batch=12 --set train.replay.batch=6 --set reward.formation_energy.weight=0 --set policy.mixture=1
    --set constraints.max_sites=1)

train() { # DIRECTORY OPTIONS...
    local run=$1
    shift
    mpirun -n 3 "$shaft" train "$source/configs/quickstart.yaml" "${options[@]}" --set "run.directory=$run" "$@"
}

# The process of a rank: mpirun says it in the environment of each.
process_of() { # RANK MPIRUN
    local pid
    for pid in $(pgrep -P "$2"); do
        if grep -qzx "OMPI_COMM_WORLD_RANK=$1" "/proc/$pid/environ" 2> /dev/null; then echo "$pid"; fi
    done
}

# ended_by SIGNAL RANK COMMAND...: sends it to one rank, or to mpirun where RANK is `all`, once three more iterations are done. Code
# and seconds it took are in `code` and `took`, what was said in ended.log.
ended_by() {
    local signal=$1 rank=$2 run=$3 job target began at
    at=$(rows "$run")
    train "$run" "${extra[@]}" > ended.log 2>&1 &
    job=$!
    await 120 grown "$run" $((at + 3))
    job=$(pgrep -P "$job" -x mpirun || echo "$job") # of a shell
    target=$job
    [ "$rank" = all ] || target=$(process_of "$rank" "$job")
    began=$SECONDS code=0
    kill "-$signal" "$target"
    wait %% || code=$?
    took=$((SECONDS - began))
    [ ! -e "$run/checkpoints/0000$last.h5" ] # it was in the middle
}

for setup in "shared,2 all,1" "dedicated,0 1,0"; do
    IFS=, read -r setup asked killed <<< "$setup"
    extra=(--set "train.iterations=$last" --set run.checkpoint_every=10 --set "run.coordinator=$setup")
    train whole "${extra[@]}" > whole.log 2>&1
    for rank in $asked; do
        ended_by USR1 "$rank" asked
        [ $code = 85 ] || { cat ended.log; exit 1; }
        grep -q 'as a rank was asked to stop; go on with --resume' ended.log
        # what is on the disk is all that was done
        [ -e "asked/checkpoints/$(printf %06d $(($(rows asked) - 1))).h5" ]
    done
    for rank in $killed; do
        ended_by KILL "$rank" asked
        [ $code != 0 ] && [ $took -lt 30 ]
        grep -Eq "process rank $rank .*exited on signal 9" ended.log
    done
    train asked "${extra[@]}" > asked.log 2>&1
    cmp "whole/checkpoints/0000$last.h5" "asked/checkpoints/0000$last.h5"
    diff <(metrics whole) <(metrics asked)
    [ "$(rows asked)" = $((last + 1)) ]
    rm -r asked whole

    # Time is over, as the option or the environment says, long before a checkpoint is due; what was done then is not lost.
    extra=(--set "run.coordinator=$setup" --set train.exploration.decay=20 --set run.checkpoint_every=1000000)
    began=$SECONDS code=0
    if [ "$setup" = shared ]; then
        train timed "${extra[@]}" --set train.iterations=1000000 --time-limit 0:00:03 > timed.log 2>&1 || code=$?
    else
        SHAFT_END_TIME=$(($(date +%s) + 4)) train timed "${extra[@]}" --set train.iterations=1000000 > timed.log 2>&1 || code=$?
    fi
    [ $code = 85 ] || { cat timed.log; exit 1; }
    [ $((SECONDS - began)) -lt 30 ]
    grep -q 'as the time limit is near; go on with --resume' timed.log
    done=$(($(rows timed) - 1))
    [ -e "timed/checkpoints/$(printf %06d $done).h5" ]
    extra+=(--set "train.iterations=$((done + 2))")
    train timed "${extra[@]}" > timed.log 2>&1
    train straight "${extra[@]}" > straight.log 2>&1
    cmp {timed,straight}/checkpoints/"$(printf %06d $((done + 2)))".h5
    diff <(metrics timed) <(metrics straight)
    echo "$setup: equal, $done iterations in the time there was"
    rm -r timed
    [ "$setup" = dedicated ] || rm -r straight
done

# ---- other long commands ----

cp "$source/tests/data/mp64.xyz" all.xyz
relax=("$shaft" relax all.xyz --model lennard-jones --symmetry free --steps 400 --fmax 1e-7 --batch 4)
mpirun -n 3 "${relax[@]}" --quiet -o whole.h5
size_of() { { cat "$1.journal"/*.rows 2> /dev/null || true; } | wc -c; }
larger() { [ "$(size_of "$1")" -ge "$2" ]; }
mpirun -n 3 "${relax[@]}" -o asked.h5 > ended.log 2>&1 &
await 120 larger asked.h5 4000
kill -TERM "$(process_of 2 $!)"
code=0
wait $! || code=$?
[ $code = 85 ] || { cat ended.log; exit 1; }
grep -q 'structures relaxed, as a rank was asked to stop; the same command goes on' ended.log
[ ! -e asked.h5 ] && [ -d asked.h5.journal ]
expect 85 "as the time limit is near; the same command goes on" mpirun -n 3 "${relax[@]}" -o asked.h5 --time-limit 1
expect 0 "structures are done already" mpirun -n 2 "${relax[@]}" -o asked.h5
cmp whole.h5 asked.h5

found() { rank=$(process_of "$1" "$2") && [ -n "$rank" ]; }
# Sampling: stopped, killed and out of time on other numbers of ranks, it ends with the file of one that was never stopped.
draw=("$shaft" sample straight -n 20000 --batch 16)
"${draw[@]}" --quiet -o whole-drawn.h5 2> /dev/null
for how in USR1 KILL; do
    at=$(size_of drawn.h5)
    mpirun -n 3 "${draw[@]}" -o drawn.h5 > ended.log 2>&1 &
    job=$!
    await 120 found 2 $job # before it is far
    await 120 larger drawn.h5 $((at + 20000))
    kill -$how "$rank"
    code=0
    wait $job || code=$?
    [ ! -e drawn.h5 ] && [ -d drawn.h5.journal ]
    [ $how = KILL ] || { [ $code = 85 ] && grep -q 'of 20000 crystals drawn, as a rank was asked to stop; the same command goes on' ended.log; }
    [ $how = USR1 ] || { [ $code != 0 ] && [ $code != 85 ]; }
done
at=$(size_of drawn.h5)
expect 85 "as the time limit is near; the same command goes on" mpirun -n 2 "${draw[@]}" -o drawn.h5 --time-limit 1s
[ "$(size_of drawn.h5)" -gt "$at" ] # one piece at least, however short the time
cp -r drawn.h5.journal other.h5.journal
cp -r drawn.h5.journal on-two.h5.journal
for file in on-two.h5.journal/*.rows; do cp "$file" "${file%.rows}-copy.rows"; done # as if two commands had drawn the same
for file in drawn.h5.journal/*.rows; do truncate -s -7 "$file"; done # what a kill cuts off is drawn again
expect 0 "of 20000 crystals are drawn already" "${draw[@]}" -o drawn.h5
[ ! -e drawn.h5.journal ]
cmp whole-drawn.h5 drawn.h5
expect 0 "'drawn.h5' is complete: nothing was left to do" mpirun -n 2 "${draw[@]}" -o drawn.h5
expect 0 "of 20000 crystals are drawn already" mpirun -n 2 "${draw[@]}" -o on-two.h5 --time-limit 1h
for file in whole-drawn on-two; do "$shaft" export $file.h5 --top 100 -o $file-top > $file.txt; done
diff -r whole-drawn-top on-two-top # h5 files of several ranks differ in the order of their chunks
expect 2 "it is of another command, or of other files" "${draw[@]}" -o other.h5 --seed 1
expect 0 "crystals written to other.h5" "${draw[@]}" -o other.h5 --seed 1 --overwrite
expect 2 "is not what this command makes: 20000 crystals, seed 1, of checkpoint" "${draw[@]}" -o other.h5
expect 2 "--time-limit needs a length of time" "$shaft" sample straight -n 3000 -o late.h5 --time-limit late

# What has nothing to save ends at once, with the same code, and leaves no file.
for _ in {1..60}; do cat all.xyz; done > many.xyz
evaluate=("$shaft" evaluate many.xyz -o figures.json)
mpirun -n 2 "${evaluate[@]}" > ended.log 2>&1 &
job=$!
await 120 found 1 $job
# shellcheck disable=SC2154 # rank: of found
await 120 grep -q 'SigCgt:.*[2367abef]..$' "/proc/$rank/status" # it catches SIGUSR1
kill -USR1 "$rank"
code=0
wait $job || code=$?
[ $code = 85 ] || { cat ended.log; exit 1; }
expect 85 "stopped, as a rank was asked to or the time limit is near: nothing is written" mpirun -n 2 "${evaluate[@]}" --time-limit 2s
SHAFT_END_TIME=$(($(date +%s) + 3)) expect 85 "the job ends in" "${evaluate[@]}"
[ ! -e figures.json ]
expect 2 "--time-limit needs a length of time" "${evaluate[@]}" --time-limit late
