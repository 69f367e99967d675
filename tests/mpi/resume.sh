#!/usr/bin/env bash
# A run that is killed in the middle of an iteration, or whose newest checkpoint is damaged, goes on to the same bits as one
# that was never stopped: checkpoints, samples and metrics, on 1, 2 and 3 ranks and with a dedicated coordinator.
set -euo pipefail
shaft=$1 source=$2
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
options=(--quiet --set train.iterations=12 --set run.checkpoint_every=4 --set train.batch=16 --set train.replay.batch=8
    --set reward.formation_energy.weight=0)

start() { # RANKS DIRECTORY OPTIONS...
    local ranks=$1 directory=$2
    shift 2
    mpirun -n "$ranks" "$shaft" train "$source/configs/quickstart.yaml" "${options[@]}" --set run.directory="$directory" "$@"
}

same() { # A B: everything but times
    cmp "$1/checkpoints/000012.h5" "$2/checkpoints/000012.h5"
    (cd "$1/samples" && ls) > names-a
    (cd "$2/samples" && ls) > names-b
    cmp names-a names-b
    for file in "$1"/samples/*.h5; do cmp "$file" "$2/samples/$(basename "$file")"; done
    diff <(sed 's/,[^,]*,[^,]*$//' "$1/metrics.csv") <(sed 's/,[^,]*,[^,]*$//' "$2/metrics.csv")
    test "$(wc -l < "$1/metrics.csv")" = 13
}

killed() { # waits for checkpoint $1 of directory $2, then kills the ranks of the job with process id $3 at once
    for _ in $(seq 6000); do
        test -e "$2/checkpoints/$1.h5" && break
        sleep 0.01
    done
    test -e "$2/checkpoints/$1.h5"
    pkill -9 -P "$3" || true
    kill -9 "$3" 2> /dev/null || true
    wait "$3" 2> /dev/null || true
    pkill -9 -f "$here/" 2> /dev/null || true
}

for setup in "1" "2" "3" "3 --set run.coordinator=dedicated"; do
    read -r ranks extra <<< "$setup"
    # shellcheck disable=SC2086 # extra is a list
    start "$ranks" whole $extra
    # shellcheck disable=SC2086
    start "$ranks" "$here/killed" $extra > killed.log 2>&1 &
    killed 000004 killed $!
    # shellcheck disable=SC2086
    start "$ranks" "$here/killed" $extra --resume
    same whole killed
    # A half-written file, and a newest one with a flipped byte: the one before it is taken, and a warning says so.
    cp -r whole damaged
    sed -i '10,$d' damaged/metrics.csv && tail -n 4 whole/metrics.csv >> damaged/metrics.csv
    printf 'half' > damaged/checkpoints/000016.h5.part
    printf '\377' | dd of=damaged/checkpoints/000012.h5 bs=1 seek=200000 conv=notrunc status=none
    # shellcheck disable=SC2086
    start "$ranks" damaged $extra --resume 2> warning
    grep -q 'skipped\|damaged\|000012' warning
    same whole damaged
    rm -rf whole killed damaged
    echo "$setup: equal"
done

# Asked to stop: the iteration is finished, a checkpoint written, the code says so, and the run can go on.
start 2 whole
mpirun -n 2 "$shaft" train "$source/configs/quickstart.yaml" "${options[@]}" --set run.directory=asked --set train.iterations=100000 &
job=$!
for _ in $(seq 6000); do
    test -e asked/checkpoints/000004.h5 && break
    sleep 0.01
done
pkill -TERM -P "$job" -x shaft
code=0
wait "$job" || code=$?
test "$code" = 85
echo "stopped with code $code at $(ls asked/checkpoints | tail -1)"
