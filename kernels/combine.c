/* combine.c -- the end of a dense layer: bias and the parts of a split first layer added, activation applied. */
#include "activation.h"

SH_BODY void combine_rows(int64_t r, const sh_combine_args *a, sh_real *pre)
{
    const sh_real *x = a->x + r * a->cols;
    const sh_real *s = a->p_src ? a->p_src + (int64_t)a->src[r] * a->cols : NULL;
    const sh_real *d = a->p_dst ? a->p_dst + (int64_t)a->dst[r] * a->cols : NULL;
    const sh_real *g = a->p_group ? a->p_group + (int64_t)a->group[r] * a->cols : NULL;
    if (s && d && g && !a->bias) { /* the edges of a graph network: one pass */
        for (int64_t c = 0; c < a->cols; c++)
            pre[c] = x[c] + s[c] + d[c] + g[c];
        return;
    }
    for (int64_t c = 0; c < a->cols; c++)
        pre[c] = x[c] + (a->bias ? a->bias[c] : (sh_real)0);
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

SH_BODY void combine_activate(int64_t n, int32_t kind, const sh_real *pre, sh_real *y)
{
#define SH_CASE(constant)                                                                          \
    case constant:                                                                                 \
        for (int64_t c = 0; c < n; c++)                                                            \
            y[c] = sh_activate(pre[c], constant);                                                  \
        break;
    switch (kind) {
        SH_CASE(SH_SWISH)
        SH_CASE(SH_SIGMOID)
        SH_CASE(SH_TANH)
        SH_CASE(SH_RELU)
        SH_CASE(SH_ELU)
        SH_CASE(SH_SOFTPLUS2)
    default:
        for (int64_t c = 0; c < n; c++)
            y[c] = pre[c];
    }
#undef SH_CASE
}

SH_BODY void combine_body(int64_t r, const sh_combine_args *a)
{
    sh_real *y = a->y + r * a->cols, *pre = a->pre ? a->pre + r * a->cols : y;
    combine_rows(r, a, pre);
    combine_activate(a->cols, a->kind, pre, y);
}
SH_KERNEL_ROWS(combine, sh_combine_args)
