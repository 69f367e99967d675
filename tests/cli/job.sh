#!/bin/bash
# jobscripts/job.sh without a batch system: what a job does about each end of its program, which a script plays here, and the batch
# system's commands too. Then the crystals' job with the program itself: what is there of another policy or other numbers is not mixed.
set -eu
shaft=$1 source=$2
# shellcheck source=tests/tools/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/expect.sh"
# shellcheck source=tests/tools/runs.sh
. "$source/tests/tools/runs.sh"

mkdir bin
cat > bin/srun << 'END'
#!/bin/bash
while [[ $1 == --* ]]; do shift; done
exec "$@"
END
cat > bin/scontrol << 'END'
#!/bin/bash
echo "$@" >> scontrol.txt
END
printf '#!/bin/bash\nexit 1\n' > bin/squeue # says nothing
cat > bin/played << 'END'
#!/bin/bash
eval "$PLAYED"
END
chmod +x bin/*
configuration 10

# job PLAYED: the job of a run whose program does that; started `restarts` times before
job() {
    rm -f scontrol.txt ready
    env PATH="$PWD/bin:$PATH" SHAFT="$PWD/bin/played" SHAFT_HOME="$source" SLURM_SUBMIT_DIR="$PWD" SLURM_JOB_ID=7 \
        SLURM_RESTART_COUNT="${restarts:-0}" PLAYED="$1" bash "$source/jobscripts/slurm/cpu.sh" run.yaml
}
not_queued() { [ ! -e scontrol.txt ]; }
queued_again() { [ "$(cat scontrol.txt 2> /dev/null)" = "requeue 7" ]; }

# asked CODE TEXT PLAYED: SIGUSR1 to the job, once its program says that it is ready
asked() {
    local code=0 pid
    rm -f ready
    job "$3" > out.txt 2>&1 &
    pid=$!
    await 60 test -e ready
    kill -USR1 "$(pgrep -P $pid || echo $pid)"
    wait $pid || code=$?
    if [ $code != "$1" ] || ! grep -q "$2" out.txt; then cat out.txt; exit 1; fi
}
waits='touch ready; while :; do sleep 0.02; done'

expect 0 "exit code 0" job 'exit 0'
not_queued
expect 1 "exit code 1" job 'exit 1'
not_queued
expect 85 "queued again" job 'exit 85'
queued_again
SHAFT_RESUBMIT=0 expect 85 "not submitted again (SHAFT_RESUBMIT)" job 'exit 85'
not_queued
asked 85 "queued again" "trap 'exit 85' USR1; $waits"
queued_again
asked 1 "exit code 1" "trap 'exit 1' USR1; $waits" # the disk was full when it wrote its last checkpoint
not_queued
asked 0 "exit code 0" "trap 'exit 0' USR1; $waits"
not_queued
asked 85 "queued again" "$waits" # it did not get as far as to catch it
queued_again

# A signal while nothing is at work: what would be next is not begun. What hears it late is heard to its end.
SHAFT_SETUP=$PWD/early.sh
echo 'kill -USR1 $$' > early.sh
export SHAFT_SETUP
expect 85 "queued again" job 'touch ran; exit 0'
[ ! -e ran ]
unset SHAFT_SETUP
for _ in {1..5}; do asked 3 "exit code 3" "trap 'exit 3' USR1; $waits"; done

# A job that gets nowhere: the first start is there to compare with, the two after it end it. Something new begins the count again.
mkdir -p run/checkpoints run/a.journal
# shellcheck disable=SC2016 # for the played program
nowhere='echo x >> run/lock; printf %079d 0 > run/a.journal/$RANDOM$RANDOM.rows; exit 85'
for restarts in 0 1; do
    expect 85 "queued again" job "$nowhere"
done
restarts=2 expect 85 "queued again" job 'echo row >> run/metrics.csv; exit 85'
restarts=3 expect 85 "queued again" job "$nowhere"
restarts=4 expect 85 "nothing new in run since two starts: not submitted again" job "$nowhere"
not_queued
restarts=0 expect 85 "queued again" job "$nowhere" # submitted by hand: another try
restarts=1 expect 85 "queued again" job "$nowhere"
restarts=2 expect 85 "nothing new in run since two starts" job "$nowhere"
rm -r run

# ---- crystals ----

# shellcheck disable=SC2016 # for the shell that sources it
crystals() {
    env SHAFT="$shaft" SHAFT_HOME="$source" SHAFT_BATCH=none RANKS=2 RUN=run SAMPLES="${samples:-60}" TOP=3 MODEL=lennard-jones \
        bash -uc '. "$SHAFT_HOME/jobscripts/job.sh"; crystals_job run.yaml "$@"' crystals "$@"
}
# its time is over, the same job goes on
SHAFT_SETUP=$PWD/limited.sh
echo 'find_end() { export SHAFT_END_TIME=1; }' > limited.sh
export SHAFT_SETUP
expect 85 "as the time limit is near; go on with --resume" crystals
unset SHAFT_SETUP
expect 0 "in run/ranked, the best first" crystals
[ -s "$(compgen -G 'run/ranked/001_*.cif')" ] && [ -s run/figures.json ] && [ ! -e run/samples.h5.journal ]
before=$(md5sum run/samples.h5 run/relaxed.h5)
expect 0 "'run/samples.h5' is complete: nothing was left to do" crystals
[ "$before" = "$(md5sum run/samples.h5 run/relaxed.h5)" ]
samples=61 expect 2 "the crystals in run are of SAMPLES=60 TOP=3 MODEL=lennard-jones, not of SAMPLES=61" crystals
configuration 12 # trained further: another policy
expect 2 "is not what this command makes: 60 crystals, seed 0, of checkpoint 000010" crystals
grep -q "set CRYSTALS to another folder, or remove samples.h5" out.txt
[ "$before" = "$(md5sum run/samples.h5 run/relaxed.h5)" ]
CRYSTALS=second expect 0 "in second/ranked, the best first" crystals

# What fails in score is no success, whether it has written a header or not.
cat > bin/score-fails << 'END'
#!/bin/bash
case $1 in
score) [ -z "${HEADER:-}" ] || echo index,reward; echo 'bad input' >&2; exit 2 ;;
esac
END
chmod +x bin/score-fails
for HEADER in '' 1; do
    export HEADER
    CRYSTALS=third shaft=$PWD/bin/score-fails expect 2 "exit code 2" crystals
    [ ! -e third/ranked ]
done
