# shellcheck shell=bash
# job.sh -- what the scripts of slurm/ and pbs/ and local.sh share: where the program is, when the job ends, how ranks are started, how
# a signal gets to them, and how a job that was stopped in time is submitted again. Sourced by bash; nothing here names a site.
#
# The scripts say SHAFT_BATCH=slurm or pbs, whose job it is; without it there is none.
#
# Variables, all of them optional; set them before `sbatch`, or before `qsub -V`, which hands on the environment:
#   SHAFT_HOME      the folder of these sources; otherwise the folder that the job was submitted from
#   SHAFT           the program; otherwise build/release/shaft in SHAFT_HOME
#   SHAFT_SETUP     a file that is sourced first: `module load ...`, PATH, whatever the program needs on your machine
#   SHAFT_LAUNCHER  srun or mpirun; otherwise srun under Slurm and mpirun elsewhere
#   SHAFT_PMI       how srun and MPI find each other, for srun --mpi= (pmix; `srun --mpi=list` says what there is)
#   SHAFT_LAUNCH    more options of the launcher, such as "--cpu-bind=cores" or "--map-by socket:PE=8"
#   SHAFT_THREADS   threads a rank; otherwise what the job asked for a task, or 1
#   SHAFT_DEVICE    what the scripts for devices give to --device (cuda)
#   SHAFT_RESUBMIT  how many times in a row a job may submit itself again (100); 0: never. It ends in any case where two starts in a row
#                   have left nothing new in the folder of the run
#   SHAFT_QSUB      of PBS: options of qsub for a job that submits itself again, such as "-l walltime=08:00:00"
#   RANKS           of mpirun: how many ranks; otherwise as many as the job has tasks
#   SHAFT_MODELS    where the pretrained weights are, if not in ~/.local/share/shaft/models
# Set here, for shaft:
#   SHAFT_END_TIME  when the job ends, in seconds since 1970: shaft stops in time for a checkpoint, with exit code 85
#   SHAFT_RESTARTS  of PBS: how many jobs in a row submitted this one

readonly SHAFT_STOPPED=85 # exit code of shaft: stopped in time, goes on when it is started again
job_asked=                # set by signals: the job shall end
job_cancelled=            # set by SIGTERM: and somebody does not want it any more
launched=                 # the launcher that is at work

say() { printf '%s  %s\n' "$(date +%FT%T)" "$*"; }

# begin_job: after SHAFT_HOME is known. Everything below works in the folder that the job was submitted from.
begin_job() {
    trap end_launched USR1
    trap 'job_cancelled=1; end_launched' TERM INT HUP
    case ${SHAFT_BATCH:=none} in
    slurm) cd "$SLURM_SUBMIT_DIR" || exit 1 ;;
    pbs) cd "$PBS_O_WORKDIR" || exit 1 ;;
    esac
    # shellcheck disable=SC1090 # the user's own
    [ -z "${SHAFT_SETUP:-}" ] || . "$SHAFT_SETUP"
    export SHAFT=${SHAFT:-$SHAFT_HOME/build/release/shaft}
    export OMP_NUM_THREADS=${SHAFT_THREADS:-${SLURM_CPUS_PER_TASK:-${OMP_NUM_THREADS:-1}}} # PBS sets the last from ompthreads
    export OPENBLAS_NUM_THREADS=$OMP_NUM_THREADS SRUN_CPUS_PER_TASK=$OMP_NUM_THREADS # srun does not take over what sbatch was told
    [ -x "$SHAFT" ] || { say "there is no program '$SHAFT': set SHAFT or SHAFT_HOME"; exit 2; }
    find_end
    [ "$SHAFT_BATCH" = none ] || say "job $(job_name), started $(restarts) times before"
}

# A signal, whatever the job is at: what is at work is told, and nothing else is begun. (mpirun would kill its ranks a second after SIGTERM.)
end_launched() {
    job_asked=1
    [ -z "$launched" ] || kill -USR1 "$launched" 2> /dev/null
}

# Slurm gives one task of an array the number of the whole array.
job_name() {
    case $SHAFT_BATCH in
    slurm) [ -n "${SLURM_ARRAY_JOB_ID:-}" ] && echo "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" || echo "$SLURM_JOB_ID" ;;
    pbs) echo "$PBS_JOBID" ;;
    esac
}

# Seconds since 1970 at which the batch system will end this job; PBS says how long it may take, and it has just begun.
find_end() {
    local end='' length
    unset SHAFT_END_TIME # of another job
    case $SHAFT_BATCH in
    slurm)
        end=$(squeue --noheader --jobs="$(job_name)" --format=%e 2> /dev/null | head -n 1)
        end=$(date -d "${end:-unknown}" +%s 2> /dev/null) || end=''
        ;;
    pbs)
        length=${PBS_WALLTIME:-$(qstat -f "$PBS_JOBID" 2> /dev/null | awk '$1 == "Resource_List.walltime" { print $3 }')}
        [ -z "$length" ] || end=$(($(date +%s) + $(awk -F: '{ for (i = 1; i <= NF; i++) s = 60 * s + $i; print s }' <<< "$length")))
        ;;
    esac
    [ -z "$end" ] || export SHAFT_END_TIME=$end
}

restarts() { [ "$SHAFT_BATCH" = slurm ] && echo "${SLURM_RESTART_COUNT:-0}" || echo "${SHAFT_RESTARTS:-0}"; }

# How many ranks the job has room for.
ranks() {
    if [ -n "${RANKS:-}" ]; then
        echo "$RANKS"
    elif [ "$SHAFT_BATCH" = pbs ]; then
        wc -l < "$PBS_NODEFILE"
    else
        echo "${SLURM_NTASKS:-1}"
    fi
}

launcher() { [ "$SHAFT_BATCH" = slurm ] && echo "${SHAFT_LAUNCHER:-srun}" || echo "${SHAFT_LAUNCHER:-mpirun}"; }

# What mpirun is told: the nodes of a PBS job, where Open MPI was built without its library (there it wants pbs_tmrsh or ssh to get to
# them), and the variables that ranks on other nodes need.
mpirun_options() {
    local name
    if [ "$SHAFT_BATCH" = pbs ] && ! ompi_info 2> /dev/null | grep -q 'plm: tm'; then
        echo --hostfile "$PBS_NODEFILE"
        [ -n "${OMPI_MCA_plm_rsh_agent:-}" ] || ! command -v pbs_tmrsh > /dev/null || echo --mca plm_rsh_agent pbs_tmrsh
    fi
    for name in OMP_NUM_THREADS OPENBLAS_NUM_THREADS SHAFT_MODELS PATH LD_LIBRARY_PATH; do
        [ -z "${!name:-}" ] || echo -x "$name"
    done
}

# The launcher runs in the background, so that this script hears signals, and passes SIGUSR1 on to all ranks. Returns the exit code of
# the ranks: a failure after a signal is a failure. Only what SIGUSR1 itself has ended, before shaft could catch it, counts as stopped.
watched() {
    local code
    [ -z "$job_asked" ] || return $SHAFT_STOPPED
    [ "$SHAFT_BATCH" != none ] || set -- setsid "$@" # Ctrl-C is for this script: mpirun would end at once
    "$@" < /dev/null &
    launched=$!
    [ -z "$job_asked" ] || end_launched # just now
    while kill -0 "$launched" 2> /dev/null; do # a signal ends `wait` early
        wait "$launched" || true
    done
    wait "$launched" && code=0 || code=$?
    launched=
    [ -z "$job_asked" ] || [ "$code" != $((128 + $(kill -l USR1))) ] || code=$SHAFT_STOPPED
    return "$code"
}

# on_ranks COMMAND...: all ranks of the job. --kill-on-bad-exit=0: a rank that stops with code 85 shall not have the others killed on
# their way out; one that dies has all of them ended by PMIx all the same.
on_ranks() {
    # shellcheck disable=SC2046,SC2086 # lists of words
    case $(launcher) in
    srun) watched srun --mpi="${SHAFT_PMI:-pmix}" --kill-on-bad-exit=0 ${SHAFT_LAUNCH:-} "$@" ;;
    *) watched mpirun -n "$(ranks)" $(mpirun_options) ${SHAFT_LAUNCH:-} "$@" ;;
    esac
}

# on_one COMMAND...: what one process does.
on_one() {
    # shellcheck disable=SC2046 # a list of words
    case $(launcher) in
    srun) watched srun --mpi="${SHAFT_PMI:-pmix}" --nodes=1 --ntasks=1 "$@" ;;
    *) watched mpirun -n 1 $(mpirun_options) "$@" ;;
    esac
}

# end_job CODE: submits the job again where shaft was stopped in time, and ends. Under Slurm it is the same job that is queued again.
# An owner may not requeue a running job of PBS: there the script SHAFT_SCRIPT is submitted as a new job, with the variables of this one
# and the directives in its file, not with those that were given to qsub.
end_job() {
    local code=$1
    say "exit code $code"
    [ "$code" = $SHAFT_STOPPED ] || exit "$code"
    if [ -n "$job_cancelled" ] || ! job_runs; then
        say "cancelled: not submitted again; the same command goes on from the checkpoint"
    elif [ "$(restarts)" -ge "${SHAFT_RESUBMIT:-100}" ]; then
        say "started $(restarts) times before: not submitted again (SHAFT_RESUBMIT)"
    elif stands_still; then
        say "nothing new in $run_folder since two starts: not submitted again; give the job more time, or see above what takes it"
    elif [ "$SHAFT_BATCH" = pbs ]; then
        submit_again
    elif [ "$SHAFT_BATCH" = slurm ]; then
        say "queued again"
        scontrol requeue "$(job_name)"
    fi
    exit "$code"
}

# The folder of the run, as options or the file of a configuration say; a guess, where that builds upon another file.
run_directory() { # CONFIG OPTIONS...
    local option found
    found=$(sed -n "s/^[^#]*\bdirectory: *[\"']\{0,1\}\([^\"',}# ]*\).*/\1/p" "$1" 2> /dev/null | head -n 1)
    for option in "$@"; do
        case $option in run.directory=*) found=${option#*=} ;; esac
    done
    case $found in '' | auto) found=runs/$(basename "$1" .yaml) ;; esac
    echo "$found"
}

# Whether this start and the one before have left nothing new in the folder of the run. A journal without a row is nothing.
stands_still() {
    local now before='' still=0
    [ -d "${run_folder:-}" ] || return 1
    now=$(find "$run_folder" "${CRYSTALS:-$run_folder}" -type f ! -name '*.part' ! -name lock ! -name scores.csv ! -name .stops \
        ! \( -name '*.rows' -size -80c \) -printf '%p %s\n' 2> /dev/null | sort | sha256sum)
    [ "$(restarts)" = 0 ] || read -r before still 2> /dev/null < "$run_folder/.stops" || true
    [ "$before" = "${now%% *}" ] && still=$((${still:-0} + 1)) || still=0
    echo "${now%% *} $still" 2> /dev/null > "$run_folder/.stops" || true
    [ "$still" -ge 2 ]
}

# Whether the batch system has it among those that run, as far as it says: ranks of a cancelled job may hear of it before this script.
job_runs() {
    local state
    case $SHAFT_BATCH in
    slurm) state=$(squeue --noheader --jobs="$(job_name)" --format=%t 2> /dev/null | head -n 1) ;;
    pbs) state=$(qstat -f "$PBS_JOBID" 2> /dev/null | awk '$1 == "job_state" { print $3 }') ;;
    esac
    [ "${state:-R}" = R ]
}

submit_again() {
    local number
    export SHAFT_RESTARTS=$(($(restarts) + 1))
    # shellcheck disable=SC2086 # SHAFT_QSUB: a list of words
    if number=$(qsub -V ${SHAFT_QSUB:-} "$SHAFT_SCRIPT"); then
        say "submitted again as $number"
    else
        say "qsub failed here, as where nodes may not submit: nothing was submitted again. Submit the same job by hand, it goes on"
    fi
}

# train_job CONFIG OPTIONS...: the whole of a job that trains.
train_job() {
    local code=0
    begin_job
    run_folder=$(run_directory "$@")
    on_ranks "$SHAFT" train "$@" --resume || code=$?
    end_job "$code"
}

readonly other_folder="set CRYSTALS to another folder, or remove samples.h5, top, relaxed.h5, relaxed and settings from this one"

# crystals_job CONFIG OPTIONS...: from a configuration to crystals: trains, draws SAMPLES, takes the TOP best distinct ones, relaxes them,
# and ranks them by the reward they have then. In the folder CRYSTALS, otherwise RUN: samples.h5, top/, relaxed.h5, relaxed/, scores.csv,
# figures.json, and ranked/ with the CIFs, the best first. The job may end in any of its parts: the next one goes on in it. What is there is
# of one policy and one set of numbers; with others the job is refused, rather than to mix them.
crystals_job() {
    local code=0 config=$1 settings
    begin_job
    RUN=${RUN:-runs/$(basename "$config" .yaml)}
    CRYSTALS=${CRYSTALS:-$RUN} run_folder=$RUN
    settings="SAMPLES=${SAMPLES:-10000} TOP=${TOP:-100} MODEL=${MODEL:-m3gnet-efs}"
    part() { [ "$code" != 0 ] || "$@" || code=$?; }
    if [ -e "$CRYSTALS/settings" ] && [ "$(cat "$CRYSTALS/settings")" != "$settings" ]; then
        say "the crystals in $CRYSTALS are of $(cat "$CRYSTALS/settings"), not of $settings: $other_folder"
        end_job 2
    fi
    part on_ranks "$SHAFT" train "$@" --set "run.directory=$RUN" --resume
    part mkdir -p "$CRYSTALS"
    part note_settings
    part on_ranks "$SHAFT" sample "$RUN" -n "${SAMPLES:-10000}" -o "$CRYSTALS/samples.h5"
    [ "$code" != 2 ] || say "if samples are there of the run as it was before: $other_folder"
    [ -e "$CRYSTALS/top/summary.csv" ] || part on_one "$SHAFT" export "$CRYSTALS/samples.h5" --top "${TOP:-100}" -o "$CRYSTALS/top" --overwrite
    part on_ranks "$SHAFT" relax "$CRYSTALS/top" -o "$CRYSTALS/relaxed.h5" --cif "$CRYSTALS/relaxed" --model "${MODEL:-m3gnet-efs}"
    part on_ranks "$SHAFT" evaluate "$CRYSTALS/relaxed.h5" --model "${MODEL:-m3gnet-efs}" -o "$CRYSTALS/figures.json" --overwrite
    part score_crystals
    part rank_crystals
    end_job "$code"
}
note_settings() { echo "$settings" > "$CRYSTALS/settings"; }

# Rewards and rows of relaxed.h5, the best first.
by_reward() {
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        $at["reward"] != "" { print $at["reward"], $at["index"] }' "$CRYSTALS/scores.csv" | sort -k1,1gr -k2,2n
}

# Of what could not be relaxed there is a record with the reason, and code 2; but where there is nothing else, something is wrong.
score_crystals() {
    local code=0
    on_one "$SHAFT" score "$CRYSTALS/relaxed.h5" --config "$RUN/config.yaml" --format csv --quiet > "$CRYSTALS/scores.csv" || code=$?
    [ "$code" != 2 ] || [ -z "$(by_reward)" ] || code=0
    return "$code"
}

# Relaxed crystals by reward: ranked/001_NaCl_225.cif and so on. Names in relaxed/ begin with the row of relaxed.h5, as scores.csv has it.
rank_crystals() {
    local index place=0 file
    rm -rf "$CRYSTALS/ranked" && mkdir "$CRYSTALS/ranked" || return
    while read -r _ index; do
        for file in "$CRYSTALS/relaxed/$(printf %06d "$index")"_*.cif; do
            [ -e "$file" ] || continue
            place=$((place + 1))
            cp "$file" "$CRYSTALS/ranked/$(printf %03d $place)_${file##*/??????_}" || return
        done
    done < <(by_reward)
    say "$place crystals in $CRYSTALS/ranked, the best first"
}
