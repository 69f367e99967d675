/* deadline.h -- when a program has to leave because its job ends, and whether that is near.
 *
 * The end of the job is asked for once, at the start; from then on a clock counts that nobody sets. What is left alone before it: twice
 * the longest step and twice the longest checkpoint so far, and a reserve for what nobody has measured - the first checkpoint, a busy
 * file system, the end of MPI: a fiftieth of the time there is, at least 1 s and at most 60 s. */
#ifndef SH_TRAIN_DEADLINE_H
#define SH_TRAIN_DEADLINE_H

#include "comm/counter.h"

typedef enum { SH_TIMED_STEP, SH_TIMED_CHECKPOINT, SH_N_TIMED } sh_timed;

typedef struct {
    double end;                 /* of the job, on sh_clock_s; infinite: none */
    double reserve;             /* s */
    double longest[SH_N_TIMED]; /* s */
} sh_deadline;

/* What --time-limit takes: infinite for `none`, NAN where it was not given. */
#define SH_TIME_LIMIT_HELP                                                                                                           \
    "  --time-limit T      stops in time before T has passed since the start: 3600, 90m, 1h30m or 1:30:00. Without it the end of the\n" \
    "                      job counts, in seconds since 1970, as $SHAFT_END_TIME or $SLURM_JOB_END_TIME has it; `none`: nothing does\n"

/* Collective. limit in s from now; where it is NAN rank 0 looks at the environment. SH_EINPUT where what it finds is no time. */
sh_status sh_deadline_begin(sh_comm *comm, double limit, sh_deadline *out);

/* For a command that has nothing to save on its way: from now on SIGTERM, SIGUSR1 and the end of the job, less a reserve, end it at
 * once, with the code of SH_ESTOP. Collective. */
sh_status sh_deadline_leave_at_once(sh_comm *comm, double limit);

/* A step or a checkpoint took so long. */
void sh_deadline_took(sh_deadline *deadline, sh_timed what, double seconds);

/* What has to be left when the next step begins, in s. */
double sh_deadline_margin(const sh_deadline *deadline);
bool sh_deadline_near(const sh_deadline *deadline);

/* Whether this rank should stop: a signal came, or the end is near. */
bool sh_deadline_stop(const sh_deadline *deadline);

/* The same of all ranks where these do not meet while they work: they tell each other by a shared counter. */
typedef struct {
    const sh_deadline *deadline;
    sh_counter *counter;
    int which;     /* of the counters: ranks that were asked */
    bool asked;    /* this rank knows that all stop */
    double looked; /* at the counter, on sh_clock_s */
} sh_stop;
bool sh_stop_asked(sh_stop *stop);

/* Why a rank should, in words for the log. */
const char *sh_deadline_reason(const sh_deadline *deadline);

#endif
