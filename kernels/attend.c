/* attend.c -- set2set's attention, forward and backward, one crystal an item. */
#include "args.h"
#include "kernel.h"

SH_BODY void attend_body(int64_t i, const sh_attend_args *a)
{
    const sh_real *q = a->q + i * a->d;
    sh_real *r = a->r + i * a->d, top = 0, sum = 0;
    for (int64_t c = 0; c < a->d; c++)
        r[c] = 0;
    for (int64_t j = a->start[i]; j < a->start[i + 1]; j++) {
        sh_real dot = 0;
        for (int64_t c = 0; c < a->d; c++)
            dot += q[c] * a->x[j * a->d + c];
        a->w[j] = dot;
        if (j == a->start[i] || dot > top) top = dot;
    }
    for (int64_t j = a->start[i]; j < a->start[i + 1]; j++)
        sum += a->w[j] = a->m[j] * sh_exp(a->w[j] - top);
    for (int64_t j = a->start[i]; j < a->start[i + 1]; j++) {
        a->w[j] /= sum;
        for (int64_t c = 0; c < a->d; c++)
            r[c] += a->w[j] * a->x[j * a->d + c];
    }
}
SH_KERNEL_ROWS(attend, sh_attend_args)

/* With b_j = grad_r . x_j: d/d(q.x_j) = w_j (b_j - sum_k w_k b_k). */
SH_BODY void attend_grad_body(int64_t i, const sh_attend_grad_args *a)
{
    const sh_real *q = a->q + i * a->d, *grad_r = a->grad_r + i * a->d;
    sh_real mean = 0;
    for (int64_t c = 0; c < a->d; c++)
        mean += grad_r[c] * a->r[i * a->d + c]; /* r = sum w x, so this is sum w b */
    for (int64_t j = a->start[i]; j < a->start[i + 1]; j++) {
        const sh_real *x = a->x + j * a->d;
        sh_real b = 0;
        for (int64_t c = 0; c < a->d; c++)
            b += grad_r[c] * x[c];
        sh_real slope = a->w[j] * (b - mean);
        if (a->grad_x)
            for (int64_t c = 0; c < a->d; c++)
                a->grad_x[j * a->d + c] += a->w[j] * grad_r[c] + slope * q[c];
        if (a->grad_q)
            for (int64_t c = 0; c < a->d; c++)
                a->grad_q[i * a->d + c] += slope * x[c];
    }
}
SH_KERNEL_ROWS(attend_grad, sh_attend_grad_args)
