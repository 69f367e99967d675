#!/bin/bash
# `shaft score`: every key of a record in the three formats, known figures of rock salt, files of all kinds, folders and samples,
# what cannot be read, several ranks, and models that are not there. Skipped without the weights of `shaft model import`.
set -eu
shaft=$1 sources=$2
"$shaft" model check m3gnet-efs > /dev/null 2>&1 || [ -e "${SHAFT_MODELS:-${HOME:-/nowhere}/.local/share/shaft/models}/m3gnet-efs.h5" ] || exit 77
# shellcheck source=tests/tools/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/expect.sh"

# json FILE EXPRESSION...: each Python expression of the records r is true
json() {
    python3 - "$@" <<'EOF'
import json, math, sys
r = json.load(open(sys.argv[1]))
near = lambda a, b, by: abs(a - b) <= by
for test in sys.argv[2:]:
    if not eval(test):
        sys.exit("not so: %s\n%s" % (test, json.dumps(r, indent=1)))
EOF
}

cat > salt.vasp <<'EOF'
rock salt, 5.64 A
1.0
5.64 0 0
0 5.64 0
0 0 5.64
Na Cl
4 4
Direct
0 0 0
0.5 0.5 0
0.5 0 0.5
0 0.5 0.5
0.5 0.5 0.5
0 0 0.5
0 0.5 0
0.5 0 0
EOF
cat > primitive.cif <<'EOF'
data_salt
_cell_length_a 4.0233375862845645
_cell_length_b 4.0233375862845645
_cell_length_c 4.0233375862845645
_cell_angle_alpha 60
_cell_angle_beta 60
_cell_angle_gamma 60
loop_
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Na 0 0 0
Cl 0.5 0.5 0.5
EOF
cat > frames.xyz <<'EOF'
1
Lattice="3.3 0 0 0 3.3 0 0 0 3.3" Properties=species:S:1:pos:R:3
Po 0 0 0
2
Lattice="8 0 0 0 8 0 0 0 8" Properties=species:S:1:pos:R:3
Na 0 0 0
Cl 4 4 4
2
Lattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3
Na 0 0 0
Cl 0.05 0 0
EOF
printf 'elements: [Na, Cl]\nreward: {bond: {table: paper}}\n' > paper.yaml
printf 'elements: [Na, Cl]\nreward: {formation_energy: {weight: 0}}\n' > off.yaml

expect 0 "usage: shaft score" "$shaft" score --help
expect 2 "no file or folder was given" "$shaft" score
expect 2 "--format takes table, csv or json, not 'xml'" "$shaft" score salt.vasp --format xml
expect 2 "'--fast' is no option of this command" "$shaft" score salt.vasp --fast
expect 2 "none.yaml" "$shaft" score salt.vasp --config none.yaml

# Figures of rock salt, from the published definitions (bond score, density) and in double precision (energies).
"$shaft" score salt.vasp primitive.cif --config paper.yaml --format json > two.json
json two.json "len(r) == 2" \
    "[list(x) for x in r] == 2 * ['file index formula space_group n_sites n_atoms density e_total e_form bond band_gap validity terms reward reason'.split()]" \
    "[list(x['terms']) for x in r] == 2 * ['formation_energy bond density validity band_gap plugin'.split()]" \
    "[x['file'] for x in r] == ['salt.vasp', 'primitive.cif']" \
    "all(x['index'] == 1 and x['formula'] == 'NaCl' and x['space_group'] == 225 and x['reason'] == '' for x in r)" \
    "[(x['n_sites'], x['n_atoms']) for x in r] == [(2, 8), (2, 2)]" \
    "near(r[0]['density'], 2.1637274930724866, 1e-9) and near(r[0]['bond'], 0.5471086142906633, 1e-9)" \
    "near(r[1]['e_total'], -6.77709221660643, 2e-5) and near(r[1]['e_form'], -2.110377715172853, 1e-5)" \
    "all(x['validity'] == 1 for x in r)" \
    "all(near(x['terms']['formation_energy'], math.exp(-x['e_form'] / 10), 1e-12) for x in r)" \
    "all(near(x['terms']['bond'], math.exp(-x['bond']), 1e-12) for x in r)" \
    "all(near(x['terms']['density'], math.exp(-(x['density'] - 3)**2 / 2), 1e-12) for x in r)" \
    "all(near(x['reward'], sum(w * t for w, t in zip((.2, .5, .2, .1), x['terms'].values())), 1e-12) for x in r)"

# The guard shows in terms and reward only; what has the floor says why; the model does not know polonium.
"$shaft" score frames.xyz --format json > frames.json
json frames.json "[x['index'] for x in r] == [1, 2, 3]" \
    "r[0]['reason'].startswith('an element that the model or a table does not know') and r[0]['e_total'] is None and r[0]['reward'] == 1e-5" \
    "r[1]['reason'] == 'outside the guard: density' and r[1]['e_form'] is not None and r[1]['e_total'] is not None" \
    "near(r[1]['terms']['formation_energy'], math.exp(-1), 1e-12) and r[1]['reward'] > 0.07" \
    "r[2]['reason'] == 'two atoms closer than 0.1 Å' and r[2]['reward'] == 1e-5"

# Without a weight the energies are there all the same, and the term is not.
"$shaft" score primitive.cif frames.xyz --config off.yaml --format json > off.json
json off.json "near(r[0]['e_total'], -6.77709221660643, 2e-5) and r[0]['terms']['formation_energy'] == 0" \
    "near(r[0]['reward'], sum(w * t for w, t in zip((0, .5, .2, .1), r[0]['terms'].values())), 1e-12)" \
    "r[1]['e_form'] is None and r[1]['reason'].startswith('outside the guard: density; an element that the model does not know; ')" \
    "'1 kind of pairs not in the bond table' in r[1]['reason']"
expect 2 "there is no model 'nope'" "$shaft" score salt.vasp --config off.yaml --model nope
SHAFT_MODELS=$folder expect 2 "the weights of model 'm3gnet-efs' are not at" "$shaft" score salt.vasp --config off.yaml

# CSV: no name twice, the same numbers as in JSON, quotes in names.
cp salt.vasp 'sa"lt, 2.vasp'
"$shaft" score primitive.cif 'sa"lt, 2.vasp' frames.xyz --format csv > all.csv
"$shaft" score primitive.cif 'sa"lt, 2.vasp' frames.xyz --format json > all.json
head -1 all.csv | tr , '\n' | sort | uniq -d | { ! grep .; }
python3 - <<'EOF'
import csv, json
rows, records = list(csv.DictReader(open("all.csv"))), json.load(open("all.json"))
assert len(rows) == len(records) == 5, rows
assert rows[1]["file"] == 'sa"lt, 2.vasp'
for row, record in zip(rows, records):
    record.update({"term_" + k: v for k, v in record.pop("terms").items()})
    assert row.keys() == record.keys(), (row.keys(), record.keys())
    for key, value in record.items():
        same = row[key] == ("" if value is None else value) if isinstance(value, (str, type(None))) else float(row[key]) == value
        assert same, (key, row[key], value)
EOF

# The table: one line a record and a head.
"$shaft" score primitive.cif frames.xyz > table.txt
test "$(wc -l < table.txt)" = 5
head -1 table.txt | grep -q '^file  *index formula  *group sites atoms  *density  *e_total  *e_form  *bond valid  *terms.*reward  reason$'
grep -q '^primitive.cif  *1 NaCl  *225 ' table.txt

# Folders, and what cannot be read: a record with the reason each, the others go on, and the exit code says so.
mkdir -p tree/below
cp primitive.cif tree/a.cif
cp salt.vasp tree/below/POSCAR
printf 'data_x\n_cell_length_a 3\n' > tree/below/bad.cif
printf 'not for us\n' > tree/notes.txt
expect 2 "1 of 3 structures could not be read" "$shaft" score tree --format json
grep -v '^shaft score:' out.txt > tree.json
json tree.json "[x['file'] for x in r] == ['tree/a.cif', 'tree/below/POSCAR', 'tree/below/bad.cif']" \
    "r[2]['reason'] and r[2]['formula'] is None and all(r[2][k] is None for k in ('density', 'n_atoms', 'e_total', 'reward', 'validity'))" \
    "list(r[2]) == list(r[0]) and list(r[2]['terms']) == list(r[0]['terms'])" "r[1]['n_atoms'] == 8 and r[1]['reason'] == ''"
if grep -q " at src/" out.txt; then exit 1; fi
expect 2 "1 of 2 structures could not be read" "$shaft" score missing.cif primitive.cif --format csv
grep -q '^"missing.cif",1,,*".*missing.cif.*"$' out.txt
mkdir nothing
expect 2 "a folder without structure files" "$shaft" score nothing

# Several ranks: every record once.
mpirun -n 3 "$shaft" score primitive.cif 'sa"lt, 2.vasp' frames.xyz --format json > ranks.json
cmp ranks.json all.json

# Samples: the rewards they were drawn with.
cat > tiny.yaml <<'EOF'
elements: [Li, Na, O, Cl]
constraints: {max_elements: 2, max_sites: 1, max_atoms: 64}
policy: {mixture: 1}
train: {iterations: 1, batch: 32, replay: {capacity: 16, batch: 0}}
run: {seed: 1, directory: run, checkpoint_every: 1}
EOF
"$shaft" train tiny.yaml --quiet
"$shaft" score run/samples/index.h5 --config tiny.yaml --format json > samples.json
"$shaft" score run --config tiny.yaml --format json > folder.json
cmp samples.json folder.json
"$shaft" export run --top 3 -o top > /dev/null
json samples.json "len(r) > 3" "all(x['file'] == 'run/samples/index.h5' and x['reward'] >= 1e-5 for x in r)" \
    "[x['index'] for x in r] == list(range(1, len(r) + 1))" \
    "near(max(x['reward'] for x in r), float(open('top/summary.csv').read().split('\n')[1].split(',')[open('top/summary.csv').readline().strip().split(',').index('reward')]), 1e-4)"
