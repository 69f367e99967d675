/* gather.c -- rows of x by index, scaled; the way back of list_sum. */
#include "args.h"
#include "kernel.h"

SH_BODY void gather_body(int64_t r, int64_t c, const sh_gather_args *a)
{
    sh_real x = a->x[(int64_t)a->index[r] * a->cols + c];
    sh_real *y = a->y + r * a->cols + c;
    if (a->weight) x *= a->weight[r];
    *y = a->keep ? *y + x : x;
}
SH_KERNEL_CELLS(gather, sh_gather_args, cols)
