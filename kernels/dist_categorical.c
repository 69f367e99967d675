/* dist_categorical.c -- log of a masked softmax at the choice, one row an item. choice -1: the row has no density, 0. */
#include "args.h"
#include "kernel.h"

SH_BODY double masked_log_sum(const sh_real *logits, const uint8_t *mask, int64_t n)
{
    double top = -1e300, sum = 0;
    for (int64_t k = 0; k < n; k++)
        if ((!mask || mask[k]) && (double)logits[k] > top) top = (double)logits[k];
    for (int64_t k = 0; k < n; k++)
        if (!mask || mask[k]) sum += exp((double)logits[k] - top);
    return top + log(sum);
}

SH_BODY void dist_categorical_body(int64_t r, const sh_dist_categorical_args *a)
{
    if (a->choice[r] < 0) {
        a->log_prob[r] = 0;
        return;
    }
    const sh_real *logits = a->logits + r * a->n;
    const uint8_t *mask = a->mask ? a->mask + r * a->mask_stride : NULL;
    a->log_prob[r] = (sh_real)((double)logits[a->choice[r]] - masked_log_sum(logits, mask, a->n));
}
SH_KERNEL_ROWS(dist_categorical, sh_dist_categorical_args)

/* grad_logits_k += g (1[k = choice] - p_k) over the allowed k. */
SH_BODY void dist_categorical_grad_body(int64_t r, const sh_dist_categorical_args *a)
{
    if (a->choice[r] < 0) return;
    const sh_real *logits = a->logits + r * a->n;
    const uint8_t *mask = a->mask ? a->mask + r * a->mask_stride : NULL;
    double total = masked_log_sum(logits, mask, a->n), g = (double)a->grad_log_prob[r];
    for (int64_t k = 0; k < a->n; k++)
        if (!mask || mask[k])
            a->grad_logits[r * a->n + k] +=
                (sh_real)(g * ((k == a->choice[r] ? 1.0 : 0.0) - exp((double)logits[k] - total)));
}
SH_KERNEL_ROWS(dist_categorical_grad, sh_dist_categorical_args)
