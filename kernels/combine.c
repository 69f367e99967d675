/* combine.c -- the end of a dense layer: bias and the parts of a split first layer added, activation applied. The layer fused on the
 * CPU (src/backend/cpu.c) does the same by rows. */
#include "activation.h"

SH_BODY void combine_body(int64_t r, int64_t c, const sh_combine_args *a)
{
    int64_t at = r * a->cols + c;
    sh_real pre = a->x[at];
    if (a->bias) pre += a->bias[c];
    if (a->p_src) pre += a->p_src[(int64_t)a->src[r] * a->cols + c];
    if (a->p_dst) pre += a->p_dst[(int64_t)a->dst[r] * a->cols + c];
    if (a->p_group) pre += a->p_group[(int64_t)a->group[r] * a->cols + c];
    if (a->pre) a->pre[at] = pre;
    a->y[at] = a->kind < 0 ? pre : sh_activate(pre, a->kind);
}
SH_KERNEL_CELLS(combine, sh_combine_args, cols)
