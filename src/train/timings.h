/* timings.h -- where the time of a run goes, by part and rank: for `shaft train --timings` and benchmarks/scaling.sh. */
#ifndef SH_TRAIN_TIMINGS_H
#define SH_TRAIN_TIMINGS_H

#include "comm/comm.h"

typedef enum {
    SH_PART_COORDINATE, /* rank 0: what workers told is taken in, and they are told what came into the replay */
    SH_PART_WAIT_RANK0, /* a worker waits for that */
    SH_PART_REPLAY,     /* drawn from it */
    SH_PART_SAMPLE,     /* fresh trajectories */
    SH_PART_REWARD,     /* their crystals and rewards */
    SH_PART_TELL,       /* what rank 0 is to know of them */
    SH_PART_GRADIENT,   /* passes forward and backward */
    SH_PART_WAIT_WORKERS, /* until the slowest has come as far */
    SH_PART_SUM,        /* of the gradients */
    SH_PART_ADAM,       /* the step of the optimizer, and records kept for the samples */
    SH_PART_WAIT_FINDINGS, /* rank 0 waits for what workers tell */
    SH_PART_FILES,      /* samples and state handed over, and the last ones waited for */
    SH_N_PART
} sh_part;

typedef struct {
    int64_t iterations, structures; /* fresh ones, on all workers together */
    double at, seconds[SH_N_PART];  /* s, since the first iteration ended, which is not counted */
    const char *backend;            /* this rank's, by its name; borrowed */
    int64_t gradient_bytes;         /* that workers add up in an iteration */
} sh_timings;

/* An iteration ended, or the run begins. */
void sh_timings_iteration(sh_timings *t, int64_t structures);
/* What has passed since the last mark was this part. */
void sh_timings_mark(sh_timings *t, sh_part part);
/* Of what has passed since the last mark, `seconds` were another part. */
void sh_timings_move(sh_timings *t, sh_part from, sh_part to, double seconds);

/* Collective: rank 0 writes a table, a row a rank, and warns of workers that took several times as long as the others for what they do
 * by themselves. */
sh_status sh_timings_write(const sh_timings *t, sh_comm *comm, const char *path);

#endif
