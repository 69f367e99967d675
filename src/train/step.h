/* step.h -- one training step of a rank: values and gradient of trajectory balance on fresh and replayed records. The
 * reward was computed before; the reduction over ranks and Adam come after. */
#ifndef SH_TRAIN_STEP_H
#define SH_TRAIN_STEP_H

#include "gflownet/objective.h"

/* Sums over the records of this rank; add them up over ranks. */
typedef struct {
    double square_fresh, square_replay; /* sum of squared residuals */
    double n_fresh, n_replay;
    double weight, n_weight; /* sum and number of exp(-residual) over fresh trajectories that did not explore: their mean
                                times exp(log Z) is an unbiased estimate of Z */
} sh_step_sums;

enum { SH_STEP_SUMS = sizeof(sh_step_sums) / sizeof(double) };

/* Adds the gradient of sum residual^2 / n_total to the parameters' gradients. target_fresh (n fresh), target_replay: beta
 * log R. Fills log_pf, log_pb of the fresh records. */
void sh_train_step(const sh_policy *policy, const sh_backend *be, sh_records *fresh, const double *target_fresh,
                   const sh_records *replay, const double *target_replay, double n_total, bool explored,
                   sh_arena *arena, sh_step_sums *sums);

#endif
