/* balance.h -- the objectives, from the log-probabilities of single transitions.
 *
 * A trajectory s_0 ... s_n -> x has n + 1 transitions, the last to the finished crystal. With r_t = log P_F - log P_B of
 * transition t, c_j the sum of the r_t before j, and T = beta log R:
 *
 *   TB (Malkin et al., arXiv 2201.13259)          scale sum_i (log Z + c_(n+1) - T)^2
 *   VarGrad (Richter et al., arXiv 2010.10436)    scale sum_i (c_(n+1) - T - mean of that over the batch)^2; log Z follows by TB
 *     (of a batch in parts the mean is that of all: it is given)
 *   SubTB(lambda) (Madan et al., arXiv 2209.12782) scale sum_i sum_(j<k) l_(k-j) (F_j + c_k - c_j - F_k)^2, weights
 *                                                  l_d ~ lambda^d of sum 1, F_0 = log Z, F_(n+1) = T, the others learned
 *
 * All added up in double, in the order of trajectories. */
#ifndef SH_GFLOWNET_BALANCE_H
#define SH_GFLOWNET_BALANCE_H

#include "gflownet/options.h"
#include "tensor/tape.h"

/* Log-probabilities (R,1), each added to the forward or to the backward side of a transition. */
typedef struct {
    const sh_tensor *log_p;
    const int32_t *row; /* (T) of a transition, each once; -1: it has none */
    bool backward;
} sh_balance_part;

/* Arrays are there. */
typedef struct {
    sh_objective_kind kind;
    double lambda, scale;
    int64_t n, n_transition; /* trajectories, T */
    const int64_t *start;    /* (n+1) their transitions, in order */
    const double *log_pb;    /* (T) what is known of log P_B: the order of the sites */
    const double *target;    /* (n) */
    int n_part;
    sh_balance_part part[SH_MAX_PARTS];
    const sh_tensor *log_z;  /* (1,1) */
    const sh_tensor *flow;   /* (F,1), SubTB alone */
    const int32_t *flow_row; /* (T) row of F of the state a transition starts from; that of s_0 is log Z and not read */
} sh_balance_args;

/* Per trajectory, (n) each, there. residual: log Z + log P_F - T - log P_B, whatever the objective. mean: VarGrad's, the host's, where
 * these trajectories are part of a batch; NULL: their own. */
typedef struct {
    double *log_pf, *log_pb, *residual;
    const double *mean;
} sh_balance;

/* The loss (1,1). */
sh_tensor *sh_balance_loss(sh_tape *tape, const sh_balance_args *args, const sh_balance *out);

#endif
