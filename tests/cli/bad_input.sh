#!/bin/bash
# What a user sees of bad input: exit code 2 and the key, file or line for mistakes, 1 for failures of a disk, one message, and
# nothing lost of what was there. Damaged weights only where `shaft model import` has put some.
set -eu
shaft=$1
folder=$(mktemp -d)
mounted=
finish() {
    [ -z "$mounted" ] || umount -l "$mounted"
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

# expect CODE TEXT COMMAND...: the exit code, one message, and TEXT in the output
expect() {
    local code=$1 text=$2 got=0
    shift 2
    "$@" > out.txt 2>&1 || got=$?
    if [ "$got" != "$code" ] || ! grep -qF -- "$text" out.txt || [ "$(grep -c '^shaft [a-z]*: ' out.txt)" -gt 1 ]; then
        echo "'$*' ended with $got, wanted $code and '$text' in one message:"
        cat out.txt
        exit 1
    fi
}

# flip FILE: a byte in its middle
flip() {
    local at byte
    at=$(($(wc -c < "$1") / 2))
    byte=$(od -An -tu1 -j "$at" -N 1 "$1")
    # shellcheck disable=SC2059 # an octal escape
    printf "\\$(printf %03o $((byte ^ 255)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

cat > run.yaml <<'END_OF_FILE'
elements: [Li, Na, O, Cl]
constraints: {max_elements: 2, max_sites: 1, max_atoms: 64}
policy: {mixture: 1}
reward: {formation_energy: {weight: 0}}
train: {iterations: 8, batch: 8, replay: {capacity: 64, batch: 8}}
run: {seed: 1, checkpoint_every: 4}
END_OF_FILE
"$shaft" train run.yaml --quiet --set run.directory=run
find run -type f -exec sha256sum {} + | sort > before

# ---- configurations: nothing is made ----
refused() { # TEXT SETTING
    expect 2 "$1" "$shaft" train run.yaml --set run.directory=new/run --set "$2"
}
refused "there is no such key" train.bach=3
refused "did you mean 'train.batch'?" train.bach=3
refused "train.batch: wants a whole number, not '3x'" train.batch=3x
refused "train.lr: wants a number, not 'fast'" train.lr=fast
refused "train.batch: wants one value, not a list" "train.batch=[1, 2]"
refused "run.save_samples: wants true or false, not 'yes'" run.save_samples=yes
refused "elements: 'Xx' is not the symbol of an element" "elements=[Li, Xx]"
refused "constraints.one_of: K is not among 'elements'" "constraints.one_of=[K]"
refused "lattice.length: [5, 3]: the smaller number comes first" "lattice.length=[5, 3]"
refused "lattice.angle: [50, 130] allows angles that make no cell" "lattice.angle=[50, 130]"
refused "constraints.space_groups: '5-3'" "constraints.space_groups=[5-3]"
refused "constraints.max_atoms: 1 atoms are too few" constraints="{max_atoms: 1, space_groups: [230]}"
for key in train.batch train.iterations run.checkpoint_every run.keep_checkpoints policy.mixture constraints.max_sites \
    constraints.min_sites constraints.max_elements constraints.max_atoms; do
    refused "$key: 0 is outside 1 to" $key=0
    refused "$key: -3 is outside 1 to" $key=-3
done
refused "train.replay.capacity: -1 is outside 0 to" train.replay.capacity=-1
expect 2 "9000000 records may enter the replay in one iteration, more than a message holds" "$shaft" train run.yaml \
    --set run.directory=new/run --set train.batch=9e6 --set train.replay.capacity=9e6
expect 2 "train.batch: 1 is too few for train.objective: vargrad" "$shaft" train run.yaml --set run.directory=new/run \
    --set train.objective=vargrad --set train.batch=1
refused "reward.plugin.library: missing" reward.plugin.weight=1
refused "reward.bond.table is mp, paper or a CSV file" reward.bond.table=none.csv
refused "cannot open table 'none.csv'" reward.bond.table=none.csv
refused "run.yaml:1: the header must be" reward.bond.table=run.yaml
expect 2 "none.yaml: cannot be opened" "$shaft" train none.yaml
: > empty.yaml
expect 2 "empty.yaml: elements: this key must be given" "$shaft" train empty.yaml
printf 'elements: [Li]\nrun: {directory: "\xff\xfe"}\n' > latin.yaml
expect 2 "latin.yaml:" "$shaft" train latin.yaml
awk 'BEGIN { print "elements: [Li]"; for (i = 0; i < 1000000; i++) printf "key%d: 1\n", i }' > huge.yaml
expect 2 "huge.yaml:1001: more keys than a configuration has" timeout 60 "$shaft" train huge.yaml
test ! -e new
test ! -e runs

# ---- structures ----
printf 'elements: [Na, Cl]\nreward: {formation_energy: {weight: 0}}\n' > off.yaml
cell() { # LENGTH: the head of a CIF, to the names of its columns
    printf '_cell_length_%s %s\n' a "$1" b "$1" c "$1"
    printf '_cell_angle_%s 90\n' alpha beta gamma
    printf 'loop_\n_atom_site_type_symbol\n_atom_site_occupancy\n'
    printf '_atom_site_fract_%s\n' x y z
}
unread() { # TEXT FILE: the file costs itself only
    expect 2 "$1" timeout 60 "$shaft" score "$2" good.cif --config off.yaml
    grep -q "^good.cif .*Na" out.txt
    grep -q "1 of 2 structures could not be read" out.txt
}
{ printf 'data_good\n'; cell 4; printf 'Na 1 0 0 0\nCl 1.0 0.5 0.5 0.5\n'; } > good.cif
expect 0 "good.cif" "$shaft" score good.cif --config off.yaml
{ printf 'data_mixed\n'; cell 4; printf 'Na 0.5 0 0 0\nK 0.5 0 0 0\n'; } > mixed.cif
unread "mixed.cif:14: site 'Na' has occupancy 0.5: disordered structures have no energy here (make an ordered cell of it first)" mixed.cif
sed 's/occupancy/disorder_group/; s/ 0.5 0 0 0/ 2 0 0 0/' mixed.cif > group.cif
unread "group.cif:14: site 'Na' belongs to disorder group '2'" group.cif
: > empty.cif
unread "empty.cif: no data block with a cell and atom sites" empty.cif
: > POSCAR
unread "POSCAR: the file ends after line 0, before the comment" POSCAR
: > empty.xyz
unread "empty.xyz: no frames" empty.xyz
# Letters beyond ASCII: fine in names and comments, said where a number or an element should stand, no zero bytes.
{ printf '# \xc3\x85ngstr\xc3\xb6m\ndata_\xce\xb1\n_author "M\xc3\xbcller"\n'; cell 4; printf 'Na 1 0 0 0\n'; } > names.cif
expect 0 "names.cif" "$shaft" score names.cif --config off.yaml
{ printf 'data_x\n'; cell 4; printf 'N\xc3\xa4 1 0 0 0\n'; } > umlaut.cif
unread "umlaut.cif:14: _atom_site_type_symbol 'N??' is not an element" umlaut.cif
printf '\xff\xfed\x00a\x00t\x00a\x00_\x00' > utf16.cif
unread "a zero byte: this is not a text file (save the file as plain text (UTF-8))" utf16.cif
# Huge: a million atoms, a million lines of something else, 300 MB of nothing, more than is read at once.
rows() { awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "Na 1 %.3f %.3f %.3f\n", i % 100 / 100, int(i / 100) % 100 / 100, int(i / 10000) / 100 }'; }
{ printf 'data_big\n'; cell 300; rows 1000000; } > big.cif
unread "big.cif:10014: the cell has more than 10000 atoms" big.cif
awk 'BEGIN { for (i = 0; i < 1000000; i++) print "not a structure" }' > lines.xyz
unread "lines.xyz:1: 'not a structure' stands where the number of atoms of a frame is expected" lines.xyz
truncate -s 300M hole.cif
unread "hole.cif:1: a zero byte" hole.cif
truncate -s 3G deep.cif
unread "deep.cif: 3221 MB is more than this program reads at once (split the file)" deep.cif
rm hole.cif deep.cif big.cif lines.xyz huge.yaml

# ---- samples and checkpoints: missing, cut off, damaged, empty, of something else ----
expect 2 "none.h5: cannot be opened" "$shaft" score none.h5 --config off.yaml
segment=run/samples/000004-000008.h5
head -c 5000 $segment > cut.h5
expect 2 "cannot open 'cut.h5' as an HDF5 file: truncated file" "$shaft" score cut.h5 --config off.yaml
cp $segment flipped.h5
"$shaft" score flipped.h5 --config off.yaml > whole.txt 2>&1
flip flipped.h5
expect 2 "while reading samples 'flipped.h5'" "$shaft" score flipped.h5 --config off.yaml
expect 2 "this is no file of samples" "$shaft" score run/checkpoints/000008.h5 --config off.yaml
: > empty.h5
expect 2 "empty.h5: not an HDF5 file, whatever its name" "$shaft" score empty.h5 --config off.yaml
expect 2 "'nothing' holds no checkpoint" "$shaft" sample nothing -n 1 -o x.h5
for damage in flip cut; do
    rm -rf bad
    cp -r run bad
    for file in bad/checkpoints/*; do
        if [ $damage = flip ]; then flip "$file"; else truncate -s 100000 "$file"; fi
    done
    find bad -type f -exec sha256sum {} + | sort > bad.txt
    expect 1 "none of the 2 checkpoints in 'bad/checkpoints' can be read" "$shaft" train run.yaml --resume --set run.directory=bad
    grep -qF "hint: put a copy of one there, or start anew in another directory" out.txt
    expect 1 "none of the 2 checkpoints in 'bad/checkpoints' can be read" "$shaft" sample bad -n 1 -o x.h5
    find bad -type f -exec sha256sum {} + | sort | diff bad.txt -
done
test ! -e x.h5

# ---- weights ----
weights=${SHAFT_MODELS:-${HOME:-/nowhere}/.local/share/shaft/models}/m3gnet-efs.h5
with_model() { # CODE TEXT FILE
    expect "$1" "$2" "$shaft" train run.yaml --set run.directory=new/run --set reward.formation_energy.weight=1 \
        --set "reward.formation_energy.model=$3"
    test ! -e new
}
with_model 2 "weight file 'none.h5' is not there" none.h5
with_model 1 "cannot open 'empty.h5' as an HDF5 file: file signature not found" empty.h5
with_model 1 "attribute 'format'" run/checkpoints/000008.h5
if [ -e "$weights" ]; then
    head -c 100000 "$weights" > cut.h5
    with_model 1 "cannot open 'cut.h5' as an HDF5 file: truncated file" cut.h5
    cp "$weights" flipped.h5
    flip flipped.h5
    with_model 1 "data error detected by Fletcher32 checksum, while reading weights 'flipped.h5'" flipped.h5
    grep -qF "get it anew with \`shaft model import\`" out.txt
fi

# ---- places that cannot be written ----
printf 'mine' > plain
expect 1 "the folder 'plain/run/checkpoints' cannot be read: Not a directory" "$shaft" train run.yaml --set run.directory=plain/run
expect 1 "the folder 'plain/checkpoints' cannot be read: Not a directory" "$shaft" train run.yaml --set run.directory=plain
expect 1 "plain/x.h5" "$shaft" sample run -n 1 -o plain/x.h5
expect 1 "plain/out" "$shaft" export run --top 3 -o plain/out
test "$(cat plain)" = mine
expect 1 "cannot write the results" bash -c '"$1" score good.cif --config off.yaml > /dev/full' - "$shaft"

# A disk that is full: a small one where mounting is allowed, otherwise a limit on the size of a file.
mkdir disk
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=6m shaft-test disk 2> /dev/null; then
    mounted=$folder/disk
    expect 1 "No space left on device" "$shaft" train run.yaml --quiet --set run.directory=disk/run # the second checkpoint
    grep -qF "while writing 'disk/run/checkpoints/000008.h5'" out.txt
    grep -qF "hint: what was written before is unharmed: --resume goes on from there" out.txt
    ls disk/run/checkpoints | diff - <(echo 000004.h5)
    cmp disk/run/checkpoints/000004.h5 run/checkpoints/000004.h5
    cp -r disk/run rest
    head -c 10M /dev/zero > disk/rest 2> /dev/null || true
    expect 1 "disk/x.h5" "$shaft" sample run -n 20 -o disk/x.h5
    expect 1 "disk/out" "$shaft" export run --top 3 -o disk/out
    test ! -e disk/x.h5
    mount -o remount,ro "$mounted"
    expect 1 "the folder 'disk/new' cannot be made: Read-only file system" "$shaft" train run.yaml --set run.directory=disk/new
    expect 1 "'disk/y.h5' cannot be written: Read-only file system" "$shaft" sample run -n 1 -o disk/y.h5
    expect 1 "Read-only file system" "$shaft" export run --top 3 -o disk/out2
    umount "$mounted"
    mount -t tmpfs -o size=64k shaft-test disk
    expect 1 "No space left on device" timeout 100 mpirun -n 2 "$shaft" train run.yaml --quiet --set run.directory=disk/run \
        --set train.batch=200 # samples of several ranks
    grep -qF "while writing samples 'disk/run/samples/000000-000004.h5'" out.txt
    umount "$mounted"
    mounted=
else
    trap '' XFSZ # a write beyond the limit fails instead of ending the program
    expect 1 "File too large" bash -c 'ulimit -f 2000; exec "$1" train run.yaml --quiet --set run.directory=rest' - "$shaft"
    test ! -e rest/checkpoints/000004.h5
    mkdir shut
    chmod 555 shut
    [ "$(id -u)" = 0 ] || expect 1 "the folder 'shut/run' cannot be made: Permission denied" "$shaft" train run.yaml --set run.directory=shut/run
fi
# With room again the run goes on, to the same results.
"$shaft" train run.yaml --quiet --resume --set run.directory=rest
cmp rest/checkpoints/000008.h5 run/checkpoints/000008.h5

# ---- a directory that holds another run ----
expect 2 "'run' holds a run" "$shaft" train run.yaml --set run.directory=run
expect 2 "run.seed: 1 before, 2 now" "$shaft" train run.yaml --resume --set run.directory=run --set run.seed=2

# All of this has changed nothing in the run that was used.
find run -type f -exec sha256sum {} + | sort | diff before -
