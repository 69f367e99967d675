#!/bin/bash
# --device on a stand-in for the CUDA module (tools/standin/cuda.c), whose memory the host cannot touch: what shaft info says, a run and a
# sample with the bits of the CPU, ranks that share devices, a device with too little memory, a run that goes on after that, a module
# that is none.
set -eu
shaft=$1 sources=$2
# shellcheck source=tests/tools/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/expect.sh"
export SHAFT_CUDA_MODULE=$SHAFT_TEST_STANDIN

expect 0 "stand-in 1" "$shaft" info

cat > run.yaml <<'EOF'
elements: [Li, O, Cl]
constraints: {max_elements: 2, max_sites: 3, max_atoms: 40}
policy: {mixture: 2}
reward: {formation_energy: {weight: 0}}
train: {iterations: 6, batch: 12, replay: {capacity: 32, batch: 4}}
run: {seed: 3, directory: cpu, checkpoint_every: 2, deterministic: true}
EOF
# timeless RUN: its metrics but the columns of time
timeless() { awk -F , 'NR == 1 { for (i = 1; i <= NF; i++) time[i] = $i ~ /second/ } { for (i = 1; i <= NF; i++) if (!time[i]) printf "%s,", $i; print "" }' "$1/metrics.csv"; }
# same A B: the metrics of two runs, and the samples of their policies
same() {
    cmp <(timeless "$1") <(timeless "$2")
    "$shaft" sample "$1" -n 20 -o "$1.h5" --quiet --overwrite 2> /dev/null
    "$shaft" sample "$2" -n 20 -o "$2.h5" --quiet --overwrite 2> /dev/null
    cmp <("$shaft" score "$1.h5" --format csv --config run.yaml --quiet | cut -d , -f 2-) \
        <("$shaft" score "$2.h5" --format csv --config run.yaml --quiet | cut -d , -f 2-)
}
"$shaft" train run.yaml --quiet
expect 0 "worker 0: device 0, stand-in 0" "$shaft" train run.yaml --device cuda --set run.directory=device
same cpu device
"$shaft" sample cpu -n 20 -o there.h5 --quiet --device cuda 2> /dev/null
cmp there.h5 cpu.h5

# close A B: the last loss and mean reward of two runs are positive, and the same to rounding
close() {
    paste -d , <(tail -n 1 "$1/metrics.csv") <(tail -n 1 "$2/metrics.csv") |
        awk -F , -v names="$(head -n 1 "$1/metrics.csv")" '
            function apart(a, b) { return !(a > 0 && a - b < 1e-4 * a && b - a < 1e-4 * a) }
            { n = split(names, name, ",")
              for (i = 1; i <= n; i++) if (name[i] == "loss" || name[i] == "reward_mean") { seen++; bad += apart($i, $(n + i)) }
              exit !(seen == 2 && !bad) }'
}

# With energies and band gaps, where the models have been imported; kernels and the fused potential round otherwise.
few=(--quiet --set run.deterministic=false --set train.iterations=2)
energies=("${few[@]}" --set reward.formation_energy.weight=1)
gaps=("${few[@]}" --set reward.band_gap.weight=1 --set reward.band_gap.target=2)
for task in m3gnet-efs:energies megnet-gap:gaps; do
    "$shaft" model check "${task%:*}" > /dev/null 2>&1 || continue
    declare -n settings=${task#*:}
    "$shaft" train run.yaml "${settings[@]}" --set run.directory="${task#*:}"
    "$shaft" train run.yaml "${settings[@]}" --set run.directory="${task#*:}-there" --device cuda
    close "${task#*:}" "${task#*:}-there"
done

# column FILE NAME: its values, of rows without commas inside quotes
column() {
    awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } { print $c }' "$1"
}
# Relaxations: as many moves, the same verdicts and energies within rounding, by one rank and by ranks on two devices.
if "$shaft" model check m3gnet-efs > /dev/null 2>&1; then
    awk 'NF == 1 { small = $1 <= 8; n += small } small && n <= 8' "$sources/tests/data/prototypes.xyz" > small.xyz
    "$shaft" relax small.xyz -o relaxed.h5 --steps 6 --quiet --cif cpu-cifs
    expect 0 "worker 0: device 0, stand-in 0" "$shaft" relax small.xyz -o one.h5 --steps 6 --cif there-cifs --device cuda
    mpirun -n 3 "$shaft" relax small.xyz -o two.h5 --steps 6 --quiet --cif two-cifs --device cuda < /dev/null
    test "$(find cpu-cifs -name '*.cif' | wc -l)" = 8
    for other in there two; do
        for cif in cpu-cifs/*.cif; do
            paste <(grep '^_shaft' "$cif") <(grep '^_shaft' "$other-cifs/${cif##*/}") |
                awk '$1 != $3 { exit 1 } { d = $2 - $4; if ($2 != $4 && !($1 ~ /energy/ && $1 !~ /model/ && d < 1e-3 && d > -1e-3)) exit 1 } END { if (NR < 5) exit 1 }'
        done
    done
    "$shaft" evaluate small.xyz --model m3gnet-efs --quiet --rows rows.csv > /dev/null
    "$shaft" evaluate small.xyz --model m3gnet-efs --quiet --rows rows-there.csv --device cuda > /dev/null
    paste -d , <(column rows.csv e_form_raw) <(column rows-there.csv e_form_raw) |
        awk -F , '$1 == "" || ($1 - $2) ^ 2 > 1e-8 { exit 1 } END { if (NR != 8) exit 1 }'
    "$shaft" score small.xyz --format csv > scores.csv
    "$shaft" score small.xyz --format csv --device cuda > scores-there.csv
    paste -d , <(column scores.csv reward) <(column scores-there.csv reward) |
        awk -F , '!($1 > 0) || ($1 - $2) ^ 2 > 1e-8 { exit 1 } END { if (NR != 8) exit 1 }'
    expect 2 "there is no model" "$shaft" relax small.xyz -o none.h5 --device cuda --model alchemy
fi
expect 2 "lennard-jones works on the CPU alone" "$shaft" relax "$sources/tests/data/prototypes.xyz" -o x.h5 --model lennard-jones --device cuda
expect 2 "--device takes one of auto, cpu, cuda, not 'gpu'" "$shaft" relax x.cif -o x.h5 --device gpu

# Three ranks for two devices: the first only coordinates. Three workers share them, also where devices sum themselves: then over MPI.
expect 0 "3 ranks, 2 workers" mpirun -n 3 "$shaft" train run.yaml --device cuda --set run.directory=two
export SHAFT_STANDIN_GROUPS=1
expect 0 "3 workers share 2 devices of this node" mpirun -n 3 "$shaft" train run.yaml --device cuda --set run.directory=three \
    --set run.coordinator=shared --set run.deterministic=false
unset SHAFT_STANDIN_GROUPS
grep -q "stand-in: 0 sums over 0 processes" out.txt
mpirun -n 3 "$shaft" train run.yaml --quiet --set run.directory=two-cpu --set run.coordinator=dedicated < /dev/null
same two two-cpu

# Two workers sum their gradients on the devices, of all slices but the last beside the last: two sums a step.
slices=(--quiet --set run.deterministic=false --set train.slice=4)
mpirun -n 2 "$shaft" train run.yaml "${slices[@]}" --set run.directory=slices < /dev/null
SHAFT_STANDIN_GROUPS=1 mpirun -n 2 "$shaft" train run.yaml "${slices[@]}" --set run.directory=slices-there --device cuda \
    > out.txt 2>&1 < /dev/null
test "$(grep -c "stand-in: 12 sums over 2 processes" out.txt)" = 2
close slices slices-there

# Scores of the user's own, whose crystals come to the host.
if command -v "${CC:-cc}" > /dev/null; then
    plugin "$sources"
    own=("${few[@]}" --set reward.plugin.weight=1 --set reward.plugin.library=./roomy.so --set reward.plugin.function=roomy)
    "$shaft" train run.yaml "${own[@]}" --set run.directory=own
    "$shaft" train run.yaml "${own[@]}" --set run.directory=own-there --device cuda
    close own own-there
fi

# What does not fit is said with the rank, the device, and what to do; what was written is there to go on from.
"$shaft" train run.yaml --device cuda --quiet --set run.directory=small --set train.iterations=2
export SHAFT_STANDIN_MEMORY=$((16 << 20))
got=0
mpirun -n 2 "$shaft" train run.yaml --device cuda --quiet --resume --set run.directory=small > out.txt 2>&1 < /dev/null || got=$?
test $got != 0
grep -q "shaft: rank [01] of 2: CUDA device [01]: out of memory: [0-9]* MiB asked for, [0-9]* of 16 MiB are free; lower train.slice, train.batch" out.txt
unset SHAFT_STANDIN_MEMORY
"$shaft" train run.yaml --device cuda --quiet --resume --set run.directory=small
for iterations in 2 6; do
    "$shaft" train run.yaml --quiet --resume --set run.directory=small-cpu --set train.iterations=$iterations
done
same small small-cpu

# No module, or something else in its place: cuda is refused with the reason, auto goes without.
export SHAFT_CUDA_MODULE=$folder/run.yaml
expect 2 "device: cuda, and there is no device to use" "$shaft" train run.yaml --device cuda --set run.directory=none
"$shaft" train run.yaml --device auto --quiet --set run.directory=without
same cpu without
if "$shaft" model check m3gnet-efs > /dev/null 2>&1; then
    expect 2 "device: cuda, and there is no device to use" "$shaft" relax small.xyz -o none.h5 --device cuda
    "$shaft" relax small.xyz -o auto.h5 --steps 6 --quiet --device auto
    cmp auto.h5 relaxed.h5
fi
