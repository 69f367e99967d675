#!/usr/bin/env bash
# run.deterministic: 20 iterations on 1, 2, 3 and 4 ranks, with a dedicated coordinator, and killed on two ranks and resumed on
# three give the same bits: checkpoints (parameters, moments, replay, modes), the contents of samples (where in a file HDF5 puts
# them depends on the ranks that write), metrics but for times. Without it they differ between numbers of ranks, so the
# comparison sees something.
set -euo pipefail
shaft=$1 source=$2 kill_at=$3
# shellcheck source=tests/tools/runs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/runs.sh"
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
last=20
python=${SHAFT_PYTHON:-/usr/bin/python3}
launch=()
options=(--quiet --set train.iterations=$last --set run.checkpoint_every=10 --set train.batch=30 --set train.replay.batch=18)
"$shaft" model check m3gnet-efs > check.log 2>&1 || options+=(--set reward.formation_energy.weight=0)

start() { # RANKS DIRECTORY OPTIONS...
    local ranks=$1 directory=$2
    shift 2
    mpirun -n "$ranks" "${launch[@]}" "$shaft" train "$source/configs/quickstart.yaml" "${options[@]}" --set run.directory="$directory" "$@"
}

samples() { # A B
    diff <(cd "$1/samples" && ls) <(cd "$2/samples" && ls)
    "$python" - "$1/samples" "$2/samples" << 'END'
import glob, os, sys
import h5py
files = sorted(glob.glob(sys.argv[1] + "/*.h5"))
assert len(files) == 3, files  # two segments and the index
for path in files:
    with h5py.File(path) as a, h5py.File(os.path.join(sys.argv[2], os.path.basename(path))) as b:
        assert sorted(a) == sorted(b) and sorted(a.attrs) == sorted(b.attrs), path
        assert a["reward"].shape[0] > 0, path
        for name in a:
            x, y = a[name][...], b[name][...]
            assert x.dtype == y.dtype and x.tobytes() == y.tobytes(), (path, name)
        for name in a.attrs:
            x, y = a.attrs[name], b.attrs[name]
            assert (x.tobytes() == y.tobytes()) if hasattr(x, "tobytes") else x == y, (path, name)
END
}

same() { # A B
    diff <(metrics "$1") <(metrics "$2")
    test "$(wc -l < "$2/metrics.csv")" = $((last + 1))
    diff <(cd "$1/checkpoints" && ls) <(cd "$2/checkpoints" && ls)
    for one in "$1"/checkpoints/*; do cmp "$one" "$2/checkpoints/$(basename "$one")"; done
    samples "$1" "$2"
}

start 1 one --set run.deterministic=true
test -e one/checkpoints/0000$last.h5
for ranks in 2 3 4; do
    start $ranks "on$ranks" --set run.deterministic=true
    same one "on$ranks"
done
start 3 dedicated --set run.deterministic=true --set run.coordinator=dedicated > dedicated.log 2>&1
same one dedicated

# killed in its last checkpoint, and gone on with on another number of ranks
launch=(-x LD_PRELOAD="$kill_at" -x KILL_IN=rename -x KILL_FILE="0000$last.h5" -x "ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0")
start 2 killed --set run.deterministic=true > killed.log 2>&1 || true
launch=()
grep -q 'signal 9' killed.log
test -e killed/checkpoints/000010.h5
test ! -e killed/checkpoints/0000$last.h5
start 3 killed --set run.deterministic=true --resume
same one killed

# more workers than parts
code=0
start 3 few --set run.deterministic=true --set run.shards=2 > few.log 2>&1 || code=$?
test $code = 2
grep -q 'run.shards: 2 are too few for 3 workers' few.log

# and without it
start 1 plain1
start 3 plain3
! cmp -s plain1/checkpoints/0000$last.h5 plain3/checkpoints/0000$last.h5
