/* dist_logit_normal.c -- log-density of a mixture of logit-Gaussians, one row an item; rows that are not active give 0. */
#include "args.h"
#include "dist.h"

SH_BODY void dist_logit_normal_body(int64_t r, const sh_dist_logit_normal_args *a)
{
    a->log_prob[r] = a->active[r] ? (sh_real)sh_logit_normal_log_prob(a->raw + r * 3 * a->n, a->n, a->y[r], NULL) : 0;
}
SH_KERNEL_ROWS(dist_logit_normal, sh_dist_logit_normal_args)

SH_BODY void dist_logit_normal_grad_body(int64_t r, const sh_dist_logit_normal_args *a)
{
    if (!a->active[r]) return;
    double grad[3 * SH_DIST_MAX_MIXTURE];
    sh_logit_normal_log_prob(a->raw + r * 3 * a->n, a->n, a->y[r], grad);
    for (int32_t k = 0; k < 3 * a->n; k++)
        a->grad_raw[r * 3 * a->n + k] += (sh_real)((double)a->grad_log_prob[r] * grad[k]);
}
SH_KERNEL_ROWS(dist_logit_normal_grad, sh_dist_logit_normal_args)
