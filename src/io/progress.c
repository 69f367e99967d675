#define _POSIX_C_SOURCE 200809L

#include "io/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

static const double LIVE_PAUSE_S = 0.2, LOG_PAUSE_S = 10, LOG_PAUSE_MAX_S = 60;

void sh_progress_begin(sh_progress *p, const char *what, const char *unit, int64_t first, int64_t total, double per_step,
                       bool quiet)
{
    *p = (sh_progress){.what = what,
                       .unit = unit,
                       .first = first,
                       .total = total,
                       .per_step = per_step,
                       .started = sh_clock_s(),
                       .shown = sh_clock_s(),
                       .terminal = isatty(STDERR_FILENO),
                       .quiet = quiet};
    p->pause = p->terminal ? LIVE_PAUSE_S : LOG_PAUSE_S;
}

static void duration(double seconds, char text[16])
{
    int64_t s = (int64_t)(seconds + 0.5);
    if (s < 3600)
        snprintf(text, 16, "%d:%02d", (int)(s / 60), (int)(s % 60));
    else
        snprintf(text, 16, "%d:%02d:%02d", (int)(s / 3600 % 10000), (int)(s / 60 % 60), (int)(s % 60));
}

static void show(const sh_progress *p, int64_t done, const char *words)
{
    double spent = sh_clock_s() - p->started, steps = (double)(done - p->first);
    double rate = spent > 0 ? steps / spent : 0;
    char left[16] = "?";
    if (rate > 0) duration((double)(p->total - done) / rate, left);
    rate *= p->per_step;
    fprintf(stderr, "%s%s %lld/%lld  %.*f %s/s  ETA %s%s%s%s", p->terminal ? "\r\033[K" : "", p->what, (long long)done,
            (long long)p->total, rate < 10 ? 1 : 0, rate, p->unit, left, words ? "  " : "", words ? words : "",
            p->terminal ? "" : "\n");
    fflush(stderr);
}

void sh_progress_update(sh_progress *p, int64_t done, const char *words)
{
    double time = sh_clock_s();
    if (p->quiet || time - p->shown < p->pause) return;
    p->shown = time;
    if (!p->terminal && p->pause < LOG_PAUSE_MAX_S) p->pause += 5;
    show(p, done, words);
}

void sh_progress_end(sh_progress *p, int64_t done, const char *words)
{
    if (p->quiet) return;
    show(p, done, words);
    if (p->terminal) fputc('\n', stderr);
}
