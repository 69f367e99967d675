#!/usr/bin/env bash
# A run that is killed in the middle of an iteration, inside a checkpoint or a file of samples, or whose newest checkpoint is
# damaged, or that was asked to stop, goes on to the same bits as one that was never stopped: checkpoints, samples and
# metrics, on 1 and 3 ranks and with a dedicated coordinator. With the energy in the reward where its weights are there.
set -euo pipefail
shaft=$1 source=$2 kill_at=$3
here=$(mktemp -d)
trap 'jobs -p | while read -r job; do pkill -P "$job" || true; done; rm -rf "$here"' EXIT
cd "$here"
last=32 # iterations
options=(--quiet --set train.iterations="$last" --set run.checkpoint_every=4 --set train.batch=16 --set train.replay.batch=8)
if "$shaft" model check m3gnet-efs > check.log 2>&1; then
    energy=1
else
    energy=0
    options+=(--set reward.formation_energy.weight=0)
    echo "without the energy: $(tail -n 1 check.log)"
fi

start() { # RANKS DIRECTORY OPTIONS...: of mpirun too, in the list `launch`
    local ranks=$1 directory=$2
    shift 2
    mpirun "${launch[@]}" -n "$ranks" "$shaft" train "$source/configs/quickstart.yaml" "${options[@]}" \
        --set run.directory="$directory" "$@"
}
launch=()

rows() { # of the metrics of a directory, without the header
    local n
    n=$(cat "$1/metrics.csv" 2> /dev/null | wc -l)
    echo $((n > 0 ? n - 1 : 0))
}

metrics() { # A B: equal but for times, and complete
    diff <(sed 's/,[^,]*,[^,]*$//' "$1/metrics.csv") <(sed 's/,[^,]*,[^,]*$//' "$2/metrics.csv")
    test "$(rows "$1")" = $last
    awk -F, -v energy=$energy 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "e_form_known") column = i }
        NR > 1 { known += $column } END { exit (known > 0) != energy }' "$1/metrics.csv"
}

checkpoints() { # A B
    diff <(cd "$1/checkpoints" && ls) <(cd "$2/checkpoints" && ls)
    test -e "$1/checkpoints/0000$last.h5"
    for file in "$1"/checkpoints/*; do cmp "$file" "$2/checkpoints/$(basename "$file")"; done
}

same() { # A B: everything but times
    checkpoints "$1" "$2"
    diff <(cd "$1/samples" && ls) <(cd "$2/samples" && ls)
    for file in "$1"/samples/*; do cmp "$file" "$2/samples/$(basename "$file")"; done
    metrics "$1" "$2"
}

# begun SIGNAL RANKS DIRECTORY OPTIONS...: a run whose ranks all get it after its sixth row and checkpoint 4, which is written beside
# the iterations; its exit code is in `code`. A busy machine may look too late, at a run that is over: then another one.
begun() {
    local signal=$1 ranks=$2 directory=$3 job
    shift 3
    for _ in $(seq 10); do
        rm -rf "$directory"
        start "$ranks" "$directory" "$@" > begun.log 2>&1 &
        job=$!
        for _ in $(seq 6000); do
            if [ "$(rows "$directory")" -ge 6 ] && [ -e "$directory/checkpoints/000004.h5" ]; then break; fi
            sleep 0.005
        done
        # shellcheck disable=SC2046 # a list: of mpirun, of a shell
        kill "-$signal" $(pgrep -P "$(pgrep -d , -P "$job")" -x shaft) 2> /dev/null || true
        code=0
        wait "$job" 2> /dev/null || code=$?
        if [ ! -e "$directory/checkpoints/0000$last.h5" ]; then break; fi
    done
    test "$(rows "$directory")" -ge 6
    test -e "$directory/checkpoints/000004.h5"
    test ! -e "$directory/checkpoints/0000$last.h5" # it was in the middle
}

# killed_in MOMENT FILE RANKS DIRECTORY OPTIONS...: the rank that writes FILE dies in it
killed_in() {
    local moment=$1 file=$2 ranks=$3 directory=$4
    shift 4
    launch=(-x LD_PRELOAD="$kill_at" -x KILL_IN="$moment" -x KILL_FILE="$file" -x "ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0")
    start "$ranks" "$directory" "$@" > killed.log 2>&1 || true
    launch=()
    grep -q 'signal 9' killed.log
    test -s "$directory/$file.part"
    test ! -e "$directory/$file"
}

for setup in "1" "3" "3 --set run.coordinator=dedicated"; do
    read -r ranks extra <<< "$setup"
    # shellcheck disable=SC2206 # a list
    extra=($extra)
    start "$ranks" whole "${extra[@]}"

    # One run is killed again and again in what it writes after its first checkpoint, and at last let through. On several ranks what
    # follows is the same, so it is one of them: the state, which is rank 0's, or the samples, which a worker writes.
    moments=("write checkpoints/000008.h5" "rename checkpoints/000008.h5" "rename samples/000004-000008.h5")
    if [ "$setup" = 3 ]; then moments=("${moments[0]}"); elif [ "$setup" != 1 ]; then moments=("${moments[2]}"); fi
    for moment in "${moments[@]}"; do
        # shellcheck disable=SC2086 # two words
        killed_in $moment "$ranks" killed "${extra[@]}" --resume
    done
    start "$ranks" killed "${extra[@]}" --resume
    same whole killed
    rm -r killed

    if [ "$setup" = 1 ]; then # The newest with a flipped byte: the one before it is taken, and a warning says so.
        cp -r whole damaged
        printf '\377' | dd of=damaged/checkpoints/0000$last.h5 bs=1 seek=200000 conv=notrunc status=none
        if cmp -s whole/checkpoints/0000$last.h5 damaged/checkpoints/0000$last.h5; then exit 1; fi
        start "$ranks" damaged "${extra[@]}" --resume 2> warning
        grep -q "warning.*checkpoints/0000$last.h5" warning
        same whole damaged
        rm -r damaged
    else
        begun KILL "$ranks" killed "${extra[@]}"
        start "$ranks" killed "${extra[@]}" --resume
        same whole killed
        rm -r killed
    fi

    # Asked to stop: the iteration is finished, a checkpoint written, the code says so, and the run goes on. Its samples are
    # cut into other files, of the same crystals. With rank 0 working, ranks are asked in stop.sh.
    if [ "$setup" != 3 ]; then
        begun TERM "$ranks" asked "${extra[@]}"
        test "$code" = 85
        start "$ranks" asked "${extra[@]}" --resume
        cmp "whole/checkpoints/0000$last.h5" "asked/checkpoints/0000$last.h5"
        metrics whole asked
    fi
    if [ "$setup" = 1 ]; then
        for run in whole asked; do "$shaft" export $run --top 1000 --format extxyz -o top-$run > /dev/null 2>&1; done
        test "$(wc -l < top-whole/summary.csv)" -gt 10
        diff -r top-whole top-asked
    fi
    rm -rf whole asked
    echo "$setup: equal"
done
