# shellcheck shell=bash
# cluster.sh -- a Slurm of two nodes, n1 and n2, on this one machine: slurmctld, two slurmd and munged, all of them with their state in
# one folder and listening on 127.0.0.1 alone. Sourced; needs root, because each slurmd gets a host name and a /dev/shm of its own.
# Nodes say that they have four cores and two devices each, whatever the machine has.

# shellcheck source=tests/tools/runs.sh
. "$(dirname "${BASH_SOURCE[0]}")/runs.sh"

readonly CLUSTER_PROGRAMS=(slurmctld slurmd munged srun sbatch scontrol unshare ss)

# What is missing to run it, one line; nothing where all is there.
cluster_lacks() {
    local program
    for program in "${CLUSTER_PROGRAMS[@]}"; do
        command -v "$program" > /dev/null || { echo "there is no $program"; return; }
    done
    [ "$(id -u)" = 0 ] || { echo "only root can start slurmd"; return; }
    unshare --mount --uts true 2> /dev/null || echo "unshare --mount --uts is not permitted here"
}

# Seven ports in a row, and a hundred after them, that nobody listens on.
free_ports() {
    local try base taken
    for try in $(seq 50); do
        base=$((20000 + (RANDOM * 37 + try * 211 + $$) % 12000))
        taken=$(ss -Htan | awk -v low=$base -v high=$((base + 120)) '{ n = split($4, a, ":") } a[n] >= low && a[n] <= high' | wc -l)
        if [ "$taken" = 0 ]; then
            echo $base
            return
        fi
    done
    return 1
}

# Tasks of two nodes on one machine that outnumber its cores. Between nodes UCX over the loopback: Open MPI's own TCP crashes now and
# then in MPI_Init where the processor is busy.
write_prolog() { # DIR
    cat > "$1/prolog.sh" << END
#!/bin/sh
cat << VARIABLES
export OMPI_MCA_mpi_yield_when_idle=1
export OMPI_MCA_pml=ucx
export OMPI_MCA_btl=self,vader
export OMPI_MCA_pml_ucx_tls=any
export OMPI_MCA_pml_ucx_devices=any
export UCX_TLS=tcp,self
export UCX_NET_DEVICES=lo
export PATH=$PATH
VARIABLES
# The face of PBS: one line a task.
if [ -z "\${PBS_NODEFILE:-}" ] && command -v generate_pbs_nodefile > /dev/null 2>&1; then
    file=\$(TMPDIR=$1/tmp generate_pbs_nodefile 2> /dev/null) && echo "export PBS_NODEFILE=\$file"
fi
END
    chmod 755 "$1/prolog.sh"
}

# TmpFS and spool of their own: both slurmd make folders of the same name there. cred_expire: a requeued job waits for so long.
# config_overrides: nodes have more cores than the machine. NoInAddrAny: listen on the loopback alone.
write_configuration() { # DIR PORT
    local host
    host=$(hostname -s)
    cat > "$1/slurm.conf" << END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$2
SlurmdPort=$(($2 + 1))
SrunPortRange=$(($2 + 10))-$(($2 + 110))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$1/run/munge.sock,cred_expire=5
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$1/state
SlurmdSpoolDir=$1/spool/%n
SlurmctldPidFile=$1/run/slurmctld.pid
SlurmdPidFile=$1/run/slurmd.%n.pid
SlurmctldLogFile=$1/log/slurmctld.log
SlurmdLogFile=$1/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
MpiDefault=pmix
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=0,bf_interval=2
SchedulerType=sched/backfill
ReturnToService=2
SlurmdTimeout=120
InactiveLimit=0
KillWait=5
MinJobAge=600
JobRequeue=1
TmpFS=$1/tmp/%n
TaskProlog=$1/prolog.sh
PlugStackConfig=$1/plugstack.conf
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=DEFAULT CPUs=4 Sockets=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=8000 Gres=gpu:2
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$(($2 + 2))
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$(($2 + 3))
PartitionName=test Nodes=n[1-2] Default=YES MaxTime=60 DefaultTime=10 State=UP OverSubscribe=NO
END
    touch "$1"/device{0,1}
    echo "NodeName=n[1-2] Name=gpu File=$1/device[0-1]" > "$1/gres.conf"
    echo "optional /usr/lib/x86_64-linux-gnu/slurm-wlm/spank_pbs.so" > "$1/plugstack.conf"
    { cat /etc/hosts; echo "127.0.0.1 n1 n2"; } > "$1/hosts"
}

# cluster_start DIR: DIR is an absolute path, of no more than some 60 characters. Sets SLURM_CONF.
cluster_start() {
    local dir=$1 port node
    port=$(free_ports) || { echo "no free ports"; return 1; }
    mkdir -p "$dir"/{state,spool,log,run,tmp/n1,tmp/n2}
    chmod 755 "$dir" "$dir"/*
    dd if=/dev/urandom of="$dir/munge.key" bs=128 count=1 status=none
    chmod 600 "$dir/munge.key"
    write_prolog "$dir"
    write_configuration "$dir" "$port"
    export SLURM_CONF=$dir/slurm.conf
    munged --force --key-file="$dir/munge.key" --socket="$dir/run/munge.sock" --pid-file="$dir/run/munged.pid" \
        --log-file="$dir/log/munged.log" --seed-file="$dir/run/munged.seed"
    slurmctld -f "$SLURM_CONF"
    for node in n1 n2; do
        unshare --mount --uts sh -c "hostname $node && mount -t tmpfs -o size=1g tmpfs /dev/shm &&
            mount --bind $dir/hosts /etc/hosts && exec slurmd -f $SLURM_CONF -N $node"
    done
    await 60 nodes_idle || { tail -n 20 "$dir"/log/*; return 1; }
}

nodes_idle() { [ "$(sinfo -h -o %T 2> /dev/null)" = idle ]; }

# cluster_stop DIR: ends all that cluster_start has started and the steps that are left, each by the number in its file or its folder.
# Nobody reads their state again, so they are not asked.
cluster_stop() {
    local name pid
    for name in slurmctld slurmd.n1 slurmd.n2 munged; do
        pid=$(cat "$1/run/$name.pid" 2> /dev/null) && kill -9 "$pid" 2> /dev/null || true
    done
    for pid in $(pgrep -x 'slurmstepd|shaft|mpirun|srun'); do
        if grep -qzF "SLURM_CONF=$1/" "/proc/$pid/environ" 2> /dev/null; then kill -9 "$pid" 2> /dev/null || true; fi
    done
}

# With `folder` of expect.sh: a Slurm for as long as the test takes, or the test is skipped. Further programs that it needs are named.
# shellcheck disable=SC2120 # there may be none
cluster_or_skip() {
    local lacks program
    lacks=$(cluster_lacks)
    for program in "$@"; do
        command -v "$program" > /dev/null || lacks=${lacks:-there is no $program}
    done
    [ -z "$lacks" ] || { echo "skipped: $lacks"; exit 77; }
    trap 'cluster_stop "$folder/c"; rm -rf "$folder"' EXIT
    cluster_start "$folder/c" || exit 1
}

# ---- jobs of the tests, in the folder of the test; $shaft is the program ----

state() { squeue --noheader --jobs="$1" --states=all --format=%T | head -n 1; }
is() { [ "$(state "$1")" = "$2" ]; }
over() { ! squeue --noheader --jobs="$1" --states=all --format=%T | grep -Evq '^(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL)$'; }
said() { [ "$({ grep -- "$2" "$1" 2> /dev/null || true; } | wc -l)" -ge "${3:-1}" ]; }
no_jobs() { [ -z "$(squeue --noheader)" ]; } # those that are on their way out count

# done_well JOB FILE: it ended without a failure; FILE has its output
done_well() {
    await 240 over "$1" || { cat "$2"; return 1; }
    [ "$(squeue --noheader --jobs="$1" --states=all --format=%T | sort -u)" = COMPLETED ] || { cat "$2"; return 1; }
}

# all_done_well JOB_AND_FILE...: each of them
all_done_well() {
    local one
    for one in "$@"; do
        # shellcheck disable=SC2086 # two words
        done_well $one
    done
}

# equal RANKS: the run in run/ and one that was never stopped
equal() {
    mpirun -n "$1" "$shaft" train run.yaml --quiet --set run.directory=whole > whole.log 2>&1
    cmp "$(newest whole)" "$(newest run)"
    diff <(metrics whole) <(metrics run)
    rm -r whole run
}
