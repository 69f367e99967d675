#!/bin/bash
# `shaft export` on a small run: files, table, refusals with their messages and exit codes.
set -eu
shaft=$1
# shellcheck source=tests/tools/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/expect.sh"

expect 0 "usage: shaft export" "$shaft" export --help
expect 2 "one file of samples or folder of a run is needed, and 0 were given" "$shaft" export -o top
expect 2 "name it with -o FOLDER" "$shaft" export samples.h5
expect 2 "--top 'ten' is not a number of crystals" "$shaft" export samples.h5 --top ten -o top
expect 2 "--by 'size': it is one of reward, energy" "$shaft" export samples.h5 --by size -o top
expect 2 "--format 'pdb': it is one of cif, poscar, extxyz" "$shaft" export samples.h5 --format pdb -o top
expect 2 "'--fast' is no option of this command" "$shaft" export samples.h5 --fast -o top
expect 2 "'samples.h5' cannot be opened" "$shaft" export samples.h5 -o top
mkdir empty
expect 2 "there are no samples in 'empty'" "$shaft" export empty -o top
test ! -e top

cat > tiny.yaml <<'EOF'
elements: [Li, Na, O, Cl]
constraints: {max_elements: 2, max_sites: 1, max_atoms: 64}
policy: {mixture: 1}
reward: {formation_energy: {weight: 0}}
train: {iterations: 1, batch: 16, replay: {capacity: 16, batch: 0}}
run: {seed: 1, directory: run, checkpoint_every: 1}
EOF
"$shaft" train tiny.yaml --quiet
expect 0 "3 crystals of " "$shaft" export run --top 3 -o a/top
test "$(ls a/top | grep -c '^00[123]_.*\.cif$')" = 3
test "$(wc -l < a/top/summary.csv)" = 4
grep -q '^_space_group_symop_operation_xyz$' a/top/001_*.cif
expect 2 "'a/top' holds an earlier export" "$shaft" export run --top 3 -o a/top
expect 0 "2 crystals" "$shaft" export run --top 2 --format extxyz -o a/top --overwrite
expect 0 "2 crystals" "$shaft" export run/samples/index.h5 --top 2 --format poscar -o b
test "$(ls b/*.vasp | wc -l)" = 2
expect 0 "samples without a formation energy inside the guard" "$shaft" export run --by energy -o c
printf 'text\n' > plain.h5
expect 1 "plain.h5" "$shaft" export plain.h5 -o d
