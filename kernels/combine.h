/* combine.h -- the parts of a dense layer that are no product, by rows and runs: for the layer fused on the CPU. */
#ifndef SH_KERNEL_COMBINE_H
#define SH_KERNEL_COMBINE_H

#include <stdbool.h>

#include "activation.h"

/* pre = bias + p_src + p_dst + p_group of row r. */
SH_BODY void combine_rows(int64_t r, const sh_combine_args *a, sh_real *pre)
{
    const sh_real *s = a->p_src ? a->p_src + (int64_t)a->src[r] * a->cols : NULL;
    const sh_real *d = a->p_dst ? a->p_dst + (int64_t)a->dst[r] * a->cols : NULL;
    const sh_real *g = a->p_group ? a->p_group + (int64_t)a->group[r] * a->cols : NULL;
    if (s && d && g && !a->bias) { /* the edges of a graph network: one pass */
        for (int64_t c = 0; c < a->cols; c++)
            pre[c] = s[c] + d[c] + g[c];
        return;
    }
    for (int64_t c = 0; c < a->cols; c++)
        pre[c] = a->bias ? a->bias[c] : (sh_real)0;
    if (s)
        for (int64_t c = 0; c < a->cols; c++)
            pre[c] += s[c];
    if (d)
        for (int64_t c = 0; c < a->cols; c++)
            pre[c] += d[c];
    if (g)
        for (int64_t c = 0; c < a->cols; c++)
            pre[c] += g[c];
}

/* Whether nothing is left to do after the product. */
SH_BODY bool sh_combine_is_bare(const sh_combine_args *a)
{
    return a->kind < 0 && !a->bias && !a->p_src && !a->p_dst && !a->p_group && a->y == a->pre;
}

/* A loop for each kind, so that each vectorises: y = f(pre), and grad_pre = grad_y f'(pre), n numbers. */
#define SH_FOR_KIND(LOOP, OTHERWISE)                                                               \
    switch (kind) {                                                                                \
        LOOP(SH_SWISH)                                                                             \
        LOOP(SH_SIGMOID)                                                                           \
        LOOP(SH_TANH)                                                                              \
        LOOP(SH_RELU)                                                                              \
        LOOP(SH_ELU)                                                                               \
        LOOP(SH_SOFTPLUS2)                                                                         \
    default:                                                                                       \
        for (int64_t c = 0; c < n; c++)                                                            \
            OTHERWISE;                                                                             \
    }

SH_BODY void combine_activate(int64_t n, int32_t kind, const sh_real *pre, sh_real *y)
{
#define SH_LOOP(constant)                                                                          \
    case constant:                                                                                 \
        for (int64_t c = 0; c < n; c++)                                                            \
            y[c] = sh_activate(pre[c], constant);                                                  \
        break;
    SH_FOR_KIND(SH_LOOP, y[c] = pre[c])
#undef SH_LOOP
}

SH_BODY void combine_slope(int64_t n, int32_t kind, const sh_real *pre, const sh_real *y, const sh_real *grad_y,
                           sh_real *grad_pre)
{
#define SH_LOOP(constant)                                                                          \
    case constant:                                                                                 \
        for (int64_t c = 0; c < n; c++)                                                            \
            grad_pre[c] = grad_y[c] * sh_activate_grad(constant == SH_SWISH ? pre[c] : 0, y[c], constant); \
        break;
    SH_FOR_KIND(SH_LOOP, grad_pre[c] = grad_y[c])
#undef SH_LOOP
}
#undef SH_FOR_KIND

#endif
