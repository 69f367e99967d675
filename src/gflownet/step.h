/* step.h -- one training step of a rank: values and gradient of trajectory balance on fresh and replayed records. The
 * reward was computed before; the reduction over ranks and Adam come after. */
#ifndef SH_GFLOWNET_STEP_H
#define SH_GFLOWNET_STEP_H

#include "backend/sizes.h"
#include "gflownet/objective.h"

/* Sums over the records of this rank; add them up over ranks. */
typedef struct {
    double square_fresh, square_replay; /* sum of squared residuals */
    double n_fresh, n_replay;
    double weight, n_weight; /* sum and number of exp(-residual) over fresh trajectories that did not explore: their mean
                                times exp(log Z) is an unbiased estimate of Z */
} sh_step_sums;

enum { SH_STEP_SUMS = sizeof(sh_step_sums) / sizeof(double) };

/* A batch, or its part that one shard has. */
typedef struct {
    sh_records *fresh; /* log_pf and log_pb are filled in */
    const double *target_fresh; /* (n fresh) beta log R */
    const sh_records *replay;
    const double *target_replay;
    double n_total;     /* records of the whole batch */
    bool explored;      /* the odd ones were drawn from another distribution */
    const double *mean; /* VarGrad: sh_train_mean over the whole batch; NULL: this is the whole */
    int64_t slice;      /* trajectories on one tape; 0: as suits the back-end */
    void (*before_last)(void *context); /* the gradient of all slices but the last is complete; NULL: nobody wants to know */
    void *context;
    sh_sizes *sizes;    /* of these passes, one part; NULL: sizes are waited for */
} sh_step_batch;

/* Trajectories on one tape: enough to fill long loops (more were no faster on the CPU), and what a step needs does not grow with its
 * batch. A back-end with memory of its own wants longer ones; they take a good megabyte a trajectory there. */
enum { SH_STEP_SLICE = 512, SH_STEP_SLICE_THERE = 8192 };

/* Trajectories on one tape of this batch. */
int64_t sh_step_slice(const sh_step_batch *batch, const sh_backend *be);

/* Adds the gradient of the objective over n_total to the parameters' gradients. */
void sh_train_step(const sh_policy *policy, const sh_backend *be, const sh_step_batch *batch, sh_arena *arena, sh_step_sums *sums);

/* What a pass says of each record, fresh and then replayed; the host's. */
typedef struct {
    int64_t n;
    double *log_pf, *log_pb, *residual; /* (n) */
} sh_step_values;

/* Of the batch's records, on the arena. No gradients. */
void sh_step_values_of(const sh_policy *policy, const sh_backend *be, const sh_step_batch *batch, sh_arena *arena, sh_step_values *out);

/* Sum of log P_F - log P_B - target over the batch's records and their number: what VarGrad's mean is of. No gradients. */
void sh_train_mean(const sh_policy *policy, const sh_backend *be, const sh_step_batch *batch, sh_arena *arena, double sum[2]);

#endif
