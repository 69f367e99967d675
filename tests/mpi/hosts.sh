#!/usr/bin/env bash
# Two hosts, as far as one machine goes: network namespaces with an address each and a wire between them, each with its own host name
# and shared memory; nothing else is shared but the file system. jobscripts/pbs/cpu.sh gets there as it does where Open MPI knows
# nothing of PBS, by the list of nodes and a remote shell, and trains to the bits of one host; a rank that is killed on the other host
# ends the run and is named with its host.
# Skipped where namespaces are not permitted.
set -euo pipefail
shaft=$1 source=$2
# shellcheck source=tests/tools/expect.sh
. "$source/tests/tools/expect.sh"
# shellcheck source=tests/tools/runs.sh
. "$source/tests/tools/runs.sh"

for program in unshare nsenter ip hostname; do
    command -v $program > /dev/null || { echo "skipped: there is no $program"; exit 77; }
done
unshare --net --uts --mount true 2> /dev/null || { echo "skipped: unshare --net --uts --mount is not permitted here"; exit 77; }

# A host is a process that waits, in namespaces of its own.
{ cat /etc/hosts; printf '10.77.0.1 first\n10.77.0.2 second\n'; } > hosts
declare -A host
for name in first second; do
    unshare --net --uts --mount sh -c "hostname $name && mount -t sysfs sysfs /sys && mount -t tmpfs -o size=1g tmpfs /dev/shm &&
        mount --bind '$folder/hosts' /etc/hosts && ip link set lo up && touch '$folder/up.$name' && exec sleep 3600" &
    host[$name]=$!
done
for name in first second; do
    for _ in $(seq 600); do
        [ ! -e up.$name ] || break
        sleep 0.05
    done
    [ -e up.$name ] || { echo "skipped: no host name, /dev/shm or /etc/hosts of one's own"; exit 77; }
done
on() { # HOST COMMAND...
    local pid=${host[$1]}
    shift
    nsenter --target "$pid" --net --uts --mount --wd="$PWD" "$@"
}
on first ip link add wire type veth peer name wire netns "${host[second]}" 2> link.log ||
    { echo "skipped: no pair of network interfaces: $(cat link.log)"; exit 77; }
on first ip address add 10.77.0.1/24 dev wire
on second ip address add 10.77.0.2/24 dev wire
for name in first second; do on $name ip link set wire up; done
for name in first second; do
    for _ in $(seq 200); do
        ! on $name ip -o link show dev wire | grep -q 'state UP' || break
        sleep 0.05
    done
done

# The remote shell: options, a host, a command.
cat > shell << END
#!/bin/bash
while [ "\${1#-}" != "\$1" ]; do shift; done
case \$1 in first) pid=${host[first]} ;; second) pid=${host[second]} ;; esac
shift
exec nsenter --target \$pid --net --uts --mount --wd="$PWD" sh -c "\$*"
END
chmod +x shell
export OMPI_MCA_plm_rsh_agent=$PWD/shell
# Between the hosts UCX: Open MPI's own TCP crashes now and then in MPI_Init where the processor is busy.
export OMPI_MCA_oob_tcp_if_include=wire OMPI_MCA_pml=ucx OMPI_MCA_pml_ucx_tls=any OMPI_MCA_pml_ucx_devices=any
export UCX_TLS=tcp,self UCX_NET_DEVICES=wire
export SHAFT_LAUNCH="-x UCX_TLS -x UCX_NET_DEVICES" SHAFT=$shaft SHAFT_HOME=$source
unset SLURM_JOB_ID

cat > run.yaml << END
elements: [Li, Na, O, Cl]
constraints: {max_elements: 2, max_sites: 1, max_atoms: 64}
policy: {mixture: 1}
reward: {formation_energy: {weight: 0}}
train: {iterations: 16, batch: 16, replay: {capacity: 64, batch: 8}}
run: {seed: 1, checkpoint_every: 8, directory: run}
END
printf '%s\n' first first second second > nodes
job() {
    PBS_JOBID=1 PBS_WALLTIME=1000 PBS_NODEFILE=$PWD/nodes PBS_O_WORKDIR=$PWD CONFIG=run.yaml OPTIONS="$*" \
        on first bash "$source/jobscripts/pbs/cpu.sh"
}

# shellcheck disable=SC2086 # a list of words
on first mpirun -n 4 --hostfile nodes $SHAFT_LAUNCH "$shaft" info > info.txt 2>&1 || { cat info.txt; exit 1; }
grep -q '^ranks  *4: 2 on first, 2 on second' info.txt || { cat info.txt; exit 1; }

job > two.log 2>&1 || { cat two.log; exit 1; }
grep -q '4 ranks, 4 workers' two.log
grep -Eq 'the job ends in (9|10)[0-9]+ s' two.log
env -u OMPI_MCA_pml OMPI_MCA_oob_tcp_if_include=lo mpirun -n 4 "$shaft" train run.yaml --quiet --set run.directory=one > one.log 2>&1
for n in 000008 000016; do cmp {one,run}/checkpoints/$n.h5; done
rm -r run

# ---- a rank is killed on the other host ----

job --set train.iterations=1000000 > killed.log 2>&1 &
job=$!
await 120 grown run 4
for pid in $(pgrep -x shaft); do
    if grep -qzx OMPI_COMM_WORLD_RANK=3 "/proc/$pid/environ" && [ "$(readlink "/proc/$pid/cwd")" = "$PWD" ]; then kill -9 "$pid"; fi
done
began=$SECONDS code=0
wait $job || code=$?
[ $code != 0 ] && [ $code != 85 ] && [ $((SECONDS - began)) -lt 60 ]
grep -q 'process rank 3 .*on node second exited on signal 9' killed.log || { cat killed.log; exit 1; }
echo "a rank killed on the other host: over in $((SECONDS - began)) s"
