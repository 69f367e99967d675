#!/bin/bash
# `shaft train`: what --resume does with what it finds, files that are missing, refusals that leave nothing behind.
set -eu
shaft=$1
# shellcheck source=tests/tools/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/expect.sh"

silent() { # no warning in the output of the last command
    if grep -i 'warning' out.txt; then exit 1; fi
}

# metrics A B: equal but for times
metrics() {
    diff <(sed 's/,[^,]*,[^,]*$//' "$1/metrics.csv") <(sed 's/,[^,]*,[^,]*$//' "$2/metrics.csv")
}

cat > run.yaml <<'END'
elements: [Li, Na, O, Cl]
constraints: {max_elements: 2, max_sites: 1, max_atoms: 64}
policy: {mixture: 1}
reward: {formation_energy: {weight: 0}}
train: {iterations: 12, batch: 8, replay: {capacity: 64, batch: 8}}
run: {seed: 1, checkpoint_every: 4}
END

expect 0 "usage: shaft train" "$shaft" train --help
expect 2 "one configuration file is needed, and 0 were given" "$shaft" train
expect 2 "did you mean 'train.batch'?" "$shaft" train run.yaml --set train.bach=3

# What is missing is said before anything is made.
expect 2 "none-such" "$shaft" train run.yaml --set reward.formation_energy.weight=1 --set reward.formation_energy.model=none-such \
    --set run.directory=a/b
expect 2 "run.coordinator: dedicated needs at least two ranks" "$shaft" train run.yaml --set run.coordinator=dedicated \
    --set run.directory=a/b
test ! -e a

# With nothing to go on from, --resume starts; a run that is there is not started again.
expect 0 "no checkpoint yet; starting from the beginning" "$shaft" train run.yaml --resume --set run.directory=a/whole
silent
mv a/whole whole
test "$(wc -l < whole/metrics.csv)" = 13
expect 2 "'whole' holds a run" "$shaft" train run.yaml --set run.directory=whole
expect 2 "train.batch: 8 before, 9 now" "$shaft" train run.yaml --resume --set run.directory=whole --set train.batch=9

# Killed before its first checkpoint: the rows are there, the state is not.
"$shaft" train run.yaml --quiet --set run.directory=early --set train.iterations=100000000 --set run.checkpoint_every=100000000 &
job=$!
for _ in $(seq 6000); do
    [ "$(cat early/metrics.csv 2> /dev/null | wc -l)" -lt 4 ] || break
    sleep 0.01
done
kill -9 "$job"
code=0
wait "$job" 2> /dev/null || code=$?
test "$code" = 137
test "$(wc -l < early/metrics.csv)" -ge 4
test ! -e early/checkpoints
expect 2 "go on with it (--resume)" "$shaft" train run.yaml --set run.directory=early
expect 0 "no checkpoint yet; starting from the beginning" "$shaft" train run.yaml --resume --set run.directory=early
cmp whole/checkpoints/000012.h5 early/checkpoints/000012.h5
metrics whole early

# What cannot be written is noticed beside the iterations: the run ends long before its last one, says what it was, and keeps the
# checkpoint before, from which it goes on. A limit on the size of a file stands for a full disk; on two ranks a folder goes.
expect 1 "File too large" bash -c 'trap "" XFSZ; ulimit -f 8000; exec "$@"' - "$shaft" train run.yaml --quiet \
    --set run.directory=full --set train.batch=2000 --set train.iterations=100000 --set run.checkpoint_every=20
grep -qF "while writing samples 'full/samples/000000-000020.h5'" out.txt
test "$(wc -l < full/metrics.csv)" -lt 10000
test ! -e full/checkpoints
endless=(--set train.iterations=1000000 --set run.checkpoint_every=4 --set run.keep_checkpoints=1000000)
code=0
timeout 100 mpirun --oversubscribe -n 2 "$shaft" train run.yaml --quiet --set run.directory=gone "${endless[@]}" > gone.log 2>&1 &
job=$!
for _ in $(seq 6000); do
    [ ! -e gone/checkpoints/000008.h5 ] || break
    sleep 0.01
done
mv gone/samples taken
wait "$job" || code=$?
test "$code" = 1
grep -q "No such file or directory.*gone/samples" gone.log
mv taken gone/samples
newest=$(find gone/checkpoints -name '0*.h5' | sort | tail -n 1)
timeout 100 mpirun --oversubscribe -n 2 "$shaft" train run.yaml --quiet --resume --set run.directory=gone \
    --set train.iterations=$((10#$(basename "$newest" .h5) + 4)) > resumed.log 2>&1
if grep -i 'warning' resumed.log; then exit 1; fi

# Where the time went: a row a rank, and its parts are about the time between the rows of the metrics.
timeout 100 mpirun --oversubscribe -n 2 "$shaft" train run.yaml --quiet --set run.directory=timed --timings timed.csv > timed.log 2>&1
head -n 1 timed.csv | grep -q '^rank,worker,backend,gradient_bytes,iterations,structures,coordinate,.*,sample,reward,.*,gradient,.*,files$'
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
    { if ($1 != NR - 2 || $2 != $1 || $3 != "cpu" || $4 < 1000 || $4 % 4 || $5 != 11 || $6 != 88) exit 1
      for (i = 7; i <= NF; i++) { if ($i < 0) exit 1; sum[NR] += $i }
      if (!($column["sample"] > 0 && $column["reward"] > 0 && $column["gradient"] > 0 && $column["sum"] > 0)) exit 1 }
    END { if (NR != 3 || sum[2] > 1.5 * sum[3] || sum[3] > 1.5 * sum[2]) exit 1 }' timed.csv

# More iterations: exploration falls over those of the first start, the same as with its number given.
grep -q 'decay: auto' whole/config.yaml
cp -r whole longer
expect 0 "iterations 12 to 20" "$shaft" train run.yaml --resume --set run.directory=longer --set train.iterations=20
silent
expect 0 "" "$shaft" train run.yaml --set run.directory=given --set train.iterations=20 --set train.exploration.decay=6
cmp longer/checkpoints/000020.h5 given/checkpoints/000020.h5
metrics longer given
expect 2 "train.exploration.decay: 6 before, 10 now" "$shaft" train run.yaml --resume --set run.directory=given \
    --set train.exploration.decay=10

# Metrics and samples are results: what is lost of them is said, and the run goes on.
cp -r whole lost
rm -r lost/metrics.csv lost/samples
expect 0 "'lost/metrics.csv' has rows of 0 of the 11 iterations before" "$shaft" train run.yaml --resume \
    --set run.directory=lost --set train.iterations=16
grep -qF "'lost/samples' has samples of 0 of the 12 iterations before" out.txt
cut -d, -f1 lost/metrics.csv | diff - <(printf '%s\n' iteration 11 12 13 14 15)
ls lost/samples | diff - <(printf '%s\n' 000012-000016.h5 index.h5)
head -c -20 whole/metrics.csv > part.csv # the last row without its end
head -n 3 part.csv > lost/metrics.csv && tail -n 2 part.csv >> lost/metrics.csv
expect 0 "'lost/metrics.csv' has rows of 3 of the 15 iterations before" "$shaft" train run.yaml --resume \
    --set run.directory=lost --set train.iterations=20
cut -d, -f1 lost/metrics.csv | diff - <(printf '%s\n' iteration 0 1 10 15 16 17 18 19)

# Every field of every row is a number or empty, and each row has all of them.
for run in whole lost; do
    awk -F, -v fields="$(head -n 1 whole/metrics.csv | tr ',' '\n' | wc -l)" \
        'NR > 1 { if (NF != fields) exit 1; for (i = 1; i <= NF; i++) if ($i !~ /^(-?[0-9.]+(e[-+]?[0-9]+)?)?$/) exit 1 }' \
        "$run/metrics.csv"
done
expect 0 "E_f      -" "$shaft" train run.yaml --set run.directory=line

# Devices: asked for and not there is said before anything is made; auto does without, and so does a program without the module.
if "$shaft" info | grep -q '^CUDA  *none'; then
    expect 2 "device: cuda, and there is no device to use" "$shaft" train run.yaml --device cuda --set run.directory=device
    expect 2 "device: cuda, and there is no device to use" "$shaft" sample whole -n 2 -o device.h5 --device cuda
    test ! -e device.h5
    test ! -e device
    expect 0 "iterations 0 to 1" "$shaft" train run.yaml --device auto --set run.directory=auto --set train.iterations=1
    SHAFT_CUDA_MODULE=nowhere.so expect 0 "CUDA        none: nowhere.so" "$shaft" info
    SHAFT_CUDA_MODULE=run.yaml expect 0 "CUDA        none: run.yaml" "$shaft" info
fi
expect 2 "run.device: 'gpu' is not one of: auto, cpu, cuda" "$shaft" train run.yaml --device gpu

# --init: the networks of another run under other elements; with next to no learning rate the first checkpoint shows what came over.
python=${SHAFT_PYTHON:-/usr/bin/python3}
still=(--set train.iterations=1 --set train.lr=1e-12 --set train.lr_log_z=0)
expect 0 "start values of" "$shaft" train run.yaml --init whole --set run.directory=init "${still[@]}" \
    --set "elements=[Cl, K, Na]"
expect 0 "start values of" "$shaft" train run.yaml --init whole/checkpoints/000008.h5 --set run.directory=earlier "${still[@]}"
"$python" - << 'END'
import h5py, numpy as np
def parameters(path):
    found = {}
    with h5py.File(path) as f:
        f["parameters"].visititems(lambda n, d: found.update({n: d[...]}) if isinstance(d, h5py.Dataset) else None)
    return found
def same(a, b):
    return np.allclose(a, b, rtol=0, atol=1e-9)
start, now = parameters("whole/checkpoints/000012.h5"), parameters("init/checkpoints/000001.h5")
assert set(start) == set(now) and len(now) > 50
for name, x in now.items():
    if name == "log_z":
        assert x[0, 0] == 0 and start[name][0, 0] != 0
    elif name in ("pf.element.1.w", "pf.element.1.b"):  # [Li, Na, O, Cl] before, [Cl, K, Na] now
        assert x.shape[1] == 3
        assert same(x[:, 0], start[name][:, 3]) and same(x[:, 2], start[name][:, 1])
    else:
        assert same(x, start[name]), name
earlier, eight = parameters("earlier/checkpoints/000001.h5"), parameters("whole/checkpoints/000008.h5")
assert all(same(earlier[n], eight[n]) for n in eight if n != "log_z")
END
expect 0 "not in the other run, so without start values: Br, F" "$shaft" train run.yaml --init whole \
    --set run.directory=anew "${still[@]}" --set "elements=[Br, F, Na]"
expect 0 "tensors start anew: the policy of 'whole' was made with other settings" "$shaft" train run.yaml --init whole \
    --set run.directory=other "${still[@]}" --set policy.encoder=gcn
expect 2 "name the folder of a run" "$shaft" train run.yaml --init run.yaml --set run.directory=none
expect 2 "nowhere.h5" "$shaft" train run.yaml --init nowhere.h5 --set run.directory=none
expect 2 "this is no checkpoint of shaft" "$shaft" train run.yaml --init "$(echo whole/samples/*12.h5)" --set run.directory=none
expect 2 "there is no checkpoint in 'nowhere/checkpoints'" "$shaft" train run.yaml --init nowhere --set run.directory=none
test ! -e none

# One run works in a directory at a time: a second one is refused, with --resume and without, and what a killed one held is free.
long=(--quiet --set run.directory=held --set run.checkpoint_every=4)
"$shaft" train run.yaml "${long[@]}" --set train.iterations=2000 &
job=$!
for _ in $(seq 6000); do
    [ ! -e held/checkpoints/000008.h5 ] || break
    sleep 0.01
done
kill -STOP "$job"
for option in --quiet --resume; do
    expect 2 "another shaft train, process $job, works in 'held'" "$shaft" train run.yaml "${long[@]}" $option
done
kill -CONT "$job"
kill -USR1 "$job" # ends with a checkpoint after its iteration
code=0
wait "$job" || code=$?
test "$code" = 85
reached=$(($(wc -l < held/metrics.csv) - 1))
test "$reached" -ge 8
"$shaft" train run.yaml "${long[@]}" --set train.iterations=100000000 --resume &
job=$!
for _ in $(seq 6000); do
    [ "$(wc -l < held/metrics.csv)" -lt $((reached + 4)) ] || break
    sleep 0.01
done
kill -9 "$job"
wait "$job" 2> /dev/null || true
expect 0 "iterations " "$shaft" train run.yaml --resume --set run.directory=held \
    --set train.iterations=$(($(wc -l < held/metrics.csv) + 20))
