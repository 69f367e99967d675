#!/bin/bash
# A run does not grow: resident memory after 300 of 1,000 iterations and at its end are the same within 4 %, and what is counted
# does not leak. Checkpoints and samples are written on the way.
set -eu
shaft=$1
case ${ASAN_OPTIONS:-} in *detect_leaks*) ! grep -qa __asan_init "$shaft" || exit 77 ;; esac # keeps what is freed
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > run.yaml <<'EOF'
elements: [Li, Na, O, Cl]
constraints: {max_elements: 2, max_sites: 2, max_atoms: 64}
policy: {mixture: 1, neighbours: 8}
reward: {formation_energy: {weight: 0}}
train: {iterations: 1000, batch: 4, replay: {capacity: 100, batch: 4}}
run: {seed: 1, checkpoint_every: 100, directory: run}
EOF
"$shaft" train run.yaml --quiet &
job=$!
# iteration and resident kB, now and then; the last line that is complete is that of the end
while kill -0 $job 2> /dev/null; do
    resident=$(awk '/^VmRSS/ { print $2 }' /proc/$job/status 2> /dev/null) || true
    rows=0
    [ ! -e run/metrics.csv ] || rows=$(wc -l < run/metrics.csv)
    [ -z "$resident" ] || echo "$rows $resident"
    sleep 0.1
done > memory.txt
wait $job
test "$(wc -l < run/metrics.csv)" = 1001
awk '$1 > 250 && $1 < 450 { n++; early += $2 } $1 > 850 { m++; late += $2 }
    END { if (n < 3 || m < 3) { print "too few samples of the memory"; exit 1 }
        early /= n; late /= m; printf "%d kB after 350 iterations, %d kB at the end\n", early, late; exit late > 1.04 * early }' memory.txt
