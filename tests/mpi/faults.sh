#!/usr/bin/env bash
# What a user sees of a machine in a bad hour, and what comes of the run: a number that is not finite, a clock that jumps, a slow worker,
# a checkpoint that is damaged, a disk that becomes full or read-only under the run. Each run comes to the bits of an undisturbed one.
# Dying ranks are in stop.sh, kills inside files in resume.sh, places that cannot be written from the start in cli/bad_input.sh.
# Disks are made where mounting is allowed (by root); what is left out otherwise is said.
set -euo pipefail
if [ -z "${FAULTS_MOUNTS:-}" ]; then # of its own: they end with the script
    if unshare -m true 2> /dev/null; then FAULTS_MOUNTS=1 exec unshare -m bash "$0" "$@"; fi
fi
shaft=$1
# shellcheck source=tests/tools/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/expect.sh"
# shellcheck source=tests/tools/runs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/runs.sh"
here=$folder
trap 'umount -l "$folder/disk" 2> /dev/null || true
    for job in $(jobs -p); do kill -9 "$job" 2> /dev/null || true; done; rm -rf "$folder"' EXIT
last=28
cat > run.yaml <<END_OF_FILE
elements: [Li, Na, O, Cl]
constraints: {max_elements: 2, max_sites: 2, max_atoms: 64}
policy: {mixture: 1}
reward: {formation_energy: {weight: 0}}
train: {iterations: $last, batch: 96, replay: {capacity: 64, batch: 32}}
run: {seed: 1, checkpoint_every: 7, keep_checkpoints: 1000000}
END_OF_FILE

train() { # RUN OPTIONS...
    local run=$1
    shift
    mpirun -n $ranks "${launch[@]}" "$shaft" train run.yaml --resume --set "run.directory=$run" "$@"
}
launch=() ranks=2
faulty=(-x LD_PRELOAD="$SHAFT_TEST_FAULTS" -x "ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0")

say() { # TEXT...: all of them in out.txt, or it is shown
    local text
    for text in "$@"; do
        grep -qF -- "$text" out.txt || { echo "not said: $text"; cat out.txt; exit 1; }
    done
}
ended() { # CODE JOB TEXT...
    local wanted=$1 job=$2 code=0
    shift 2
    wait "$job" || code=$?
    [ $code = "$wanted" ] || { echo "ended with $code, wanted $wanted:"; cat out.txt; exit 1; }
    say "$@"
}

same() { # RUN: it goes on to the end, as if nothing had been
    launch=()
    expect 0 "training $last/$last" train "$1"
    cmp "whole/checkpoints/0000$last.h5" "$1/checkpoints/0000$last.h5"
    diff <(metrics whole) <(metrics "$1")
}

expect 0 "training $last/$last" train whole

# ---- a number that is not finite, on one rank of two: said once, by all that was done before left on the disk ----
# In the pass forward; in the pass backward alone, whose loss is finite; in the sum as one rank alone got it. Samples take a second longer
# to the disk than the state, which waits for them.
: > late
for setup in shared,NAN dedicated,NAN shared,BACKWARD shared,SUM; do
    IFS=, read -r setup fault <<< "$setup"
    rm -rf "nan-$setup"
    [ "$fault" != SUM ] || ranks=3 # two of them got it well
    launch=("${faulty[@]}" -x "FAULT_$fault=$here/spoil" -x FAULT_RANK=1 -x FAULT_SLOW="$here/late")
    train "nan-$setup" --quiet --set run.coordinator="$setup" > out.txt 2>&1 &
    if [ "$fault" = NAN ]; then
        await 120 test -e "nan-$setup/checkpoints/000007.h5"
        [ -e "nan-$setup/samples/000000-000007.h5" ]
    fi
    await 120 grown "nan-$setup" 10
    touch spoil
    ended 1 $! "shaft train: the gradient is not finite, in iteration" \
        "hint: checkpoints are unharmed, and --resume tries again from the newest"
    [ "$(grep -c 'gradient is not finite' out.txt)" = 1 ]
    case $setup,$fault in
        shared,NAN) say "by the loss of rank 1 alone" ;;
        shared,BACKWARD) say "by the gradient of rank 1 alone" ;;
        shared,SUM) say "by the sum over the workers: what each of them has is finite" ;;
    esac
    rm spoil
    at=$(rows "nan-$setup") # with the header: the iteration it was in counts as not done
    [ $((10#$(basename "$(newest "nan-$setup")" .h5))) = $(((at - 2) / 7 * 7)) ]
    [ -z "$(compgen -G "nan-$setup/*/*.part")" ]
    if [ "$setup,$fault" = shared,BACKWARD ]; then same "nan-$setup"; fi
done
rm late
ranks=2
echo "not finite: iteration $((at - 2))"

# ---- the time of day jumps ----
launch=("${faulty[@]}" -x FAULT_CLOCK="$here/jump" -x SHAFT_END_TIME=$(($(date +%s) + 3600)))
began=$SECONDS
train clock --timings timings.csv > out.txt 2>&1 &
await 120 grown clock 3
touch jump
ended 0 $! "training $last/$last"
limit=$((SECONDS - began + 2))
awk -F, -v limit=$limit 'NR > 1 { bad += !($(NF - 1) >= 0 && $NF > 0); sum += $(NF - 1) }
    END { exit !(!bad && sum > 0 && sum < limit) }' clock/metrics.csv
awk -F, -v limit=$limit 'NR > 1 { for (i = 7; i <= NF; i++) { if (!($i >= 0)) exit 1; sum[NR] += $i }
    if (!(sum[NR] > 0 && sum[NR] < limit)) exit 1 }' timings.csv
same clock
rm jump
launch=("${faulty[@]}" -x FAULT_CLOCK="$here/jump")
train limited --quiet --set train.iterations=100000000 --set run.checkpoint_every=1000000 --time-limit 3 > out.txt 2>&1 &
began=$SECONDS
await 120 grown limited 3
touch jump
ended 85 $!
took=$((SECONDS - began))
[ $took -ge 1 ] && [ $took -lt 15 ]
launch=()
rm jump
echo "clock: stopped in $took s of 3"

# ---- a worker that is ten times slower than the other ----
train slow --quiet --timings timings.csv > out.txt 2>&1 &
job=$!
await 120 grown slow 3
for victim in $(pgrep -P "$job") $(pgrep -P "$(pgrep -d , -P "$job")"); do
    if grep -qzx "OMPI_COMM_WORLD_RANK=1" "/proc/$victim/environ" 2> /dev/null; then break; fi
done
{ while kill -STOP "$victim" && sleep 0.07 && kill -CONT "$victim"; do sleep 0.005; done; } 2> /dev/null &
ended 0 $job "rank 1, on $(hostname), took" "times as long as the median worker for its part: the others wait for it"
[ "$(grep -c 'median worker' out.txt)" = 1 ]
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
    { own[$1] = $column["sample"] + $column["reward"] + $column["gradient"]; waits[$1] = $column["wait_workers"] }
    END { if (!(own[1] > 2 * own[0] && waits[0] > own[0] && waits[0] > 2 * waits[1])) bad = 1
          printf "slow: %.1f times, the other waits %.0f %%\n", own[1] / own[0], 100 * waits[0] / (waits[0] + own[0])
          exit bad }' timings.csv || { cat timings.csv; exit 1; }
same slow

# ---- the newest checkpoints are damaged: empty, cut off, bytes changed ----
cp -r whole damaged
: > damaged/checkpoints/000028.h5
truncate -s -1000 damaged/checkpoints/000021.h5
printf 'rust' | dd of=damaged/checkpoints/000014.h5 bs=1 seek=200000 conv=notrunc status=none
same damaged
for file in 000028 000021 000014; do say "damaged/checkpoints/$file.h5"; done
say "iterations 7 to $last"
[ "$(grep -c 'a checkpoint is skipped' out.txt)" = 3 ]

# ---- a disk becomes full under the run, another read-only, as Linux does with one that fails ----
mkdir disk
filled() { head -c 100M /dev/zero > disk/other 2> /dev/null || true; }
if mount -t tmpfs -o size=20m shaft-test disk 2> /dev/null; then
    train disk/run --quiet > out.txt 2>&1 &
    await 120 test -e disk/run/checkpoints/000007.h5
    filled
    ended 1 $! "No space left on device" "hint: what was written before is unharmed: --resume goes on from there"
    rm disk/other
    same disk/run
    umount disk
else
    echo "not tried, as mounting is not allowed: a disk that becomes full"
fi
truncate -s 32M image
if mkfs.ext4 -q image 2> /dev/null && mount -o loop,errors=remount-ro image disk 2> /dev/null; then
    train disk/run --quiet > out.txt 2>&1 &
    await 120 test -e disk/run/checkpoints/000007.h5
    mount -o remount,abort disk
    ended 1 $! "Read-only file system" "hint: what was written before is unharmed: --resume goes on from there"
    expect 1 "Read-only file system" train disk/run
    say "hint: make it writable; or copy the folder, and go on there: --resume --set run.directory=COPY"
    expect 0 "" "$shaft" sample disk/run -n 3 -o read.h5
    umount disk
    e2fsck -fp image > fsck.log || [ $? = 1 ]
    mount -o loop image disk
    same disk/run
    umount disk
else
    echo "not tried, as mounting is not allowed: a disk that becomes read-only"
fi
