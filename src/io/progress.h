/* progress.h -- how far a long command is: done of total, rate, time left, and a few words. On a terminal one live line;
 * elsewhere a line now and then, every ten seconds at first, every minute later. On stderr. */
#ifndef SH_IO_PROGRESS_H
#define SH_IO_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *what, *unit; /* "training", "structures" */
    int64_t first, total;    /* in steps */
    double per_step;         /* units a step, for the rate */
    double started, shown, pause;
    bool terminal, quiet;
} sh_progress;

void sh_progress_begin(sh_progress *p, const char *what, const char *unit, int64_t first, int64_t total, double per_step,
                       bool quiet);
/* done: steps finished; words may be NULL. */
void sh_progress_update(sh_progress *p, int64_t done, const char *words);
void sh_progress_end(sh_progress *p, int64_t done, const char *words); /* always shows, then a new line */

#endif
