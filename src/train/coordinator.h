/* coordinator.h -- what rank 0 knows of a run: replay, kinds of crystals found, counters, and the metrics file.
 *
 * What workers tell of iteration i (findings.h) is taken in during iteration i + 1, when it has arrived without anyone having waited.
 * Every worker has the replay too, and draws from it itself: rank 0 sends it what came in, and the replay of iteration i + 1 is drawn
 * from the records up to i - 1. At a checkpoint what was told of the last iteration is kept as it came, so that a resumed run is given
 * exactly what an uninterrupted one would be. */
#ifndef SH_TRAIN_COORDINATOR_H
#define SH_TRAIN_COORDINATOR_H

#include <stdio.h>

#include "io/config.h"
#include "train/findings.h"
#include "gflownet/step.h"

/* What the workers agree on at the end of an iteration, from the first of them. */
typedef struct {
    sh_step_sums sums;
    double norm, log_z, epsilon;
    double stop; /* a rank was asked to stop, or cannot write */
    double idle; /* shards of workers with nothing left to write */
} sh_report;
/* A checkpoint keeps all but the last, which is about files and not the state. */
enum { SH_REPORT_NUMBERS = sizeof(sh_report) / sizeof(double), SH_REPORT_KEPT = SH_REPORT_NUMBERS - 1 };

typedef struct {
    sh_replay *replay;
    sh_records came_in;      /* with what was last taken in */
    sh_heard pending;        /* of the iteration last finished, not yet taken in */
    sh_report pending_report;
    bool has_pending;
    sh_number_set modes;     /* reduced compositions of unique modes */
    int64_t n_visited;       /* trajectories taken in */
    double best_reward;
    FILE *metrics;
    int metrics_error;       /* errno of the first row that could not be written, or 0 */
    double last_row;         /* when the last row was written, s */
    char line[256];          /* about that row, for the console: aligned, empty before the first */
} sh_coordinator_state;

void sh_coordinator_create(const sh_config *config, sh_coordinator_state *c);
void sh_coordinator_destroy(sh_coordinator_state *c);

/* Opens RUN/metrics.csv: new with its header, or, with `iterations` >= 0, cut back to the rows of so many. Where some of
 * them are missing a warning says so: nothing depends on them. */
sh_status sh_coordinator_open_metrics(sh_coordinator_state *c, const char *directory, int64_t iterations);

/* Takes the pending findings in and writes the row of `iteration`, the one they are of. */
void sh_coordinator_absorb(sh_coordinator_state *c, int64_t iteration);

/* Whether all rows so far are written. */
sh_status sh_coordinator_metrics(sh_coordinator_state *c);

#endif
