/* dist_ops.h -- differentiable log-probabilities of the policy's choices. */
#ifndef SH_GFLOWNET_DIST_OPS_H
#define SH_GFLOWNET_DIST_OPS_H

#include "tensor/tape.h"

/* (R,1): log softmax of logits (R,n) over the allowed ones, at choice (R); 0 where the choice is -1. mask (R,n), one row
 * for all rows (mask_stride 0), or NULL. Arrays are borrowed until the backward pass. */
sh_tensor *sh_log_prob_categorical(sh_tape *tape, const sh_tensor *logits, const uint8_t *mask, int64_t mask_stride,
                                   const int32_t *choice);

/* (R,1): log-density in u of lattice parameters, raw (R,3n), y = logit u (R); 0 where not active. kernels/dist.h. */
sh_tensor *sh_log_prob_logit_normal(sh_tape *tape, const sh_tensor *raw, const double *y, const uint8_t *active);

/* (R,1): log-density of positions on the torus, x (R,3) of which the first dim (R) are free, raw (R,1+10n); 0 where dim is 0.
 * kernels/dist.h. */
sh_tensor *sh_log_prob_wrapped(sh_tape *tape, const sh_tensor *raw, const double *x, const uint8_t *dim);

/* (A+B, C): the rows of a, then those of b. */
sh_tensor *sh_concat_rows(sh_tape *tape, const sh_tensor *a, const sh_tensor *b);

#endif
