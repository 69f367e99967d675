#define _POSIX_C_SOURCE 200809L

#include "train/deadline.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/text.h"
#include "train/signals.h"

static const double RESERVE_PART = 0.02, RESERVE_MIN_S = 1, RESERVE_MAX_S = 60;
enum { ALARM_MAX_S = 100000000 };
static const double LOOK_PAUSE_S = 0.5; /* between looks at what other ranks say */

/* The end of the job as the batch system or its script says, if one does. */
static sh_status look_at_environment(double *left)
{
    static const char *const names[] = {"SHAFT_END_TIME", "SLURM_JOB_END_TIME"};
    *left = INFINITY;
    for (int i = 0; i < 2; i++) {
        const char *text = getenv(names[i]);
        int64_t end;
        if (!text || !*text) continue;
        if (!sh_span_integer(sh_span_of(text), &end)) {
            SH_FAIL(SH_EINPUT, "%s is '%s', not a time in seconds since 1970", names[i], text);
            return sh_error_hint(SH_EINPUT, "%s=$(($(date +%%s) + 3600)) ends in an hour; --time-limit takes precedence", names[i]);
        }
        *left = difftime((time_t)end, time(NULL));
        if (*left > 0)
            sh_log_info("the job ends in %.0f s (%s)", *left, names[i]);
        else
            sh_log_warn("%s is %.0f s ago: the job stops as soon as it has done anything", names[i], -*left);
        return SH_OK;
    }
    return SH_OK;
}

sh_status sh_deadline_begin(sh_comm *comm, double limit, sh_deadline *out)
{
    double left = limit;
    *out = (sh_deadline){.end = INFINITY};
    SH_TRY(sh_comm_agree(comm, comm->rank == 0 && isnan(limit) ? look_at_environment(&left) : SH_OK));
    SH_TRY(sh_comm_bcast(comm, &left, sizeof left, 0));
    out->end = sh_clock_s() + left;
    out->reserve = fmin(fmax(RESERVE_PART * left, RESERVE_MIN_S), RESERVE_MAX_S);
    return SH_OK;
}

sh_status sh_deadline_leave_at_once(sh_comm *comm, double limit)
{
    sh_deadline d;
    SH_TRY(sh_deadline_begin(comm, limit, &d));
    sh_signals_leave_at_once(comm->rank ? NULL
                                        : "stopped, as a rank was asked to or the time limit is near: nothing is written; the same "
                                          "command begins anew\n");
    double left = d.end - sh_clock_s() - d.reserve;
    if (isfinite(left)) alarm(left < 1 ? 1 : left > ALARM_MAX_S ? ALARM_MAX_S : (unsigned)left);
    return SH_OK;
}

void sh_deadline_took(sh_deadline *d, sh_timed what, double seconds)
{
    d->longest[what] = fmax(d->longest[what], seconds);
}

double sh_deadline_margin(const sh_deadline *d)
{
    return d->reserve + 2 * (d->longest[SH_TIMED_STEP] + d->longest[SH_TIMED_CHECKPOINT]);
}

bool sh_deadline_near(const sh_deadline *d)
{
    return d->end - sh_clock_s() < sh_deadline_margin(d);
}

bool sh_deadline_stop(const sh_deadline *d)
{
    return sh_signals_caught() || sh_deadline_near(d);
}

bool sh_stop_asked(sh_stop *s)
{
    if (s->asked) return true;
    if (sh_deadline_stop(s->deadline)) {
        sh_counter_add(s->counter, s->which, 1);
        s->asked = true;
    } else if (sh_clock_s() - s->looked > LOOK_PAUSE_S) {
        s->asked = sh_counter_add(s->counter, s->which, 0) > 0;
        s->looked = sh_clock_s();
    }
    return s->asked;
}

const char *sh_deadline_reason(const sh_deadline *d)
{
    return sh_deadline_near(d) ? "the time limit is near" : "a rank was asked to stop";
}
