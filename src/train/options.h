/* options.h -- how a run trains and what it keeps. Filled by the configuration, read by train and its commands. */
#ifndef SH_TRAIN_OPTIONS_H
#define SH_TRAIN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { SH_PATH_SIZE = 1024 };

typedef struct {
    int64_t iterations;
    int64_t batch;         /* fresh trajectories an iteration, on all workers together */
    double lr, lr_log_z;   /* of Adam */
    double log_z;          /* value log Z starts from */
    double clip;           /* largest norm of the gradient; 0: not clipped */
    double explore_epsilon;/* share of the uniform choice at the start */
    double explore_widen;  /* factor on continuous widths at the start, >= 1 */
    int64_t explore_decay; /* iterations over which both fall linearly to none; 0: none at all */
    int64_t replay_capacity;
    int64_t replay_batch;  /* replayed trajectories an iteration, on top of the fresh ones */
    double replay_uniform; /* share of the draws that is uniform over the buffer */
} sh_train_options;

typedef enum { SH_COORDINATOR_AUTO, SH_COORDINATOR_DEDICATED, SH_COORDINATOR_SHARED } sh_coordinator;

typedef struct {
    int64_t seed;
    int64_t checkpoint_every; /* iterations */
    int64_t keep_checkpoints;
    int64_t log_every;        /* iterations */
    sh_coordinator coordinator;
    bool save_samples;
    char directory[SH_PATH_SIZE];
} sh_run_options;

#endif
