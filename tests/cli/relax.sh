#!/bin/bash
# `shaft relax` with the Lennard-Jones potential, which needs no weights: arguments, what is recorded, one to three ranks, kills and
# what follows, an output that is there. With weights where they are: one structure with the default model.
set -eu
shaft=$1 source=$2
# shellcheck source=tests/tools/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/expect.sh"
data=$source/tests/data
lj=(--model lennard-jones)

expect 0 "usage: shaft relax" "$shaft" relax --help
expect 2 "structures and -o FILE.h5 are needed" "$shaft" relax "$data/mp64.xyz"
expect 2 "structures and -o FILE.h5 are needed" "$shaft" relax -o x.h5
expect 2 "--symmetry takes one of keep, free, not 'loose'" "$shaft" relax x.cif -o x.h5 --symmetry loose
expect 2 "--shake breaks the symmetry" "$shaft" relax x.cif -o x.h5 --shake 0.02
expect 2 "--pressure has no effect" "$shaft" relax x.cif -o x.h5 --pressure 1 --fixed-cell
expect 2 "--fmax needs a number from 1e-08 to 100, not '0'" "$shaft" relax x.cif -o x.h5 --fmax 0
expect 2 "--steps needs an integer" "$shaft" relax x.cif -o x.h5 --steps 1.5
expect 2 "'--fast' is no option of this command" "$shaft" relax x.cif -o x.h5 --fast
expect 2 "there is no model 'alchemy'" "$shaft" relax "$data/mp64.xyz" -o x.h5 --model alchemy
expect 2 "'nowhere.cif' cannot be read: No such file" "$shaft" relax "$data/mp64.xyz" nowhere.cif -o x.h5 "${lj[@]}"
expect 1 "nowhere/x.h5" "$shaft" relax "$data/mp64.xyz" -o nowhere/x.h5 "${lj[@]}"
mkdir folder.h5
expect 2 "is there and is no file, but a folder" "$shaft" relax "$data/mp64.xyz" -o folder.h5 "${lj[@]}"
test ! -e x.h5
test ! -e x.h5.journal

# What cannot be relaxed is recorded, and the others are relaxed.
mkdir bad
frame() { # NAME N LATTICE ATOMS
    printf '%s\nLattice="%s" Properties=species:S:1:pos:R:3 name=%s\n%b' "$2" "$3" "$1" "$4" > "bad/$1.xyz"
}
frame a_fcc 1 "0 2.7 2.7 2.7 0 2.7 2.7 2.7 0" "Ar 0 0 0\n"
frame b_coincident 2 "4 0 0 0 4 0 0 0 4" "Ar 0 0 0\nAr 0.001 0 0\n"
frame c_wide 1 "20 0 0 0 20 0 0 0 20" "Ar 0 0 0\n"
frame d_tiny 1 "0.5 0 0 0 0.5 0 0 0 0.5" "Ar 0 0 0\n"
frame e_huge 1 "90 0 0 0 90 0 0 0 90" "Ar 0 0 0\n"
frame f_pair 2 "12 0 0 0 12 0 0 0 12" "Ar 0 0 0\nAr 3.6 0 0\n"
echo "no structure" | tee bad/g.cif > named.cif
expect 2 "none of 1 structures could be read; the first: named.cif" "$shaft" relax named.cif -o x.h5 "${lj[@]}"
expect 0 "8 structures in bad.h5" "$shaft" relax bad named.cif -o bad.h5 "${lj[@]}" --cif cifs
for line in "2  converged" "2  could not be read" "2  no cell" "1  two atoms in one place" "1  no two atoms within"; do
    grep -qF "$line" out.txt
done
for line in "space group at 0.1 Å: 2 kept, 0 higher, 0 lower" "not at rest:" "       2  Ar (1. of bad/b_coincident.xyz): two atoms in one place" \
    "       7  bad/g.cif:1: a CIF begins with"; do
    grep -qF "$line" out.txt
done
test "$(find cifs -name '*.cif' | sort | tr '\n' ' ')" = "cifs/000001_Ar_225.cif cifs/000006_Ar_123.cif "
grep -q "^_shaft_relaxation *converged" cifs/000001_Ar_225.cif
test ! -e bad.h5.journal

# Ranks share the work, and the file does not tell how many there were; with symmetry and without. Small cells are enough.
for name in prototypes mp64; do
    awk 'NF == 1 { small = $1 <= 14 } small' "$data/$name.xyz" > "$name.xyz"
done
some=(prototypes.xyz mp64.xyz)
for setup in "keep" "free --shake 0.02 --seed 3"; do
    # shellcheck disable=SC2206 # a list
    options=("${lj[@]}" --steps 6 --quiet --symmetry $setup)
    for ranks in 1 2 3; do
        mpirun -n $ranks "$shaft" relax "${some[@]}" -o "$ranks.h5" "${options[@]}"
    done
    cmp 1.h5 2.h5
    cmp 1.h5 3.h5
    "$shaft" relax "${some[@]}" -o batch.h5 "${options[@]}" --batch 5
    cmp 1.h5 batch.h5
    rm ./?.h5 batch.h5
done

# rows FOLDER: whole results in a journal
rows() {
    local n=0 file
    for file in "$1"/*.rows; do
        [ ! -e "$file" ] || n=$((n + $(stat -c %s "$file")))
    done
    echo "$n"
}

# Killed in the middle, twice, by all ranks or one process: goes on to the same file. What was written is not done again.
options=("${lj[@]}" --steps 40)
"$shaft" relax "${some[@]}" -o whole.h5 "${options[@]}" --quiet
for ranks in 1 3; do
    for round in 1 2; do
        mpirun -n $ranks "$shaft" relax "${some[@]}" -o killed.h5 "${options[@]}" > killed.log 2>&1 &
        job=$! before=$(rows killed.h5.journal)
        for _ in $(seq 3000); do
            [ "$(rows killed.h5.journal)" -lt $((before + 4000)) ] || break
            sleep 0.01
        done
        # shellcheck disable=SC2046 # a list
        kill -9 $(pgrep -P "$job" -x shaft)
        wait "$job" 2> /dev/null || true
        test -d killed.h5.journal
        test ! -e killed.h5
        test "$(rows killed.h5.journal)" -ge $((before + 4000))
    done
    # The last row of a file half written, as a crash of the machine leaves it: it is done again.
    file=$(find killed.h5.journal -name '*.rows' -size +2k | sort | head -n 1)
    truncate -s -100 "$file"
    expect 2 "it is of another command" "$shaft" relax "${some[@]}" -o killed.h5 "${lj[@]}" --steps 41
    grep -qF -- "--overwrite" out.txt
    expect 0 "structures are done already" mpirun -n $ranks "$shaft" relax "${some[@]}" -o killed.h5 "${options[@]}"
    cmp whole.h5 killed.h5
    test ! -e killed.h5.journal
    rm killed.h5
done

# Two at a time are one too many; the first is stopped.
"$shaft" relax "${some[@]}" -o twice.h5 "${options[@]}" > first.log 2>&1 &
first=$!
for _ in $(seq 1000); do
    [ ! -s twice.h5.journal/lock ] || break
    sleep 0.01
done
kill -STOP "$first"
expect 2 "another shaft relax" "$shaft" relax "${some[@]}" -o twice.h5 "${options[@]}"
kill -9 "$first"
wait "$first" 2> /dev/null || true

# A complete output: the same command has nothing to do, another is refused, unless it says so.
cp whole.h5 done.h5
expect 0 "nothing was left to do" "$shaft" relax "${some[@]}" -o done.h5 "${options[@]}" --cif late
test "$(find late -name '*.cif' | wc -l)" -gt 40
expect 2 "'done.h5' is there already" "$shaft" relax "${some[@]}" -o done.h5 "${lj[@]}" --steps 41
grep -qF "not what this command makes: lennard-jones, symmetry keep, fmax 0.1, at most 40 moves" out.txt
echo nothing > other.h5
expect 2 "'other.h5' is there already, and is no file of shaft relax" "$shaft" relax "${some[@]}" -o other.h5 "${lj[@]}"
cmp whole.h5 done.h5
expect 2 "'done.h5' is there already" mpirun -n 2 "$shaft" relax bad -o done.h5 "${lj[@]}"
test "$(grep -c "is there already" out.txt)" = 1
cp done.h5 kept.h5
expect 2 "'done.h5' is read, and would be overwritten" "$shaft" relax done.h5 -o done.h5 "${lj[@]}" --overwrite
cmp done.h5 kept.h5
expect 0 "7 structures in done.h5" "$shaft" relax bad -o done.h5 "${lj[@]}" --overwrite
expect 0 "7 structures in done.h5" "$shaft" relax bad -o done.h5 "${lj[@]}" --overwrite

# Relaxed files are structures like others.
expect 0 "7 structures in again.h5" "$shaft" relax done.h5 -o again.h5 "${lj[@]}"
grep -qF "2  converged" out.txt
grep -qF "5  could not be read" out.txt
printf 'x' | dd of=done.h5 bs=1 seek=2500 conv=notrunc status=none
"$shaft" relax done.h5 -o damaged.h5 "${lj[@]}" > out.txt 2>&1 || test $? -le 2

if "$shaft" model check m3gnet-efs > /dev/null 2>&1; then
    head -n 10 "$data/prototypes.xyz" > rocksalt.xyz
    expect 0 "1  converged" "$shaft" relax rocksalt.xyz -o salt.h5 --cif salt
    grep -q "^_shaft_formation_energy_eV_per_atom *-[12]\." salt/000001_NaCl_225.cif
fi

# What was strained comes back to a larger group, also where its own is kept.
mkdir strained
printf '4\nLattice="5.2 0 0 0 5.2 0 0 0 5.6"\nAr 0 0 0\nAr 2.6 2.6 0\nAr 2.6 0 2.8\nAr 0 2.6 2.8\n' > strained/ar.xyz
expect 0 "0 kept, 1 higher, 0 lower" "$shaft" relax strained -o strained.h5 "${lj[@]}" --fmax 0.001 --cif strained-cifs
test -e strained-cifs/000001_Ar_225.cif

# Under a pressure it is E + pV that goes down, whatever the energy does.
"$shaft" relax bad/a_fcc.xyz -o pressed.h5 "${lj[@]}" --pressure 2 > pressed.txt 2>&1
grep -q "E + pV -0[.]0" pressed.txt
if grep -q barrier pressed.txt; then exit 1; fi
rm pressed.h5

python=
for candidate in "${SHAFT_PYTHON:-python3}" /usr/bin/python3; do
    if [ -z "$python" ] && "$candidate" -c 'import numpy, h5py' 2> /dev/null; then python=$candidate; fi
done
[ -n "$python" ] || exit 0
"$shaft" relax "${some[@]}" -o fixed.h5 "${lj[@]}" --steps 20 --fixed-cell --quiet
"$shaft" relax bad/a_fcc.xyz -o squeezed.h5 "${lj[@]}" --fmax 1e-6 --pressure 2 --quiet
"$python" - <<'EOF'
import h5py, numpy as np
bad, whole, fixed = (h5py.File(f + ".h5") for f in ("bad", "whole", "fixed"))
keys = bad.attrs["verdicts"].decode().split(",")
assert bad.attrs["group_changes"] == b"unknown,kept,higher,lower,other" and list(bad["group_change"][:]) == [1, 0, 0, 0, 0, 1, 0, 0]
assert bad["message"][0] == b"" and bad["message"][1] == b"two atoms in one place"
stopped = np.flatnonzero(whole["verdict"][:] == 1)
assert len(stopped) and all(b"did not converge within the steps allowed: largest force " in whole["message"][i] for i in stopped)
assert [keys[v] for v in bad["verdict"][:]] == ["converged", "coincident", "isolated", "cell", "cell", "converged", "unreadable", "unreadable"]
assert bad["atom_start"][-1] == 8 and b"g.cif" in bad["message"][6] and b"named.cif" in bad["message"][7]
assert bad["path"][bad["file"][1]].endswith(b"b_coincident.xyz") and np.isnan(bad["e_total_relaxed"][:][[1, 2, 3, 4, 6, 7]]).all()
assert np.allclose(bad["frac_raw"][:], bad["frac_relaxed"][:]) is False and np.array_equal(bad["lattice_raw"][1], bad["lattice_relaxed"][1])
ok = whole["verdict"][:] <= 1
n = np.diff(whole["atom_start"][:])
assert ok.sum() > 50 and (whole["e_total_relaxed"][:][ok] <= whole["e_total_raw"][:][ok] + 1e-9).all()
assert (whole["force_max"][:][whole["verdict"][:] == 0] < 0.1).all() and (whole["n_site"][:][ok] <= n[ok]).all()
assert (whole["n_site"][:][ok] < n[ok]).sum() > 30
volume = [abs(np.linalg.det(whole[k][:])) for k in ("lattice_raw", "lattice_relaxed")]
assert np.allclose(whole["volume_ratio"][:][ok], (volume[1] / volume[0])[ok])
for i in np.flatnonzero(ok)[::7]: # displacements from the positions
    a, b = whole["atom_start"][i], whole["atom_start"][i + 1]
    d = whole["frac_relaxed"][a:b] - whole["frac_raw"][a:b]
    d -= np.rint(d)
    d = (d - d.mean(0)) @ (whole["lattice_raw"][i] + whole["lattice_relaxed"][i]) / 2
    assert abs(np.linalg.norm(d, axis=1).max() - whole["shift_max"][i]) < 1e-9, i
    assert abs(np.sqrt((d * d).sum(1).mean()) - whole["shift_rms"][i]) < 1e-9
assert np.allclose(fixed["lattice_raw"][:], fixed["lattice_relaxed"][:], atol=1e-3) and np.nanmax(fixed["shift_max"][:]) > 0.01
squeezed = h5py.File("squeezed.h5")
assert abs(squeezed["stress"][0][:3] + 2).max() < 1e-4 and squeezed.attrs["pressure_GPa"] == 2
EOF
