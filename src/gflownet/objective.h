/* objective.h -- the objective (balance.h) over a batch of records, fresh and replayed alike, in one batched pass.
 *
 *     log P_F = sum_t [log(1 - p_stop) + log P(g') + sum_d log p(u_d) + log P(z') + log p(x')] + log p_stop(s_n)
 *     log P_B = -log n! + sum_{t=1}^{n-1} [log P_B(g_t | s_{t+1}, k) + sum_d log p_B(u_t,d | ...)]     (each_step)
 *
 * The policy's own densities of what was chosen, never those of exploration. A step to which only one choice is open has probability 1. */
#ifndef SH_GFLOWNET_OBJECTIVE_H
#define SH_GFLOWNET_OBJECTIVE_H

#include "gflownet/balance.h"
#include "gflownet/policy.h"

/* target (n): beta log R, floored; there, as the records are. Returns the loss (1,1) on the tape. A tape that does not record gives the
 * values only. */
sh_tensor *sh_objective(const sh_policy *policy, sh_tape *tape, const sh_record_list *records, const double *target, double scale,
                        const sh_balance *out);

#endif
