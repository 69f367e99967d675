#!/bin/bash
# shaft info and what every command shares: usage, unknown commands and options.
set -u
shaft=$1
fail() { echo "FAILED: $*"; exit 1; }

out=$("$shaft" info) || fail "info ends with $?"
for word in shaft ranks device MPI HDF5 BLAS ScaLAPACK spglib libyaml tables models; do
    grep -q "^$word " <<<"$out" || fail "no line '$word' in: $out"
done
grep -q "configs/tables$" <<<"$out" || fail "the tables of the sources are not found: $out"

out=$(mpirun -n 3 "$shaft" info) || fail "info on 3 ranks ends with $?"
[ "$(grep -c "^ranks       3: 3 on" <<<"$out")" = 1 ] || fail "3 ranks are not said once: $out"
[ "$(grep -c "^shaft " <<<"$out")" = 1 ] || fail "more than one rank speaks: $out"

# The list of keys and the default configuration agree: each key is there with its default.
"$shaft" info --config | grep -q "^train.batch: 256$" || fail "no train.batch in the list of keys"
diff <("$shaft" info --config) <("$shaft" train --help-config) || fail "two lists of keys"

"$shaft" info --nonsense 2>err.$$ && fail "an unknown option is accepted"
[ $? = 2 ] || fail "an unknown option does not end with 2"
grep -q "there is no option '--nonsense'" err.$$ || fail "$(cat err.$$)"
"$shaft" traim 2>err.$$
[ $? = 2 ] || fail "an unknown command does not end with 2"
grep -q "did you mean 'train'?" err.$$ || fail "$(cat err.$$)"
rm -f err.$$
"$shaft" --help | grep -q "info" || fail "usage does not name info"
"$shaft" --version | grep -q "^shaft [0-9]" || fail "no version"
exit 0
