#!/bin/bash
# A reward term of one's own: the example of plugin.h as it stands there, built with the installed header by the C compiler and
# in a run on one and on two ranks; what is said of libraries that are not there. Skipped without a compiler.
set -eu
shaft=$1 sources=$2
command -v "${CC:-cc}" > /dev/null || exit 77
# shellcheck source=tests/tools/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/expect.sh"

plugin "$sources"

cat > run.yaml <<'END'
elements: [Li, Na, O, Cl]
constraints: {max_elements: 2, max_sites: 1, max_atoms: 64}
policy: {mixture: 1}
reward:
  formation_energy: {weight: 0}
  bond: {weight: 0}
  plugin: {library: ./roomy.so, function: roomy, weight: 1}
train: {iterations: 3, batch: 16, replay: {capacity: 64, batch: 8}}
run: {seed: 1, deterministic: true}
END
expect 0 "3/3" "$shaft" train run.yaml --set run.directory=one
expect 0 "3/3" mpirun -n 2 "$shaft" train run.yaml --set run.directory=two
diff <(sed 's/,[^,]*,[^,]*$//' one/metrics.csv) <(sed 's/,[^,]*,[^,]*$//' two/metrics.csv)
column=$(head -1 one/metrics.csv | tr , '\n' | grep -n '^plugin$' | cut -d: -f1)
tail -1 one/metrics.csv | cut -d, -f"$column" | awk '{exit !($1 > 0.001 && $1 < 1)}' # the mean over the batch
expect 2 "reward.plugin.library: 'lost.so' cannot be loaded: ./lost.so: cannot open shared object file" \
    "$shaft" train run.yaml --set run.directory=three --set reward.plugin.library=lost.so
expect 2 "hint: a shared library made with: cc -shared -fPIC" \
    "$shaft" train run.yaml --set run.directory=three --set reward.plugin.library=roomy.c
expect 2 "reward.plugin.function: './roomy.so' has no function 'shaft_term'" \
    "$shaft" train run.yaml --set run.directory=three --set reward.plugin.function=shaft_term
test ! -e three/metrics.csv
