#!/bin/bash
# `shaft reference`: building from tables, JSON lines and folders, what is left out, what is refused, and info.
set -eu
shaft=$1
sources=$2
# shellcheck source=tests/tools/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/expect.sh"

expect 0 "shaft reference build lowest_by_formula.csv.gz" "$shaft" reference --help
expect 0 "shaft reference build lowest_by_formula.csv.gz" "$shaft" reference build --help
expect 2 "nothing to do was given: build or info" "$shaft" reference
expect 2 "'make' is none of build, info" "$shaft" reference make
expect 2 "inputs and -o FILE are needed" "$shaft" reference build
expect 2 "'--fast' is no option" "$shaft" reference build --fast
expect 2 "--energy 'free': it is one of formation, total, none" "$shaft" reference build x --energy free
expect 2 "info takes one file, and 0 were given" "$shaft" reference info

cat > energies.csv << END
# made for this test, no licence needed
formula,e_form,id
NaCl,-2.1,one
Cl2Na2,-2.2,two
Na3Cl,0.3,
END
gzip -k energies.csv
cat > crystals.jsonl << END
{"id":"salt","lattice":[[5.64,0,0],[0,5.64,0],[0,0,5.64]],"species":["Na","Na","Na","Na","Cl","Cl","Cl","Cl"],"frac":[[0,0,0],[0.5,0.5,0],[0.5,0,0.5],[0,0.5,0.5],[0.5,0.5,0.5],[0,0,0.5],[0,0.5,0],[0.5,0,0]],"e_form":-2.15,"energy":-27.2}
{"id":"copper","lattice":[[0,1.8,1.8],[1.8,0,1.8],[1.8,1.8,0]],"species":["Cu"],"frac":[[0,0,0]],"e_form":0,"energy":-4.1}
END

expect 0 "written to   t.h5" "$shaft" reference build energies.csv.gz crystals.jsonl -o t.h5
grep -qF "compositions 3 of 3 elements" out.txt
grep -qF "crystals     2, 3 atoms in reduced cells" out.txt
grep -qF "attribution  made for this test, no licence needed" out.txt
grep -qF "energies come from tables (3) and with crystals (2): one hull wants one level" out.txt
expect 2 "'t.h5' is there already" "$shaft" reference build energies.csv -o t.h5
expect 2 "'nowhere.cif' cannot be read: No such file" "$shaft" reference build energies.csv nowhere.cif --skip-bad -o never.h5
test ! -e never.h5
cp energies.csv kept.csv
expect 2 "'energies.csv' is read, and would be overwritten" "$shaft" reference build energies.csv -o energies.csv --overwrite
cmp energies.csv kept.csv
expect 0 "energies     formation, eV/atom" "$shaft" reference info t.h5
grep -qF "compositions 3 of 3 elements" out.txt
expect 0 "attribution  mine" "$shaft" reference build energies.csv crystals.jsonl --table-energies --attribution mine -o t.h5 --overwrite
grep -qF "compositions 2 of 2 elements" out.txt
if grep -q "one hull" out.txt; then exit 1; fi
expect 0 "energies     total" "$shaft" reference build crystals.jsonl --energy total -o total.h5 --quiet
grep -qF "1 elements with an energy of their own" out.txt
expect 0 "energies     none" "$shaft" reference build crystals.jsonl --energy none -o none.h5
expect 0 "crystals     0" "$shaft" reference build crystals.jsonl --no-structures -o e.h5
expect 0 "crystals     33" "$shaft" reference build "$sources/tests/data/prototypes.xyz" -o xyz.h5
mkdir folder
"$shaft" reference build "$sources/tests/fuzz/seeds/cif" "$sources/tests/fuzz/seeds/poscar" --skip-bad -o folder.h5 > out.txt 2>&1 || { cat out.txt; exit 1; }

# Whose energies they are is kept and shown; files of shaft relax say it, one model a hull, and only what is at rest.
expect 0 "energies of  PBE, uncorrected" "$shaft" reference build crystals.jsonl --energy total -o pbe.h5 --quiet --energies-of "PBE, uncorrected"
if grep -q "say with --energies-of" out.txt; then exit 1; fi
expect 0 "energies of  PBE, uncorrected" "$shaft" reference info pbe.h5
expect 0 "say with --energies-of whose they are" "$shaft" reference build crystals.jsonl --energy total -o who.h5
expect 0 "energies of  (nobody said)" "$shaft" reference info who.h5
printf '1\nLattice="0 2.7 2.7 2.7 0 2.7 2.7 2.7 0"\nAr 0 0 0\n2\nLattice="4 0 0 0 4 0 0 0 4"\nAr 0 0 0\nAr 0.001 0 0\n' > argon.xyz
"$shaft" relax argon.xyz -o argon.h5 --model lennard-jones --quiet
expect 2 "argon.h5: structure 2 is not at rest: two atoms in one place" "$shaft" reference build argon.h5 -o ar.h5
expect 0 "energies of  lennard-jones" "$shaft" reference build argon.h5 -o ar.h5 --skip-bad
grep -qF "energies     total, eV/atom" out.txt
grep -qF "compositions 1 of 1 elements, 1 elements" out.txt
"$shaft" evaluate argon.h5 --model lennard-jones --reference ar.h5 --quiet > same.txt 2> warnings.txt
grep -q "energy above hull, relaxed *-\?0.0000" same.txt
grep -qF "total energies by lennard-jones of 1 compositions" same.txt
if grep -q "energies" warnings.txt; then exit 1; fi
expect 0 "which are those of PBE, uncorrected" "$shaft" evaluate argon.h5 --model lennard-jones --reference pbe.h5
expect 0 "does not say whose" "$shaft" evaluate argon.h5 --model lennard-jones --reference who.h5
if "$shaft" model check m3gnet-efs > /dev/null 2>&1; then
    "$shaft" relax crystals.jsonl -o efs.h5 --steps 0 --fmax 100 --quiet
    expect 2 "has energies by m3gnet-efs, another input has such by lennard-jones" "$shaft" reference build argon.h5 efs.h5 --skip-bad -o two.h5
    expect 0 "energies of  m3gnet-efs" "$shaft" reference build efs.h5 -o efs-hull.h5
    grep -qF "energies     formation, eV/atom" out.txt
fi

expect 2 "a folder without structure files" "$shaft" reference build folder -o f.h5
for lost in lost.cif lost.csv; do expect 2 "'$lost' cannot be read: No such file" "$shaft" reference build energies.csv $lost -o f.h5; done
printf 'formula,e_form\nNaCl,-2\nNaQq,-1\nKCl,x\nKCl,-1\nKBr\n' > bad.csv
expect 2 "'NaQq' is no formula" "$shaft" reference build bad.csv -o f.h5
grep -qF "bad.csv:3" out.txt
grep -qF -- "--skip-bad leaves such records out" out.txt
expect 0 "left out: 3 records that cannot be read, the first: 'NaQq' is no formula" "$shaft" reference build bad.csv -o f.h5 --skip-bad
grep -qF "compositions 2 of 3 elements" out.txt
printf '# nothing\nname,value\n' > header.csv
expect 2 "header.csv:2: the header is 'name,value'" "$shaft" reference build header.csv -o g.h5
printf 'formula,energy\nLi2S,-12\n' > total.csv
expect 2 "total.csv:1: the table has no energies of the kind 'formation'" "$shaft" reference build energies.csv total.csv -o g.h5
expect 0 "energies     total" "$shaft" reference build total.csv crystals.jsonl -o g.h5
sed '2s/"Cu"/"Qq"/' crystals.jsonl > wrong.jsonl
expect 2 "wrong.jsonl:2:" "$shaft" reference build wrong.jsonl -o h.h5
expect 0 "left out: 1 records" "$shaft" reference build wrong.jsonl -o h.h5 --skip-bad
head -c 60 energies.csv.gz > cut.csv.gz
expect 2 "cut.csv.gz: damaged, or cut off" "$shaft" reference build cut.csv.gz -o i.h5
expect 2 "no input has energies of the kind 'total'" "$shaft" reference build "$sources/tests/data/prototypes.xyz" --energy total -o i.h5
expect 1 "as an HDF5 file" "$shaft" reference info "$sources/tests/data/prototypes.xyz"
test ! -e i.h5
test ! -e i.h5.part
