#!/bin/bash
# benchmarks/scaling.sh and what it hands its table to: from a table that was made by a known model its terms come back, what is wrong
# with a table is said with its line, and runs on one and two ranks end in a table, a printed one and a page that agree.
set -eu
shaft=$1 sources=$2
model=$(dirname "$shaft")/benchmarks/scaling_model
# shellcheck source=tests/tools/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/expect.sh"
here=$PWD

# ---- a known model ----
# make DEDICATED BACKEND WORKERS...: three repeats, of which the second is the median of every time; scales of 1.3, 1 and 0.8
make() {
    awk -v dedicated="$1" -v backend="$2" -v list="${*:3}" '
    # the mean greatest of n normal numbers, from its density
    function greatest(n,   x, f, F, sum, h) {
        if (n in known) return known[n]
        h = 0.001; F = 0
        for (x = -8 + h / 2; x < 8; x += h) {
            f = exp(-x * x / 2) / sqrt(8 * atan2(1, 1))
            F += f * h / 2
            sum += x * n * exp((n - 1) * log(F < 1 ? F : 1)) * f * h
            F += f * h / 2
        }
        return known[n] = sum
    }
    function sum_of(N,   hops) {
        hops = log(N) / log(2)
        return N > 1 ? latency * (hops + 2 * (backend == "cpu" ? N - 1 : hops)) + (2 * (N - 1) / N * bytes + 72 * N) / bandwidth : 0
    }
    function compute_of(n) { return 0.00662 + 131.1e-6 * n } # of the six parts below
    function skew_of(N, n) { return N > 1 ? 0.1 * greatest(N) * compute_of(n) : 0 }
    function rank0_of(N) { return 2e-4 + 5e-6 * N }
    function run(mode, N, n, repeat,   k, r, w, s, wait, rank0, rows) {
        s = 10 * (repeat == 1 ? 1.3 : repeat == 2 ? 1 : 0.8)
        rank0 = rank0_of(N)
        for (r = 0; r < N + dedicated; r++) {
            w = r - dedicated
            wait = skew_of(N, n) + (dedicated || w == 0 ? 0 : rank0)
            printf "%s,%d,%d,%d,%d,%d,%s,%d,10,%d", mode, N + dedicated, N * n, repeat, r, w, w < 0 ? "cpu" : backend, bytes, 10 * N * n
            if (w < 0) printf ",%.9f,0,0,0,0,0,0,0,0,0,%.9f,0\n", s * rank0, s * (compute_of(n) + skew_of(N, n) + sum_of(N) - rank0)
            else printf ",%.9f,0,%.9f,%.9f,%.9f,%.9f,%.9f,%.9f,%.9f,%.9f,0,0.5\n", r == 0 ? s * rank0 : 0, s * (0.0001 + 1e-6 * n),
                s * (0.001 + 2e-5 * n), s * (0.0005 + 1e-5 * n), s * (2e-5 + 1e-7 * n), s * (0.003 + 1e-4 * n), s * wait,
                s * sum_of(N), s * 0.002
        }
    }
    BEGIN {
        latency = 2e-5; bandwidth = 2e9; bytes = 1000000
        if (greatest(2) < 0.56418 || greatest(2) > 0.56420) exit 1 # 1 / sqrt(pi)
        print "mode,ranks,batch,repeat,rank,worker,backend,gradient_bytes,iterations,structures,coordinate,wait_rank0,replay,sample," \
              "reward,tell,gradient,wait_workers,sum,adam,wait_findings,files"
        n = split(list, workers, " ")
        for (repeat = 1; repeat <= 3; repeat++)
            for (i = 1; i <= n; i++) {
                run("strong", workers[i], 1024 / workers[i], repeat)
                run("weak", workers[i], 256, repeat)
            }
        for (N = 8; N <= 4096; N *= 8) {
            t = compute_of(256) + skew_of(N, 256) + sum_of(N)
            rank0 = rank0_of(N)
            printf "%d %.6f %.6f %.6f\n", N, compute_of(256) / (t > rank0 ? t : rank0), (compute_of(256) + rank0_of(1)) / (t + rank0),
                   rank0 / t > "'"$here"'/expected.txt"
        }
    }' > table.csv
}

# near FILE KEY VALUE FROM: a term of the model as it was printed
near() {
    awk -v key="$2" -v value="$3" -v from="$4" '
        $1 == key && NF > 3 { n++; good = $2 > 0.998 * value && $2 < 1.002 * value && $3 == from; print }
        END { exit !(n == 1 && good) }' "$1" || { echo "wanted $3, $4"; cat "$1"; exit 1; }
}

# as_expected FILE: efficiencies and loads of what comes first among the extrapolations
as_expected() {
    awk 'NR == FNR { efficiency[$1] = $2; working[$1] = $3; load[$1] = $4; next }
        function off(a, b) { return a - b > 0.0011 || b - a > 0.0011 }
        /^to many/ { block++ }
        block == 1 && $1 in efficiency && NF == 13 {
            n++
            if (off($9, efficiency[$1]) || off($12, working[$1]) || off($8, load[$1])) bad = 1
        }
        END { exit !(n == 4 && !bad) }' expected.txt "$1" || { cat expected.txt "$1"; exit 1; }
}

make 0 cpu 1 2 4 16
"$model" table.csv page.html > out.txt
near out.txt compute_fixed 0.00662 fitted
near out.txt compute_each 131.1e-6 fitted
near out.txt scatter 0.1 fitted
near out.txt latency 2e-5 fitted
near out.txt bandwidth 2e9 fitted
near out.txt rank0_fixed 2e-4 fitted
near out.txt rank0_worker 5e-6 fitted
near out.txt bytes 1000000 measured
near out.txt structures 256 measured
near out.txt device_rate 100000 assumed
as_expected out.txt
grep -q "^to many cores, as they were measured; 256 .* given:$" out.txt # nothing of it
grep -q "^to many devices, as they are assumed, .* given: device_rate .* network_bandwidth$" out.txt
awk '/largest deviation/ { n++; good = $3 < 0.1 } END { exit !(n == 1 && good) }' out.txt
# of the fastest and the slowest repeat the ratios are those of the median, whatever the speed
awk '/^(strong|weak) / && NF == 16 { n++; split($16, x, /[][,]/); bad += $15 != x[2] } END { exit bad }' out.txt

# What is given counts, and a run that the model does not describe is seen.
"$model" table.csv page.html latency=1e-3 device_rate=5000 > given.txt
near given.txt latency 1e-3 given
near given.txt device_rate 5000 given
near given.txt compute_each 131.1e-6 fitted
awk -F, -v OFS=, '$1 == "weak" && $2 == 16 { $17 *= 2 } { print }' table.csv > odd.csv
"$model" odd.csv page.html > odd.txt
awk '/largest deviation/ { n++; good = $3 > 15 && $3 < 60 } END { exit !(n == 1 && good) }' odd.txt

# Two numbers of workers that tell no latency: it is assumed, and so is what a worker costs rank 0.
make 0 cpu 1 2
"$model" table.csv page.html > two.txt
near two.txt latency 5e-6 assumed
near two.txt rank0_worker 6.5e-6 assumed
grep -q "^to many cores, as they were measured; 256 .* given: latency rank0_worker$" two.txt
near two.txt bandwidth "$(awk 'BEGIN { print (1e6 + 144) / (3 * 2e-5 + (1e6 + 144) / 2e9 - 3 * 5e-6) }')" fitted

# Devices with a rank 0 that only coordinates, and what that takes from a table of its own.
make 1 cuda 1 2 4 16
awk 'BEGIN { print "workers,load,seconds,lower,upper"
    for (N = 8; N < 2000; N *= 5) printf "%d,full,%.9f,%.9f,%.9f\n%d,first,1,1,1\n", N, 2e-4 + 5e-6 * N, 2e-4 + 2.5e-6 * N, 2e-4 + 2e-5 * N, N }' > loads.csv
"$model" table.csv page.html coordinator=loads.csv > devices.txt
near devices.txt latency 2e-5 fitted
near devices.txt rank0_worker 5e-6 bench_coordinator
as_expected devices.txt
grep -q "^to many devices, as they were measured; 256 " devices.txt
# compute of 256 structures, 40.18 ms less 0.2, by 5, 20 and 2.5 us a worker
[ "$(grep -c "at 79[0-9][0-9] workers \[1999, 1599[0-9]\], of the quartiles" devices.txt)" = 2 ]
[ "$(grep -c '^to many' devices.txt)" = 2 ] # no cores, and no devices that are only assumed
awk '/largest deviation/ { n++; good = $3 < 0.1 } END { exit !(n == 1 && good) }' devices.txt

# ---- tables that are wrong ----
make 0 cpu 1 2
# wrong TEXT SED: the table, changed
wrong() {
    sed "$2" table.csv > bad.csv
    expect 1 "scaling_model: $1" "$model" bad.csv page.html
}
expect 1 "cannot open table 'none.csv'" "$model" none.csv page.html
wrong "bad.csv:1: the header must be" '1s/ranks/rank/'
wrong "bad.csv:1: no runs in the table" "2,\$d"
wrong "bad.csv:3: 'wide' is no way of scaling" '3s/weak/wide/'
wrong "bad.csv:4: 21 fields where the header has 22" '4s/,[^,]*$//'
wrong "bad.csv:4: field 2, '0', is no integer" '4s/strong,2/strong,0/'
wrong "bad.csv:4: 'nan' seconds" '4s/[^,]*$/nan/'
wrong "bad.csv:4: '-1' seconds" '4s/[^,]*$/-1/'
wrong "bad.csv:4: '' seconds" '4s/[^,]*$//'
wrong "bad.csv:4: a batch of 0" '4s/strong,2,1024/strong,2,0/'
wrong "bad.csv:4: rank 1, where rank 0 of the run is next" 4d
wrong "bad.csv:4: the run ends after 1 of 2 ranks" 5d
wrong "bad.csv:5: rank 0, where rank 1 of the run is next" '4{p}'
wrong "bad.csv:15: no repeat 3 of the strong run of 2 ranks" "16,\$d"
wrong "bad.csv:9: another gradient or back-end" '9s/cpu/cuda/'
wrong "bad.csv:9: another gradient or back-end" '9s/1000000/2000000/'
wrong "bad.csv:8: a batch of 512, where strong runs of 1 ranks had 1024" '8s/strong,1,1024/strong,1,512/'
sed '4s/,full,[^,]*/,full,0/' loads.csv > bad.csv
expect 1 "scaling_model: bad.csv:4: '0' seconds" "$model" table.csv page.html coordinator=bad.csv
expect 1 "scaling_model: loads.csv:1: the header must be" "$model" loads.csv page.html
expect 2 "'speed=3' is no KEY=VALUE" "$model" table.csv page.html speed=3
expect 2 "'latency=0' is no KEY=VALUE" "$model" table.csv page.html latency=0

# ---- runs ----
cat > run.yaml <<'END'
elements: [Li, Na, O, Cl]
constraints: {max_elements: 2, max_sites: 1, max_atoms: 64}
policy: {mixture: 1}
reward: {formation_energy: {weight: 0}}
train: {replay: {capacity: 64}}
run: {seed: 1, save_samples: false}
END
scaling() {
    timeout 100 bash "$sources/benchmarks/scaling.sh" --shaft "$shaft" --config "$here/run.yaml" --batch 8 --iterations 4 "$@"
}

scaling --repeats 1 -o "$here/out" > printed.txt
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
    { n[$1 " " $2 " " $3 " " $4]++
      if ($column["iterations"] != 3 || $column["structures"] != 3 * $3 || $column["backend"] != "cpu") exit 1
      if (!($column["gradient"] > 0)) exit 1 }
    END { for (r = 1; r <= 2; r++)
              if (n["strong " r " 8 1"] != r || n["weak " r " " 4 * r " 1"] != r) exit 1
          if (NR != 7) exit 1 }' out/scaling.csv
# the efficiencies again, of the slowest ranks
awk -F, 'NR > 1 { whole = 0; for (i = 11; i <= 21; i++) whole += $i / $9
      if (whole > t[$1 $2]) t[$1 $2] = whole }
    END { printf "strong %.3f\nweak %.3f\n", t["strong1"] / t["strong2"] / 2, t["weak1"] / t["weak2"] }' out/scaling.csv > again.txt
awk '/^(strong|weak) .* 2 ranks / { for (i = 1; i < NF; i++) if ($i == "efficiency") print $1, $(i + 1) }' printed.txt > shown.txt
diff again.txt shown.txt
near printed.txt bytes "$(awk -F, 'NR == 2 { print $8 }' out/scaling.csv)" measured
near printed.txt structures 4 measured
[ "$(grep -c 'svg class="chart"' out/scaling.html)" = 3 ]
grep -q "cores as they were measured" out/scaling.html
[ ! -e out/run ]

# Another launcher, a rank 0 that only coordinates and was measured alone; a run that fails ends it.
mpirun --oversubscribe -n 2 "$(dirname "$shaft")/benchmarks/bench_coordinator" -o loads.csv -t 5 run.yaml 8 4 4 32 > alone.txt
awk -F, 'NR > 1 { if (!($3 > 0 && $4 > 0 && $4 <= $3 && $3 <= $5)) exit 1; n[$1 $2]++ }
    END { exit !(NR == 7 && n["4first"] == 1 && n["32second"] == 1 && n["32full"] == 1) }' loads.csv
[ "$(grep -c "as long as a worker's iteration of 5e+03 ms at [1-9]" alone.txt)" = 3 ]
scaling --repeats 1 --ranks 2 --set run.coordinator=dedicated --launch 'mpirun --oversubscribe -n {}' \
    --assume "coordinator=$here/loads.csv" -o "$here/dedicated" > printed.txt
[ "$(grep -c '^strong,2,8,1,0,-1,\|^weak,2,4,1,1,0,' dedicated/scaling.csv)" = 2 ]
grep -q "rank0_worker .* bench_coordinator" printed.txt
if scaling --repeats 1 --ranks 1 --set train.bach=3 -o "$here/failed" > failed.txt 2>&1; then exit 1; fi
grep -q "did you mean 'train.batch'?" failed.txt
expect 1 "'--rank' is no option of scaling.sh" bash "$sources/benchmarks/scaling.sh" --rank 2
