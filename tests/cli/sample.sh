#!/bin/bash
# `shaft sample`: number, seeds, batches and ranks; what is held back; log P_B; an output that is there already; wrong arguments.
set -eu
shaft=$1
# shellcheck source=tests/tools/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/expect.sh"

expect 0 "usage: shaft sample" "$shaft" sample --help
expect 2 "the folder of a run, -n NUMBER and -o FILE are needed" "$shaft" sample run -n 3
expect 2 "the folder of a run, -n NUMBER and -o FILE are needed" "$shaft" sample run -o x.h5
expect 2 "-n needs an integer from 1" "$shaft" sample run -n 0 -o x.h5
expect 2 "not '1e4'" "$shaft" sample run -n 1e4 -o x.h5
expect 2 "--seed needs an integer from 0" "$shaft" sample run -n 1 --seed -1 -o x.h5
expect 2 "--seed needs an integer" "$shaft" sample run -n 1 --seed 99999999999999999999 -o x.h5
expect 2 "'--fast' is no option of this command" "$shaft" sample run -n 1 -o x.h5 --fast
mkdir empty
expect 2 "'empty' holds no checkpoint" "$shaft" sample empty -n 1 -o x.h5
test ! -e x.h5

# Large cells and few: some crystals have too many atoms. Groups of few operations: none has, and none overlaps.
cat > many.yaml <<'EOF'
elements: [Li, Na, O, Cl]
constraints: {max_elements: 2, max_sites: 2, max_atoms: 16}
policy: {mixture: 1, sites: general, group: each_step, lattice: each_step}
reward: {formation_energy: {weight: 0}}
train: {iterations: 1, batch: 16, replay: {capacity: 16, batch: 0}}
run: {seed: 1, directory: many, checkpoint_every: 1}
EOF
sed 's/max_atoms: 16/max_atoms: 16, space_groups: [1, 4]/; s/directory: many/directory: few/' many.yaml > few.yaml
echo 'lattice: {length: [8, 9], angle: [85, 95]}' >> few.yaml
expect 2 "elements: Po: reward.bond.table does not know this one" "$shaft" train many.yaml --quiet --set "elements=[Li, Po, O]"
grep -q "these would do: H to Bi, Ac to Pu" out.txt
rm -rf many
"$shaft" train many.yaml --quiet
"$shaft" train few.yaml --quiet

# As many as asked for: written or held back, and said so.
expect 0 "crystals written to a.h5" "$shaft" sample many -n 60 -o a.h5
"$shaft" sample many -n 60 -o b.h5 2> said.txt
cmp a.h5 b.h5
read -r written held <<< "$(sed -n 's/^\([0-9]*\) crystals written to b.h5, \([0-9]*\) held back$/\1 \2/p' said.txt)"
test "$written" -gt 0
test "$held" -gt 0
test $((written + held)) = 60
grep -q "^ *[0-9]*  more atoms than constraints.max_atoms$" said.txt
grep -q "^log Z -*[0-9.]*, learned -*[0-9.]*$" said.txt

# rows FILE: the crystals in it, one a line, without the name of the file
rows() { "$shaft" score "$1" --format csv --config many.yaml --quiet | cut -d , -f 2- | tail -n +2; }
models=0
"$shaft" model check m3gnet-efs > /dev/null 2>&1 && models=1
[ $models = 0 ] || test "$(rows a.h5 | wc -l)" = "$written"

# No two seeds are alike, those that differ in the upper bits neither.
for seed in 0 1 2 65536 65537 4294967296 999999999999999999; do
    "$shaft" sample few -n 3 -o "seed-$seed.h5" --seed "$seed" --quiet 2> /dev/null
done
test "$(sha256sum seed-*.h5 | cut -d ' ' -f 1 | sort -u | wc -l)" = 7
"$shaft" sample few -n 3 -o again.h5 --seed 65537 --quiet 2> /dev/null
cmp again.h5 seed-65537.h5

# What is there is kept, unless one says so.
expect 2 "'b.h5' is there already, and is not what this command makes: 60 crystals, seed 0, of checkpoint 000001" "$shaft" sample many -n 3 -o b.h5
expect 0 "'b.h5' is complete: nothing was left to do" "$shaft" sample many -n 60 -o b.h5
cmp a.h5 b.h5
mkfifo pipe
mkdir folder.h5
expect 2 "'pipe' is there and is no file" timeout 60 "$shaft" sample few -n 3 -o pipe --overwrite
expect 2 "'folder.h5' is there and is no file, but a folder" "$shaft" sample few -n 3 -o folder.h5 --overwrite
test -p pipe
test ! -e folder.h5.part
echo text > text.h5
expect 2 "'text.h5' is there already, and is no file of shaft sample" "$shaft" sample few -n 3 -o text.h5
expect 0 "crystals written to b.h5" "$shaft" sample few -n 3 -o b.h5 --overwrite
if cmp -s a.h5 b.h5; then exit 1; fi
expect 1 "nowhere/x.h5" "$shaft" sample few -n 3 -o nowhere/x.h5

# Ranks: the same crystals, bit by bit; with another batch up to the rounding of products of other shapes. Fewer crystals than ranks;
# one message.
mpirun -n 3 "$shaft" sample few -n 50 -o ranks.h5 --batch 7 2> said.txt
grep -q "^50 crystals written to ranks.h5, 0 held back$" said.txt
"$shaft" sample few -n 50 -o seven.h5 --batch 7 2> seven.txt
[ "$(grep '^log Z' said.txt)" = "$(grep '^log Z' seven.txt)" ]
"$shaft" sample few -n 50 -o one.h5 2> one.txt
printed=$(sed -n 's/^log Z \([-0-9.]*\), learned .*/\1/p' one.txt)
test -n "$printed"
mpirun -n 3 "$shaft" sample few -n 2 -o two.h5 --quiet 2> /dev/null
expect 2 "'two.h5' is there already" mpirun -n 3 "$shaft" sample few -n 3 -o two.h5
test "$(grep -c "is there already" out.txt)" = 1
# Rank 0 speaks and fails for all: another that failed first could have the launcher end rank 0 before it has spoken.
# shellcheck disable=SC2016 # expanded by the shell of each rank
mpirun -n 3 bash -c '"$0" sample few -n 3 -o two.h5 2> said.$OMPI_COMM_WORLD_RANK; echo $? > code.$OMPI_COMM_WORLD_RANK' "$shaft"
test "$(cat code.0 code.1 code.2 | tr '\n' ' ')" = "2 0 0 "
grep -q "is there already" said.0
test ! -s said.1

python=
for candidate in "${SHAFT_PYTHON:-python3}" /usr/bin/python3; do
    if [ -z "$python" ] && "$candidate" -c 'import numpy, h5py' 2> /dev/null; then python=$candidate; fi
done
[ -n "$python" ] || exit 0
"$python" - "$written" "$held" "$printed" <<'EOF'
import math, sys
import h5py, numpy as np
written, held = int(sys.argv[1]), int(sys.argv[2])
a, one, ranks, seven, two = (h5py.File(f + ".h5") for f in ("a", "one", "ranks", "seven", "two"))
assert len(a["traj"]) == written and a.attrs["held_back_overlap"] + a.attrs["held_back_other"] == held
assert a.attrs["held_back_other"] > 0 and (a["n_atom"][:] <= 16).all() and (a["min_dist"][:] >= 0.5).all()
assert len(two["traj"]) == 2 and len(set(one["traj"][:])) == 50 == len(ranks["traj"])
for name in seven:
    assert seven[name][:].tobytes() == ranks[name][:].tobytes(), name
for name in ("reward", "log_pf", "log_pb", "lattice", "frac", "traj", "sg_number", "z", "bond_missing"):
    assert np.allclose(one[name][:].astype(float), ranks[name][:].astype(float), rtol=1e-3, atol=1e-3), name
# Z = E[R^beta P_B / P_F], the figure that was printed: log P_B is that of the backward policy, not only 1/n!.
x = np.maximum(8 * np.log(one["reward"][:]), -30) + one["log_pb"][:] - one["log_pf"][:]
assert abs(np.log(np.mean(np.exp(x))) - float(sys.argv[3])) < 2e-3, (np.log(np.mean(np.exp(x))), sys.argv[3])
n, pb = one["n_site"][:], one["log_pb"][:]
assert {1, 2} == set(n) and (abs(pb[n == 1]) < 1e-6).all() and (abs(pb[n == 2] + math.log(2)) > 1e-3).all()
index = h5py.File("many/samples/index.h5")
assert len(index["traj"]) + index.attrs["held_back_overlap"] + index.attrs["held_back_other"] == 16
EOF
