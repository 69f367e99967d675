/* dist_wrapped.c -- log-density of a position on the torus, one row an item; rows without free parameters give 0. */
#include "args.h"
#include "dist.h"

SH_BODY void dist_wrapped_body(int64_t r, const sh_dist_wrapped_args *a)
{
    int64_t width = 1 + (int64_t)a->n * SH_WRAPPED_STRIDE;
    a->log_prob[r] = a->dim[r] ? (sh_real)sh_wrapped_log_prob(a->raw + r * width, a->n, a->dim[r], a->x + 3 * r, NULL) : 0;
}
SH_KERNEL_ROWS(dist_wrapped, sh_dist_wrapped_args)

SH_BODY void dist_wrapped_grad_body(int64_t r, const sh_dist_wrapped_args *a)
{
    if (!a->dim[r]) return;
    int64_t width = 1 + (int64_t)a->n * SH_WRAPPED_STRIDE;
    double grad[1 + SH_DIST_MAX_MIXTURE * SH_WRAPPED_STRIDE];
    sh_wrapped_log_prob(a->raw + r * width, a->n, a->dim[r], a->x + 3 * r, grad);
    for (int64_t k = 0; k < width; k++)
        a->grad_raw[r * width + k] += (sh_real)((double)a->grad_log_prob[r] * grad[k]);
}
SH_KERNEL_ROWS(dist_wrapped_grad, sh_dist_wrapped_args)
