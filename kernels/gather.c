/* gather.c -- rows of x by index, scaled; the way back of list_sum. */
#include "args.h"
#include "kernel.h"

SH_BODY void gather_body(int64_t r, const sh_gather_args *a)
{
    const sh_real *x = a->x + (int64_t)a->index[r] * a->cols, scale = a->weight ? a->weight[r] : (sh_real)1;
    sh_real *y = a->y + r * a->cols;
    if (a->keep)
        for (int64_t c = 0; c < a->cols; c++)
            y[c] += scale * x[c];
    else
        for (int64_t c = 0; c < a->cols; c++)
            y[c] = scale * x[c];
}
SH_KERNEL_ROWS(gather, sh_gather_args)
